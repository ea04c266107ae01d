"""For which nodes an Auto Scaling group is to wait at its lifecycle hook before it ends them (B17)."""

from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.state import ClusterState
from understudy.domain.decide.situation import Holder, Observer, survey


def keeps_waiting(state: ClusterState, definition: Definition, instance_id: str, now: int) -> bool:
    """Whether its group must wait at `now` (seconds) before it ends a node.

    It must for one that serves, is about to, or is being stopped in good order; and while no node is known to serve,
    for the one that would take over. Not while it is only unknown whether an old holder still serves: that it is
    terminated is the proof.
    """
    transition, previous = state.transition, state.previous
    is_moved = transition is not None and instance_id in (transition.source, transition.target)
    may_be_adopted = previous is not None and previous.is_assumed and previous.node == instance_id
    return instance_id == state.active or is_moved or may_be_adopted or _is_next(state, definition, instance_id, now)


def _is_next(state: ClusterState, definition: Definition, instance_id: str, now: int) -> bool:
    situation = survey(state, definition, now, Observer.TRUSTED)
    return situation.holder not in (Holder.READY, Holder.RETURNED) and situation.target == instance_id
