"""For which nodes an Auto Scaling group is to wait at its lifecycle hook before it ends them."""

from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.situation import Holder, Observer, survey


def keeps_waiting(view: ClusterView, instance_id: str) -> bool:
    """Whether its group must wait at `now` (seconds) before it ends a node.

    It must for one that serves, is about to, or is being stopped in good order; and while no node is known to serve,
    for the one that would take over. Not while it is only unknown whether an old holder still serves: that it is
    terminated is the proof.
    """
    transition, previous = view.state.transition, view.state.previous
    is_moved = transition is not None and instance_id in (transition.source, transition.target)
    may_be_adopted = previous is not None and previous.is_assumed and previous.node == instance_id
    return instance_id == view.state.active or is_moved or may_be_adopted or _is_next(view, instance_id)


def _is_next(view: ClusterView, instance_id: str) -> bool:
    situation = survey(view, Observer.TRUSTED)
    return situation.holder not in (Holder.READY, Holder.RETURNED) and situation.target == instance_id
