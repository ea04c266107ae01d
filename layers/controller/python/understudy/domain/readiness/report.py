"""Is this cluster ready for a failover? What the checks of the table say, as one report."""

from dataclasses import dataclass

from understudy.domain.readiness.check import Check
from understudy.domain.readiness.facts import Facts, Finding, Verdict, worst
from understudy.domain.readiness.table import CHECKS


@dataclass(frozen=True)
class CheckResult:
    """What one check said. `advice` is empty when it passed."""

    name: str
    verdict: Verdict
    found: str
    advice: str = ""


@dataclass(frozen=True)
class Report:
    """What all checks of a cluster said at `checked_at` (seconds) under a version of its definition.

    `failed`: names of the checks that failed and would break a failover, those included that failed when they could
    last be read and cannot be read now. `told`: the `failed` that an operator has been told of last.
    """

    cluster: str
    checked_at: float
    definition_version: int
    verdict: Verdict
    checks: tuple[CheckResult, ...]
    failed: tuple[str, ...] = ()
    told: tuple[str, ...] = ()

    def named(self, verdict: Verdict) -> tuple[CheckResult, ...]:
        """The results with this verdict."""
        return tuple(each for each in self.checks if each.verdict is verdict)

    def failures(self) -> tuple[CheckResult, ...]:
        """The results that say that something is not as it must be."""
        return self.named(Verdict.FAIL)


def examine(facts: Facts) -> tuple[CheckResult, ...]:
    """The result of every check, in the order of the table."""
    return tuple(_result(check, check(facts)) for check in CHECKS)


def _result(check: Check, finding: Finding) -> CheckResult:
    advice = {
        Verdict.PASS: "",
        Verdict.UNKNOWN: f"It is not known, which is neither good nor bad. Look for yourself: {check.command}",
    }.get(finding.verdict, check.remedy)
    return CheckResult(check.name, finding.verdict, finding.found, advice)


def make_report(facts: Facts, results: tuple[CheckResult, ...], now: float, last: Report | None) -> Report:
    """The report at `now` (seconds), which follows on `last`.

    A check that failed and cannot be read now is still counted as failed: else every gap in the reading would tell the
    operator of the same failure once more.
    """
    grave = {check.name for check in CHECKS if check.breaks_failover}
    known = set(last.failed if last else ())
    failed = tuple(
        each.name
        for each in results
        if each.name in grave
        and (each.verdict is Verdict.FAIL or (each.verdict is Verdict.UNKNOWN and each.name in known))
    )
    return Report(
        cluster=facts.definition.cluster,
        checked_at=now,
        definition_version=facts.definition.version,
        verdict=worst(each.verdict for each in results),
        checks=results,
        failed=failed,
        told=last.told if last and failed else (),
    )


def is_news(report: Report) -> bool:
    """Whether an operator is to be told: something fails, and not just what was told last."""
    return bool(report.failed) and set(report.failed) != set(report.told)
