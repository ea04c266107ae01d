"""Notifies systemd of the agent's state (sd_notify), if systemd has started it."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

PETS = 8
"""So often the watchdog is petted within its time: what is left of it then is how long a machine may freeze."""


class SdNotifier:
    """Sends to NOTIFY_SOCKET; without one it says nothing."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        environment = os.environ if environment is None else environment
        self._address = environment.get("NOTIFY_SOCKET", "")
        self._watchdog_every_ms = int(environment.get("WATCHDOG_USEC", "0")) // 1000 // PETS
        self._petted_ms: int | None = None
        self._socket: socket.socket | None = None
        if self._address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.setblocking(False)

    def ready(self) -> None:
        """The agent has its configuration and its identity and obeys its lease."""
        self._send("READY=1")

    def stopping(self) -> None:
        """The agent was asked to end and takes its services out of service."""
        self._send("STOPPING=1")

    def alive(self, now_ms: int) -> None:
        """Pet the watchdog when it is time. To be called on every tick."""
        if not self._watchdog_every_ms:
            return
        if self._petted_ms is None or now_ms - self._petted_ms >= self._watchdog_every_ms:
            self._petted_ms = now_ms
            self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if self._socket is None:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            self._socket.sendto(message.encode(), address)
        except OSError:
            # systemd is restarting or its queue is full: the watchdog is petted again in a moment.
            self._petted_ms = None
