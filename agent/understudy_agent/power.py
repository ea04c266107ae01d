"""What becomes of a node whose service cannot be stopped: it must not go on serving (S12).

Nothing here starts a program, writes back a disk or waits for one: a fork may fail and a disk may hang just then. The
threads are there before they are needed.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from .log import Log

RETRY_S = 1.0
SYSRQ_AFTER_S = 3.0
"""reboot(2) lets the drivers of all devices finish first, and may hang with one of them. Sysrq does not ask them."""
COMMANDS = {"reboot": (0x01234567, "b"), "poweroff": (0x4321FEDC, "o")}
"""By policy: what reboot(2) is told, and the letter for /proc/sysrq-trigger."""


class Machine(Protocol):
    """How this machine is taken down, without any program. Both raise OSError; neither returns when it has worked."""

    def reboot(self, command: int) -> None: ...

    def sysrq(self, letter: str) -> None: ...


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


class TakeDown:
    """Takes the node down when a service cannot be stopped, and tries until it is down. `policy`: see COMMANDS.

    Under any other policy it only tells.
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
        self._wanted = threading.Event()
        self._told: set[str] = set()
        if policy in COMMANDS:
            command, letter = COMMANDS[policy]
            machine = machine or ThisMachine()
            self._in_a_thread("reboot", lambda: machine.reboot(command), 0.0)
            self._in_a_thread("sysrq", lambda: machine.sysrq(letter), SYSRQ_AFTER_S)

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

    def _until_down(self, act: Callable[[], None], after_s: float) -> None:
        self._wanted.wait()
        self._wait_s(after_s)
        while True:
            try:
                act()
            except OSError as fault:
                self._tell_once(f"{fault}; it is tried again until it is down")
            self._wait_s(RETRY_S)

    def _tell_once(self, why: str) -> None:
        if why not in self._told:
            self._told.add(why)
            self._log.error("node_cannot_be_taken_down", why)
