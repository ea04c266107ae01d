"""What the agent does not do yet as it should: each is a test that must begin to pass when it does."""

from __future__ import annotations

import pytest

from local.waiting import NotInTime


def not_yet(reason: str) -> pytest.MarkDecorator:
    """The test fails today because of this, and in no other way; it is reported as soon as it passes."""
    return pytest.mark.xfail(raises=(NotInTime, AssertionError), strict=True, reason=reason)
