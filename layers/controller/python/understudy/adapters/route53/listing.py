"""Many names of one hosted zone, read with as few calls as their places in Route 53's listing allow.

A page has 300 record sets. It begins at the first wanted name and settles every other wanted one that is on it; the
next begins at the first name still wanted. So few names cost no more calls than names, and many no more than pages.

The order of the listing is only used to begin at the right place. That a name is *not* there is never concluded from
the order, but from a page that began at that very name, or from the whole zone.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from understudy.adapters.route53.names import ForeignRecordError, listing_order, plain_name, read_record_set
from understudy.domain.cluster.definition import Record
from understudy.domain.cluster.record import RecordReading, RecordSet, guard_name

PAGE_SIZE = "300"
ABSENT_LIMIT = 5
"""So many names not found, one call each: then the whole zone is cheaper. Somebody has cleaned it up."""

ListPage = Callable[..., Mapping[str, Any]]
"""ListResourceRecordSets of one zone: takes where the page is to start, answers the page."""
Found = dict[tuple[str, str], Mapping[str, Any]]
"""Record sets as Route 53 says them, by plain name and type; of several under a routing policy the last."""


def read_records(records: Collection[Record], list_page: ListPage) -> Mapping[Record, RecordReading]:
    """Each record with its guard. What cannot be compared is an obstacle in words, and hinders no other record."""
    names = {name for record in records for name in (record.name, guard_name(record))}
    found = _read_names(names, list_page)
    return {record: _reading(record, found) for record in records}


def _read_names(names: Collection[str], list_page: ListPage) -> Found:
    """Every record set of these names, and of others that were on the way."""
    left = sorted(names, key=listing_order)
    found: Found = {}
    absent = 0
    start: dict[str, str] = {}
    while left and absent < ABSENT_LIMIT:
        asked = left[0]
        page = list_page(**(start or {"StartRecordName": asked}))
        there = _by_key(page)
        found |= there
        on_page = {name for name, _ in there}
        absent += not start and asked not in on_page
        rest = _start_of_rest(page)
        cut = plain_name(rest["StartRecordName"]) if rest else ""  # of this name, the next page may have more
        left = [name for name in left if name == cut or (name != asked and name not in on_page)]
        start = rest if left and left[0] == cut else {}
    return _whole_zone(list_page) if left else found


def _whole_zone(list_page: ListPage) -> Found:
    page = list_page()
    found = _by_key(page)
    while rest := _start_of_rest(page):
        page = list_page(**rest)
        found |= _by_key(page)
    return found


def _by_key(page: Mapping[str, Any]) -> Found:
    return {(plain_name(each["Name"]), each["Type"]): each for each in page["ResourceRecordSets"]}


def _start_of_rest(page: Mapping[str, Any]) -> dict[str, str]:
    """Where the next page starts; empty after the last one."""
    if not page["IsTruncated"]:
        return {}
    return {
        f"StartRecord{each}": page[f"NextRecord{each}"]
        for each in ("Name", "Type", "Identifier")
        if page.get(f"NextRecord{each}")
    }


def _reading(record: Record, found: Found) -> RecordReading:
    try:
        return RecordReading(_simple(found, record.name, record.type), _simple(found, guard_name(record), "TXT"))
    except ForeignRecordError as fault:
        return RecordReading(None, _simple_or_none(found, guard_name(record)), str(fault))


def _simple_or_none(found: Found, guard: str) -> RecordSet | None:
    """The guard of a record that is obstructed, for the report of who wrote it."""
    try:
        return _simple(found, guard, "TXT")
    except ForeignRecordError:
        return None


def _simple(found: Found, name: str, kind: str) -> RecordSet | None:
    if (name, "CNAME") in found:
        raise ForeignRecordError(f"{name} CNAME stands there, and no other record can stand beside it")
    there = found.get((name, kind))
    return read_record_set(there) if there else None
