"""How far the data of a node goes, and who has more: what `fit` says, and what a promotion asks before it.

    lineage     one line for each promotion that the data has seen; see follower.py
    timeline    PostgreSQL's own number. Of two with the same lines, the newer one streams from a newer leader already
    position    bytes of write-ahead log that are on the disk here, whether they are applied or not

A position outlives the leader that it came from. A lag does not: a replica without a source finds none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

ASK = (
    "SELECT NOT pg_is_in_recovery(), (SELECT system_identifier FROM pg_control_system()), "
    "coalesce(replace(convert_from(pg_read_binary_file('understudy_lineage', 0, 1000000, true), 'UTF8'), "
    "E'\\n', ';'), ''), "
    "(SELECT max(left(name, 8)) FROM pg_ls_dir('pg_wal', true, false) AS name WHERE name ~ '^[0-9A-F]{8}'), "
    "CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_flush_lsn() - '0/0' "
    "WHEN pg_last_wal_receive_lsn() IS NOT NULL OR EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'startup' "
    "AND wait_event IN ('RecoveryRetrieveRetryInterval', 'RecoveryWalStream')) "
    "THEN greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) - '0/0' END"
)
"""A replica that has been started again reads its own log first. Until it waits for more, its end is not known."""


@dataclass(frozen=True)
class Extent:
    """What a node's server says of its data. `leads`: it takes writes. `position`: bytes; None: not known yet."""

    leads: bool
    system_id: str
    lineage: tuple[str, ...]
    timeline: int
    position: int | None

    def needed_of(self, nodes: int) -> int:
        """Of how many nodes the data must be known, out of `nodes`: of no other one where nobody has ever led."""
        return nodes if self.lineage else 1

    def has_all_lines_of(self, other: Extent) -> bool:
        """Whether the other one's lines are the beginning of these."""
        return self.lineage[: len(other.lineage)] == other.lineage

    def is_of_one_leader_with(self, other: Extent) -> bool:
        """Whether positions of the two can be compared."""
        return (self.lineage, self.timeline) == (other.lineage, other.timeline)

    def is_older_than(self, other: Extent) -> bool:
        """Whether the other one goes on after a promotion that this data has not seen."""
        if not other.has_all_lines_of(self):
            return False
        return (len(self.lineage), self.timeline) < (len(other.lineage), other.timeline)

    def lacks_of(self, other: Extent) -> int:
        """How many bytes the other one has more; 0 where they cannot be compared."""
        if not self.is_of_one_leader_with(other) or self.position is None or other.position is None:
            return 0
        return max(0, other.position - self.position)


def extent_of(columns: list[str]) -> Extent | None:
    """What ASK was answered; None: that is no answer."""
    try:
        leads, system_id, lineage, timeline, position = columns
        lines = tuple(lineage.split(";")[:-1])
        return Extent(leads == "t", system_id, lines, int(timeline, 16), int(position) if position else None)
    except ValueError:
        return None


@dataclass(frozen=True)
class Seen:
    """What this node has seen of the others since it booted: the newest word of each by its name, and whether one of
    them led.
    """

    by_name: Mapping[str, Extent] = field(default_factory=dict)
    a_leader: bool = False

    def and_these(self, extents: Mapping[str, Extent]) -> Seen:
        """With newer words. One that does not know yet how far it goes says nothing new."""
        known = {name: extent for name, extent in extents.items() if extent.position is not None}
        return Seen({**self.by_name, **known}, self.a_leader or any(each.leads for each in known.values()))

    def as_json(self) -> dict[str, Any]:
        return {"nodes": {name: asdict(each) for name, each in self.by_name.items()}, "a_leader": self.a_leader}


def seen_of(read: Mapping[str, Any]) -> Seen:
    """What `as_json` has made. Raises KeyError or TypeError for anything else."""
    nodes = {name: Extent(**{**each, "lineage": tuple(each["lineage"])}) for name, each in read["nodes"].items()}
    return Seen(nodes, bool(read["a_leader"]))


class NotFitError(Exception):
    """The data must not lead. The message says why, in words that are good when they are cut off."""


def fitness(own: Extent, seen: Seen, needed: int, lag_limit: int) -> int:
    """How fit this node is to take over: its position.

    `needed`: of how many nodes, itself among them, the position must be known where no leader has been seen.
    `lag_limit`: bytes. Raises NotFitError, and LookupError when nobody can say.
    """
    if own.position is None:
        raise LookupError("it still reads its own log")
    if own.leads:
        return own.position
    others = [each for each in seen.by_name.values() if each.system_id == own.system_id]
    if any(own.is_older_than(each) or (each.leads and not own.has_all_lines_of(each)) for each in others):
        raise NotFitError("it lacks what a later leader wrote")
    lacks = max((own.lacks_of(each) for each in others), default=0)
    if lacks > lag_limit:
        raise NotFitError(f"it lacks {lacks} bytes; the limit is {lag_limit}")
    if not seen.a_leader and 1 + len(others) < needed:
        raise LookupError(f"no leader since the boot, and {1 + len(others)} of {needed} nodes known")
    return own.position


def furthest(own: Extent, others: Iterable[tuple[str, Extent]]) -> str | None:
    """The name of the node that has most of what this one lacks; None: it lacks nothing of theirs."""
    lacking = {name: own.lacks_of(each) for name, each in others}
    best = max(lacking, key=lambda name: lacking[name], default=None)
    return best if best is not None and lacking[best] > 0 else None
