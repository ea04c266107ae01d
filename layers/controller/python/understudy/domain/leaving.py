"""Which nodes AWS is about to take away, and what has to come before that (B17)."""

from collections.abc import Mapping

from understudy.domain.definition import Definition
from understudy.domain.departure import Cause, Departure
from understudy.domain.model import ClusterState

SUCCESSOR_S = 300
"""How long (seconds) a group that waits may be kept waiting for a standby before a person is called: while instances
are replaced one after the other, the standby of the last one is a new instance that boots."""


def departures(state: ClusterState) -> Mapping[str, Departure]:
    """AWS's words on those nodes that go, by instance id."""
    words = ((instance_id, report.departure_now) for instance_id, report in state.nodes.items())
    return {instance_id: departure for instance_id, departure in words if departure is not None}


def leaves_now(departure: Departure, state: ClusterState, *, is_trusted: bool) -> bool:
    """Whether the service is to leave the active node, of which this is said, now that it has somewhere to go.

    Two minutes are too short to wait for anything. A group waits until a transition has ended, and an instance that may
    go some day stays for as long as beats are late.
    """
    if departure.cause is Cause.SPOT:
        return True
    return state.transition is None and (departure.has_deadline or is_trusted)


def is_stranded(departure: Departure, now: int) -> bool:
    """Whether a person is needed at `now` (seconds) when the service has nowhere to go: the node goes for certain."""
    patience_s = SUCCESSOR_S if departure.cause is Cause.AUTO_SCALING else 0
    return departure.has_deadline and now - departure.at >= patience_s


def keeps_waiting(state: ClusterState, instance_id: str) -> bool:
    """Whether its group must wait before it ends a node: it serves, is about to, or is being stopped in good order.

    Not while it is only unknown whether an old holder still serves: that it is terminated is the proof.
    """
    transition, previous = state.transition, state.previous
    is_moved = transition is not None and instance_id in (transition.source, transition.target)
    may_be_adopted = previous is not None and previous.is_assumed and previous.node == instance_id
    return instance_id == state.active or is_moved or may_be_adopted


def departure_words(state: ClusterState, definition: Definition, instance_id: str, now: int) -> str:
    """That AWS takes a node away, who does, and since when that is known; empty when nobody says so."""
    departure = departures(state).get(instance_id)
    if departure is None:
        return ""
    return (
        f"{definition.name_of(instance_id)} is about to go: {departure.words} (said {max(0, now - departure.at)} s ago)"
    )
