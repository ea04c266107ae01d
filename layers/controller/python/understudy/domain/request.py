"""What an operator, a schedule or the controller itself may ask of the workflow (S10)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from understudy.domain.model import TransitionAction

CLUSTER_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
MANUAL_ACTIONS = (TransitionAction.SWITCHOVER, TransitionAction.FAILOVER, TransitionAction.FAILBACK)
TEXT_LIMIT = 200


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
        raise BadRequestError(f"the input is {document!r:.100}, not an object; {example}")
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
        reason=document.get("reason", ""),
        rule=document.get("rule"),
        noticed_at=document.get("noticed_at"),
    )


def _unknown_keys(document: Mapping[str, Any]) -> list[str]:
    allowed = ("cluster", "action", "to", "reason", "rule", "why", "noticed_at")
    return [f"{key!r:.60} is not a key; allowed: {', '.join(allowed)}" for key in document if key not in allowed]


def _bad_texts(document: Mapping[str, Any]) -> list[str]:
    return [
        f"{key} is {document[key]!r:.60}; allowed: a text of at most {TEXT_LIMIT} characters"
        for key in ("to", "reason", "rule", "why")
        if key in document and not (isinstance(document[key], str) and len(document[key]) <= TEXT_LIMIT)
    ]


def _bad_cluster(document: Mapping[str, Any]) -> list[str]:
    if "cluster" not in document:
        return ["cluster is missing"]
    name = document["cluster"]
    if isinstance(name, str) and CLUSTER_NAME.fullmatch(name):
        return []
    return [f"cluster is {name!r:.60}; allowed: 1 to 40 of a-z, 0-9 and -, not - at either end"]


def _bad_action(document: Mapping[str, Any]) -> list[str]:
    action = document.get("action", TransitionAction.SWITCHOVER)
    allowed = [str(each) for each in (TransitionAction if document.get("rule") else MANUAL_ACTIONS)]
    if isinstance(action, str) and action in allowed:
        return []
    return [f"action is {action!r:.60}; allowed: {', '.join(allowed)}"]


def _bad_time(document: Mapping[str, Any]) -> list[str]:
    noticed_at = document.get("noticed_at", 0)
    if isinstance(noticed_at, int | float) and not isinstance(noticed_at, bool):
        return []
    return [f"noticed_at is {noticed_at!r:.60}; allowed: seconds since the epoch"]
