"""Every wait has a limit, and what it says when the limit is reached is a sentence."""

import pytest

from local.waiting import NotInTime, wait_for


def test_the_answer_of_the_probe_is_handed_on():
    answers = iter([None, 0, "ready"])
    assert wait_for("it", lambda: next(answers), 1, interval_s=0) == "ready"


def test_the_limit_names_what_did_not_happen_and_why():
    with pytest.raises(NotInTime, match=r"node-a beats: not within 0 s \(last answer 404\)"):
        wait_for("node-a beats", lambda: None, 0, why=lambda: "last answer 404")
