"""Whatever is quoted in a message comes out short and on one line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.domain.quoting import quoted


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
