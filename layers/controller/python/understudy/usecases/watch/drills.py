"""Planned drills: the watch begins them, brings them back, and tells what was measured."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from understudy.domain.advise.forecast import measured_outage_s
from understudy.domain.cluster.errors import LedgerConflictError
from understudy.domain.cluster.policy import DrillPolicy
from understudy.domain.cluster.request import CHECK
from understudy.domain.cluster.state import ClusterState, TransitionAction
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.situation import Observer
from understudy.domain.events.drills import DrillFinished
from understudy.domain.transition.drill import (
    DRILL_RULES,
    AskForMove,
    Drill,
    DrillOutcome,
    DrillStage,
    End,
    LookFirst,
    begin,
    go_on,
    is_due,
    look_first,
    objections,
    report_objections,
)
from understudy.ports.announcer import Announcer
from understudy.ports.drills import DrillBook
from understudy.ports.launcher import Launcher
from understudy.ports.ledger import StateLedger
from understudy.ports.readiness import ReportBook
from understudy.usecases.observe.asking import ask
from understudy.usecases.step import Clock, publish

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class DrillScheduler:
    """Looks after the drills of clusters whose policy has any. Nothing is moved here: the workflow is asked."""

    ledger: StateLedger
    book: DrillBook
    reports: ReportBook
    launcher: Launcher
    announcer: Announcer
    clock: Clock
    count_over_budget: Callable[[], None]

    def attend(self, view: ClusterView, observer: Observer) -> None:
        """Do what is next for the drill of one cluster. Cut off anywhere, the next watch goes on."""
        state, policy = view.state, view.policy.drill
        if policy is None:
            return
        before = self.book.last(state.cluster)
        step = self._next(before or Drill(), policy, view, observer)
        if step is None:
            return
        try:
            # Written first: a move that was begun and not written down would never be brought back.
            self.book.store(state.cluster, before, step.drill)
        except LedgerConflictError:
            log.info("drill not continued: another watch has continued it", extra={"cluster": state.cluster})
            return
        if isinstance(step, LookFirst):
            self._look(step, state)
        elif isinstance(step, AskForMove):
            self._ask(step, view)
        else:
            self._tell(step, view)

    def _next(
        self, drill: Drill, policy: DrillPolicy, view: ClusterView, observer: Observer
    ) -> LookFirst | AskForMove | End | None:
        state, definition, now = view.state, view.definition, int(self.clock())
        view = replace(view, now=now)
        if drill.stage is not DrillStage.DONE:
            story = self.ledger.history(state.cluster, drill.epoch) if state.epoch >= drill.epoch else {}
            return go_on(drill, policy, view, observer, story)
        if not is_due(drill, policy, now):
            return None
        against = objections(view, observer)
        if against:
            return begin(drill, view, against)
        report = self.reports.last(state.cluster)
        look = look_first(drill, report, definition, now)
        return look or begin(drill, view, report_objections(report, definition, now))

    def _look(self, step: LookFirst, state: ClusterState) -> None:
        request = {"cluster": state.cluster, "action": CHECK, "reason": "a planned drill is due"}
        self._start(f"{state.cluster}-check", step.drill.check_asked_at, request)

    def _ask(self, step: AskForMove, view: ClusterView) -> None:
        state = view.state
        request = {
            "cluster": state.cluster,
            "epoch": step.drill.epoch,
            "action": str(TransitionAction.SWITCHOVER),
            "to": view.definition.name_of(step.to),
            "rule": step.rule,
            "why": "a planned drill",
            "noticed_at": step.drill.asked_at,
        }
        self._start(f"{state.cluster}-epoch{step.drill.epoch}-drill", step.drill.asked_at, request)

    def _start(self, head: str, moment: int, request: Mapping[str, Any]) -> None:
        ask(self.launcher, self.ledger.secret(self.clock()), head, moment, request)

    def _tell(self, end: End, view: ClusterView) -> None:
        """Tell how it ended; what was measured stays in the history of its last move."""
        state = view.state
        is_refusal = end.outcome is DrillOutcome.REFUSED
        taken = {} if is_refusal else self._measured(end.drill, state.cluster)
        budget_s = view.policy.outage_budget_s
        measured_s = max(taken.values(), default=None)
        within = None if budget_s is None or measured_s is None else measured_s <= budget_s
        event = DrillFinished(
            cluster=state.cluster,
            epoch=state.epoch,
            active=view.definition.name_of(state.active) if state.active else None,
            outcome=end.outcome,
            why=end.why,
            outages_s=taken,
            measured_s=measured_s,
            budget_s=budget_s,
            within=within,
        )
        log.warning("drill finished", extra=event.detail())
        if within is False:
            self.count_over_budget()
        if taken:
            result = {key: value for key, value in event.detail().items() if key not in ("cluster", "epoch", "active")}
            self.ledger.note(state.cluster, end.drill.epoch, {"drill": result})
        publish(self.announcer, event)

    def _measured(self, drill: Drill, cluster: str) -> dict[str, float]:
        """The outage of each of the two moves that came to an end (seconds), `out` and `back`."""
        stories: dict[str, Mapping[str, Any]] = {"out": self.ledger.history(cluster, drill.out_epoch)}
        if drill.epoch != drill.out_epoch:
            stories["back"] = self.ledger.history(cluster, drill.epoch)
        found = {way: measured_outage_s(each) for way, each in stories.items() if each.get("rule") in DRILL_RULES}
        return {way: taken_s for way, taken_s in found.items() if taken_s is not None}
