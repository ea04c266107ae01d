"""OpenTransition: look at the cause once more, and end the lease of the node that holds it, under a new epoch."""

import logging
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from understudy.domain.definition import Definition
from understudy.domain.mode import ModeRequest
from understudy.domain.model import ClusterState
from understudy.domain.opening import (
    AlreadyOpen,
    Exhausted,
    Opening,
    Refused,
    StoodDown,
    rule_on_next,
    rule_on_request,
)
from understudy.domain.request import BadRequestError, Request, parse_request
from understudy.domain.transition import opened
from understudy.ports import Announcer, StateLedger
from understudy.usecases.facts import facts_of
from understudy.usecases.set_mode import set_mode
from understudy.usecases.step import Clock, Outcome, answer, read_in_force, redo_on_conflict, tell

TRANSITION_OPENED = "Understudy Transition Opened"
HISTORY_KEPT_S = 400 * 86_400
"""How long the history of a transition is kept: DynamoDB deletes the item some days after `expires_at` (seconds)."""
log = logging.getLogger(__name__)


class OpenOutcome(StrEnum):
    """How OpenTransition can end."""

    OPENED = "OPENED"
    STOOD_DOWN = "STOOD_DOWN"
    REFUSED = "REFUSED"
    EXHAUSTED = "EXHAUSTED"
    MODE_SET = "MODE_SET"  # a hold or a resume: nothing was opened


def open_transition(payload: Mapping[str, Any], *, ledger: StateLedger, announcer: Announcer, clock: Clock) -> Outcome:
    """Open what `payload["request"]` asks for; with `failed_epoch`, the next try of this execution's own transition.

    A hold or a resume opens nothing, and is written down (B6). A bad request is REFUSED with every fault named, and
    changes nothing (S10).
    """
    try:
        request = parse_request(payload["request"])
        if isinstance(request, ModeRequest):
            return answer(OpenOutcome.MODE_SET, **set_mode(request, ledger, announcer, clock))
    except BadRequestError as fault:
        return answer(OpenOutcome.REFUSED, why=str(fault))
    outcome = redo_on_conflict(lambda: _open(request, payload, ledger, announcer, clock))
    log.info("open transition", extra={"cluster": request.cluster, **outcome})
    return outcome


def _open(
    request: Request, payload: Mapping[str, Any], ledger: StateLedger, announcer: Announcer, clock: Clock
) -> Outcome:
    found = read_in_force(ledger, request.cluster)
    if found is None:
        return answer(OpenOutcome.REFUSED, why=f"cluster is {request.cluster!r}, which is not registered")
    state, definition = found
    execution, failed_epoch, now = _name_of(payload["execution"]), payload.get("failed_epoch"), clock()
    if failed_epoch is None:
        ruling = rule_on_request(request, execution, state, definition, int(now))
    else:
        ruling = rule_on_next(int(failed_epoch), execution, state, definition, int(now))
    match ruling:
        case Opening():
            return _carry_out(ruling, request, execution, state, definition, ledger, announcer, now)
        case AlreadyOpen():
            return answer(OpenOutcome.OPENED, epoch=state.epoch)
        case StoodDown(why):
            return answer(OpenOutcome.STOOD_DOWN, why=why)
        case Refused(why):
            return answer(OpenOutcome.REFUSED, why=why)
        case Exhausted(why):
            return answer(OpenOutcome.EXHAUSTED, epoch=state.epoch, why=why)


def _name_of(execution_arn: str) -> str:
    """The execution's name: as unique as the ARN within the state machine, and the hot item stays below 1 KB."""
    return execution_arn.rpartition(":")[2]


def _carry_out(
    ruling: Opening,
    request: Request,
    execution: str,
    state: ClusterState,
    definition: Definition,
    ledger: StateLedger,
    announcer: Announcer,
    now: float,
) -> Outcome:
    after = opened(
        state,
        definition,
        action=ruling.action,
        target=ruling.target,
        rule=ruling.rule,
        execution=execution,
        now=int(now),
        tried=ruling.tried,
        spends_budget=ruling.spends_budget,
        may_go_unproven=ruling.may_go_unproven,
    )
    story = _story(ruling, request, state, definition, after, now)
    history: dict[int, Mapping[str, Any]] = {after.epoch: story}
    if state.transition is not None:
        history[state.epoch] = {"outcome": "SUPERSEDED", "reasons": [ruling.why], "stages.superseded_at": now}
    # The active node must not have beaten since its last beat was read: that beat would have renewed the lease.
    ledger.commit(state, after, holding_still=state.active, history=history)
    told = {key: story[key] for key in ("action", "source", "target", "rule", "why", "reason", "execution")}
    tell(announcer, TRANSITION_OPENED, {"cluster": state.cluster, "epoch": after.epoch, **told})
    return answer(OpenOutcome.OPENED, epoch=after.epoch)


def _story(
    ruling: Opening, request: Request, state: ClusterState, definition: Definition, after: ClusterState, now: float
) -> dict[str, Any]:
    """The first facts of the history: who asked for what, by which rule, and what the table showed then (B5)."""
    assert after.transition is not None  # noqa: S101 - it has just been opened
    source = after.transition.source
    return {
        "action": str(ruling.action),
        "source": definition.name_of(source) if source else None,
        "target": definition.name_of(ruling.target),
        "rule": ruling.rule,
        "why": ruling.why,
        "reason": request.reason,
        "execution": after.transition.execution,
        "facts": facts_of(state, definition, int(now)),
        "expires_at": int(now) + HISTORY_KEPT_S,
        "stages.noticed_at": request.noticed_at or now,
        "stages.opened_at": now,
    }
