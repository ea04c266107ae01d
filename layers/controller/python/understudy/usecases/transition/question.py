"""The question whether a move may be opened: put down before it is asked, and closed with what came of it.

It stands in the state, so whoever judges the cluster sees it, and no two executions ask the same.
"""

import logging
from dataclasses import dataclass, replace
from typing import Any

from understudy.domain.cluster.approval import Reply
from understudy.domain.cluster.request import Request
from understudy.domain.cluster.view import ClusterView
from understudy.domain.events.approvals import ApprovalEnded
from understudy.domain.transition.consent import Approved, AskPerson, Ending
from understudy.ports.announcer import Announcer
from understudy.ports.ledger import StateLedger
from understudy.usecases.step import publish

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """Which question an execution comes back from: its request, its name, and what the token was answered with."""

    request: Request
    execution: str
    reply: Reply


def put_question(asking: AskPerson, view: ClusterView, ledger: StateLedger) -> dict[str, Any]:
    """Let the question stand, and say what AskApproval needs to put it to people. Raises LedgerConflictError.

    Asked again by the same execution, which was cut off, it writes nothing and gives the seconds that are left.
    """
    question, opening = asking.question, asking.opening
    if view.state.approval != question:
        ledger.commit(view.state, replace(view.state, approval=question))
    return {
        "wait_s": max(1, question.until - view.now),
        "action": question.action,
        "source": view.state.last_holder,
        "target": opening.target,
        "rule": opening.rule,
        "why": opening.why,
        "on_timeout": view.policy.approval.on_timeout,
    }


def close_question(
    asked: Asked,
    ending: Ending,
    view: ClusterView,
    ended_at: float,
    ledger: StateLedger,
    announcer: Announcer,
) -> None:
    """Nothing moves: remember a no, write into the history of the epoch who said what, and tell people.

    The history keeps the newest only: a cluster can be asked about for days under one epoch. A question that another
    one has replaced is not in the state any more, and stays so.
    """
    event = _ended(asked, ending, view, view.state.epoch)
    told = {key: value for key, value in event.detail().items() if key not in ("cluster", "epoch")}
    if view.state.approval is not None and view.state.approval.execution == asked.execution:
        history = {view.state.epoch: {"not_approved": {**told, "at": ended_at}}}
        ledger.commit(view.state, replace(view.state, approval=ending.remembered), history=history)
    log.warning("not approved", extra={"cluster": view.state.cluster, **told})
    publish(announcer, event)


def tell_of_consent(asked: Asked, consent: Approved, before: ClusterView, epoch: int, announcer: Announcer) -> None:
    """Whoever was asked hears that the move goes on under `epoch`, and on whose word."""
    publish(announcer, _ended(asked, consent.ending, before, epoch))


def consent_facts(consent: Approved) -> dict[str, Any]:
    """What the history of the transition keeps of the consent to it."""
    return {
        "approval": {"outcome": consent.ending.outcome, "by": consent.ending.by},
        "stages.asked_at": consent.asked_at,
    }


def _ended(asked: Asked, ending: Ending, view: ClusterView, epoch: int) -> ApprovalEnded:
    return ApprovalEnded(
        cluster=view.state.cluster,
        epoch=epoch,
        action=asked.request.action,
        source=view.definition.name_of(view.state.last_holder) if view.state.last_holder else None,
        target=view.definition.name_of(asked.reply.target),
        outcome=ending.outcome,
        by=ending.by,
        reason=ending.reason,
        why=ending.why,
        execution=asked.execution,
        asked_again_at=ending.remembered.until if ending.remembered else None,
    )
