"""EC2 Auto Scaling in memory."""

from tests.support.fakes.faults import Faulty
from tests.support.fakes.ledger import FakeLedger
from understudy.domain.cluster.errors import NotLetGoError
from understudy.usecases.observe.let_go import Releaser
from understudy.usecases.step import Clock


class FakeScalingGroups(Faulty):
    """`released`: the instances that were let go, with the group and the hook that waited for each.

    While `forbids`, it refuses: the group has no tag of the stack.
    """

    def __init__(self) -> None:
        super().__init__()
        self.released: list[tuple[str, str, str]] = []
        self.forbids = False

    def let_go(self, instance_id: str, group: str, hook: str) -> None:
        """As ScalingGroups.let_go."""
        with self._called("let_go"):
            if self.forbids:
                raise NotLetGoError(f"group {group} waits on for {instance_id} (hook {hook}): AccessDenied")
            self.released.append((instance_id, group, hook))


def a_releaser(ledger: FakeLedger, clock: Clock, scaling: FakeScalingGroups | None = None) -> Releaser:
    """Who lets instances go of the clusters in a table."""
    return Releaser(index=ledger, ledger=ledger, beats=ledger, scaling=scaling or FakeScalingGroups(), clock=clock)
