"""What becomes of a node whose service cannot be stopped: it must not go on serving.

Nothing here waits for a program, a disk or a fork: each may fail or hang just then. The threads are there before they
are needed. A power off that is under way already is not turned into a reboot: systemd is asked, and what it has not
said in a moment it has not said.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from .log import Log

RETRY_S = 1.0
SYSRQ_AFTER_S = 3.0
"""reboot(2) lets the drivers of all devices finish first, and may hang with one of them. Sysrq does not ask them."""
ASK_LIMIT_S = 0.5
COMMANDS = {"reboot": (0x01234567, "b"), "poweroff": (0x4321FEDC, "o")}
"""By policy: the argument of reboot(2), and the letter for /proc/sysrq-trigger."""


class Machine(Protocol):
    """How this machine is taken down, without any program. Both raise OSError; neither returns when it has worked."""

    def reboot(self, command: int) -> None: ...

    def sysrq(self, letter: str) -> None: ...

    def is_powering_off(self) -> bool:
        """Whether somebody has asked for it. May hang; raises OSError or subprocess.SubprocessError."""
        ...


class ThisMachine:
    """The machine, or the container, that this process runs on."""

    def reboot(self, command: int) -> None:
        """Ask the kernel. It syncs no disk."""
        libc = ctypes.CDLL(None, use_errno=True)
        libc.reboot(ctypes.c_int(command))
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "reboot(2)")

    def sysrq(self, letter: str) -> None:
        """Ask the kernel's emergency keys."""
        Path("/proc/sysrq-trigger").write_text(letter, encoding="ascii")

    def is_powering_off(self) -> bool:
        """Ask systemd whether it has a job for that: no file shows it."""
        argv = ["systemctl", "show", "-p", "Job", "--value", "--", "poweroff.target", "halt.target"]
        shown = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=ASK_LIMIT_S, check=True)
        return any(word != b"0" for word in shown.stdout.split())


class TakeDown:
    """Takes the node down when a service cannot be stopped, and tries until it is down. `policy`: see COMMANDS.

    Under any other policy it only logs. A node that is being powered off is powered off.
    """

    def __init__(
        self,
        policy: str,
        log: Log,
        machine: Machine | None = None,
        wait_s: Callable[[float], object] = time.sleep,
    ) -> None:
        self._policy, self._log = policy, log
        self._wait_s = wait_s
        self._wanted, self._has_asked = threading.Event(), threading.Event()
        self._logged: set[str] = set()
        self._how = policy
        """What is done: by the policy, or by what systemd says that somebody has asked for."""
        if policy in COMMANDS:
            machine = self._machine = machine or ThisMachine()
            threading.Thread(target=self._ask, name="asks", daemon=True).start()
            self._in_a_thread("reboot", lambda: machine.reboot(COMMANDS[self._how][0]), 0.0)
            self._in_a_thread("sysrq", lambda: machine.sysrq(COMMANDS[self._how][1]), SYSRQ_AFTER_S)

    def __call__(self, service: str) -> None:
        """Killing did not end a service."""
        self._log.error(
            "service_cannot_be_stopped",
            f"killing did not help, or cannot be tried; policy {self._policy}",
            service=service,
        )
        self._wanted.set()

    def _in_a_thread(self, name: str, act: Callable[[], None], after_s: float) -> None:
        threading.Thread(target=self._until_down, args=(act, after_s), name=name, daemon=True).start()

    def _ask(self) -> None:
        self._wanted.wait()
        try:
            if self._machine.is_powering_off():
                self._how = "poweroff"
                self._log.warning("node_is_powered_off", "somebody has asked for that already", policy=self._policy)
        except (OSError, subprocess.SubprocessError) as fault:
            self._log_once(f"it is not known whether somebody has asked for a power off: {fault}")
        finally:
            self._has_asked.set()

    def _until_down(self, act: Callable[[], None], after_s: float) -> None:
        self._wanted.wait()
        self._has_asked.wait(ASK_LIMIT_S)
        self._wait_s(after_s)
        while True:
            try:
                act()
            except OSError as fault:
                self._log_once(f"{fault}; it is tried again until it is down")
            self._wait_s(RETRY_S)

    def _log_once(self, why: str) -> None:
        if why not in self._logged:
            self._logged.add(why)
            self._log.error("node_cannot_be_taken_down", why)
