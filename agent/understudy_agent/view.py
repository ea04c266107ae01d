"""What one read of the state item showed: its fields as values, and a message for each thing that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Any


class MalformedStateError(ValueError):
    """The state item lacks something or holds something of the wrong type: it counts as not read."""


FORMAT = 1
"""The newest format of the state item that this agent knows. Additional fields are no new format, and are ignored."""
NO_NAMES = "-"
"""What stands in the place of a digest where a node's beat names no services. The controller writes the same."""
BEAT_LIMIT = 10**13
"""Numbers of beats are below: CLOCK_BOOTTIME in ms, for three hundred years. The controller has the same limits."""
EPOCH_LIMIT = 10**9
VERSION_LIMIT = 10**11
TIME_LIMIT = 10**11
TIMING_LIMIT_S = 3600
"""The longest timing that a definition may have."""
RENEWAL_S = 1.0
"""What renewing promises may take. The controller refuses a policy whose promises leave no time for it."""


@dataclass(frozen=True)
class TermsView:
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
class NodeEntry:
    """One node in the state item. `beat` numbers its newest recorded beat: its local send time in ms.

    `ip` "": it cannot be asked for a promise. `joined` and `knows` are versions of the definition: the one that
    added it to a cluster in use, else 0; and the one whose nodes it asks, by its newest beat, 0 when it asks nobody.
    `is_malformed`: nothing is known of it but that it is a member. No beat of it counts, and it can promise nothing.
    """

    beat: int
    heard_at: int | None
    boot: str
    read_epoch: int = 0
    is_down: bool = False
    names_any: bool = True
    ip: str = ""
    joined: int = 0
    knows: int = 0
    is_malformed: bool = False


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
    terms: TermsView
    nodes: Mapping[str, NodeEntry]
    previous: PreviousView | None = None
    version: int = 0
    """Of the definition in force."""
    faults: tuple[str, ...] = ()
    """What is wrong with parts of it that are ignored."""

    @property
    def holder(self) -> str:
        """Who holds the lease or, while nobody does, held it last; "" when there is nobody."""
        return self.active or (self.previous.node if self.previous else "")


@dataclass(frozen=True)
class Read:
    """One read of the table. `view` None: there is no such item. `begun_ms`: when it began (local ms)."""

    view: StateView | None
    begun_ms: int | None


def parse_state(item: Mapping[str, Any]) -> StateView:
    """The view of a state item, given as plain values. Raises MalformedStateError, naming what is wrong.

    A node that is malformed stays a member: it must not vanish from those whose promises a holder needs. A malformed
    `previous` is left aside: it can only give more time, or let a node start sooner.
    """
    if "v" in item and _number(item, "v", VERSION_LIMIT) > FORMAT:
        raise MalformedStateError(
            f"v, the format of the item, is {item['v']}, and this agent knows up to {FORMAT}: upgrade it"
        )
    faults: list[str] = []
    nodes = {str(name): _node_or_member(str(name), node, faults) for name, node in _field(item, "nodes").items()}
    return StateView(
        epoch=_whole(item, "epoch", EPOCH_LIMIT),
        active=str(item.get("active") or ""),
        in_transition=bool(item.get("transition")),
        terms=parse_terms(_field(item, "terms")),
        nodes=nodes,
        previous=_previous_or_none(item, faults),
        version=_whole_or_0(item, "definition_version", VERSION_LIMIT),
        faults=tuple(faults),
    )


def parse_terms(item: Mapping[str, Any]) -> TermsView:
    """Timings, given as plain values. Raises MalformedStateError, naming what is wrong."""
    return TermsView(
        heartbeat_interval_s=_seconds(item, "heartbeat_interval_s"),
        lease_read_interval_s=_seconds(item, "lease_read_interval_s"),
        lease_s=_seconds(item, "lease_s"),
        kill_limit_s=_seconds(item, "kill_limit_s"),
        silence_limit_s=_seconds(item, "silence_limit_s"),
        promise_s=_seconds(item, "promise_s") if "promise_s" in item else 0.0,
        on_isolation=str(item.get("on_isolation", "stop")),
    )


def _node_or_member(name: str, item: object, faults: list[str]) -> NodeEntry:
    """A node; one that is malformed is a member of which nothing is known, and its fault is noted."""
    try:
        if isinstance(item, Mapping):
            return _node(item, _address(name, item, faults))
        faults.append(f"nodes.{name} is {item!r:.100}, not a map")
    except MalformedStateError as fault:
        faults.append(f"nodes.{name}: {fault}")
    return NodeEntry(beat=0, heard_at=None, boot="", is_malformed=True)


def _node(item: Mapping[str, Any], ip: str) -> NodeEntry:
    is_heard = item.get("heard_at") is not None
    return NodeEntry(
        beat=_whole(item, "beat", BEAT_LIMIT) if is_heard else 0,
        heard_at=_whole(item, "heard_at", TIME_LIMIT) if is_heard else None,
        boot=str(item.get("boot") or ""),
        read_epoch=_whole_or_0(item, "read_epoch", EPOCH_LIMIT),
        is_down=item.get("service") == "OUT_OF_SERVICE",
        names_any=item.get("named") != NO_NAMES,
        ip=ip,
        joined=_whole_or_0(item, "joined", VERSION_LIMIT),
        knows=_whole_or_0(item, "knows", VERSION_LIMIT),
    )


def _address(name: str, item: Mapping[str, Any], faults: list[str]) -> str:
    """An IP address; "" for anything else, which the resolver would be asked about, and waited for."""
    try:
        return _plain_address(str(item.get("ip"))) if item.get("ip") else ""
    except ValueError as fault:
        faults.append(f"nodes.{name}: ip: {fault}")
        return ""


@lru_cache(maxsize=256)
def _plain_address(text: str) -> str:
    """Raises ValueError. Every read of the table shows the same few."""
    return str(ip_address(text))


def _previous_or_none(item: Mapping[str, Any], faults: list[str]) -> PreviousView | None:
    if item.get("previous") is None:
        return None
    try:
        previous = _field(item, "previous")
        return PreviousView(
            node=str(previous.get("node")),
            ended_epoch=_whole(previous, "ended_epoch", EPOCH_LIMIT),
            lease_s=_seconds(previous, "lease_s"),
            is_proven=previous.get("proof") is not None,
        )
    except MalformedStateError as fault:
        faults.append(f"previous: {fault}")
        return None


def _field(item: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = item.get(key)
    if not isinstance(value, Mapping):
        raise MalformedStateError(f"{key} is {value!r:.100}, not a mapping")
    return value


def _whole_or_0(item: Mapping[str, Any], key: str, limit: int) -> int:
    """A number that an older controller does not write: 0 then."""
    return _whole(item, key, limit) if key in item else 0


def _whole(item: Mapping[str, Any], key: str, limit: int) -> int:
    found = item.get(key)
    if type(found) is int and 0 <= found < limit:
        return found
    value = _number(item, key, limit)
    if value != int(value) or value == limit:
        raise MalformedStateError(f"{key} is {item[key]!r:.100}, not a whole number from 0 to {limit - 1}")
    return int(value)


def _seconds(item: Mapping[str, Any], key: str) -> float:
    return _number(item, key, TIMING_LIMIT_S)


def _number(item: Mapping[str, Any], key: str, limit: int) -> float:
    try:
        value = float(item[key])
    except (KeyError, TypeError, ValueError, ArithmeticError) as fault:
        raise MalformedStateError(f"{key} is {item.get(key)!r:.100}, not a number") from fault
    if not 0 <= value <= limit:
        raise MalformedStateError(f"{key} is {value}, outside 0 to {limit}")
    return value
