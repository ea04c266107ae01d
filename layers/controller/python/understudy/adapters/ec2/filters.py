"""Filters of EC2's Describe calls, by which what EC2 does not know is left out: by id, it would hide the others."""

from collections.abc import Iterable, Iterator
from typing import Any

FILTER_LIMIT = 200
"""EC2 takes at most this many values in one filter."""


def filters(name: str, values: Iterable[str]) -> Iterator[dict[str, Any]]:
    """A filter for every FILTER_LIMIT different values, in their order."""
    wanted = sorted(set(values))
    for start in range(0, len(wanted), FILTER_LIMIT):
        yield {"Name": name, "Values": wanted[start : start + FILTER_LIMIT]}
