"""CloseTransition: say honestly how it ended, in the history and on the bus."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.errors import LedgerConflictError
from understudy.domain.cluster.hold import Hold
from understudy.domain.cluster.quoting import plain
from understudy.domain.cluster.request import TEXT_LIMIT
from understudy.domain.cluster.state import ClusterState, Stage, Transition, TransitionAction
from understudy.domain.cluster.view import ClusterView
from understudy.domain.events.transitions import TransitionBroken, TransitionClosed
from understudy.domain.observe.starts import with_failure_of_holder
from understudy.domain.transition.ending import CloseOutcome, Reason
from understudy.domain.transition.phases import durations_s
from understudy.ports.announcer import Announcer
from understudy.ports.ledger import StateLedger
from understudy.ports.measure import Measure, unmeasured
from understudy.usecases.observe.hold import change_hold
from understudy.usecases.step import Clock, Outcome, answer, do_step, publish

log = logging.getLogger(__name__)


def close_transition(
    payload: Mapping[str, Any],
    *,
    ledger: StateLedger,
    announcer: Announcer,
    clock: Clock,
    measure: Measure = unmeasured,
) -> Outcome:
    """Close the epoch's transition; with `broken` ({state, error, cause}), only write down that it broke.

    A broken transition stays open in the table: it is superseded under a higher epoch when its deadline has passed.
    The metric Transitions counts them by outcome, and PhaseSeconds says how long each phase took.
    """
    if "broken" in payload:
        outcome = _record_broken(payload, ledger, announcer, clock)
        measure({"Transitions": 1}, outcome=str(CloseOutcome.BROKEN))
        return outcome
    return do_step(
        "close transition",
        payload,
        ledger,
        lambda step, state, definition: _close(state, definition, ledger, announcer, clock, measure),
    )


def _close(
    state: ClusterState,
    definition: Definition,
    ledger: StateLedger,
    announcer: Announcer,
    clock: Clock,
    measure: Measure,
) -> Outcome:
    history = ledger.history(state.cluster, state.epoch)
    if state.transition is None:
        return answer(history["outcome"], reasons=list(history["reasons"]))
    reasons = _reasons(state, "guard_ahead" in history)
    outcome = _outcome(state, reasons)
    story = {"outcome": str(outcome), "reasons": [*map(str, reasons)]}
    now = clock()
    closed = replace(
        state, transition=None, failed_starts=with_failure_of_holder(ClusterView(state, definition, int(now)))
    )
    after = ledger.commit(state, closed, history={state.epoch: {**story, "stages.closed_at": now}})
    publish(announcer, _told(after, state.transition, definition, outcome, reasons))
    if outcome is CloseOutcome.HELD and Reason.GUARD_AHEAD in reasons:
        _hold(after, str(history["address_fault"]), ledger, announcer, int(clock()))
    measure({"Transitions": 1}, outcome=str(outcome))
    for phase, seconds in durations_s(history).items():
        measure({"PhaseSeconds": seconds}, phase=str(phase))
    return answer(outcome, reasons=story["reasons"])


def _hold(state: ClusterState, why: str, ledger: StateLedger, announcer: Announcer, now: int) -> None:
    """Keep the cluster from placing the service by itself: a person has to say that nobody else serves, by a resume."""
    if state.hold is not None and state.hold.is_on(now):
        return
    try:
        change_hold(state, Hold(now, None, plain(why, TEXT_LIMIT)), why, now, ledger, announcer)
    except LedgerConflictError:
        log.info("not held: somebody has changed the cluster since", extra={"cluster": state.cluster})


def _reasons(state: ClusterState, is_guard_ahead: bool) -> list[Reason]:
    transition = state.transition
    assert transition is not None  # noqa: S101 - the caller has looked
    if state.active is None:
        return [_why_not_granted(transition.stage, is_guard_ahead=is_guard_ahead)]
    found = [Reason.GUARD_AHEAD] if is_guard_ahead else []
    if transition.stage is not Stage.CONFIRMING:
        found.append(Reason.SERVICE_NOT_IN_SERVICE)
    if state.address is None or state.address.status is AddressStatus.OWED:
        found.append(Reason.ADDRESS_OWED)
    if transition.tried and transition.action is not TransitionAction.FAILOVER:
        found.append(Reason.NOT_ON_THE_REQUESTED_NODE)
    if transition.without_proof:
        found.append(Reason.PROCEEDED_WITHOUT_PROOF)
    return found


def _why_not_granted(stage: Stage, *, is_guard_ahead: bool) -> Reason:
    if stage is Stage.GRANTING:
        return Reason.NOBODY_FIT
    return Reason.GUARD_AHEAD if is_guard_ahead and stage is Stage.MOVING else Reason.OLD_NODE_UNPROVEN


def _outcome(state: ClusterState, reasons: Sequence[Reason]) -> CloseOutcome:
    if state.active is None:
        return CloseOutcome.HELD
    return CloseOutcome.DEGRADED if reasons else CloseOutcome.IN_SERVICE


def _told(
    state: ClusterState,
    transition: Transition,
    definition: Definition,
    outcome: CloseOutcome,
    reasons: Sequence[Reason],
) -> TransitionClosed:
    return TransitionClosed(
        cluster=state.cluster,
        epoch=state.epoch,
        action=transition.action,
        outcome=outcome,
        reasons=reasons,
        source=definition.name_of(transition.source) if transition.source else None,
        active=definition.name_of(state.active) if state.active else None,
        address=state.address.status if state.address else None,
        start_failed=sorted(map(definition.name_of, state.failed_starts)),
        rule=transition.rule,
        execution=transition.execution,
    )


def _record_broken(payload: Mapping[str, Any], ledger: StateLedger, announcer: Announcer, clock: Clock) -> Outcome:
    cluster, epoch, broken = str(payload["cluster"]), int(payload["epoch"]), payload["broken"]
    log.error("transition broken", extra={"cluster": cluster, "epoch": epoch, "broken": broken})
    publish(
        announcer,
        TransitionBroken(cluster=cluster, epoch=epoch, outcome=str(CloseOutcome.BROKEN), broken=broken),
    )
    if epoch:
        ledger.note(cluster, epoch, {"outcome": str(CloseOutcome.BROKEN), "broken": broken, "broken_at": clock()})
    return answer(CloseOutcome.BROKEN)
