"""Advise: answer what an operator asks of a cluster. It changes nothing, and tells the bus of a rehearsal."""

import logging
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from understudy.domain.advise.explain import Explanation, explain
from understudy.domain.cluster.request import REHEARSE, BadRequestError, parse_question
from understudy.domain.cluster.state import ClusterState
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.rules import COLUMNS
from understudy.domain.decide.situation import observer_by_clock
from understudy.ports.ledger import StateReader
from understudy.usecases.answer.rehearse import Rehearsals
from understudy.usecases.step import Clock, Outcome, answer, definition_in_force

log = logging.getLogger(__name__)


class AdviceOutcome(StrEnum):
    """How Advise can end."""

    ADVISED = "ADVISED"
    REFUSED = "REFUSED"


def advise(payload: Mapping[str, Any], *, ledger: StateReader, rehearser: Rehearsals, clock: Clock) -> Outcome:
    """Explain the decision about a cluster as it is now, or rehearse a move of it.

    A bad request is REFUSED with every fault named.
    """
    try:
        question = parse_question(payload["request"])
    except BadRequestError as fault:
        return answer(AdviceOutcome.REFUSED, why=str(fault))
    state = ledger.read(question.cluster)
    if state is None:
        return answer(AdviceOutcome.REFUSED, why=f"cluster is {question.cluster!r}, which is not registered")
    is_rehearsal = question.action == REHEARSE
    told = rehearser.rehearse(state, question.to) if is_rehearsal else _explained(state, ledger, int(clock()))
    log.info("advised", extra={"cluster": question.cluster, "action": question.action})
    return answer(AdviceOutcome.ADVISED, cluster=question.cluster, action=question.action, **told)


def _explained(state: ClusterState, ledger: StateReader, now: int) -> dict[str, Any]:
    definition = definition_in_force(ledger, state)
    observer = observer_by_clock(state, definition.policy, now)
    return {"epoch": state.epoch, "at": now, **_plain(explain(ClusterView(state, definition, now), observer))}


def _plain(explanation: Explanation) -> dict[str, Any]:
    decision = explanation.decision
    return {
        "rule": decision.rule,
        "decision": str(decision.action),
        "why": decision.why,
        "target": explanation.target,
        "situation": {column: str(getattr(explanation.situation, column)) for column in COLUMNS},
        "facts": [
            {
                "about": each.about,
                "found": each.found,
                "age_s": each.age_s,
                **_held_against(each.threshold, each.setting),
            }
            for each in explanation.facts
        ],
        "otherwise": [
            {
                "column": each.column,
                "value": each.value,
                "condition": each.condition,
                "rule": each.decision.rule,
                "decision": str(each.decision.action),
            }
            for each in explanation.otherwise
        ],
        "text": list(explanation.lines),
    }


def _held_against(threshold: float | None, setting: str) -> dict[str, Any]:
    return {} if threshold is None else {"threshold": threshold, "setting": setting}
