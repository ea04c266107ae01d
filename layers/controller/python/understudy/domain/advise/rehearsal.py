"""What a move of a cluster would do and cost now, put together from real readings. Nothing is changed by it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from understudy.domain.advise.fencing_outlook import ProofOutlook, dead_end
from understudy.domain.advise.forecast import Forecast
from understudy.domain.advise.pace_outlook import PaceOutlook
from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.policy import Policy
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.situation import Budget, Mode, Observer, Situation
from understudy.domain.readiness.facts import Verdict
from understudy.domain.readiness.report import CheckResult
from understudy.domain.transition.addresses import Moved
from understudy.domain.transition.opening import Opening, Ruling


class RehearsalVerdict(StrEnum):
    """Whether the move could be made now."""

    READY = "READY"
    READY_WITH_WARNINGS = "READY_WITH_WARNINGS"  # it could, and a person should know something before
    NOT_READY = "NOT_READY"


@dataclass(frozen=True)
class Plan:
    """What a move would write: each write as one line, by what it is written to, and what becomes of each address.

    `why_not`: why the move could not be planned to its end; empty when it could.
    """

    writes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    moved: Sequence[Moved] = ()
    why_not: str = ""


@dataclass(frozen=True)
class Rehearsal:
    """A move that was worked out to its end. `target` and `source` are names; None when there is none."""

    cluster: str
    source: str | None
    target: str | None
    ruling: str
    proofs: tuple[ProofOutlook, ...]
    plan: Plan
    forecasts: tuple[Forecast, ...]
    paces: tuple[PaceOutlook, ...]
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def verdict(self) -> RehearsalVerdict:
        """READY only when nothing at all speaks against it."""
        if self.reasons:
            return RehearsalVerdict.NOT_READY
        return RehearsalVerdict.READY_WITH_WARNINGS if self.warnings else RehearsalVerdict.READY

    @property
    def lines(self) -> tuple[str, ...]:
        """The plan for a person."""
        return (
            f"{self.verdict}: {self.cluster} from {self.source or 'no node'} to {self.target or 'no node'}",
            self.ruling,
            *_block("what keeps it from being ready:", self.reasons),
            *_block("what a person should know before:", self.warnings),
            *_block(f"what would prove that {self.source} no longer serves:", [each.line for each in self.proofs]),
            *(line for where, writes in self.plan.writes.items() for line in _block(f"written to {where}:", writes)),
            *_block("what becomes of each address:", [f"{each.label}: {_fate(each)}" for each in self.plan.moved]),
            *(line for each in self.forecasts for line in _of_forecast(each)),
            *_block(
                "a failover at each pace, at least / usually / at most, without timings of the definition's own:",
                [each.line for each in self.paces],
            ),
        )


@dataclass(frozen=True)
class Outlook:
    """What was found out about a move, each thing by the code that would do it."""

    situation: Situation
    ruling: Ruling
    proofs: tuple[ProofOutlook, ...]
    plan: Plan
    forecasts: tuple[Forecast, ...]
    paces: tuple[PaceOutlook, ...]
    checks: Sequence[CheckResult]


def rehearsal(view: ClusterView, found: Outlook) -> Rehearsal:
    """Everything together, and what of it speaks against the move."""
    last_holder = view.state.last_holder
    target = found.ruling.target if isinstance(found.ruling, Opening) else None
    return Rehearsal(
        cluster=view.state.cluster,
        source=view.definition.name_of(last_holder) if last_holder else None,
        target=view.definition.name_of(target) if target else None,
        ruling=_words(found.ruling),
        proofs=found.proofs,
        plan=found.plan,
        forecasts=found.forecasts,
        paces=found.paces,
        reasons=tuple(_reasons(found, view.policy)),
        warnings=tuple(_warnings(found, view)),
    )


def _words(ruling: Ruling) -> str:
    if isinstance(ruling, Opening):
        return "a switchover asked for now would be opened, and the same node would get a failover"
    return f"a switchover asked for now would be refused: {getattr(ruling, 'why', 'it is open already')}"


def _reasons(found: Outlook, policy: Policy) -> Iterator[str]:
    if not isinstance(found.ruling, Opening):
        yield _words(found.ruling)
    if found.plan.why_not:
        yield found.plan.why_not
    yield from (f"{each.label} could not be moved: {each.why}" for each in found.plan.moved if _is_refused(each))
    yield from (f"{each.name}: {each.found}" for each in found.checks if each.verdict is Verdict.FAIL)
    if (why := dead_end(found.proofs)) and not policy.fencing.proceeds:
        yield f"{why}; a failover would end HELD"


def _warnings(found: Outlook, view: ClusterView) -> Iterator[str]:
    situation, address = found.situation, view.state.address
    if situation.mode is Mode.HELD:
        yield "the cluster is held: no failover would be begun by itself"
    if situation.budget is Budget.SPENT:
        yield "max_failovers are used up in this window: no failover would be begun by itself"
    if situation.observer is Observer.SUSPECT:
        yield "the observer is doubted now: nothing would be moved on silence"
    if address is None or address.status is AddressStatus.OWED:
        yield "an address is owed now: it is not known to lead to the node in service"
    yield from (
        f"{each.label} could not be moved just now: {each.why}"
        for each in found.plan.moved
        if each.status is AddressStatus.OWED and each.may_pass
    )
    if (why := dead_end(found.proofs)) and view.policy.fencing.proceeds:
        yield f"{why}; a failover would go on without a proof, and two nodes could serve"
    yield from (
        f"{each.name}: {each.found}" for each in found.checks if each.verdict in (Verdict.WARN, Verdict.UNKNOWN)
    )
    yield from _over_budget(view.policy.outage_budget_s, found.forecasts)


def _over_budget(budget_s: float | None, forecasts: tuple[Forecast, ...]) -> Iterator[str]:
    for each in forecasts:
        if budget_s is not None and each.total.usual_s > budget_s:
            yield f"a {each.action} usually takes {each.total.usual_s:g} s, above outage_budget_s {budget_s:g}"


def _is_refused(moved: Moved) -> bool:
    return moved.status is AddressStatus.OWED and not moved.may_pass


def _fate(moved: Moved) -> str:
    if moved.status is AddressStatus.OWED:
        return f"owed, {moved.why}"
    return "written" if moved.is_new else "there already"


def _of_forecast(forecast: Forecast) -> list[str]:
    clients = [each.line for each in (forecast.clients, forecast.balanced) if each]
    title = f"how long a {forecast.action} takes the service out, at least / usually / at most:"
    return _block(title, [forecast.total.line, *(each.line for each in forecast.phases), *clients])


def _block(title: str, lines: Sequence[str]) -> list[str]:
    return [title, *(f"  {line}" for line in lines)] if lines else []
