"""Judge a cluster and carry out what was decided. Beats, signals and the watch all come here."""

import logging
from dataclasses import replace

from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.errors import LedgerConflictError
from understudy.domain.cluster.state import ClusterState, TransitionAction
from understudy.domain.decide.failback import counts, preferred_since
from understudy.domain.decide.rules import Action, Decision, decide
from understudy.domain.decide.silence import is_put_off
from understudy.domain.decide.situation import Observer, health_of, sound_candidates, survey
from understudy.domain.observe.health import NodeHealth
from understudy.domain.observe.starts import failed_starts
from understudy.domain.transition.consent import is_in_question
from understudy.domain.transition.opening import ACTION_OF
from understudy.ports.announcer import Announcer
from understudy.ports.launcher import Launcher
from understudy.ports.ledger import StateLedger
from understudy.ports.measure import Measure, unmeasured
from understudy.usecases.observe.asking import ask
from understudy.usecases.observe.facts import facts_of
from understudy.usecases.observe.hold import change_hold
from understudy.usecases.step import Clock, tell

OPERATOR_CALLED = "Understudy Operator Called"
ALERT_OVER = "Understudy Alert Over"
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
        state = self._kept_up(state, definition, now)
        decision = decide(survey(state, definition, now, observer))
        if decision.action is not Action.WAIT:
            self._measure({"Decisions": 1}, rule=decision.rule)
        self._carry_out(decision, state, definition, now)
        return decision

    def _kept_up(self, state: ClusterState, definition: Definition, now: int) -> ClusterState:
        """The state without what is over, and with the time since which the preferred node has been fit.

        Over are a hold that has ended, the doubt of a node that is heard again, and a failed start whose node has
        served, booted anew or changed since.
        """
        try:
            if state.doubt is not None and not _is_silent(state, definition, now):
                state = self._ledger.commit(state, replace(state, doubt=None))
            if state.hold is not None and not state.hold.is_on(now):
                state = change_hold(state, None, "the hold is over", now, self._ledger, self._announcer)
            failed = failed_starts(state, definition)
            fit = sound_candidates(state, definition, now) if counts(state, definition) else ()
            since = preferred_since(state, definition, fit, now)
            if since != state.preferred_since or failed != state.failed_starts:
                state = self._ledger.commit(state, replace(state, preferred_since=since, failed_starts=failed))
        except LedgerConflictError:
            log.info("state not kept up: it has changed; the next evaluation repeats it")
        return state

    def _carry_out(self, decision: Decision, state: ClusterState, definition: Definition, now: int) -> None:
        wanted = ACTION_OF.get(decision.action)
        waits = is_in_question(wanted, definition.policy, state, now) or is_put_off(decision.rule, state, now)
        if wanted is not None and not waits:
            self._start(decision, state, definition, now)
        called = decision.rule if decision.action is Action.CALL_OPERATOR else None
        if called != state.alert and not (called is None and _is_repair(decision, state)):
            self._call_operator(called, decision, state, definition, now)

    def _start(self, decision: Decision, state: ClusterState, definition: Definition, now: int) -> None:
        """Ask the workflow, under a name that many callers share, so that asking twice starts one.

        The name changes with every epoch, and with every silence_limit_s: an execution that stood down is not in the
        way of the next cause, which cannot come sooner.
        """
        slot = now // max(1, int(definition.policy.silence_limit_s))
        request = {
            "cluster": state.cluster,
            "epoch": state.epoch + 1,
            "action": str(ACTION_OF[decision.action]),
            "rule": decision.rule,
            "why": decision.why,
            "noticed_at": round(self._clock(), 3),
        }
        name = f"{state.cluster}-epoch{state.epoch + 1}"
        ask(self._launcher, self._ledger.secret(self._clock()), name, slot, request)

    def _call_operator(
        self, rule: str | None, decision: Decision, state: ClusterState, definition: Definition, now: int
    ) -> None:
        """Tell a person once for each rule that needs one, remember it, and tell when it holds no more."""
        if rule is not None:
            detail = {
                "cluster": state.cluster,
                "rule": rule,
                "why": decision.why,
                "epoch": state.epoch,
                "facts": facts_of(state, definition, now),
            }
            log.error("operator called", extra=detail)
            tell(self._announcer, OPERATOR_CALLED, detail)
        try:
            self._ledger.commit(state, replace(state, alert=rule))
        except LedgerConflictError:
            log.info("alert not noted: the state has changed; the next evaluation repeats it")
            return
        if rule is None:
            detail = {"cluster": state.cluster, "rule": state.alert, "epoch": state.epoch}
            tell(self._announcer, ALERT_OVER, {**detail, "now": decision.rule, "why": decision.why})


def _is_repair(decision: Decision, state: ClusterState) -> bool:
    """Whether only an address is put right, or is to be: that ends nothing that a person was called for."""
    is_open = state.transition is not None and state.transition.action is TransitionAction.REPAIR
    return is_open or decision.action is Action.REPAIR


def _is_silent(state: ClusterState, definition: Definition, now: int) -> bool:
    return state.active is not None and health_of(state, definition, state.active, now) is NodeHealth.SILENT
