"""Which published versions of a function nobody can need any more."""

import pytest

from understudy.domain.cluster.versions import NEWEST_KEPT, REPLACED_FOR_S, Published, Versions, superfluous
from understudy.domain.transition.limits import EXECUTION_LIMIT_S

DAY_S = 24 * 3600
NOW = 1000.0 * DAY_S


def versions(*days_ago: float, named: tuple[int, ...] = ()) -> Versions:
    """Numbered from 1, each published so many days ago; the alias names the newest unless told otherwise."""
    published = [Published(number, NOW - days * DAY_S) for number, days in enumerate(days_ago, 1)]
    return Versions(published, named or (len(published),))


def test_a_version_that_was_replaced_long_ago_is_superfluous():  # B16
    assert superfluous(versions(50, 40, 30, 20, 10), NOW) == [1, 2]


def test_the_newest_are_kept_for_a_person_who_goes_back():  # B16
    assert NEWEST_KEPT >= 2
    assert superfluous(versions(30, 20, 10), NOW) == []


def test_no_version_that_an_alias_names_is_superfluous_however_old_it_is():  # B16
    assert superfluous(versions(50, 40, 30, 20, 10, named=(1, 5)), NOW) == [2]


def test_what_served_until_a_minute_ago_is_kept_however_long_it_served():  # B16
    """It is old itself. Executions that began under it, and a rollback, are counted from when it was replaced."""
    minute = 1 / 1440
    assert superfluous(versions(500, minute, minute, minute), NOW) == []
    assert superfluous(versions(500, 2, minute, minute, minute), NOW) == [1]


def test_a_version_outlives_every_execution_that_began_under_it():  # B16
    assert REPLACED_FOR_S > EXECUTION_LIMIT_S


@pytest.mark.parametrize("published", [(), (5,)])
def test_a_function_with_no_more_than_one_version_keeps_it(published):
    assert superfluous(versions(*published, named=(1,)), NOW) == []


def test_numbers_are_compared_as_numbers():
    many = versions(*range(20, 0, -1))
    assert superfluous(many, NOW) == list(range(1, 18))
