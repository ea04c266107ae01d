"""A cluster as it is known at one moment: what nearly every question of the domain is asked of."""

from dataclasses import dataclass

from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.policy import Policy
from understudy.domain.cluster.state import ClusterState


@dataclass(frozen=True)
class ClusterView:
    """The state as it was read, the definition that was in force with it, and the moment for which both are judged.

    `now`: seconds on AWS's clock. It is a part of the view because silence, leases and limits mean nothing without it.
    """

    state: ClusterState
    definition: Definition
    now: int

    @property
    def policy(self) -> Policy:
        """The timings in force."""
        return self.definition.policy
