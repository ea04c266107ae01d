"""Going back by itself to the node of the best priority: only when it has been fit for long, and at the hours set.

Every going back costs an outage, so it spends the budget of failovers, and never the last one of the window.
"""

from collections.abc import Collection

from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.policy import DrillPolicy, FailbackPolicy, FailoverBudget
from understudy.domain.cluster.state import ClusterState
from understudy.domain.cluster.view import ClusterView
from understudy.domain.observe.fitness import says_less

Timetable = FailbackPolicy | DrillPolicy
"""Whatever has `hours` and `days`."""

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_S = 86_400
EPOCH_DAY = 3
"""The first of January 1970 was a Thursday."""


def counts(state: ClusterState, definition: Definition) -> bool:
    """Whether it is counted now how long the preferred node has been fit."""
    return definition.policy.failback.is_automatic and state.active is not None and state.transition is None


def preferred_since(view: ClusterView, fit: Collection[str]) -> int | None:
    """Since when (seconds) the preferred node has been fit without a break while another one is active, else None.

    A transition, a gap in the node's beats and an unfit moment all begin the time anew. `fit`: who could take over. One
    that does not say how fit it is, while the active one does, may have come back with an empty disk.
    """
    preferred, active = view.definition.preferred.instance_id, view.state.active
    if not counts(view.state, view.definition) or preferred not in fit or active is None:
        return None
    if says_less(view, preferred, active):
        return None
    since = view.now if view.state.preferred_since is None else view.state.preferred_since
    return max(since, view.state.nodes[preferred].heard_since)


def is_failback_due(view: ClusterView, fit: Collection[str]) -> bool:
    """Whether the service is to go back now: stable, nothing owed, within the hours, and failovers are left after."""
    since = preferred_since(view, fit)
    if since is None or (view.state.address is not None and view.state.address.status is AddressStatus.OWED):
        return False
    policy = view.policy
    is_stable = view.now - since >= policy.failback.stable_for_s
    leaves_one = spent(view.state, policy.max_failovers, view.now) + 1 < policy.max_failovers.count
    return is_stable and leaves_one and is_open(policy.failback, view.now)


def spent(state: ClusterState, budget: FailoverBudget, now: int) -> int:
    """How many failovers of the window that ends at `now` (seconds) have been spent."""
    return len([at for at in state.failover_times if now - at < budget.window_s])


def is_open(table: Timetable, now: int) -> bool:
    """Whether `now` (seconds, UTC) is within the hours. Hours over midnight belong to the day they begin on."""
    day, minute = divmod(now // 60, DAY_S // 60)
    begin, end = _minutes(table.hours)
    if begin < end:
        return begin <= minute < end and _is_day(table, day)
    return (minute >= begin and _is_day(table, day)) or (minute < end and _is_day(table, day - 1))


def _is_day(table: Timetable, day: int) -> bool:
    return not table.days or DAYS[(day + EPOCH_DAY) % len(DAYS)] in table.days


def _minutes(hours: str) -> tuple[int, int]:
    """Begin and end as minutes of the day; the whole day when none are set."""
    if not hours:
        return 0, DAY_S // 60
    begin, end = (int(text[:2]) * 60 + int(text[3:]) for text in hours.split("-"))
    return begin, end
