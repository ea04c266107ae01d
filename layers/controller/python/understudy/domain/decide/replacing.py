"""Members that a new definition no longer has."""

from collections.abc import Callable
from dataclasses import replace

from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.state import ClusterState, PowerReading


def needed(state: ClusterState) -> frozenset[str]:
    """All that serve, may still serve, or are to serve next: instance ids."""
    ids = (
        state.active,
        state.previous.node if state.previous else None,
        state.transition.target if state.transition else None,
    )
    return frozenset(filter(None, ids))


def needed_and_left_out(definition: Definition, state: ClusterState) -> tuple[str, ...]:
    """Those of these that could not serve under the definition."""
    serving = {node.instance_id for node in definition.serving}
    return tuple(each for each in sorted(needed(state)) if each not in serving and each in state.nodes)


def is_terminated(state: ClusterState, instance_id: str, power: Callable[[str], PowerReading]) -> bool:
    """Whether EC2 has said that the instance is gone for good, or says so now. It forgets such a one after an hour."""
    was_said = state.nodes[instance_id].power_now is PowerReading.TERMINATED
    return was_said or power(instance_id) is PowerReading.TERMINATED


def without_the_gone(state: ClusterState, definition: Definition) -> ClusterState:
    """The state without a holder that is no member any more: nothing can run on a terminated instance.

    Then nobody holds the lease, and whoever serves already is asked for, as in a cluster that is new.
    """
    members = {node.instance_id for node in definition.nodes}
    is_active_gone = state.active is not None and state.active not in members
    is_last_gone = state.previous is not None and state.previous.node not in members
    return replace(
        state,
        active=None if is_active_gone else state.active,
        previous=None if is_last_gone else state.previous,
        doubt=None if is_active_gone else state.doubt,
    )
