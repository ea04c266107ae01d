"""Figures that the controller gives about itself."""

from collections.abc import Mapping
from typing import Protocol


class Measure(Protocol):
    """Where the controller puts figures about itself."""

    def __call__(self, values: Mapping[str, float], **dimension: str) -> None:
        """Put values down by their names: one that ends in Seconds is seconds, every other is a count.

        `dimension`: at most one, of few values known beforehand. Never a cluster or an instance: each value is a
        metric of its own, and costs money.
        """
        ...


def unmeasured(values: Mapping[str, float], **dimension: str) -> None:
    """A Measure for those who want no figures."""
