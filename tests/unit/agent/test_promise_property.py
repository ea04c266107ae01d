"""No losses, delays, replays, restarts, reboots, grants or definitions make two nodes serve; lack of a safeguard does.

`python -m tests.unit.agent.test_promise_property RUNS` tries so many further seeds.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from tests.unit.agent import promise_world
from tests.unit.agent.promise_world import NAMES, TwoServeError, World
from understudy.domain.cluster.state import PowerReading, TransitionAction
from understudy.domain.cluster.view import ClusterView
from understudy.domain.lease.proof import find_proof
from understudy.domain.transition.opening import Opening
from understudy.domain.transition.steps import fenced, granted, opened
from understudy_agent import promise

A, B, C, _ = NAMES
SEEDS = 16
SEEDS_WITHOUT = 60


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
    return {name: view.nodes[name].ip for name in NAMES if name != me and name in view.nodes and name == NAMES[0]}


@pytest.mark.parametrize(
    ("name", "without"),
    [
        ("bound", never_bound),
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
    # What it waits for late askers, and the margin of the lease, hide the gap from all but rare seeds.
    monkeypatch.setattr(promise, "LATE_MS", 0)
    monkeypatch.setattr(promise_world, "POLICY", replace(promise_world.POLICY, drift_margin_s=1, silence_limit_s=7))
    assert finds_two_that_serve()


class Quiet(World):
    """A world in which only what a test does happens, and messages arrive at once."""

    def __init__(self) -> None:
        super().__init__(0)
        self.grants_to = ""

    def trouble(self) -> None:
        """Nothing happens by itself."""

    def carry(self, sender: str, data: bytes, address: tuple[str, int]) -> None:
        self._deliver(sender, data, address[0])

    def control(self) -> None:
        """Once told to, the controller moves the service to `grants_to` as soon as it has a proof."""
        state = self.state
        if not self.grants_to or state.active == self.grants_to:
            return
        view = ClusterView(state, self._definition(), self.now // 1000)
        if state.transition is None:
            self.state = opened(view, Opening(TransitionAction.FAILOVER, self.grants_to, "any", why=""), "x")
        elif proof := find_proof(view, PowerReading.UNKNOWN):
            self.state = granted(fenced(state, proof), self._definition(), proof)

    def cut_off_from_aws(self, name: str) -> None:
        self.nodes[name].hears_aws = self.nodes[name].aws_hears = False


def a_takeover_by_a_node_that_has_forgotten_its_promise() -> Quiet:
    world = Quiet()
    world.go(10_000)
    world.cut_off_from_aws(A)
    world.grants_to = B
    world.go(6_000)
    world.nodes[B].is_on = False
    world.cut = {frozenset((A, B))}
    world.go(500)
    world._switch_on(world.nodes[B])
    world.go(20_000)
    assert world.nodes[B].up
    return world


def an_old_holder_that_asks_the_new_one() -> Quiet:
    world = Quiet()
    world.go(10_000)
    world.cut_off_from_aws(A)
    world.cut = {frozenset((A, B)), frozenset((A, C))}
    world.grants_to = B
    world.go(20_000)
    assert world.nodes[B].up
    world.cut = set()
    world.go(20_000)
    assert not world.nodes[A].up
    return world


@pytest.mark.parametrize(
    ("story", "name", "without"),
    [
        (a_takeover_by_a_node_that_has_forgotten_its_promise, "start_ms", never_waiting_for_what_was_forgotten),
        (an_old_holder_that_asks_the_new_one, "objection", given_by_whoever_is_asked),
    ],
)
def test_what_a_safeguard_is_for_ends_well_with_it_and_not_without(monkeypatch, story, name, without):  # B11
    story()
    monkeypatch.setattr(promise, name, without)
    with pytest.raises(TwoServeError):
        story()


if __name__ == "__main__":
    for number in range(int(sys.argv[1])):
        World(number).run()
