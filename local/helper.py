"""What runs in a thread of its own while the story goes on: turns that are taken again and again, servers, relays."""

from __future__ import annotations

import socketserver
import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

_POLL_S = 0.05


class Helper(ABC):
    """Runs from `with` on until the block is left. It is given `end_limit_s` to end then."""

    def __init__(self, name: str, end_limit_s: float = 5.0) -> None:
        self._end_limit_s = end_limit_s
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        self._thread.join(timeout=self._end_limit_s)
        self._ended()

    @abstractmethod
    def _run(self) -> None:
        """What the thread does until it is asked to end."""

    @abstractmethod
    def _end(self) -> None:
        """Ask the thread to end."""

    def _ended(self) -> None:  # noqa: B027  (most leave nothing behind)
        """Release what the thread has used."""


class LoopbackServer(Helper):
    """A server on a loopback port. `url` is where it answers, on `port`."""

    def __init__(self, name: str, server: socketserver.TCPServer) -> None:
        super().__init__(name)
        self._server = server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def _run(self) -> None:
        self._server.serve_forever(poll_interval=_POLL_S)

    def _end(self) -> None:
        self._server.shutdown()
        self._server.server_close()
