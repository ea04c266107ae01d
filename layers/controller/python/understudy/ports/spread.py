"""Work on many things, one after the other or many at once."""

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Spread(Protocol):
    """How work on many things that have nothing to do with each other is done: as the builtin `map`, or many at once.

    What `work` raises comes through, and ends the rest.
    """

    def __call__(self, work: Callable[[T], R], items: Iterable[T], /) -> Iterable[R]:
        """The answers, in the order of the items."""
        ...


def one_by_one(work: Callable[[T], R], items: Iterable[T], /) -> Iterable[R]:
    """A Spread that does one after the other."""
    return map(work, items)
