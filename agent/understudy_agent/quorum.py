"""Whether this node reaches a majority of the quorum hosts, as pure logic.

No clock and no input or output here. Times are whole milliseconds of the node's CLOCK_BOOTTIME.

A node that serves goes on for as long as its lease lasts without a majority: one probe that is lost costs nothing. A
node that runs nothing begins nothing without one: unknown is not a majority.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .view import MalformedStateError

HOSTS_LIMIT = 7
TIMEOUT_LIMIT_S = 60
LATE_MS = 1000
"""How much later than it should the next result of a host may come before the one in hand is too old."""


@dataclass(frozen=True)
class Probes:
    """What the cluster's definition has probed: each host as HOST:PORT, the timeout of one connection in seconds."""

    hosts: tuple[str, ...]
    timeout_s: float


@dataclass(frozen=True)
class HostsReached:
    """How many of the hosts are reached."""

    reached: int
    total: int

    @property
    def is_majority(self) -> bool:
        return 2 * self.reached > self.total


@dataclass(frozen=True)
class Result:
    """What came of the newest probe of a host that has ended. `begun_ms`: when it began."""

    begun_ms: int
    accepted: bool


@dataclass(frozen=True)
class QuorumView:
    """What is known of the hosts. `probes` None: the cluster asks for none.

    `named_ms`: when these hosts were named. `held_ms`: when a majority was last reached, or none was asked for; None
    when that is not known, and then it counts as long ago.
    """

    probes: Probes | None = None
    named_ms: int = 0
    held_ms: int | None = None
    results: Mapping[str, Result] = field(default_factory=dict)


def parse_probes(item: Mapping[str, Any]) -> Probes | None:
    """What a state item, given as plain values, has probed. Raises MalformedStateError, naming what is wrong."""
    found = item.get("quorum")
    if found is None:
        return None
    hosts = found.get("hosts") if isinstance(found, Mapping) else None
    timeout_s = found.get("timeout_s") if isinstance(found, Mapping) else None
    if not isinstance(hosts, list) or not 0 < len(hosts) <= HOSTS_LIMIT or not all(map(_is_host, hosts)):
        raise MalformedStateError(f"quorum.hosts is {hosts!r:.200}, not a list of at most {HOSTS_LIMIT} HOST:PORT")
    if isinstance(timeout_s, bool) or not isinstance(timeout_s, (int, float)) or not 0 < timeout_s <= TIMEOUT_LIMIT_S:
        raise MalformedStateError(f"quorum.timeout_s is {timeout_s!r}, not a number of seconds up to {TIMEOUT_LIMIT_S}")
    return Probes(tuple(hosts), float(timeout_s))


def _is_host(host: object) -> bool:
    name, _, port = host.rpartition(":") if isinstance(host, str) else ("", "", "")
    return bool(name) and port.isascii() and port.isdigit() and 0 < int(port) < 65536


def with_probes(quorum: QuorumView, probes: Probes | None, now_ms: int) -> QuorumView:
    """After a read of the state item. Hosts that stay keep their results; other hosts give nobody more time."""
    if probes is None:
        return QuorumView(held_ms=now_ms)
    if probes == quorum.probes:
        return quorum
    kept = {host: result for host, result in quorum.results.items() if host in probes.hosts}
    return QuorumView(probes, named_ms=now_ms, held_ms=quorum.held_ms, results=kept)


def probed(quorum: QuorumView, host: str, result: Result) -> QuorumView:
    """After a probe of a host has ended. A host that is no longer named, or was probed later, says nothing."""
    known = quorum.results.get(host)
    if quorum.probes is None or host not in quorum.probes.hosts or (known and known.begun_ms > result.begun_ms):
        return quorum
    return QuorumView(quorum.probes, quorum.named_ms, quorum.held_ms, {**quorum.results, host: result})


def looked(quorum: QuorumView, now_ms: int, interval_s: float) -> QuorumView:
    """After a look at the majority at `now_ms`. `interval_s`: from one probe of a host to the next."""
    reach = reach_at(quorum, now_ms, interval_s)
    if reach is None or not reach.is_majority:
        return quorum
    return QuorumView(quorum.probes, quorum.named_ms, now_ms, quorum.results)


def reached_at(quorum: QuorumView, now_ms: int, interval_s: float) -> frozenset[str]:
    """The hosts whose newest probe was accepted, and is not too old for the next one to be missing."""
    if quorum.probes is None:
        return frozenset()
    old_ms = int((interval_s + quorum.probes.timeout_s) * 1000) + LATE_MS
    return frozenset(
        host for host, result in quorum.results.items() if result.accepted and now_ms - result.begun_ms <= old_ms
    )


def is_pending(quorum: QuorumView, now_ms: int) -> bool:
    """Whether the first round of probes, within its timeout, may still show what is reached."""
    if quorum.probes is None or all(host in quorum.results for host in quorum.probes.hosts):
        return False
    return now_ms - quorum.named_ms < quorum.probes.timeout_s * 1000


def reach_at(quorum: QuorumView, now_ms: int, interval_s: float) -> HostsReached | None:
    """How many hosts are reached; None when no host is to be, or when it is not known yet."""
    if quorum.probes is None or is_pending(quorum, now_ms):
        return None
    return HostsReached(len(reached_at(quorum, now_ms, interval_s)), len(quorum.probes.hosts))


def forbids(quorum: QuorumView, now_ms: int, interval_s: float, lease_s: float, *, is_down: bool) -> bool:
    """Whether the services may not be in service now, although the lease is held.

    `is_down`: they do not run, so that nothing is given up by waiting for a majority. Where it is not known since when
    there is none, what runs is given up as soon as it is known that there is none.
    """
    if quorum.probes is None:
        return False
    reach = reach_at(quorum, now_ms, interval_s)
    if is_down:
        return reach is None or not reach.is_majority
    if quorum.held_ms is None:
        return reach is not None or now_ms - quorum.named_ms >= lease_s * 1000
    return now_ms - quorum.held_ms >= lease_s * 1000
