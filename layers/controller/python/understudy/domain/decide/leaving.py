"""Which nodes AWS is about to take away, and what has to come before that."""

from collections.abc import Mapping

from understudy.domain.cluster.departure import Cause, Departure
from understudy.domain.cluster.policy import FailoverBudget, Fencing, Policy
from understudy.domain.cluster.state import KEEP, ClusterState, Proof
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.failback import spent

SUCCESSOR_S = 300
"""How long (seconds) a group that waits may be kept waiting for a standby before a person is called: while instances
are replaced one after the other, the standby of the last one is a new instance that boots."""


def departures(state: ClusterState) -> Mapping[str, Departure]:
    """AWS's words on those nodes that go, by instance id."""
    words = ((instance_id, report.departure_now) for instance_id, report in state.nodes.items())
    return {instance_id: departure for instance_id, departure in words if departure is not None}


def ways_out(state: ClusterState, stay: tuple[str, ...], may_serve: tuple[str, ...]) -> tuple[str, ...]:
    """Where the service can go from the active node, in their order: to those of the others that `stay`.

    From a node that goes for certain also to one that may go some day, of those that `may_serve`.
    """
    going = departures(state)
    departure = going.get(state.active or "")
    if departure is None or not departure.has_deadline:
        return stay
    return stay + tuple(each for each in may_serve if each in going and not going[each].has_deadline)


def leaves_now(departure: Departure, state: ClusterState, *, is_trusted: bool) -> bool:
    """Whether the service is to leave the active node, of which this is said, now that it has somewhere to go.

    Two minutes are too short to wait for anything. A group waits until a transition has ended, and an instance that may
    go some day stays for as long as beats are late.
    """
    if departure.cause is Cause.SPOT:
        return True
    return state.transition is None and (departure.has_deadline or is_trusted)


def can_be_left(departure: Departure, state: ClusterState, policy: Policy, now: int) -> bool:
    """Whether a switchover takes the service away from the active node, of which this is said, and not to and fro."""
    is_brought_back = _was_brought_back(departure, state, policy.max_failovers, now)
    return _can_be_proved(departure, state, policy.fencing) and not is_brought_back


def _can_be_proved(departure: Departure, state: ClusterState, fencing: Fencing) -> bool:
    """Whether the end of the service there can be proved while the node runs, or by stopping what goes anyway.

    Where it cannot, a switchover stops the service, moves nothing, and starts it again where it was. EC2 refuses to
    stop many a Spot instance, and one that may never go is not stopped for that.
    """
    in_good_order = {Proof.RELEASED} if state.terms.on_isolation == KEEP else {Proof.RELEASED, Proof.LEASE_EXPIRED}
    may_stop = departure.cause is Cause.AUTO_SCALING and fencing.stop_instance and Proof.STOPPED in fencing.accept
    report = state.nodes.get(state.active or "")
    return report is not None and report.keeps_lease and (may_stop or not in_good_order.isdisjoint(fencing.accept))


def _was_brought_back(departure: Departure, state: ClusterState, budget: FailoverBudget, now: int) -> bool:
    """Whether a failover has brought the service here since AWS said so, and the next might be one too many.

    From a node that may never go it is not moved again to where it did not last; from one that goes, as long as a
    failover is left that could bring it back. In two minutes nothing is weighed.
    """
    if departure.cause is Cause.SPOT or not any(at > departure.at for at in state.failover_times):
        return False
    return not departure.has_deadline or spent(state, budget, now) >= budget.count


def is_stranded(departure: Departure, now: int) -> bool:
    """Whether a person is needed at `now` (seconds) when the service has nowhere to go: the node goes for certain."""
    patience_s = SUCCESSOR_S if departure.cause is Cause.AUTO_SCALING else 0
    return departure.has_deadline and now - departure.at >= patience_s


def departure_words(view: ClusterView, instance_id: str) -> str:
    """That AWS takes a node away, who does, and since when that is known; empty when nobody says so."""
    departure = departures(view.state).get(instance_id)
    if departure is None:
        return ""
    said_s = max(0, view.now - departure.at)
    return f"{view.definition.name_of(instance_id)} is about to go: {departure.words} (said {said_s} s ago)"
