"""What counts as an outage is what the client saw, from one answer to the next."""

from local.client import Attempt, outages


def attempt(at: float, node: str) -> Attempt:
    return Attempt(at, at + 0.1, 1000 + at, "127.0.0.2", node, "" if node else "refused")


def test_an_outage_runs_from_the_last_answer_to_the_next():
    found = outages([attempt(0, "a"), attempt(1, "a"), attempt(2, ""), attempt(3, ""), attempt(4, "b")])
    assert [(round(o.seconds, 3), o.from_node, o.to_node, o.failed_attempts) for o in found] == [(3.0, "a", "b", 2)]


def test_a_change_of_node_without_a_failed_attempt_is_measured_too():
    found = outages([attempt(0, "a"), attempt(1, "b")])
    assert [(o.from_node, o.to_node, o.failed_attempts) for o in found] == [("a", "b", 0)]


def test_failures_before_the_first_answer_and_after_the_last_are_no_outage_yet():
    assert outages([attempt(0, ""), attempt(1, "a"), attempt(2, "")]) == []
