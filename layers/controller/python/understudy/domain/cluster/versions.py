"""Published versions of a function: which of them nobody can need any more."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

NEWEST_KEPT = 3
"""So many are kept of each function, for a person who goes back by the alias."""
REPLACED_FOR_S = 24 * 3600
"""How long a version must have had a successor. Above what the longest execution of the workflow takes."""
AT_REST = frozenset(
    {
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
    }
)
"""The states of a stack in which nothing is being changed, and nothing can be rolled back any more."""


@dataclass(frozen=True)
class Published:
    """A version that was published. `at`: when (epoch seconds)."""

    number: int
    at: float


@dataclass(frozen=True)
class Versions:
    """Of one function. `named`: the versions that an alias names, also those that it sends a part of its calls to."""

    published: Sequence[Published]
    named: Collection[int]


def superfluous(versions: Versions, now: float) -> list[int]:
    """The versions that no alias names, that were replaced long ago and are not among the newest; oldest first.

    A version's own age says nothing: one that served for a year was replaced a minute ago, when a deployment that
    may yet be rolled back has moved the alias.
    """
    by_number = sorted(versions.published, key=lambda each: each.number)
    replaced_at = {old.number: new.at for old, new in pairwise(by_number)}
    return [
        each.number
        for each in by_number[:-NEWEST_KEPT]
        if each.number not in versions.named and now - replaced_at[each.number] > REPLACED_FOR_S
    ]
