"""A cluster whose nodes reach AWS, and each other, by links that can be cut."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from local.cluster import Cluster
from local.link import Link, LinkState, Relay
from local.local_aws import LocalAws


class Cut:
    """Of two nodes that have not booted yet. They are dead when its `with` block is left, and then the links end.

    `ports`: where each node hears the other one.
    """

    def __init__(self, aws: LocalAws, cluster: Cluster, ports: tuple[int, int] = (7411, 7412)) -> None:
        self.aws, self.cluster, self._ports = aws, cluster, ports
        self._undo = contextlib.ExitStack()
        self.links: dict[str, Link] = {}
        self.relays: list[Relay] = []

    def __enter__(self) -> Self:
        self.links = {node.name: self._undo.enter_context(Link(self.aws.engine.port)) for node in self.cluster.nodes}
        for node, port in zip(self.cluster.nodes, self._ports, strict=True):
            node.endpoint, node.failsafe_port = self.links[node.name].url, port
        a, b = self.cluster.nodes  # each asks the other on its own port, where a relay listens
        self.relays = [
            self._undo.enter_context(Relay(to.instance.address, asker.failsafe_port, to.failsafe_port))
            for asker, to in ((a, b), (b, a))
        ]
        self._undo.callback(self.cluster.kill)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._undo.close()

    def turn(self, state: LinkState, *names: str) -> None:
        """Of these nodes, or of all, the link to AWS."""
        for name in names or self.links:
            self.links[name].turn(state)

    def part(self, *, parted: bool = True) -> None:
        """Let no datagram pass between the nodes, or let all pass again."""
        for relay in self.relays:
            relay.cut = parted

    @contextlib.contextmanager
    def outage(self, state: LinkState) -> Iterator[None]:
        """All of AWS stands still, and the nodes find it so; the name's own servers answer on.

        When it is back, each node's link is as it was left.
        """
        self.turn(state)
        with self.aws.dns.without_apis(), self.aws.engine.outage():
            yield
