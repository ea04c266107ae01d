"""How one process that keeps the lease follows another (B18)."""

from __future__ import annotations

from pathlib import Path

import pytest

from understudy_agent.files import AlreadyRunningError, Lock
from understudy_agent.succession import Succession


class Old:
    """It keeps the lease by the plan "old", and ends as soon as it has seen itself followed `looks` times."""

    def __init__(self, directory: Path, looks: int) -> None:
        self.lock, self.seen = Lock(directory / "expire.lock"), Succession(directory)
        self.lock.acquire("old")
        self.looks = looks
        self.slept_s = 0.0

    def sleep(self, seconds: float) -> None:
        self.slept_s += seconds
        if self.seen.is_followed():
            self.looks -= 1
        if self.looks == 0:
            self.lock.release()


def test_the_next_one_holds_the_lock_once_the_one_before_has_seen_that_it_waits(tmp_path: Path) -> None:
    old, new = Old(tmp_path, looks=3), Succession(tmp_path)
    assert (old.seen.mark(), old.seen.is_followed()) == ("old", False)
    new.follow("new", old.sleep)
    assert (old.looks, old.seen.is_held(), old.seen.mark(), old.seen.is_followed()) == (0, True, "new", False)


def test_one_that_is_not_made_way_for_gives_up_and_hinders_no_other(tmp_path: Path) -> None:
    old, new = Old(tmp_path, looks=10_000), Succession(tmp_path)
    with pytest.raises(AlreadyRunningError):
        new.follow("new", old.sleep)
    assert 5 < old.slept_s < 15
    assert (old.seen.mark(), old.seen.is_followed()) == ("old", False)


def test_nobody_follows_one_that_goes_by_the_same_plan(tmp_path: Path) -> None:
    old, new = Old(tmp_path, looks=1), Succession(tmp_path)
    with pytest.raises(AlreadyRunningError):
        new.follow("old", old.sleep)
    assert old.looks == 1, "it was never seen waiting"


def test_one_at_a_time_waits(tmp_path: Path) -> None:
    old, second = Old(tmp_path, looks=40), Succession(tmp_path)
    refused: list[str] = []

    def sleep(seconds: float) -> None:
        if not refused:
            with pytest.raises(AlreadyRunningError) as fault:
                second.follow("newer", lambda _: None)
            refused.append(str(fault.value))
        old.sleep(seconds)

    Succession(tmp_path).follow("new", sleep)
    assert ["expire.next.lock" in each for each in refused] == [True]


def test_a_lock_of_an_earlier_version_tells_of_no_plan(tmp_path: Path) -> None:
    (tmp_path / "expire.lock").write_text("4711\n")
    assert (Succession(tmp_path).holder(), Succession(tmp_path).mark()) == (4711, "")
    (tmp_path / "expire.lock").write_text("")
    assert (Succession(tmp_path).holder(), Succession(tmp_path).mark()) == (None, "")
