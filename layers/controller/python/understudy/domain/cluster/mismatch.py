"""A cluster whose load balancers lead elsewhere than its lease: since when, and whether people know."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Mismatch:
    """Since when (seconds) the health of targets and the lease have differed whenever they were compared.

    `epoch`: under which; what differs after a move is another difference. `is_told`: people know.
    """

    since: int
    epoch: int = 0
    is_told: bool = False


def mismatch_after(before: Mismatch | None, now: int, epoch: int, explained_s: int | None) -> Mismatch | None:
    """What is to be remembered of a cluster that the watch has looked at `now`. What was told stays until it is over.

    `explained_s`: for how long the probing explains what differs; None when nothing differs.
    """
    if explained_s is None:
        return None
    if before is None or (before.epoch != epoch and not before.is_told):
        return Mismatch(now, epoch)
    return replace(before, is_told=before.is_told or now - before.since > explained_s)
