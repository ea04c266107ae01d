"""Times in words."""

import pytest

from tests.support.builders import NOW
from understudy.board.clock import span, utc


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (4, "4 s"), (4.25, "4.2 s"), (59, "59 s"), (60, "1 min"), (3600, "1 h"), (40 * 86400, "40 d")],
)
def test_a_span_is_said_in_the_largest_unit_that_fits(seconds, said):
    assert span(seconds) == said


def test_a_time_is_said_in_utc():
    assert utc(NOW) == "2027-01-15 08:00:00 UTC"


def test_a_time_that_no_calendar_has_is_shown_as_its_number():
    assert utc(10**20) == f"{10**20} s since 1970"
