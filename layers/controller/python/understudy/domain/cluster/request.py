"""What an operator, a schedule or the controller itself may ask of the workflow."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from understudy.domain.cluster.hold import HOLD, MODE_ACTIONS, MODE_KEYS, TIME_LIMIT, ModeRequest, expiry_faults
from understudy.domain.cluster.quoting import plain, quoted
from understudy.domain.cluster.seal import CONTROLLER_WORDS
from understudy.domain.cluster.state import TransitionAction

CLUSTER_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
MANUAL_ACTIONS = (TransitionAction.SWITCHOVER, TransitionAction.FAILOVER, TransitionAction.FAILBACK)
CHECK = "check"
"""The action that moves nothing: the workflow leads it to the readiness check."""
EXPLAIN, REHEARSE = "explain", "rehearse"
QUESTIONS = {EXPLAIN: ("cluster", "action", "reason"), REHEARSE: ("cluster", "action", "to", "reason")}
"""Actions that change nothing at all, with their keys: the workflow leads them to Advise."""
CLEAR = "clear"
"""The action that forgets a failed start."""
CLEAR_KEYS = ("cluster", "action", "node", "reason")
KEYS = ("cluster", "action", "to", "reason", "unproven")
PROCEED = "proceed"
TEXT_LIMIT = 200
KEYS_NAMED = 10


@dataclass(frozen=True)
class Request:
    """A transition asked for. `rule` is set when the controller asks: then the cause is looked at once more.

    `epoch`: what the controller asks to be opened; `noticed_at`: when it noticed the cause (seconds), for the history.
    `may_go_unproven`: an operator answers for it that the old node is off, should nothing prove it.
    """

    cluster: str
    action: TransitionAction = TransitionAction.SWITCHOVER
    to: str | None = None
    reason: str = ""
    rule: str | None = None
    noticed_at: float | None = None
    epoch: int | None = None
    may_go_unproven: bool = False


@dataclass(frozen=True)
class ClearRequest:
    """That a failed start of a node is to be forgotten. `node`: its name."""

    cluster: str
    node: str
    reason: str = ""


@dataclass(frozen=True)
class Inquiry:
    """What an operator wants to know of a cluster. `to`: the name of a node, for a rehearsal only."""

    cluster: str
    action: str
    to: str | None = None


class BadRequestError(Exception):
    """The execution's input is not a request. The message says what was found, where, and what is allowed."""


def parse_request(document: Any, *, by_controller: bool = False) -> Request | ModeRequest | ClearRequest:
    """Read an execution's input. Words of the controller are refused unless the caller has made sure that it asked.

    Raises BadRequestError with every fault at once; nothing is changed by a bad request.
    """
    example = 'for example {"cluster": "orders-db", "action": "switchover", "to": "node-b", "reason": "patching"}'
    if not isinstance(document, Mapping):
        raise BadRequestError(f"the input is {quoted(document)}, not an object; {example}")
    if document.get("action") in MODE_ACTIONS:
        return _parse_mode(document)
    if document.get("action") == CLEAR:
        return _parse_clear(document)
    faults = [
        *_unknown_keys(document, (*KEYS, *CONTROLLER_WORDS) if by_controller else KEYS),
        *_bad_texts(document),
        *_bad_cluster(document),
        *_bad_action(document),
        *_bad_unproven(document),
        *_bad_time(document),
        *_bad_epoch(document),
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
        epoch=document.get("epoch"),
        may_go_unproven="unproven" in document,
    )


def _parse_mode(document: Mapping[str, Any]) -> ModeRequest:
    faults = [
        *_unknown_keys(document, MODE_KEYS),
        *_bad_texts(document),
        *_bad_cluster(document),
        *expiry_faults(document),
    ]
    if faults:
        example = 'for example {"cluster": "orders-db", "action": "hold", "for_s": 3600, "reason": "patching"}'
        raise BadRequestError("; ".join([*faults, example]))
    return ModeRequest(
        cluster=document["cluster"],
        is_hold=document["action"] == HOLD,
        reason=plain(document.get("reason", ""), TEXT_LIMIT),
        until=document.get("until"),
        for_s=document.get("for_s"),
    )


def _parse_clear(document: Mapping[str, Any]) -> ClearRequest:
    faults = [
        *_unknown_keys(document, CLEAR_KEYS),
        *_bad_texts(document),
        *_bad_cluster(document),
        *([] if "node" in document else ["node is missing"]),
    ]
    if faults:
        example = 'for example {"cluster": "orders-db", "action": "clear", "node": "node-b", "reason": "disk replaced"}'
        raise BadRequestError("; ".join([*faults, example]))
    return ClearRequest(document["cluster"], document["node"], plain(document.get("reason", ""), TEXT_LIMIT))


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


def parse_question(document: Any) -> Inquiry:
    """Read what asks to explain or to rehearse. Raises BadRequestError with every fault at once."""
    example = 'for example {"cluster": "orders-db", "action": "rehearse", "to": "node-b"}'
    if not isinstance(document, Mapping):
        raise BadRequestError(f"the input is {quoted(document)}, not an object; {example}")
    action = document.get("action")
    keys = QUESTIONS.get(action) if isinstance(action, str) else None
    faults = [
        *([] if keys else [f"action is {quoted(action)}; allowed: {', '.join(QUESTIONS)}"]),
        *_unknown_keys(document, keys or QUESTIONS[REHEARSE]),
        *_bad_texts(document),
        *_bad_cluster(document),
    ]
    if faults:
        raise BadRequestError("; ".join([*faults, example]))
    return Inquiry(document["cluster"], document["action"], document.get("to"))


def _unknown_keys(document: Mapping[str, Any], allowed: tuple[str, ...]) -> list[str]:
    unknown = [key for key in document if key not in allowed]
    faults = [_unknown_key(key, allowed) for key in unknown[:KEYS_NAMED]]
    rest = len(unknown) - KEYS_NAMED
    return [*faults, f"{rest} more keys are not allowed"] if rest > 0 else faults


def _unknown_key(key: Any, allowed: tuple[str, ...]) -> str:
    what = "for the controller alone to say" if key in CONTROLLER_WORDS else "not a key"
    return f"{quoted(key)} is {what}; allowed: {', '.join(allowed)}"


def _bad_texts(document: Mapping[str, Any]) -> list[str]:
    return [
        f"{key} is {quoted(document[key])}; allowed: a text of {least} to {TEXT_LIMIT} characters"
        for key, least in (("to", 1), ("node", 1), ("reason", 0), ("rule", 1), ("why", 0))
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
    allowed += (
        [] if document.get("rule") else [f"{', '.join((*MODE_ACTIONS, CLEAR, CHECK, *QUESTIONS))} (which move nothing)"]
    )
    return [f"action is {quoted(action)}; allowed: {', '.join(allowed)}"]


def _bad_unproven(document: Mapping[str, Any]) -> list[str]:
    """To go on without a proof is a person's word, for a failover, with a reason that stays in the history."""
    if "unproven" not in document:
        return []
    faults = []
    if document["unproven"] != PROCEED:
        faults.append(f"unproven is {quoted(document['unproven'])}; allowed: {PROCEED}")
    if document.get("action") != TransitionAction.FAILOVER or document.get("rule"):
        faults.append("unproven belongs to a failover that an operator asks for")
    if not document.get("reason"):
        faults.append("unproven needs a reason: how it is known that the old node is off")
    return faults


def _bad_time(document: Mapping[str, Any]) -> list[str]:
    noticed_at = document.get("noticed_at", 0)
    # Infinity and NaN pass for numbers in Python's JSON, and DynamoDB takes neither.
    if isinstance(noticed_at, int | float) and not isinstance(noticed_at, bool) and 0 <= noticed_at <= TIME_LIMIT:
        return []
    return [f"noticed_at is {quoted(noticed_at)}; allowed: seconds since the epoch"]


def _bad_epoch(document: Mapping[str, Any]) -> list[str]:
    epoch = document.get("epoch", 1)
    if isinstance(epoch, int) and not isinstance(epoch, bool) and 0 < epoch <= TIME_LIMIT:
        return []
    return [f"epoch is {quoted(epoch)}; allowed: a whole number from 1 on"]
