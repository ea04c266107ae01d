"""Target groups in memory."""

from collections.abc import Mapping

from tests.support.fakes.faults import Faulty
from understudy.domain.cluster.balancer import Probing, Target, TargetGroup
from understudy.domain.cluster.errors import UnreadableError


class FakeTargetGroups(Faulty):
    """Target groups by ARN, for the watch and for the readiness check. While `is_down`, none can be read."""

    def __init__(self, groups: Mapping[str, TargetGroup] | None = None) -> None:
        super().__init__()
        self.known: dict[str, TargetGroup] = dict(groups or {})
        self.is_down = False

    def target_group(self, arn: str) -> TargetGroup | None:
        """As TargetGroupReader.target_group."""
        with self._called("target_group"):
            if self.is_down:
                raise UnreadableError(f"{arn} cannot be read")
            return self.known.get(arn)

    def targets(self, arn: str) -> tuple[Target, ...]:
        """As TargetHealth.targets."""
        with self._called("targets"):
            return self._existing(arn).targets

    def probe(self, arn: str) -> Probing:
        """As TargetHealth.probe."""
        with self._called("probe"):
            return self._existing(arn).probe

    def _existing(self, arn: str) -> TargetGroup:
        if self.is_down or arn not in self.known:
            raise UnreadableError(f"{arn} cannot be read")
        return self.known[arn]
