"""Programs on one virtual clock take turns in one order only."""

import threading
import time as wall
from random import Random

import pytest

from bench.virtual_time import VirtualTime


def fails():
    raise KeyError("nothing")


def story(seed):
    """What twenty programs do, in the order in which they do it."""
    time, random, told = VirtualTime(100.0), Random(seed), []

    def program(name):
        for _ in range(5):
            time.sleep(random.uniform(0, 3))
            told.append((name, time()))

    for number in range(20):
        time.start(100.0, lambda name=number: program(name))
    time.run()
    return told


def test_a_run_is_the_same_every_time():
    assert story(1) == story(1) != story(2)


def test_the_clock_never_goes_back():
    moments = [at for _, at in story(3)]
    assert moments == sorted(moments)


def test_an_hour_passes_at_once():
    time = VirtualTime()
    time.start(0, lambda: time.sleep(3600))
    began = wall.monotonic()
    time.run()
    assert time() == 3600
    assert wall.monotonic() - began < 60


def test_those_who_wake_at_the_same_moment_go_on_in_the_order_in_which_they_fell_asleep():
    time, told = VirtualTime(), []
    for name in "abc":
        time.start(1.0, lambda name=name: (time.sleep(1), told.append(name)))
    time.run()
    assert told == ["a", "b", "c"]


def test_what_a_program_raises_ends_the_run():
    time = VirtualTime()
    time.start(0, lambda: {}["nothing"])
    with pytest.raises(KeyError):
        time.run()


def test_when_a_run_ends_nobody_who_slept_goes_on():
    time, told = VirtualTime(), []

    def sleeper():
        try:
            time.sleep(10)
            told.append("went on")
        finally:
            time.sleep(1)  # what is done on the way out asks for time, too

    time.start(0, sleeper)
    time.start(1, lambda: {}["nothing"])
    time.start(5, lambda: told.append("began"))
    with pytest.raises(KeyError):
        time.run()
    assert told == []


def test_a_brief_program_takes_its_turn_among_those_that_sleep():
    time, told = VirtualTime(), []

    def sleeper():
        for _ in range(3):
            time.sleep(2)
            told.append(("woke", time()))

    time.start(0, sleeper)
    for at_s in (1, 2, 5):
        time.start_brief(at_s, lambda: told.append(("brief", time())))
    time.run()
    assert told == [("brief", 1), ("brief", 2), ("woke", 2), ("woke", 4), ("brief", 5), ("woke", 6)]


@pytest.mark.parametrize("program", [lambda _: fails(), lambda time: time.sleep(1)], ids=["raises", "sleeps"])
def test_a_brief_program_that_raises_or_sleeps_ends_the_run(program):
    time, told = VirtualTime(), []
    time.start(0, lambda: (time.sleep(10), told.append("went on")))
    time.start_brief(1, lambda: program(time))
    with pytest.raises((KeyError, RuntimeError)):
        time.run()
    assert told == []


def test_hundreds_of_programs_one_after_the_other_share_a_few_threads():
    time, threads = VirtualTime(), set()

    def program():
        threads.add(threading.get_ident())
        time.sleep(0.5)

    for number in range(300):
        time.start(number, program)
    time.run()
    assert len(threads) == 1


def test_when_a_run_is_over_its_threads_end():
    before = set(threading.enumerate())  # other tests of this process may have left some
    assert story(1)
    with pytest.raises(KeyError):
        test = VirtualTime()
        test.start(0, lambda: test.sleep(9))
        test.start(1, lambda: {}["nothing"])
        test.run()
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=60)
    assert set(threading.enumerate()) <= before
