"""Rehearse a move: real readings, the real movers, and no write."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from understudy.domain.advise.fencing_outlook import outlook
from understudy.domain.advise.forecast import Forecast, PredictedPhase, forecast
from understudy.domain.advise.pace_outlook import PaceOutlook, pace_outlooks
from understudy.domain.advise.rehearsal import Outlook, Plan, Rehearsal, rehearsal
from understudy.domain.cluster.quoting import truncated
from understudy.domain.cluster.request import Request
from understudy.domain.cluster.state import ClusterState, TransitionAction
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.situation import observer_by_clock, survey
from understudy.domain.events.drills import RehearsalFinished
from understudy.domain.readiness.report import examine
from understudy.domain.transition.opening import Opening, Ruling, rule_on_request
from understudy.domain.transition.steps import TRY_BUDGET_S
from understudy.ports.announcer import Announcer
from understudy.ports.ledger import HistoryReader
from understudy.ports.route53 import RecordReader
from understudy.usecases.answer.gather_readiness import Gatherer
from understudy.usecases.answer.rehearsed_writes import RehearsedGroup, RehearsedNetwork, RehearsedZone, Writes
from understudy.usecases.step import Clock, definition_in_force, publish
from understudy.usecases.transition.network_movers import ElasticIpMover, LoadBalancerMover, RouteMover
from understudy.usecases.transition.record_mover import MoveTask, OvertakenError, RecordMover

PAST_MOVES = 20
"""So many epochs back a forecast looks for what was measured: each costs one read."""
ACTIONS = (TransitionAction.SWITCHOVER, TransitionAction.FAILOVER)


@dataclass(frozen=True, kw_only=True)
class Rehearsals:
    """Everything that a rehearsal reads, and the bus on which it tells its verdict."""

    ledger: HistoryReader
    gatherer: Gatherer
    records: RecordReader
    announcer: Announcer
    clock: Clock

    def rehearse(self, state: ClusterState, to: str | None) -> dict[str, Any]:
        """Think a move through, to the node named `to` or to the best candidate, and tell the verdict."""
        definition = definition_in_force(self.ledger, state)
        view = ClusterView(state, definition, int(self.clock()))
        ruling = rule_on_request(Request(state.cluster, to=to), "", view)
        facts = self.gatherer.gather(definition, state)
        past = self._past(state)
        found = Outlook(
            situation=survey(view, observer_by_clock(state, view.policy, view.now)),
            ruling=ruling,
            proofs=outlook(state, definition, self.gatherer.may_stop),
            plan=self._plan(ruling, view),
            forecasts=tuple(forecast(action, definition, past, facts.probes) for action in ACTIONS),
            paces=pace_outlooks(view, past),
            checks=examine(facts),
        )
        done = rehearsal(view, found)
        publish(self.announcer, _finished(done, view))
        return {"epoch": state.epoch, "at": view.now, **_plain(done)}

    def _plan(self, ruling: Ruling, view: ClusterView) -> Plan:
        """What the movers would do under the next epoch."""
        state, definition = view.state, view.definition
        node = definition.node(ruling.target) if isinstance(ruling, Opening) else None
        if node is None:
            return Plan()
        begun_at, writes = self.clock(), Writes()

        def is_current() -> bool:
            there = self.ledger.read(state.cluster)
            return there is not None and there.epoch == state.epoch

        task = MoveTask(
            definition=definition,
            node=node,
            epoch=state.epoch + 1,
            stack=self.gatherer.stack,
            known={},
            is_current=is_current,
            has_time=lambda: self.clock() - begun_at < TRY_BUDGET_S,
            now=int(begun_at),
        )
        network = RehearsedNetwork(self.gatherer.network, writes)
        movers = (
            RecordMover(RehearsedZone(self.records, writes), RehearsedGroup()),
            RouteMover(network),
            ElasticIpMover(network),
            LoadBalancerMover(),
        )
        try:
            return Plan(writes, [each for mover in movers for each in mover.move(task)])
        except OvertakenError as fault:
            return Plan(writes, why_not=f"somebody newer is in charge of the addresses: {fault}")

    def _past(self, state: ClusterState) -> list[Mapping[str, Any]]:
        epochs = range(state.epoch, max(0, state.epoch - PAST_MOVES), -1)
        return [story for epoch in epochs if (story := self.ledger.history(state.cluster, epoch))]


def _plain(done: Rehearsal) -> dict[str, Any]:
    return {
        "verdict": str(done.verdict),
        "reasons": list(done.reasons),
        "warnings": list(done.warnings),
        "source": done.source,
        "target": done.target,
        "proofs": [{**asdict(each), "proof": str(each.proof)} for each in done.proofs],
        "writes": {where: list(lines) for where, lines in done.plan.writes.items()},
        "addresses": {each.label: {"status": str(each.status), "why": each.why} for each in done.plan.moved},
        "outage": [_of_forecast(each) for each in done.forecasts],
        "paces": [_of_pace(each) for each in done.paces],
        "text": list(done.lines),
    }


def _of_forecast(each: Forecast) -> dict[str, Any]:
    return {
        "action": str(each.action),
        "total": _of_phase(each.total),
        "phases": [_of_phase(phase) for phase in each.phases],
        "clients": _of_phase(each.clients) if each.clients else None,
        "balanced": _of_phase(each.balanced) if each.balanced else None,
    }


def _of_pace(each: PaceOutlook) -> dict[str, Any]:
    return {
        "pace": each.pace,
        "is_now": each.is_now,
        "noticing": _of_phase(each.noticing),
        "failover": _of_phase(each.failover),
        "refused": list(each.refused),
        "needs": list(each.needs),
    }


def _of_phase(phase: PredictedPhase) -> dict[str, Any]:
    return {**asdict(phase), "name": str(phase.name)}


def _finished(done: Rehearsal, view: ClusterView) -> RehearsalFinished:
    return RehearsalFinished(
        cluster=done.cluster,
        epoch=view.state.epoch,
        verdict=done.verdict,
        reasons=truncated(done.reasons),
        warnings=truncated(done.warnings),
        source=done.source,
        target=done.target,
        usual_outage_s={str(each.action): each.total.usual_s for each in done.forecasts},
        outage_budget_s=view.policy.outage_budget_s,
    )
