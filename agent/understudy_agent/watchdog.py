"""A hardware watchdog that ends a node whose kernel hangs before its lease has run out.

The process that keeps the lease opens the device and feeds it. A device that is not fed for its time-out resets the
machine. It is fed only while that would still be before the end of the lease, or while nothing is bound by one.

        fed                 fed for the last time        services killed   end of lease
    ─────┼─────────────────────────┼─────────────────────────────┼────────────┼──▶ boottime
                                   └──────────── time-out ───────────────────▶ reset, unless renewed or all is down
"""

from __future__ import annotations

import array
import errno
import fcntl
import json
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .files import UNREADABLE, write_atomically
from .log import Log
from .view import TermsView

GETSUPPORT, KEEPALIVE, SETTIMEOUT, GETTIMEOUT = 0x80285700, 0x80045705, 0xC0045706, 0x80045707
"""From <linux/watchdog.h>."""
INFO = struct.Struct("=II32s")
CAN_SET_TIMEOUT, STAYS_ON_WITHOUT_V = 0x0080, 0x0100
LEAST_S = 4
"""The process that feeds it may be replaced meanwhile: it takes a second or two to start, on a busy machine."""
RETRY_MS = 1000


class WatchdogError(Exception):
    """The device does not do what is needed. The message says why."""


class Device(Protocol):
    """One watchdog device. From `open` on the machine is reset when it is not fed. Each may raise OSError."""

    def open(self) -> None:
        """Raises WatchdogError, too, and has not started it then, or has stopped it again."""
        ...

    def set_timeout_s(self, seconds: int) -> int:
        """What it has taken."""
        ...

    def feed(self) -> None: ...

    def disarm(self) -> None:
        """The machine is not reset any more, if the device allows that (nowayout)."""
        ...


class LinuxWatchdog:
    """A device of the kernel's watchdog API. Closed without a word it runs on, so it outlives its process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def open(self) -> None:
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)
        except OSError as fault:
            if fault.errno == errno.EBUSY:
                holders = "RuntimeWatchdogSec= of systemd, a watchdog daemon, or the agent of another cluster"
                raise WatchdogError(f"{self._path} is held by somebody else: {holders}") from fault
            raise
        self._handle = handle
        try:
            options = self._options()
        except OSError as fault:
            self.disarm()
            raise WatchdogError(f"{self._path} is no watchdog: {fault.strerror}") from fault
        if not options & STAYS_ON_WITHOUT_V:
            self.disarm()
            raise WatchdogError(f"{self._path} stops when the process that feeds it dies (no WDIOF_MAGICCLOSE)")

    def _options(self) -> int:
        buffer = array.array("B", bytes(INFO.size))
        fcntl.ioctl(self._opened(), GETSUPPORT, buffer, True)
        options: int = INFO.unpack(buffer.tobytes())[0]
        return options

    def set_timeout_s(self, seconds: int) -> int:
        number = array.array("i", [seconds])
        if self._options() & CAN_SET_TIMEOUT:
            try:
                fcntl.ioctl(self._opened(), SETTIMEOUT, number, True)
            except OSError as fault:
                raise WatchdogError(f"{self._path} takes no time-out of {seconds} s: {fault.strerror}") from fault
        fcntl.ioctl(self._opened(), GETTIMEOUT, number, True)
        return number[0]

    def feed(self) -> None:
        os.write(self._opened(), b"\0")

    def disarm(self) -> None:
        handle, self._handle = self._opened(), None
        try:
            os.write(handle, b"V")
        finally:
            os.close(handle)

    def _opened(self) -> int:
        if self._handle is None:
            raise OSError(errno.EBADF, "is not open", str(self._path))
        return self._handle


def timeout_s(terms: TermsView) -> int:
    """The time-out that goes with the timings of a cluster: each renewal of the lease must come before the last feeding
    under the one before. Raises WatchdogError.
    """
    renewed_after_s = terms.heartbeat_interval_s + terms.lease_read_interval_s + 1
    seconds = int(terms.lease_s - renewed_after_s)
    if seconds < LEAST_S:
        raise WatchdogError(
            f"lease_s {terms.lease_s:g} leaves the watchdog {seconds} s, and it needs {LEAST_S}:"
            f" lease_s must be {renewed_after_s + LEAST_S:g} at least"
        )
    return seconds


@dataclass(frozen=True)
class Armed:
    """What the process that feeds says: its id, the time-out in force, and why it cannot feed; "" if it can."""

    pid: int
    timeout_s: int
    fault: str = ""


class WatchdogFiles:
    """What the agent and the feeding process write for each other: the time-out that is wanted, and what came of it."""

    def __init__(self, directory: Path, log: Log) -> None:
        self._wanted, self._armed = directory / "watchdog.json", directory / "watchdog-armed.json"
        self._log = log
        self._logged = ""

    def want(self, seconds: int) -> None:
        if self.wanted() != seconds:
            self._write(self._wanted, {"timeout_s": seconds})

    def wanted(self) -> int | None:
        """None: nobody has said so yet."""
        try:
            return int(json.loads(self._wanted.read_text(encoding="utf-8"))["timeout_s"])
        except UNREADABLE:
            return None

    def say(self, armed: Armed) -> None:
        if self.armed() != armed:
            self._write(self._armed, {"pid": armed.pid, "timeout_s": armed.timeout_s, "fault": armed.fault})

    def armed(self) -> Armed | None:
        """None: it is not known."""
        try:
            said = json.loads(self._armed.read_text(encoding="utf-8"))
            return Armed(int(said["pid"]), int(said["timeout_s"]), str(said["fault"]))
        except UNREADABLE:
            return None

    def forget(self) -> None:
        """Nothing is armed any more."""
        try:
            self._armed.unlink(missing_ok=True)
        except OSError as fault:
            self._log_once(str(fault))

    def _write(self, path: Path, content: dict[str, object]) -> None:
        try:
            write_atomically(path, content)
        except OSError as fault:
            self._log_once(str(fault))

    def _log_once(self, why: str) -> None:
        if why != self._logged:
            self._logged = why
            self._log.error("watchdog_file_not_written", why)


class Feeder:
    """Feeds the device at each tick while it may. Times are local milliseconds."""

    def __init__(self, device: Device, files: WatchdogFiles, log: Log, pid: Callable[[], int] = os.getpid) -> None:
        self._device, self._files, self._log, self._pid = device, files, log, pid
        self._timeout_s: int | None = None
        self._is_open = False
        self._tried_ms: int | None = None
        self._logged = ""

    def tick(self, now_ms: int, bound_until_ms: int | None) -> None:
        """`bound_until_ms`: by when the services must be down; None: nothing is bound, or all is down."""
        if self._tried_ms is not None and now_ms - self._tried_ms < RETRY_MS:
            return
        wanted = self._files.wanted()
        if wanted is None:
            return
        try:
            self._see_to(wanted)
            if bound_until_ms is None or now_ms + wanted * 1000 <= bound_until_ms:
                self._device.feed()
            self._tried_ms = None
        except (OSError, WatchdogError) as fault:
            self._tried_ms = now_ms
            self._log_once(str(fault), wanted)
        else:
            self._files.say(Armed(self._pid(), wanted))

    def _see_to(self, wanted: int) -> None:
        if not self._is_open:
            self._device.open()
            self._is_open = True
            self._log.info("watchdog_armed", f"the machine is reset when it is not fed for {wanted} s")
        if wanted == self._timeout_s:
            return
        self._timeout_s = None
        taken = self._device.set_timeout_s(wanted)
        if taken > wanted:
            self._disarm()
            raise WatchdogError(f"the device waits {taken} s at least, and the lease leaves {wanted} s")
        self._timeout_s, self._logged = wanted, ""

    def end(self) -> None:
        """Nothing is left that it is there for: the machine is not to be reset."""
        try:
            if self._is_open:
                self._disarm()
        except OSError as fault:
            self._log.error("watchdog_not_disarmed", str(fault))
        self._files.forget()

    def _disarm(self) -> None:
        self._is_open, self._timeout_s = False, None
        self._device.disarm()

    def _log_once(self, why: str, wanted: int) -> None:
        self._files.say(Armed(self._pid(), wanted, why))
        if why != self._logged:
            self._logged = why
            self._log.error("watchdog_not_fed", f"{why}; nothing is started without it; it is tried again")


class Unwatched:
    """No watchdog is demanded."""

    def tick(self, now_ms: int, bound_until_ms: int | None) -> None:
        """Nothing is to be done."""

    def end(self) -> None:
        """Nothing is to be done."""


def disarm_what_is_left(device: Device, files: WatchdogFiles, log: Log) -> None:
    """Stop a device that is not demanded any more, and that a process before this one has left running."""
    if files.armed() is None:
        return
    try:
        device.open()
        device.disarm()
        files.forget()
    except (OSError, WatchdogError) as fault:
        log.warning("watchdog_not_disarmed", str(fault))


class Demand:
    """The agent's part: says which time-out goes with the timings, and hears what has come of it."""

    def __init__(self, files: WatchdogFiles) -> None:
        self._files = files

    def why_not(self, terms: TermsView, feeder_pid: int | None) -> str:
        """Why nothing may be started; "" when the device is fed. `feeder_pid`: who keeps the lease, if known."""
        try:
            wanted = timeout_s(terms)
        except WatchdogError as fault:
            return f"watchdog: {fault}"
        self._files.want(wanted)
        armed = self._files.armed()
        if armed is None or armed.pid != feeder_pid or armed.timeout_s != wanted:
            return "watchdog: it is not known to be fed"
        return f"watchdog: {armed.fault}" if armed.fault else ""
