"""What drills need of the world."""

from typing import Protocol

from understudy.domain.transition.drill import Drill


class DrillBook(Protocol):
    """The newest drill of each cluster, beside its state and not in it: nobody but the watch needs it."""

    def last(self, cluster: str) -> Drill | None:
        """The newest drill, strongly consistent; None when there has been none."""
        ...

    def store(self, cluster: str, before: Drill | None, after: Drill) -> None:
        """Keep a drill in place of `before`, under the next revision.

        Raises LedgerConflictError when `before` is not what stands there: then nothing has been written.
        """
        ...
