"""Asking, without ever waiting, whether a TCP port accepts connections."""

from __future__ import annotations

import errno
import select
import socket

UNDER_WAY = (errno.EINPROGRESS, errno.EALREADY, errno.EWOULDBLOCK)


class TcpProbe:
    """Tries to connect again and again until one connection is accepted. `address`: IP address, port."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._socket: socket.socket | None = None

    def accepts(self) -> bool:
        """Whether a connection was accepted; one under way is looked at, a refused one is tried afresh."""
        if self._socket is None:
            return self._begin()
        if not select.select([], [self._socket], [], 0)[1]:
            return False
        fault = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self.close()
        return fault == 0

    def _begin(self) -> bool:
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        fault = self._socket.connect_ex(self._address)
        if fault in UNDER_WAY:
            return False
        self.close()
        return fault == 0

    def close(self) -> None:
        """Give up what is under way."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
