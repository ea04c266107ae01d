"""Whether the records of a definition can be written, and are asked for, where it says (S1, S4)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from understudy.domain.definition import Record
from understudy.domain.errors import UnreadableError
from understudy.domain.ownership import delegation_fault, names_below, obstacle, zone_fault
from understudy.domain.record import guard_name
from understudy.ports.readiness import ZoneReader


@dataclass(frozen=True)
class Names:
    """What was found. `faults`: by record, in words; `unread`: why a record cannot be judged now; `fit`: all others."""

    faults: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    fit: tuple[Record, ...] = ()


def survey_names(records: Sequence[Record], zones: ZoneReader) -> Names:
    """Look at the zone of each record, and at what stands under its name."""
    faults, unread, fit = [], [], []
    for record in records:
        try:
            fault = _fault(record, zones)
        except UnreadableError as why:
            unread.append(str(why))
            continue
        if fault:
            faults.append(f"addresses: {record.label}: {fault}")
        else:
            fit.append(record)
    return Names(tuple(dict.fromkeys(faults)), tuple(dict.fromkeys(unread)), tuple(fit))


def _fault(record: Record, zones: ZoneReader) -> str:
    zone = zones.hosted_zone(record)
    fault = zone_fault(record, zone)
    if fault or zone is None:
        return fault
    below = {name: zones.found_records(record, name) for name in names_below(zone, record.name)}
    there = below.get(record.name) or zones.found_records(record, record.name)
    guard = replace(record, name=guard_name(record), type="TXT")
    return (
        delegation_fault(record, below)
        or obstacle(record, there)
        or obstacle(guard, zones.found_records(record, guard.name))
    )
