"""A Route 53 client in memory that lists in pages, in the order that AWS documents, and counts its calls.

For what moto and MiniStack cannot show: zones of 10,000 record sets in no time, and pages cut anywhere.
"""

from bisect import bisect_left
from collections.abc import Callable
from typing import Any

Key = tuple[Any, str, str]


def documented_order(name: str) -> Any:
    """The labels reversed, with a dot behind each: `com.example.www.`."""
    return "".join(f"{label}." for label in reversed(name.rstrip(".").split(".")))


class PagedRoute53:
    """Hosted zones by id. `asked`: the arguments of every call."""

    def __init__(self, order: Callable[[str], Any] = documented_order, page_size: int = 300) -> None:
        self.asked: list[dict[str, str]] = []
        self._order = order
        self._page_size = page_size
        self._zones: dict[str, dict[Key, dict[str, Any]]] = {}
        self._sorted: dict[str, list[Key]] = {}

    def put(self, zone: str, name: str, kind: str, *values: str, ttl: int = 10, **others: Any) -> None:
        """Let a record set stand. `others`: SetIdentifier and Weight, or an AliasTarget instead of values."""
        body = {} if "AliasTarget" in others else {"TTL": ttl, "ResourceRecords": [{"Value": each} for each in values]}
        key = (self._order(name), kind, others.get("SetIdentifier", ""))
        self._zones.setdefault(zone, {})[key] = {"Name": f"{name}.", "Type": kind, **body, **others}
        self._sorted.pop(zone, None)

    def list_resource_record_sets(self, **asked: str) -> dict[str, Any]:
        """As the operation of that name, by its parameters HostedZoneId, MaxItems and StartRecord*."""
        self.asked.append(asked)
        zone, name = asked["HostedZoneId"], asked.get("StartRecordName", "")
        sets = self._zones.get(zone, {})
        if zone not in self._sorted:
            self._sorted[zone] = sorted(sets)
        keys = self._sorted[zone]
        start = (self._order(name), asked.get("StartRecordType", ""), asked.get("StartRecordIdentifier", ""))
        begin = bisect_left(keys, start) if name else 0
        end = begin + min(int(asked.get("MaxItems", "300")), self._page_size)
        page: dict[str, Any] = {
            "ResourceRecordSets": [sets[key] for key in keys[begin:end]],
            "IsTruncated": end < len(keys),
        }
        if page["IsTruncated"]:
            rest = sets[keys[end]]
            page |= {"NextRecordName": rest["Name"], "NextRecordType": rest["Type"]}
            if "SetIdentifier" in rest:
                page["NextRecordIdentifier"] = rest["SetIdentifier"]
        return page
