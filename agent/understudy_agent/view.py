"""What one read of the state item showed: its fields as values, and a word for each thing that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class MalformedStateError(ValueError):
    """The state item lacks something or holds something of the wrong type: it counts as not read."""


FORMAT = 1
"""The newest format of the state item that this agent knows. Fields more are no new format, and left aside."""
RENEWAL_S = 1.0
"""What renewing promises may take. The controller refuses a policy whose promises leave no time for it."""


@dataclass(frozen=True)
class Terms:
    """The timings of the cluster that a node must know, in seconds.

    `promise_s` 0: no promises are asked for or given. `on_isolation`: `stop` or `keep`.
    """

    heartbeat_interval_s: float = 4.0
    lease_read_interval_s: float = 2.0
    lease_s: float = 12.0
    kill_limit_s: float = 1.0
    silence_limit_s: float = 15.0
    promise_s: float = 0.0
    on_isolation: str = "stop"

    @property
    def keeps_on(self) -> bool:
        """Whether a holder serves on that can neither renew its lease nor get promises."""
        return self.on_isolation == "keep"

    def slack_s(self) -> float:
        """What the lease leaves over, in seconds, when one beat is lost and the next renews it."""
        renewed_after_s = 2 * self.heartbeat_interval_s + self.lease_read_interval_s + 1
        return max(0.0, self.lease_s - self.kill_limit_s - renewed_after_s)

    def promise_slack_s(self) -> float:
        """What a promise leaves over, in seconds, when it is renewed: asked for at half time, heard RENEWAL_S later."""
        return max(0.0, self.promise_s / 2 - self.kill_limit_s - RENEWAL_S)


@dataclass(frozen=True)
class NodeView:
    """One node in the state item. `beat` numbers its newest recorded beat: its local send time in ms.

    `ip` "": it cannot be asked for a promise. `joined` and `knows` are versions of the definition: the one that
    added it to a cluster in use, else 0; and the one whose nodes it asks, by its newest beat, 0 when it asks nobody.
    """

    beat: int
    heard_at: int | None
    boot: str
    read_epoch: int = 0
    is_down: bool = False
    ip: str = ""
    joined: int = 0
    knows: int = 0


@dataclass(frozen=True)
class PreviousView:
    """The node whose lease was ended, and whether it is proved already that it cannot serve. `lease_s`: seconds."""

    node: str
    ended_epoch: int
    lease_s: float
    is_proven: bool


@dataclass(frozen=True)
class StateView:
    """What one strongly consistent read of the state item showed. `active` "": nobody holds the lease."""

    epoch: int
    active: str
    in_transition: bool
    terms: Terms
    nodes: Mapping[str, NodeView]
    previous: PreviousView | None = None
    version: int = 0
    """Of the definition in force."""

    @property
    def holder(self) -> str:
        """Who holds the lease or, while nobody does, held it last; "" when there is nobody."""
        return self.active or (self.previous.node if self.previous else "")


def parse_state(item: Mapping[str, Any]) -> StateView:
    """The view of a state item, given as plain values. Raises MalformedStateError, naming what is wrong."""
    if "v" in item and _number(item, "v") > FORMAT:
        raise MalformedStateError(
            f"v, the format of the item, is {item['v']}, and this agent knows up to {FORMAT}: upgrade it"
        )
    nodes = _field(item, "nodes", Mapping)
    return StateView(
        epoch=int(_number(item, "epoch")),
        active=str(item.get("active") or ""),
        in_transition=bool(item.get("transition")),
        terms=_terms(_field(item, "terms", Mapping)),
        nodes={str(name): _node(str(name), node) for name, node in nodes.items()},
        previous=_previous(_field(item, "previous", Mapping)) if item.get("previous") is not None else None,
        version=_whole(item, "definition_version"),
    )


def _terms(item: Mapping[str, Any]) -> Terms:
    return Terms(
        heartbeat_interval_s=_number(item, "heartbeat_interval_s"),
        lease_read_interval_s=_number(item, "lease_read_interval_s"),
        lease_s=_number(item, "lease_s"),
        kill_limit_s=_number(item, "kill_limit_s"),
        silence_limit_s=_number(item, "silence_limit_s"),
        promise_s=_number(item, "promise_s") if "promise_s" in item else 0.0,
        on_isolation=str(item.get("on_isolation", "stop")),
    )


def _node(name: str, item: object) -> NodeView:
    if not isinstance(item, Mapping):
        raise MalformedStateError(f"nodes.{name} is not a map")
    heard_at = item.get("heard_at")
    return NodeView(
        beat=int(_number(item, "beat")) if heard_at is not None else 0,
        heard_at=int(_number(item, "heard_at")) if heard_at is not None else None,
        boot=str(item.get("boot") or ""),
        read_epoch=_whole(item, "read_epoch"),
        is_down=item.get("service") == "OUT_OF_SERVICE",
        ip=str(item.get("ip") or ""),
        joined=_whole(item, "joined"),
        knows=_whole(item, "knows"),
    )


def _previous(item: Mapping[str, Any]) -> PreviousView:
    return PreviousView(
        node=str(item.get("node")),
        ended_epoch=int(_number(item, "ended_epoch")),
        lease_s=_number(item, "lease_s"),
        is_proven=item.get("proof") is not None,
    )


def _whole(item: Mapping[str, Any], key: str) -> int:
    """A number that an older controller does not write: 0 then."""
    return int(_number(item, key)) if key in item else 0


def _field(item: Mapping[str, Any], key: str, kind: type) -> Any:
    value = item.get(key)
    if not isinstance(value, kind):
        raise MalformedStateError(f"{key} is {value!r}, not a {kind.__name__.lower()}")
    return value


def _number(item: Mapping[str, Any], key: str) -> float:
    try:
        value = float(item[key])
    except (KeyError, TypeError, ValueError) as fault:
        raise MalformedStateError(f"{key} is {item.get(key)!r}, not a number") from fault
    if not 0 <= value < 1e15:
        raise MalformedStateError(f"{key} is {value}, outside 0 to 10^15")
    return value
