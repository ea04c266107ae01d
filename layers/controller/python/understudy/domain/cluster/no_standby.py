"""A cluster that is served, and that nobody could take over: since when, and whether people know."""

from dataclasses import dataclass, replace

LONE_LIMIT_S = 300
"""How long (seconds) no other node is fit before people are told: a node that reboots is back by then."""


@dataclass(frozen=True)
class NoStandby:
    """Since when (seconds) the watch has found no node that is fit to take over. `is_told`: people know."""

    since: int
    is_told: bool = False


def no_standby_after(before: NoStandby | None, now: int, *, is_missing: bool) -> NoStandby | None:
    """What is to be remembered of a cluster that the watch has looked at `now`."""
    if not is_missing:
        return None
    if before is None:
        return NoStandby(now)
    return replace(before, is_told=before.is_told or now - before.since >= LONE_LIMIT_S)
