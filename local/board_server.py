"""The board as a page on this machine: the answer of the deployed function, fetched again for every look."""

from __future__ import annotations

import contextlib
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from local.helper import LoopbackServer
from local.stack import FunctionFailed

REFRESH_S = 2
IDLE_LIMIT_S = 10
# The page is what CloudWatch would show: it has no script either, and asks nobody for anything.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
HEAD = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Understudy</title>'
    f'<meta http-equiv="refresh" content="{REFRESH_S}"><link rel="icon" href="data:,">'
    '<meta name="viewport" content="width=device-width"><style>body{margin:0}.us{min-height:100vh}</style></head>'
)


class Functions(Protocol):
    """A deployed stack, as far as it is needed here."""

    def call(self, function: str, event: dict[str, Any]) -> Any: ...


class BoardServer(LoopbackServer):
    """Serves the board at `address`, on loopback only, from `with` on until the block is left.

    `port`: 0 is any that is free.
    """

    def __init__(self, stack: Functions, port: int = 0) -> None:
        server = _Server(("127.0.0.1", port), _Look)
        server.stack = stack
        super().__init__("board", server)

    @property
    def address(self) -> str:
        return f"{self.url}/"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    stack: Functions


class _Look(BaseHTTPRequestHandler):
    server: _Server
    timeout = IDLE_LIMIT_S

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        if asked.path != "/":
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        event = {name: values[0] for name, values in parse_qs(asked.query).items() if name == "cluster"}
        try:
            status, body = HTTPStatus.OK, str(self.server.stack.call("ClusterBoardFunction", event))
        except (FunctionFailed, BotoCoreError, ClientError) as failure:
            status, body = HTTPStatus.BAD_GATEWAY, f"<p>The board did not answer: {escape(str(failure))}</p>"
        back = '<p style="margin:8px 16px"><a href="/">all clusters</a></p>' if event else ""
        self._answer(status, f"{HEAD}<body>{back}{body}</body></html>".encode())

    def _answer(self, status: HTTPStatus, page: bytes) -> None:
        with contextlib.suppress(ConnectionError):  # who looked has gone: there is nobody to answer
            self._send(status, page)

    def _send(self, status: HTTPStatus, page: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *arguments: Any) -> None:
        """The story is told on the same terminal: a line for each look would drown it."""
