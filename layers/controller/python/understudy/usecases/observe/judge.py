"""Judge a cluster and carry out what was decided. Beats, signals and the watch all come here."""

import logging
from dataclasses import replace

from understudy.domain.cluster.errors import LedgerConflictError
from understudy.domain.cluster.state import ClusterState, TransitionAction
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.rules import Action, Decision, decide
from understudy.domain.decide.silence import is_put_off
from understudy.domain.decide.situation import Observer, survey
from understudy.domain.decide.upkeep import Upkeep, kept_up
from understudy.domain.events.alerts import AlertOver, OperatorCalled
from understudy.domain.transition.consent import is_in_question
from understudy.domain.transition.opening import ACTION_OF
from understudy.ports.announcer import Announcer
from understudy.ports.launcher import Launcher
from understudy.ports.ledger import StateLedger
from understudy.ports.measure import Measure, unmeasured
from understudy.usecases.observe.asking import ask
from understudy.usecases.observe.facts import facts_of
from understudy.usecases.step import Clock, publish

log = logging.getLogger(__name__)


class Judge:
    """Reads a state, looks the situation up, acts on the decision.

    The metric Decisions counts by rule what it does; to wait is nothing done, and every beat's usual end.
    """

    def __init__(
        self,
        ledger: StateLedger,
        launcher: Launcher,
        announcer: Announcer,
        clock: Clock,
        measure: Measure = unmeasured,
    ) -> None:
        self._ledger = ledger
        self._launcher = launcher
        self._announcer = announcer
        self._clock = clock
        self._measure = measure

    def judge(self, state: ClusterState, now: int, observer: Observer) -> Decision:
        """Decide for one cluster at `now` (seconds: the ingestion time of what is judged), and carry it out."""
        definition = self._ledger.definition(state.cluster, state.definition_version)
        view = ClusterView(state, definition, now)
        situation = survey(view, observer)
        decision = decide(situation)
        if decision.action is not Action.WAIT:
            self._measure({"Decisions": 1}, rule=decision.rule)
        self._carry_out(decision, replace(view, state=self._keep_up(view, situation.upkeep)))
        return decision

    def _keep_up(self, view: ClusterView, upkeep: Upkeep) -> ClusterState:
        """The state with what should stand in it."""
        after = kept_up(view, upkeep)
        if after == view.state:
            return after
        try:
            return self._ledger.commit(view.state, after)
        except LedgerConflictError:
            log.info("state not updated: it has changed; the next evaluation repeats it")
            return view.state

    def _carry_out(self, decision: Decision, view: ClusterView) -> None:
        wanted = ACTION_OF.get(decision.action)
        waits = is_in_question(wanted, view.policy, view.state, view.now) or is_put_off(
            decision.rule, view.state, view.now
        )
        if wanted is not None and not waits:
            self._start(decision, view)
        called = decision.rule if decision.action is Action.CALL_OPERATOR else None
        if called != view.state.alert and not (called is None and _is_repair(decision, view.state)):
            self._call_operator(called, decision, view)

    def _start(self, decision: Decision, view: ClusterView) -> None:
        """Ask the workflow, under a name that many callers share, so that asking twice starts one.

        The name changes with every epoch, and with every silence_limit_s: an execution that stood down is not in the
        way of the next cause, which cannot come sooner.
        """
        slot = view.now // max(1, int(view.policy.silence_limit_s))
        request = {
            "cluster": view.state.cluster,
            "epoch": view.state.epoch + 1,
            "action": str(ACTION_OF[decision.action]),
            "rule": decision.rule,
            "why": decision.why,
            "noticed_at": round(self._clock(), 3),
        }
        name = f"{view.state.cluster}-epoch{view.state.epoch + 1}"
        ask(self._launcher, self._ledger.secret(self._clock()), name, slot, request)

    def _call_operator(self, rule: str | None, decision: Decision, view: ClusterView) -> None:
        """Tell a person once for each rule that needs one, remember it, and tell when it holds no more."""
        if rule is not None:
            event = OperatorCalled(
                cluster=view.state.cluster,
                rule=rule,
                why=decision.why,
                epoch=view.state.epoch,
                facts=facts_of(view),
            )
            log.error("operator called", extra=event.detail())
            publish(self._announcer, event)
        try:
            self._ledger.commit(view.state, replace(view.state, alert=rule))
        except LedgerConflictError:
            log.info("alert not noted: the state has changed; the next evaluation repeats it")
            return
        if rule is None and view.state.alert is not None:
            over = AlertOver(
                cluster=view.state.cluster,
                rule=view.state.alert,
                epoch=view.state.epoch,
                now=decision.rule,
                why=decision.why,
            )
            publish(self._announcer, over)


def _is_repair(decision: Decision, state: ClusterState) -> bool:
    """Whether only an address is repaired, or is to be: that ends nothing that a person was called for."""
    is_open = state.transition is not None and state.transition.action is TransitionAction.REPAIR
    return is_open or decision.action is Action.REPAIR
