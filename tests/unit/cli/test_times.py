"""Times in words."""

from datetime import timedelta, timezone

import pytest

from understudy_cli.core.times import ago, duration, local, seconds_of, when

NOW = 1_800_000_000  # 2027-01-15 08:00:00 UTC
TOKYO = timezone(timedelta(hours=9))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.42, "0.4 s"),
        (12, "12 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (3 * 3600 + 600, "3 h 10 min"),
        (2 * 86_400, "2 d"),
        (2 * 86_400 + 3 * 3600, "2 d 3 h"),
        (-5, "0 s"),
    ],
)
def test_a_duration_has_the_units_that_matter(seconds, words):
    assert duration(seconds) == words


def test_a_time_says_how_long_ago_it_was_and_how_long_it_is_until_then():
    assert ago(NOW - 75, NOW) == "75 s ago"
    assert ago(NOW + 300, NOW) == "in 5 min"


def test_a_time_is_that_of_this_place_with_its_date_unless_it_is_today():
    assert local(NOW, NOW, TOKYO) == "17:00:00"
    assert local(NOW - 86_400, NOW, TOKYO) == "2027-01-14 17:00:00"
    assert when(NOW - 60, NOW, TOKYO) == "16:59:00 (60 s ago)"


@pytest.mark.parametrize("at", [-1, 1e13, 1e126, float("inf")])
def test_a_time_that_no_calendar_has_is_said_as_it_stands(at):
    assert local(at, NOW).endswith("s since 1970")


@pytest.mark.parametrize(
    ("typed", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("2h", 7200), ("1d", 86_400), ("1h30m", 5400)]
)
def test_a_duration_is_typed_as_people_say_it(typed, seconds):
    assert seconds_of(typed) == seconds


@pytest.mark.parametrize("typed", ["", "h", "5x", "-5", "1.5h", "soon", "5m!", "٣"])
def test_what_is_no_duration_is_refused_with_what_is_allowed(typed):
    with pytest.raises(ValueError, match="allowed: for example 90s"):
        seconds_of(typed)
