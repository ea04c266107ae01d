"""What is done again and again ends with its block."""

import threading

import pytest

from local.repeated import Repeated
from local.waiting import wait_for


class Counter(Repeated):
    def __init__(self, pause_s: float) -> None:
        super().__init__("counter", turn_limit_s=5)
        self.turns, self._pause_s = 0, pause_s

    def _turn(self) -> float:
        self.turns += 1
        return self._pause_s


def names_of_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate()]


def test_turns_are_taken_until_the_block_is_left():
    with Counter(0.0) as counter:
        wait_for("some turns", lambda: counter.turns > 3, 5, interval_s=0.01)
    assert "counter" not in names_of_threads()


def test_a_long_pause_does_not_hold_up_the_end():
    with Counter(3600.0) as counter:
        wait_for("a turn", lambda: counter.turns, 5, interval_s=0.01)
    assert counter.turns == 1
    assert "counter" not in names_of_threads()


def test_it_ends_when_the_block_fails():
    with pytest.raises(RuntimeError), Counter(3600.0):
        raise RuntimeError
    assert "counter" not in names_of_threads()
