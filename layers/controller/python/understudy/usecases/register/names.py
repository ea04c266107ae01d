"""Whether the records of a definition can be written, and are asked for, where it says."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from understudy.domain.cluster.definition import Record
from understudy.domain.cluster.errors import UnreadableError
from understudy.domain.cluster.record import guard_name
from understudy.domain.readiness.facts import FoundRecord, HostedZone
from understudy.domain.readiness.ownership import delegation_fault, names_below, obstacle, zone_fault
from understudy.ports.readiness import ZoneReader


@dataclass(frozen=True)
class Names:
    """What was found. `faults`: by record, in words; `unread`: why a record cannot be judged now; `fit`: all others."""

    faults: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    fit: tuple[Record, ...] = ()


def survey_names(records: Sequence[Record], zones: ZoneReader) -> Names:
    """Look at the zone of each record, and at what stands under its name, once for all records of a name."""
    hosted_zone, found_records = cache(zones.hosted_zone), cache(zones.found_records)
    faults, unread, fit = [], [], []
    for record in records:
        try:
            fault = _fault(record, hosted_zone, found_records)
        except UnreadableError as why:
            unread.append(str(why))
            continue
        if fault:
            faults.append(f"addresses: {record.label}: {fault}")
        else:
            fit.append(record)
    return Names(tuple(dict.fromkeys(faults)), tuple(dict.fromkeys(unread)), tuple(fit))


def _fault(
    record: Record,
    hosted_zone: Callable[[Record], HostedZone | None],
    found_records: Callable[[Record, str], Sequence[FoundRecord]],
) -> str:
    place, guard = replace(record, type=""), replace(record, name=guard_name(record), type="TXT")
    zone = hosted_zone(place)
    fault = zone_fault(record, zone)
    if fault or zone is None:
        return fault
    below = {name: found_records(place, name) for name in names_below(zone, record.name)}
    return (
        delegation_fault(record, below)
        or obstacle(record, found_records(place, record.name))
        or obstacle(guard, found_records(place, guard.name))
    )
