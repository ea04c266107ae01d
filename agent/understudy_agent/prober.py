"""Probes the quorum hosts, each in a thread of its own, so that one that hangs delays no beat and no other host.

A probe opens a TCP connection and closes it. Nothing is sent.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from . import quorum
from .files import MajorityFile
from .log import Log
from .quorum import QuorumView, Result
from .view import MalformedStateError, TermsView
from .worker import Caller

KEEP_EVERY_MS = 1000
Accepts = Callable[[str, float], bool]
"""Whether HOST:PORT accepts a connection within so many seconds. If it raises OSError or UnicodeError, it does not."""


def accepts(host_and_port: str, timeout_s: float) -> bool:
    """Try the addresses of a host one after the other, the time shared among them. Raises as Accepts may.

    The resolver has timeouts of its own, which nobody can shorten: a name may take longer than `timeout_s`.
    """
    end_s = time.monotonic() + timeout_s
    host, _, port = host_and_port.rpartition(":")
    found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
    for position, (family, kind, protocol, _, address) in enumerate(found):
        left_s = end_s - time.monotonic()
        if left_s <= 0:
            return False
        with socket.socket(family, kind, protocol) as probe:
            probe.settimeout(left_s / (len(found) - position))
            if probe.connect_ex(address) == 0:
                return True
    return False


@dataclass
class ProbeWorker:
    """One thread's place: it probes the host in this place of the list. `begun_ms`: when its newest probe began."""

    caller: Caller
    begun_ms: int | None = None
    host: str = ""


@dataclass(frozen=True)
class ProbeAnswer:
    """What a thread brings back."""

    host: str
    result: Result


class Prober:
    """Keeps what is known of the quorum hosts up to date. Call `tick` on every tick of the loop; it never waits."""

    def __init__(
        self, new_caller: Callable[[str], Caller], log: Log, probe: Accepts = accepts, file: MajorityFile | None = None
    ) -> None:
        """`new_caller`: makes a thread, by its name; one for each place in the list of hosts, when it is needed.

        `file`: when a majority was reached last, for the next agent; one that finds none does not know it.
        """
        self._file = file
        self._kept_ms: int | None = None
        self._logged_not_kept = False
        self._new_caller = new_caller
        self._log = log
        self._accepts = probe
        self._quorum = QuorumView()
        self._workers: list[ProbeWorker] = []
        self._terms = TermsView()
        self._logged: frozenset[str] | None = None
        self._malformed = ""

    def wake_up(self, now_ms: int) -> None:
        """Remember when an agent of this boot has reached a majority last."""
        if self._file is not None:
            self._quorum = QuorumView(held_ms=self._file.load(now_ms))

    def take_item(self, item: Mapping[str, Any], now_ms: int) -> None:
        """Take what a state item, given as plain values, has probed.

        One that is malformed changes nothing: it must not cost a node its lease that is well.
        """
        try:
            probes = quorum.parse_probes(item)
        except MalformedStateError as fault:
            if str(fault) != self._malformed:
                self._log.error("quorum_malformed", f"the hosts stay as they were: {fault}")
            self._malformed = str(fault)
            return
        self._malformed = ""
        if probes != self._quorum.probes:
            self._logged = None
        self._quorum = quorum.with_probes(self._quorum, probes, now_ms)

    def tick(self, now_ms: int, terms: TermsView) -> None:
        """Take up the probes that have ended, begin those that are due, and check whether there is a majority."""
        self._terms = terms
        for worker in self._workers:
            self._take(worker)
        for position, host in enumerate(self._quorum.probes.hosts if self._quorum.probes else ()):
            if position == len(self._workers):
                self._workers.append(ProbeWorker(self._new_caller(f"quorum-{position}")))
            self._begin_if_due(self._workers[position], host, now_ms)
        if self._quorum.probes is not None:
            self._quorum = quorum.looked(self._quorum, now_ms, terms.heartbeat_interval_s)
            self._keep()
            self._log_changes(now_ms)

    def is_pending(self, now_ms: int) -> bool:
        """Whether the first round of probes may still show what is reached."""
        return quorum.is_pending(self._quorum, now_ms)

    def words(self, now_ms: int) -> dict[str, object]:
        """What a beat says of the quorum: nothing when no host is to be reached, or when it is not known."""
        reach = quorum.reach_at(self._quorum, now_ms, self._terms.heartbeat_interval_s)
        return {} if reach is None else {"quorum": {"reached": reach.reached, "total": reach.total}}

    def forbids(self, now_ms: int, *, is_down: bool) -> bool:
        """Whether the services may not be in service now, although the lease is held; see quorum.forbids."""
        terms = self._terms
        if self._malformed and self._quorum.probes is None:
            return is_down  # hosts are named that nobody can read: a majority of them is not known
        return quorum.forbids(self._quorum, now_ms, terms.heartbeat_interval_s, terms.lease_s, is_down=is_down)

    @property
    def lets_start(self) -> bool:
        """Whether anything may be started at all: where hosts are named, once a majority was reached in this boot."""
        is_asked = self._quorum.probes is not None or bool(self._malformed)
        return not is_asked or self._quorum.held_ms is not None

    def _keep(self) -> None:
        """Once a second, while there is a majority: what is written down is never later than what is so."""
        held_ms = self._quorum.held_ms
        if self._file is None or self._quorum.probes is None or held_ms is None:
            return
        if self._kept_ms is not None and held_ms - self._kept_ms < KEEP_EVERY_MS:
            return
        self._kept_ms = held_ms
        try:
            self._file.save(held_ms)
            self._logged_not_kept = False
        except OSError as fault:
            if not self._logged_not_kept:
                self._log.error("majority_file_not_written", str(fault))
            self._logged_not_kept = True

    def _take(self, worker: ProbeWorker) -> None:
        done = worker.caller.take()
        if done is not None and isinstance(done.value, ProbeAnswer):
            self._quorum = quorum.probed(self._quorum, done.value.host, done.value.result)

    def _begin_if_due(self, worker: ProbeWorker, host: str, now_ms: int) -> None:
        interval_ms = int(self._terms.heartbeat_interval_s * 1000)
        is_due = worker.begun_ms is None or worker.host != host or now_ms - worker.begun_ms >= interval_ms
        timeout_s = self._quorum.probes.timeout_s if self._quorum.probes else 0
        if is_due and worker.caller.submit(lambda: self._probe(host, timeout_s, now_ms)):
            worker.begun_ms, worker.host = now_ms, host

    def _probe(self, host: str, timeout_s: float, begun_ms: int) -> ProbeAnswer:
        """Called in the worker's thread."""
        try:
            return ProbeAnswer(host, Result(begun_ms, self._accepts(host, timeout_s)))
        except (OSError, UnicodeError):
            return ProbeAnswer(host, Result(begun_ms, accepted=False))

    def _log_changes(self, now_ms: int) -> None:
        interval_s = self._terms.heartbeat_interval_s
        reach = quorum.reach_at(self._quorum, now_ms, interval_s)
        if reach is None or self._quorum.probes is None:
            return
        reached = quorum.reached_at(self._quorum, now_ms, interval_s)
        if reached == self._logged:
            return
        self._logged = reached
        missing = [host for host in self._quorum.probes.hosts if host not in reached]
        log = self._log.info if reach.is_majority else self._log.warning
        why = f"{reach.reached} of {reach.total} quorum hosts are reached"
        log("quorum_changed", why, is_majority=reach.is_majority, missing=missing)
