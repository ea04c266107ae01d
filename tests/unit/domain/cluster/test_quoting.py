"""Whatever is quoted in a message comes out short and on one line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.domain.cluster.quoting import FAULT_LENGTH_LIMIT, FAULT_LIMIT, plain, quoted, truncated


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("orders", "'orders'"),
        ("a\nb", r"'a\nb'"),
        (None, "None"),
        (True, "True"),
        (1.5, "1.5"),
        (-7, "-7"),
        ({"a": 1}, "an object"),
        ([1], "a list"),
    ],
)
def test_a_value_is_quoted_as_people_know_it(value, text):
    assert quoted(value) == text


def test_a_number_without_end_is_not_written_out():
    assert quoted(10**5000) == "a number of more than 60 digits"


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=500))
def test_a_text_is_cut_and_stays_on_one_line(value):
    assert len(quoted(value, 20)) <= 22
    assert quoted(value).isprintable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("nodes[0].name: is missing", "nodes[0].name: is missing"),
        ("a\nb\x1b[31m", r"a\nb\x1b[31m"),
        ("\u202eab\ud800", r"\u202eab\ud800"),
        ("k" * 100, "k" * 57 + "..."),
    ],
)
def test_text_from_outside_is_short_and_cannot_change_what_is_shown(text, shown):
    assert plain(text, 60) == shown


def test_many_faults_are_told_of_by_the_first_ones_and_their_number():
    assert truncated(["one", "two"]) == ["one", "two"]
    many = truncated(["x" * 1000] * (FAULT_LIMIT + 2))
    assert many == ["x" * (FAULT_LENGTH_LIMIT - 3) + "..."] * FAULT_LIMIT + ["and 2 more"]
