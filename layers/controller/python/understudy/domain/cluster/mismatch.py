"""A cluster whose load balancers lead elsewhere than its lease: since when, and whether people know."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Mismatch:
    """Since when (seconds) the health of targets and the lease have differed in every watch. `is_told`: people know."""

    since: int
    is_told: bool = False


def mismatch_after(before: Mismatch | None, now: int, explained_s: int | None) -> Mismatch | None:
    """What is to be remembered of a cluster that the watch has looked at `now`.

    `explained_s`: for how long the probing explains what differs; None when nothing differs.
    """
    if explained_s is None:
        return None
    if before is None:
        return Mismatch(now)
    return replace(before, is_told=before.is_told or now - before.since > explained_s)
