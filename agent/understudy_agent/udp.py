"""Datagrams to and from other nodes. A thread receives; nothing that it is sent makes it do anything but keep it."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from .log import Log
from .messages import SIZE_LIMIT

WAITING_LIMIT = 256
BIND_AGAIN_S = 5.0


@dataclass(frozen=True)
class Datagram:
    """What came, and from where."""

    data: bytes
    address: tuple[str, int]


class UdpTransport(Protocol):
    """Where messages are sent and received. Both never wait, and both may lose anything."""

    def send(self, data: bytes, address: tuple[str, int]) -> None:
        """Raises OSError when it cannot even be tried."""
        ...

    def received(self) -> list[Datagram]:
        """What has come since the last call, oldest first."""
        ...


class UdpSocket:
    """A UDP socket. One that cannot be bound, since its address or port is not free, is tried again and again.

    `on_arrival` is called from the receiving thread.
    """

    def __init__(self, bind: str, port: int, on_arrival: Callable[[], None], log: Log) -> None:
        self._bind, self._port = bind, port
        self._socket: socket.socket | None = None
        self._waiting: queue.Queue[Datagram] = queue.Queue(WAITING_LIMIT)
        self._on_arrival = on_arrival
        self._log = log
        threading.Thread(target=self._run, name="udp", daemon=True).start()

    def send(self, data: bytes, address: tuple[str, int]) -> None:
        if self._socket is None:
            raise OSError(f"{self._bind} port {self._port} is not bound")
        self._socket.sendto(data, socket.MSG_DONTWAIT, address)

    def received(self) -> list[Datagram]:
        return [self._waiting.get_nowait() for _ in range(self._waiting.qsize())]

    def _run(self) -> None:
        logged = ""
        while True:
            opened = socket.socket(socket.AF_INET6 if ":" in self._bind else socket.AF_INET, socket.SOCK_DGRAM)
            with opened:
                try:
                    opened.bind((self._bind, self._port))
                    self._socket = opened
                    self._receive(opened)
                except OSError as fault:
                    self._socket = None
                    if str(fault) != logged:
                        logged = str(fault)
                        why = f"{self._bind} port {self._port}: {fault}; every agent here needs its own failsafe_port"
                        self._log.error("failsafe_port_failed", why)
            time.sleep(BIND_AGAIN_S)

    def _receive(self, opened: socket.socket) -> None:
        while True:
            try:
                # One byte more than the limit: what is longer is seen to be too long.
                data, sender = opened.recvfrom(SIZE_LIMIT + 1)
            except ConnectionError:
                continue  # a peer has answered that nobody listens there
            try:
                self._waiting.put_nowait(Datagram(data, (sender[0], sender[1])))
            except queue.Full:
                continue  # a flood: the loop takes up what there is, and an asker asks again
            self._on_arrival()
