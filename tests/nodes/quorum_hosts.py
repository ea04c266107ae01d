"""Three hosts beside the nodes, at the hub, whose only use is that nodes reach them or not."""

from __future__ import annotations

import contextlib
import socketserver
from types import TracebackType
from typing import Self

from local.helper import LoopbackServer
from tests.nodes.metadata import Server
from tests.nodes.networks import QUORUM_ADDRESSES, Hub

PORT = 53


class QuorumHosts:
    """They accept connections from `with` on, and say nothing."""

    def __init__(self, hub: Hub) -> None:
        self._hub, self._open = hub, contextlib.ExitStack()
        self.names = [f"{address}:{PORT}" for address in QUORUM_ADDRESSES]

    def __enter__(self) -> Self:
        for address in QUORUM_ADDRESSES:
            server = self._hub.inside(lambda address=address: Server((address, PORT), socketserver.BaseRequestHandler))  # type: ignore[misc]
            self._open.enter_context(LoopbackServer(f"quorum host {address}", server))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()
