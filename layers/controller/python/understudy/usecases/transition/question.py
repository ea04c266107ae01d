"""The question whether a move may be opened: put down before it is asked, and closed with what came of it (B4).

It stands in the state, so whoever judges the cluster sees it, and no two executions ask the same.
"""

import logging
from dataclasses import dataclass, replace
from typing import Any

from understudy.domain.cluster.approval import Reply
from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.request import Request
from understudy.domain.cluster.state import ClusterState
from understudy.domain.transition.consent import Approved, Ask, Ending
from understudy.ports.announcer import Announcer
from understudy.ports.ledger import StateLedger
from understudy.usecases.step import tell

APPROVAL_ENDED = "Understudy Approval Ended"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """Which question an execution comes back from: its request, its name, and what the token was answered with."""

    request: Request
    execution: str
    reply: Reply


def put_question(
    asking: Ask, state: ClusterState, definition: Definition, ledger: StateLedger, now: int
) -> dict[str, Any]:
    """Let the question stand, and say what AskApproval needs to put it to people. Raises LedgerConflictError.

    Asked again by the same execution, which was cut off, it writes nothing and gives the seconds that are left.
    """
    question, opening = asking.question, asking.opening
    if state.approval != question:
        ledger.commit(state, replace(state, approval=question))
    return {
        "wait_s": max(1, question.until - now),
        "action": question.action,
        "source": state.last_holder,
        "target": opening.target,
        "rule": opening.rule,
        "why": opening.why,
        "on_timeout": definition.policy.approval.on_timeout,
    }


def close_question(
    asked: Asked,
    ending: Ending,
    state: ClusterState,
    definition: Definition,
    ledger: StateLedger,
    announcer: Announcer,
    now: float,
) -> None:
    """Nothing moves: remember a no, write into the history of the epoch who said what, and tell people.

    The history keeps the newest only: a cluster can be asked about for days under one epoch. A question that another
    one has replaced is not in the state any more, and stays so.
    """
    told = _told(asked, ending, state, definition)
    if state.approval is not None and state.approval.execution == asked.execution:
        history = {state.epoch: {"not_approved": {**told, "at": now}}}
        ledger.commit(state, replace(state, approval=ending.remembered), history=history)
    log.warning("not approved", extra={"cluster": state.cluster, **told})
    tell(announcer, APPROVAL_ENDED, {"cluster": state.cluster, "epoch": state.epoch, **told})


def tell_of_consent(
    asked: Asked, consent: Approved, before: ClusterState, definition: Definition, epoch: int, announcer: Announcer
) -> None:
    """Whoever was asked hears that the move goes on under `epoch`, and on whose word."""
    told = _told(asked, consent.ending, before, definition)
    tell(announcer, APPROVAL_ENDED, {"cluster": before.cluster, "epoch": epoch, **told})


def consent_facts(consent: Approved) -> dict[str, Any]:
    """What the history of the transition keeps of the consent to it (B5)."""
    return {
        "approval": {"outcome": consent.ending.outcome, "by": consent.ending.by},
        "stages.asked_at": consent.asked_at,
    }


def _told(asked: Asked, ending: Ending, state: ClusterState, definition: Definition) -> dict[str, Any]:
    return {
        "action": str(asked.request.action),
        "source": definition.name_of(state.last_holder) if state.last_holder else None,
        "target": definition.name_of(asked.reply.target),
        "outcome": ending.outcome,
        "by": ending.by,
        "reason": ending.reason,
        "why": ending.why,
        "execution": asked.execution,
        "asked_again_at": ending.remembered.until if ending.remembered else None,
    }
