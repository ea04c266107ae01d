"""What an operator, a schedule or the controller itself may ask of the workflow (S10)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from understudy.domain.model import TransitionAction
from understudy.domain.quoting import plain, quoted

CLUSTER_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
MANUAL_ACTIONS = (TransitionAction.SWITCHOVER, TransitionAction.FAILOVER, TransitionAction.FAILBACK)
CHECK = "check"
"""The action that moves nothing: the workflow leads it to the readiness check, every other one to a transition."""
KEYS = ("cluster", "action", "to", "reason", "rule", "why", "noticed_at")
TEXT_LIMIT = 200
KEYS_NAMED = 10
TIME_LIMIT = 10**11


@dataclass(frozen=True)
class Request:
    """A transition asked for. `rule` is set when the controller asks: then the cause is looked at once more.

    `noticed_at`: when the controller noticed the cause (seconds), for the history.
    """

    cluster: str
    action: TransitionAction = TransitionAction.SWITCHOVER
    to: str | None = None
    reason: str = ""
    rule: str | None = None
    noticed_at: float | None = None


class BadRequestError(Exception):
    """The execution's input is not a request. The message says what was found, where, and what is allowed."""


def parse_request(document: Any) -> Request:
    """Read an execution's input.

    Raises BadRequestError with every fault at once; nothing is changed by a bad request.
    """
    example = 'for example {"cluster": "orders-db", "action": "switchover", "to": "node-b", "reason": "patching"}'
    if not isinstance(document, Mapping):
        raise BadRequestError(f"the input is {quoted(document)}, not an object; {example}")
    faults = [
        *_unknown_keys(document),
        *_bad_texts(document),
        *_bad_cluster(document),
        *_bad_action(document),
        *_bad_time(document),
    ]
    if faults:
        raise BadRequestError("; ".join([*faults, example]))
    return Request(
        cluster=document["cluster"],
        action=TransitionAction(document.get("action", TransitionAction.SWITCHOVER)),
        to=document.get("to"),
        # They get into logs, events, the history and sentences of ours: on one line, and writable as UTF-8.
        reason=plain(document.get("reason", ""), TEXT_LIMIT),
        rule=plain(document["rule"], TEXT_LIMIT) if "rule" in document else None,
        noticed_at=document.get("noticed_at"),
    )


def parse_check(document: Any) -> str:
    """The cluster whose readiness an execution's input asks for. Raises BadRequestError with every fault at once."""
    example = 'for example {"cluster": "orders-db", "action": "check"}'
    if not isinstance(document, Mapping):
        raise BadRequestError(f"the input is {quoted(document)}, not an object; {example}")
    faults = [
        *_unknown_keys(document, ("cluster", "action", "reason")),
        *_bad_texts(document),
        *_bad_cluster(document),
        *([] if document.get("action") == CHECK else [f"action is {quoted(document.get('action'))}; allowed: {CHECK}"]),
    ]
    if faults:
        raise BadRequestError("; ".join([*faults, example]))
    return str(document["cluster"])


def _unknown_keys(document: Mapping[str, Any], allowed: tuple[str, ...] = KEYS) -> list[str]:
    unknown = [key for key in document if key not in allowed]
    faults = [f"{quoted(key)} is not a key; allowed: {', '.join(allowed)}" for key in unknown[:KEYS_NAMED]]
    rest = len(unknown) - KEYS_NAMED
    return [*faults, f"{rest} more keys are not allowed"] if rest > 0 else faults


def _bad_texts(document: Mapping[str, Any]) -> list[str]:
    return [
        f"{key} is {quoted(document[key])}; allowed: a text of {least} to {TEXT_LIMIT} characters"
        for key, least in (("to", 1), ("reason", 0), ("rule", 1), ("why", 0))
        if key in document and not (isinstance(document[key], str) and least <= len(document[key]) <= TEXT_LIMIT)
    ]


def _bad_cluster(document: Mapping[str, Any]) -> list[str]:
    if "cluster" not in document:
        return ["cluster is missing"]
    name = document["cluster"]
    if isinstance(name, str) and CLUSTER_NAME.fullmatch(name):
        return []
    return [f"cluster is {quoted(name)}; allowed: 1 to 40 of a-z, 0-9 and -, not - at either end"]


def _bad_action(document: Mapping[str, Any]) -> list[str]:
    action = document.get("action", TransitionAction.SWITCHOVER)
    allowed = [str(each) for each in (TransitionAction if document.get("rule") else MANUAL_ACTIONS)]
    if isinstance(action, str) and action in allowed:
        return []
    allowed += [] if document.get("rule") else [f"{CHECK} (which moves nothing)"]
    return [f"action is {quoted(action)}; allowed: {', '.join(allowed)}"]


def _bad_time(document: Mapping[str, Any]) -> list[str]:
    noticed_at = document.get("noticed_at", 0)
    # Infinity and NaN pass for numbers in Python's JSON, and DynamoDB takes neither.
    if isinstance(noticed_at, int | float) and not isinstance(noticed_at, bool) and 0 <= noticed_at <= TIME_LIMIT:
        return []
    return [f"noticed_at is {quoted(noticed_at)}; allowed: seconds since the epoch"]
