"""What stands in Route 53, compared with what the controller wrote there last: the record monitor's judgement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypedDict

from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.definition import Definition, Record
from understudy.domain.cluster.record import (
    DesiredRecord,
    RecordReading,
    RecordSet,
    desired,
    differences,
    foreign_words,
    read_guard,
)
from understudy.domain.cluster.state import ClusterState


class RecordStatus(StrEnum):
    """How a protected record stands."""

    AS_WRITTEN = "AS_WRITTEN"
    DRIFTED = "DRIFTED"  # somebody changed the record or its guard: ours to repair
    FOREIGN = "FOREIGN"  # the guard is another cluster's or stack's
    NEWER = "NEWER"  # the guard is our own, of an epoch that the table has never had
    OBSTRUCTED = "OBSTRUCTED"  # an alias, a routing policy or a CNAME stands there


ADVICE: Mapping[RecordStatus, str] = {
    RecordStatus.DRIFTED: ("nothing: it is repaired when the other records of this event no longer stop the repair"),
    RecordStatus.FOREIGN: (
        "find out which cluster is to have the name. Remove it from the other definition, and only then delete the "
        "guard"
    ),
    RecordStatus.NEWER: (
        "if the table was restored from a backup, rebuild the cluster in the table. If the guard was edited by hand, "
        "delete it: record and guard are written anew"
    ),
    RecordStatus.OBSTRUCTED: "delete what stands there by hand: record and guard are written anew",
}
"""What a person has to do about a record that is not repaired by itself."""


class GuardWriter(TypedDict):
    """Who the text of a guard says wrote it."""

    stack: str
    cluster: str
    epoch: int
    node: str


class FindingFacts(TypedDict):
    """A protected record as it was found, for the event and the history."""

    record: str  # name and type
    standing: Annotated[str, RecordStatus]
    why: str  # in what it is not as it was written
    expected: str
    expected_ttl_s: int
    expected_writer: GuardWriter | None
    found: Sequence[str]  # its values
    found_ttl_s: int | None
    guard: Sequence[str]  # the values of its guard
    guard_ttl_s: int | None
    guard_writer: GuardWriter | None


class WithheldFacts(FindingFacts):
    """One that is not repaired, with what a person has to do."""

    advice: str


@dataclass(frozen=True)
class RecordFinding:
    """A protected record as it was found. `why` is empty when it stands as it was written."""

    record: Record
    wish: DesiredRecord
    reading: RecordReading
    status: RecordStatus
    why: str


def written_last(state: ClusterState, definition: Definition, ttl: int, stack: str) -> Mapping[Record, DesiredRecord]:
    """What the newest move wrote for each record of a cluster; empty while that is not known.

    It is known when a member holds the lease and no transition is open, of what is not owed. `ttl`: the tunable (s).
    """
    node, address = definition.node(state.active or ""), state.address
    if node is None or address is None or state.transition is not None:
        return {}
    leads_to = definition.leads_to(node)
    return {
        each: DesiredRecord(stack, state.cluster, address.epoch, node.name, leads_to[each.label], ttl)
        for each in definition.records
        if address.status_of(each.label) is not AddressStatus.OWED  # of that it is known already
    }


def examine(record: Record, wish: DesiredRecord, reading: RecordReading, epoch: int) -> RecordFinding:
    """Judge one reading. `wish`: what was written last; `epoch`: the cluster's in the table, which may be higher."""
    guard = read_guard(reading.guard)
    if why := foreign_words(reading.guard, wish.stack, wish.cluster):
        return RecordFinding(record, wish, reading, RecordStatus.FOREIGN, why)
    if guard and guard.epoch > epoch:
        why = f"the guard carries epoch {guard.epoch}, and the table knows none above {epoch}"
        return RecordFinding(record, wish, reading, RecordStatus.NEWER, why)
    if reading.obstacle:
        return RecordFinding(record, wish, reading, RecordStatus.OBSTRUCTED, reading.obstacle)
    why = "; ".join(differences(record, wish, reading))
    return RecordFinding(record, wish, reading, RecordStatus.DRIFTED if why else RecordStatus.AS_WRITTEN, why)


def repairable(findings: Sequence[RecordFinding]) -> tuple[RecordFinding, ...]:
    """The drifted records that a repair of the cluster can restore.

    A newer guard stops every move of the cluster, and an obstacle every batch of its zone: a repair that cannot succeed
    would open a transition each time, and change nothing.
    """
    if any(each.status is RecordStatus.NEWER for each in findings):
        return ()
    shut = {each.record.zone for each in findings if each.status is RecordStatus.OBSTRUCTED}
    return tuple(each for each in findings if each.status is RecordStatus.DRIFTED and each.record.zone not in shut)


def withheld(findings: Sequence[RecordFinding]) -> tuple[RecordFinding, ...]:
    """The records that are not as written and that no repair can restore: a person has to look."""
    good = repairable(findings)
    return tuple(each for each in findings if each.status is not RecordStatus.AS_WRITTEN and each not in good)


def facts_of(finding: RecordFinding) -> FindingFacts:
    """A finding for the event and the history: what was expected, what stands there, and who the guard says wrote it.

    The expected TTL is that of the guard as long as nobody has changed the guard's text: the two were written together.
    """
    wish, found, guard = finding.wish, finding.reading.record, finding.reading.guard
    _, new_guard = desired(finding.record, wish)
    is_text_ours = guard is not None and guard.values == new_guard.values
    return {
        "record": finding.record.label,
        "standing": str(finding.status),
        "why": finding.why,
        "expected": wish.address,
        "expected_ttl_s": guard.ttl if guard and is_text_ours else wish.ttl,
        "expected_writer": _writer(new_guard),
        "found": list(found.values) if found else [],
        "found_ttl_s": found.ttl if found else None,
        "guard": list(guard.values) if guard else [],
        "guard_ttl_s": guard.ttl if guard else None,
        "guard_writer": _writer(guard),
    }


def _writer(guard: RecordSet | None) -> GuardWriter | None:
    """Whoever wrote a guard; None when it does not say so."""
    found = read_guard(guard)
    if found is None:
        return None
    return {"stack": found.stack, "cluster": found.cluster, "epoch": found.epoch, "node": found.node}
