"""CheckReadiness: look at everything that a failover will need, before it is needed. No cluster is changed by it."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

from understudy.domain.definition import Definition
from understudy.domain.errors import AddressUnreadableError, AnnouncementError, UnreadableError
from understudy.domain.model import ClusterState
from understudy.domain.readiness import CheckResult, Report, examine, is_news, make_report
from understudy.domain.readiness_facts import Facts, Unread, Verdict, needed_rights
from understudy.domain.record import guard_name
from understudy.domain.request import BadRequestError, parse_check
from understudy.ports import Announcer, ClusterIndex, StateReader
from understudy.readiness_ports import (
    EndpointReader,
    InstanceReader,
    NetworkReader,
    ReportBook,
    RightsReader,
    ZoneReader,
)
from understudy.usecases.step import Clock, Outcome, answer, definition_in_force

READINESS_FAILED = "Understudy Readiness Failed"
T = TypeVar("T")
log = logging.getLogger(__name__)


class ReadinessOutcome(StrEnum):
    """How CheckReadiness can end."""

    CHECKED = "CHECKED"  # no check failed; some may warn, and some may not have been readable
    NOT_READY = "NOT_READY"
    REFUSED = "REFUSED"


class UncheckedError(Exception):
    """Some clusters could not be checked. All others have been."""


@dataclass(frozen=True)
class Inspector:
    """Everything that a check reads, and where its report goes."""

    ledger: StateReader
    book: ReportBook
    instances: InstanceReader
    zones: ZoneReader
    network: NetworkReader
    endpoints: EndpointReader
    rights: RightsReader
    announcer: Announcer
    clock: Clock
    stack: str
    count: Callable[[int], None]
    """Takes the number of failures that would break a failover, for the metric."""
    may_stop: bool = False
    """Whether the stack may stop instances."""

    def inspect(self, cluster: str) -> Report | None:
        """Check one cluster, keep its report, and tell of what fails; None when it is not registered."""
        state = self.ledger.read(cluster)
        if state is None:
            return None
        facts = self._gather(definition_in_force(self.ledger, state), state)
        report = make_report(facts, examine(facts), self.clock(), self.book.last(cluster))
        told = self._tell(report)
        self.book.store(told)
        self.count(len(report.failed))
        log.info("readiness", extra={"cluster": cluster, "verdict": str(report.verdict), "failed": report.failed})
        return told

    def _gather(self, definition: Definition, state: ClusterState) -> Facts:
        ids = [node.instance_id for node in definition.nodes]
        instances = _read(lambda: self.instances.instances(ids))
        vpc_ids = set() if isinstance(instances, Unread) else {each.vpc_id for each in instances.values()}
        zones = {record.hosted_zone_id: record for record in definition.records}
        sets = {(r.hosted_zone_id, name): r for r in definition.records for name in (r.name, guard_name(r))}
        tables = {table for route in definition.routes for table in route.route_table_ids}
        elastic_ips = {each.allocation_id for each in definition.elastic_ips}
        return Facts(
            definition=definition,
            stack=self.stack,
            instances=instances,
            stop_protected={each: _read(partial(self.instances.is_stop_protected, each)) for each in ids},
            vpcs={each: _read(partial(self.instances.vpc_dns, each)) for each in sorted(vpc_ids)},
            zones={zone_id: _read(partial(self.zones.hosted_zone, record)) for zone_id, record in zones.items()},
            records={key: _read(partial(self.zones.found_records, each, key[1])) for key, each in sets.items()},
            endpoints=_read(self.endpoints.inbound_endpoints),
            rights=_read(lambda: self.rights.granted(needed_rights(definition, self.stack))),
            may_stop=self.may_stop,
            route_tables=_read(lambda: self.network.route_tables(tables)) if tables else {},
            elastic_ips=_read(lambda: self.network.elastic_ips(elastic_ips)) if elastic_ips else {},
            internet_vpcs=_read(lambda: self.instances.internet_vpcs(vpc_ids)) if elastic_ips and vpc_ids else (),
            # After Route 53: a move in between makes the guard newer than a state that was read before it.
            state=self.ledger.read(definition.cluster) or state,
            now=self.clock(),
        )

    def _tell(self, report: Report) -> Report:
        """Tell of failures that are news. One that could not be told is news again the next time."""
        if not is_news(report):
            return report
        detail = {
            "cluster": report.cluster,
            "failed": list(report.failed),
            "checks": [_plain(each) for each in report.checks if each.name in report.failed],
        }
        log.error("readiness failed", extra=detail)
        try:
            self.announcer.announce(READINESS_FAILED, detail)
        except AnnouncementError:
            log.exception("event not published; the next check repeats it", extra=detail)
            return report
        return replace(report, told=report.failed)


def check_readiness(event: Mapping[str, Any], *, inspector: Inspector, index: ClusterIndex) -> Outcome:
    """Check what asks for it: an execution's `request`, an accepted definition, or the day's schedule (every cluster).

    A bad request is REFUSED with every fault named (S10). Raises UncheckedError when a cluster of an event could not
    be checked at all; that never keeps the others from being checked.
    """
    if "request" in event:
        return _answer_request(event["request"], inspector)
    detail = event.get("detail") or {}
    return _check_each([str(detail["cluster"])] if "cluster" in detail else index.clusters(), inspector)


def _answer_request(request: Any, inspector: Inspector) -> Outcome:
    try:
        cluster = parse_check(request)
    except BadRequestError as fault:
        return answer(ReadinessOutcome.REFUSED, why=str(fault))
    report = inspector.inspect(cluster)
    if report is None:
        return answer(ReadinessOutcome.REFUSED, why=f"cluster is {cluster!r}, which is not registered")
    failed = report.named(Verdict.FAIL)
    return answer(
        ReadinessOutcome.NOT_READY if failed else ReadinessOutcome.CHECKED,
        cluster=cluster,
        checked_at=report.checked_at,
        definition_version=report.definition_version,
        verdict=str(report.verdict),
        reasons=[f"{each.name}: {each.found}" for each in failed],
        checks=[_plain(each) for each in report.checks],
    )


def _check_each(clusters: Iterable[str], inspector: Inspector) -> Outcome:
    """One after the other: all at once would take Route 53's request budget from a failover."""
    checked, unchecked = 0, []
    for cluster in clusters:
        try:
            inspector.inspect(cluster)
            checked += 1
        except Exception:
            log.exception("readiness not checked", extra={"cluster": cluster})
            unchecked.append(cluster)
    if unchecked:
        raise UncheckedError(f"{checked} clusters checked, these could not be: {', '.join(unchecked)}")
    return answer(ReadinessOutcome.CHECKED, checked=checked)


def _plain(result: CheckResult) -> dict[str, str]:
    return {"name": result.name, "verdict": str(result.verdict), "found": result.found, "advice": result.advice}


def _read(read: Callable[[], T]) -> T | Unread:
    """What was read, or why it could not be."""
    try:
        return read()
    except (UnreadableError, AddressUnreadableError) as fault:
        return Unread(str(fault))
