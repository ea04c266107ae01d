"""How an execution ended, which exit status says so, and the one sentence for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from understudy_cli.core import exits
from understudy_cli.core.items import Fields
from understudy_cli.core.moves import Story
from understudy_cli.core.requests import HOLD, REHEARSE
from understudy_cli.core.times import duration

RUNNING, SUCCEEDED, FAILED = "RUNNING", "SUCCEEDED", "FAILED"
BY_OUTCOME = {
    "IN_SERVICE": "InService",
    "STOOD_DOWN": "StoodDown",
    "DOUBTED": "Doubted",
    "STALE": "Superseded",
    "MODE_SET": "ModeSet",
    "CLEARED": "Cleared",
    "CHECKED": "Checked",
    "ADVISED": "Advised",
}
"""The last state of an execution that succeeded, by the outcome in its output."""
EXITS = {
    "InService": exits.DONE,
    "ModeSet": exits.DONE,
    "Cleared": exits.DONE,
    "Checked": exits.DONE,
    "Advised": exits.DONE,
    "StoodDown": exits.NOT_DONE,
    "Doubted": exits.NOT_DONE,
    "NotApproved": exits.NOT_DONE,
    "NotReady": exits.NOT_DONE,
    "Refused": exits.REFUSED,
    "Degraded": exits.DEGRADED,
    "Held": exits.WAITS,
    "Superseded": exits.NOT_KNOWN,
    "Broken": exits.NOT_KNOWN,
    "UnknownOutcome": exits.NOT_KNOWN,
    "TIMED_OUT": exits.NOT_KNOWN,
    "ABORTED": exits.NOT_KNOWN,
}
ELSEWHERE = "NOT_ON_THE_REQUESTED_NODE"
VERDICT_BAD = "NOT_READY"


@dataclass(frozen=True)
class Execution:
    """An execution as Step Functions describes it. `output`: what it answered, empty while it runs or has failed."""

    name: str
    status: str
    error: str = ""
    cause: str = ""
    output: Mapping[str, Any] = field(default_factory=dict)
    asked: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self.status == RUNNING


@dataclass(frozen=True)
class Ending:
    """How it ended: the word of docs/on-call.md, the exit status, and one sentence."""

    word: str
    exit: int
    sentence: str


def document(text: Any) -> dict[str, Any]:
    """A JSON object, empty when the text is none."""
    try:
        value = json.loads(text)
    except (TypeError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def ending_of(execution: Execution, stories: Sequence[Story] = ()) -> Ending:
    """The ending of an execution that is over, with the moves that it made (oldest first)."""
    word = _word(execution)
    exit_status = EXITS.get(word, exits.NOT_KNOWN)
    if word == "Degraded" and _went_back(stories):
        exit_status = exits.NOT_DONE
    if word == "Advised" and _rehearsed_badly(execution):
        exit_status = exits.NOT_DONE
    return Ending(word, exit_status, _sentence(word, exit_status, execution, stories))


def _word(execution: Execution) -> str:
    if execution.status == SUCCEEDED:
        return BY_OUTCOME.get(str(execution.output.get("outcome")), "UnknownOutcome")
    if execution.status == FAILED:
        return execution.error or "Broken"
    return execution.status


def _rehearsed_badly(execution: Execution) -> bool:
    return execution.output.get("action") == REHEARSE and execution.output.get("verdict") == VERDICT_BAD


def _went_back(stories: Sequence[Story]) -> bool:
    """Whether the service is where it was and nothing else is missing: the new node did not start it."""
    if not stories or not stories[0].source:
        return False
    return stories[-1].target == stories[0].source and set(stories[-1].reasons) == {ELSEWHERE}


def _sentence(word: str, exit_status: int, execution: Execution, stories: Sequence[Story]) -> str:
    cluster = str(execution.asked.get("cluster") or execution.output.get("cluster") or "the cluster")
    cause = execution.cause or str(execution.output.get("why") or "") or "no reason was given"
    if word == "InService":
        return _moved(cluster, stories)
    if word == "Degraded" and exit_status == exits.NOT_DONE:
        failed = stories[0].target or "the new node"
        there = f"{cluster} is in service on {stories[-1].target} again"
        return f"Not done: the service did not start on {failed}, and {there}. Look at the agent's journal of {failed}."
    return {
        "ModeSet": f"Done: {cluster} is {_mode(Fields(execution.asked))}.",
        "Cleared": f"Done: no failed start of {execution.asked.get('node', 'the node')} is remembered in {cluster}.",
        "Checked": f"Done: nothing that was checked would break a failover of {cluster}.",
        "Advised": f"Done: {cluster} was looked at, and nothing was changed.",
        "NotReady": f"Not ready: {cause}. Nothing was moved.",
        "NotApproved": f"Not done: {cause}. Nothing was moved.",
        "StoodDown": f"Not done: {cause}. Nothing was moved.",
        "Doubted": f"Not done yet: the failover is put off ({cause}). Nothing was moved.",
        "Refused": f"Refused: {cause}",
        "Degraded": f"Degraded: {cause}. docs/on-call.md has a section for each reason.",
        "Held": f"Held: {cause}. Nobody holds the lease: docs/on-call.md#held says what to do.",
        "Superseded": f"Not known: {cause}. Look at the newest move: understudy history {cluster}",
    }.get(word, f"Not known: the execution ended {word} ({cause}). Look: understudy status {cluster}")


def _mode(asked: Fields) -> str:
    if asked.text("action") != HOLD:
        return "resumed"
    for_s, until = asked.number("for_s"), asked.number("until")
    if for_s is not None:
        return f"held for {duration(for_s)}"
    return "held until it is resumed" if until is None else "held until the time that you named"


def _moved(cluster: str, stories: Sequence[Story]) -> str:
    if not stories:
        return f"Done: {cluster} is in service."
    last = stories[-1]
    outage = "" if last.outage_s is None else f", {duration(last.outage_s)} after the move was opened"
    return f"Done: {cluster} is in service on {last.target}{outage} (epoch {last.epoch}). Clients follow with the TTL."
