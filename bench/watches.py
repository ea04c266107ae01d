"""Route 53 calls of one watch, counted: the real record monitor and the real adapter on zones in memory."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.support.builders import NOW, SPECS, a_definition, a_state, a_wish
from tests.support.fakes import FakeAnnouncer, FakeLedger, PagedRoute53, VirtualClock
from tests.support.retries import retrying
from understudy.adapters.route53.zone import Route53Zone
from understudy.domain.cluster.definition import Record
from understudy.domain.cluster.record import desired
from understudy.domain.cluster.view import ClusterView
from understudy.usecases.watch.records import RecordMonitor


class Case(NamedTuple):
    """So many clusters in each of so many zones, which hold other records as well. `goal`: calls allowed, if any."""

    clusters: int
    zones: int = 1
    others: int = 0
    goal: int | None = None


CASES = (
    Case(1),
    Case(10),
    Case(100),
    Case(1000, goal=8),
    Case(100, zones=10),
    Case(1, others=10_000, goal=3),
    Case(10, others=10_000),
)


def count() -> list[dict[str, Any]]:
    """Each case with its calls."""
    return [{**case._asdict(), "route53_calls": _calls(case)} for case in CASES]


def words(case: dict[str, Any]) -> str:
    """What a case is, for people."""
    clusters = "1 cluster" if case["clusters"] == 1 else f"{case['clusters']:,} clusters"
    where = "one zone" if case["zones"] == 1 else f"each of {case['zones']} zones"
    return f"{clusters} in {where}" + (f" of {case['others']:,} records" if case["others"] else "")


def _calls(case: Case) -> int:
    client, announcer, ledger = PagedRoute53(), FakeAnnouncer(), FakeLedger()
    clusters = []
    for number in range(case.zones):
        zone = f"Z{number}"
        for other in range(case.others):
            client.put(zone, f"host-{other:05d}.example.com", "A", "10.9.9.9")
        for place in range(case.clusters):
            # Spread evenly among the other records: the dearest case.
            name = f"host-{place * case.others // case.clusters:05d}-db-{place}.example.com"
            clusters.append(_cluster(client, Record(zone, name), f"cluster-{number}-{place}"))
    slept: list[float] = []
    route53 = Route53Zone(retrying(client))
    RecordMonitor(ledger, route53, announcer, VirtualClock(NOW), slept.append, "understudy").check(clusters)
    if announcer.events or slept:
        raise AssertionError(f"the monitor did not find the records as they were written: {announcer.events[:1]}")
    return len(client.asked)


def _cluster(client: PagedRoute53, record: Record, name: str) -> ClusterView:
    """A cluster in service, its record and guard as the controller writes them."""
    for each in desired(record, a_wish(cluster=name, address=SPECS[0].address)):
        client.put(record.hosted_zone_id, each.name, each.type, *each.values, ttl=each.ttl)
    return ClusterView(a_state(cluster=name), a_definition(cluster=name, records=(record,)), NOW)
