"""CheckReadiness: look at everything that a failover will need, before it is needed. No cluster is changed by it."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from understudy.domain.cluster.errors import AnnouncementError
from understudy.domain.cluster.request import BadRequestError, parse_check
from understudy.domain.events.nodes import FailedCheck, ReadinessFailed
from understudy.domain.readiness.report import CheckResult, Report, examine, is_news, make_report
from understudy.ports.announcer import Announcer
from understudy.ports.ledger import ClusterIndex
from understudy.ports.readiness import ReportBook
from understudy.usecases.answer.gather_readiness import Gatherer
from understudy.usecases.step import Outcome, answer, definition_in_force

log = logging.getLogger(__name__)


class ReadinessOutcome(StrEnum):
    """How CheckReadiness can end."""

    CHECKED = "CHECKED"  # no check failed; some may warn, and some may not have been readable
    NOT_READY = "NOT_READY"
    REFUSED = "REFUSED"


class UncheckedError(Exception):
    """Some clusters could not be checked. All others have been."""


@dataclass(frozen=True, kw_only=True)
class ReadinessChecker:
    """Whoever looks at everything that a check reads, and keeps and tells what was found."""

    gatherer: Gatherer
    book: ReportBook
    announcer: Announcer
    count: Callable[[int], None]
    """Takes the number of failures that would break a failover, for the metric."""

    def inspect(self, cluster: str) -> Report | None:
        """Check one cluster, keep its report, and publish what fails; None when it is not registered."""
        ledger = self.gatherer.ledger
        state = ledger.read(cluster)
        if state is None:
            return None
        facts = self.gatherer.gather(definition_in_force(ledger, state), state)
        report = make_report(facts, examine(facts), self.gatherer.clock(), self.book.last(cluster))
        told = self._tell(report)
        self.book.store(told)
        self.count(len(report.failed))
        log.info("readiness", extra={"cluster": cluster, "verdict": str(report.verdict), "failed": report.failed})
        return told

    def _tell(self, report: Report) -> Report:
        """Tell of failures that are news. One that could not be told is news again the next time."""
        if not is_news(report):
            return report
        event = ReadinessFailed(
            cluster=report.cluster,
            failed=report.failed,
            checks=[_plain(each) for each in report.checks if each.name in report.failed],
        )
        log.error("readiness failed", extra=event.detail())
        try:
            self.announcer.announce(event)
        except AnnouncementError:
            log.exception("event not published; the next check repeats it", extra=event.detail())
            return report
        return replace(report, told=report.failed)


def check_readiness(event: Mapping[str, Any], *, inspector: ReadinessChecker, index: ClusterIndex) -> Outcome:
    """Check what asks for it: an execution's `request`, an accepted definition, or the day's schedule (every cluster).

    A bad request is REFUSED with every fault named. Raises UncheckedError when a cluster of an event could not
    be checked at all; that never keeps the others from being checked.
    """
    if "request" in event:
        return _answer_request(event["request"], inspector)
    detail = event.get("detail") or {}
    return _check_each([str(detail["cluster"])] if "cluster" in detail else index.clusters(), inspector)


def _answer_request(request: Any, inspector: ReadinessChecker) -> Outcome:
    try:
        cluster = parse_check(request)
    except BadRequestError as fault:
        return answer(ReadinessOutcome.REFUSED, why=str(fault))
    report = inspector.inspect(cluster)
    if report is None:
        return answer(ReadinessOutcome.REFUSED, why=f"cluster is {cluster!r}, which is not registered")
    failed = report.failures()
    return answer(
        ReadinessOutcome.NOT_READY if failed else ReadinessOutcome.CHECKED,
        cluster=cluster,
        checked_at=report.checked_at,
        definition_version=report.definition_version,
        verdict=str(report.verdict),
        reasons=[f"{each.name}: {each.found}" for each in failed],
        checks=[_plain(each) for each in report.checks],
    )


def _check_each(clusters: Iterable[str], inspector: ReadinessChecker) -> Outcome:
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


def _plain(result: CheckResult) -> FailedCheck:
    return {"name": result.name, "verdict": str(result.verdict), "found": result.found, "advice": result.advice}
