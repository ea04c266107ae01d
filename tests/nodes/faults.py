"""What the agent does not do yet as it should: each is a test that must begin to pass when it does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from local.waiting import NotInTime


class Shortcoming(AssertionError):  # noqa: N818  (it reads as the sentence that the developer gets)
    """The agent did not do what is wanted of it; all that led up to it went as it should."""


@contextlib.contextmanager
def wanted() -> Iterator[None]:
    """What the test is about. Raises Shortcoming when it does not hold or not happen."""
    try:
        yield
    except (NotInTime, AssertionError) as fault:
        raise Shortcoming(str(fault)) from fault


def not_yet(reason: str) -> pytest.MarkDecorator:
    """The test fails today for this reason, where it says what is `wanted` and nowhere else; a pass is told."""
    return pytest.mark.xfail(raises=Shortcoming, strict=True, reason=reason)


REBOOTS_INSTEAD = (
    "what keeps the lease is asked to end while systemd goes, cannot look at the units any more, and reboots the node"
)


def sometimes(reason: str) -> pytest.MarkDecorator:
    """As `not_yet`, of what depends on who is quicker: that it passes today proves nothing."""
    return pytest.mark.xfail(raises=Shortcoming, strict=False, reason=reason)
