"""A stand-in for a node's instance metadata service, version 2: who the node is, and its role's keys."""

from __future__ import annotations

import datetime
import json
import secrets
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from local.engine import ACCOUNT, REGION
from local.helper import LoopbackServer
from tests.nodes.networks import METADATA_ADDRESS, Network

_ROLE = "node"
_KEYS_LIVE = datetime.timedelta(hours=6)


@dataclass
class Instance:
    """What it tells of. `keys`: entries as AWS_ACCESS_KEY_ID; with none the instance has no role."""

    instance_id: str
    address: str
    keys: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{self.instance_id}"


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, *_: Any) -> None:
        """Nodes die in the middle of what they ask."""


class Metadata(LoopbackServer):
    """Answers one node.

    `is_silent`: it answers with an error, as when it throttles. `is_slow`: its answers come by letters, without end.
    """

    def __init__(self, network: Network, instance: Instance) -> None:
        self.instance = instance
        self.is_silent = self.is_slow = False
        self._ended_event = threading.Event()
        self._tokens: set[str] = set()
        service = self

        class Handler(_Handler):
            metadata = service

        made: Callable[[], Server] = lambda: Server((METADATA_ADDRESS, 80), Handler)  # noqa: E731
        super().__init__("metadata", network.inside(made))

    def _ended(self) -> None:
        self._ended_event.set()

    def hold(self) -> Iterator[bytes]:
        """Letters of an answer that never ends, one a second, until it is slow no more."""
        yield b"HTTP/1.1 200 "
        while self.is_slow and not self._ended_event.wait(1):
            yield b"O"

    def token(self) -> str:
        self._tokens.add(token := secrets.token_hex(16))
        return token

    def knows(self, token: str) -> bool:
        return token in self._tokens

    def told(self, path: str) -> str | None:
        """What stands at a path; None: nothing."""
        role = "/latest/meta-data/iam/security-credentials/"
        told: dict[str, Callable[[], str]] = {
            "/latest/dynamic/instance-identity/document": self._document,
            "/latest/meta-data/services/partition": lambda: "aws",
            "/latest/meta-data/instance-id": lambda: self.instance.instance_id,
            "/latest/meta-data/local-ipv4": lambda: self.instance.address,
        }
        if self.instance.keys:
            told |= {role: lambda: _ROLE, role + _ROLE: self._keys}
        return told[path]() if path in told else None

    def _document(self) -> str:
        here = self.instance
        return json.dumps(
            {"region": REGION, "accountId": ACCOUNT, "instanceId": here.instance_id, "privateIp": here.address}
        )

    def _keys(self) -> str:
        now = datetime.datetime.now(datetime.UTC)
        keys = self.instance.keys
        return json.dumps(
            {
                "Code": "Success",
                "Type": "AWS-HMAC",
                "LastUpdated": _time(now),
                "AccessKeyId": keys["AWS_ACCESS_KEY_ID"],
                "SecretAccessKey": keys["AWS_SECRET_ACCESS_KEY"],
                "Token": keys["AWS_SESSION_TOKEN"],
                "Expiration": _time(now + _KEYS_LIVE),
            }
        )


def _time(when: datetime.datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


class _Handler(BaseHTTPRequestHandler):
    metadata: Metadata

    def do_PUT(self) -> None:
        is_right = self.path == "/latest/api/token" and "X-aws-ec2-metadata-token-ttl-seconds" in self.headers
        self._answer(self.metadata.token() if is_right else None)

    def do_GET(self) -> None:
        if not self.metadata.knows(self.headers.get("X-aws-ec2-metadata-token", "")):
            self.send_error(401)
            return
        self._answer(self.metadata.told(self.path))

    def _answer(self, text: str | None) -> None:
        if self.metadata.is_slow:
            for letter in self.metadata.hold():
                self.wfile.write(letter)
            return
        if self.metadata.is_silent or text is None:
            self.send_error(503 if self.metadata.is_silent else 404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""
