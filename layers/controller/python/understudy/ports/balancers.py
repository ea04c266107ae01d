"""What the controller needs of Elastic Load Balancing: to look, and nothing else."""

from typing import Protocol

from understudy.domain.cluster.balancer import Probing, Target, TargetGroup


class TargetHealth(Protocol):
    """Target groups as the watch sees them."""

    def targets(self, arn: str) -> tuple[Target, ...]:
        """The targets of a group, each with its health. Raises UnreadableError, also when there is no such group."""
        ...

    def probe(self, arn: str) -> Probing:
        """How a group asks its targets. Raises UnreadableError, also when there is no such group."""
        ...


class TargetGroupReader(Protocol):
    """Target groups as the readiness check sees them."""

    def target_group(self, arn: str) -> TargetGroup | None:
        """A group with its targets and its load balancers; None when there is no such group. Raises UnreadableError."""
        ...
