"""No losses, delays, replays, restarts, reboots, grants or definitions make two nodes serve; without a safeguard they do.

`python -m tests.unit.agent.test_promise_property RUNS` tries so many further seeds.
"""

from __future__ import annotations

import sys

import pytest

from tests.unit.agent import promise_world
from tests.unit.agent.promise_world import NAMES, TwoServeError, World
from understudy_agent import promise

SEEDS = 24
SEEDS_WITHOUT = 150


@pytest.mark.parametrize("seed", range(SEEDS))
def test_two_nodes_never_serve_at_the_same_time_whatever_happens_to_them_and_between_them(seed):  # B11 B4 S12
    World(seed).run()


def test_the_worlds_in_which_that_is_tried_do_have_nodes_that_serve_on_without_a_lease():  # B11
    lasted = [World(seed).run().longest_without_lease_ms for seed in range(6)]
    assert max(lasted) > 2 * 5000


def finds_two_that_serve(seeds: int = SEEDS_WITHOUT) -> bool:
    for seed in range(seeds):
        try:
            World(seed).run()
        except TwoServeError:
            return True
    return False


def never_bound(memory, ask, now_ms):
    return memory


def never_waiting_for_what_was_forgotten(memory, terms):
    return memory.bound_until_ms


def given_by_whoever_is_asked(*_arguments, **_more):
    return ""


def asked_of_the_first_only(view, me):
    return {name: view.nodes[name].address for name in NAMES if name != me and name in view.nodes and name == NAMES[0]}


@pytest.mark.parametrize(
    ("name", "without"),
    [
        ("bound", never_bound),
        ("start_ms", never_waiting_for_what_was_forgotten),
        ("objection", given_by_whoever_is_asked),
        ("peers_of", asked_of_the_first_only),
        ("asker_ms", lambda promise_ms: promise_ms * 3),
    ],
)
def test_without_one_of_the_safeguards_two_nodes_serve(monkeypatch, name, without):  # B11
    monkeypatch.setattr(promise, name, without)
    assert finds_two_that_serve()


def test_without_the_rule_on_new_nodes_two_nodes_serve(monkeypatch):  # B11
    monkeypatch.setattr(promise_world, "is_known_to_holder", lambda state, instance_id: True)
    monkeypatch.setattr(promise, "after_view", lambda memory, *_: memory)
    assert finds_two_that_serve()


if __name__ == "__main__":
    for number in range(int(sys.argv[1])):
        World(number).run()
