"""The record sets of a hosted zone, read from ListResourceRecordSets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode
from xml.etree.ElementTree import Element, fromstring

_NS = "{https://route53.amazonaws.com/doc/2013-04-01/}"


@dataclass(frozen=True)
class RecordSet:
    ttl_s: int
    values: tuple[str, ...]


Records = Mapping[tuple[str, str], RecordSet]
"""By (name in lower case with the trailing dot, type)."""


def read_zone(zone: str, fetch: Callable[[str], bytes]) -> Records:
    """Every record set of the zone; `fetch` gets a path and query and returns the XML of one page."""
    records: dict[tuple[str, str], RecordSet] = {}
    query: dict[str, str] = {"maxitems": "300"}
    while True:
        page = fromstring(fetch(f"/2013-04-01/hostedzone/{zone}/rrset?{urlencode(query)}"))
        for element in page.iter(f"{_NS}ResourceRecordSet"):
            records[_text(element, "Name").lower(), _text(element, "Type")] = _record_set(element)
        if _text(page, "IsTruncated") != "true":
            return records
        query |= {"name": _text(page, "NextRecordName"), "type": _text(page, "NextRecordType")}


def _record_set(element: Element) -> RecordSet:
    values = tuple(value.text or "" for value in element.iter(f"{_NS}Value"))
    return RecordSet(int(_text(element, "TTL") or "0"), values)


def _text(element: Element, name: str) -> str:
    return element.findtext(f"{_NS}{name}") or ""
