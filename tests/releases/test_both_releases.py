"""Functions of the release before and of this one do each other's work: on each other's items, in one execution."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from moto import mock_aws

from tests.releases.sides import NOW, Side, unpack_release_before
from tests.releases.stack import REGION, Chosen, Stack, WorldClock

BEGAN = 1_790_000_000.0
Pattern = Callable[[Side, Side], Chosen]


@pytest.fixture(scope="module")
def clock() -> WorldClock:
    return WorldClock(BEGAN)


@pytest.fixture(scope="module")
def before_root():
    return unpack_release_before(NOW / "build" / "releases")


@pytest.fixture
def aws(monkeypatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Understudy")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "understudy")
    with mock_aws():
        yield


class MakeStack(Protocol):
    def __call__(self, pattern: Pattern, workflow: str = "now", before: Path | None = None) -> Stack: ...


@pytest.fixture
def world(aws, monkeypatch, clock, before_root) -> MakeStack:
    """Makes the stack; `pattern` gets the release before and this one, and says whose function is called."""

    def make(pattern: Pattern, workflow: str = "now", before: Path | None = None) -> Stack:
        stack = Stack(clock)
        for name, value in stack.environment.items():
            monkeypatch.setenv(name, value)
        sides = {"before": Side("before", before or before_root, clock), "now": Side("now", NOW, clock)}
        stack.workflow = sides[workflow]
        stack.choose = lambda function: pattern(sides["before"], sides["now"])(function)
        return stack

    return make


def only_before(before, now):
    return lambda function: before


def only_now(before, now):
    return lambda function: now


def in_turns(first):
    """Whoever is called next is of the other release."""
    turn = itertools.cycle([0, 1] if first == "before" else [1, 0])
    return lambda before, now: lambda function: (before, now)[next(turn)]


def by_function(new):
    """As the aliases move, one after the other."""
    return lambda before, now: lambda function: now if function in new else before


def place(stack) -> tuple[str, str]:
    assert stack.register()["outcome"] == "ACCEPTED"
    stack.run_until(stack.in_service)
    first, second = (node.instance_id for node in stack.nodes)
    assert stack.in_service() == first
    return first, second


def switch_over_and_fail_over(stack, first, second) -> None:
    name = stack.start()
    stack.run_until(lambda: stack.in_service() == second)
    stack.run_until(lambda: stack.executions[name].status.value != "RUNNING")
    assert stack.executions[name].status.value == "SUCCEEDED"
    stack.nodes[1].is_on = False
    stack.run_until(lambda: stack.in_service() == first)
    assert stack.moves == [
        {"action": "place", "proof": "NO_HOLDER", "outcome": "IN_SERVICE"},
        {"action": "switchover", "proof": "RELEASED", "outcome": "IN_SERVICE"},
        {"action": "failover", "proof": "LEASE_EXPIRED", "outcome": "IN_SERVICE"},
    ]


@pytest.mark.parametrize("pattern", [only_before, only_now])
def test_each_release_does_it_alone(world, pattern):
    stack = world(pattern, workflow=pattern.__name__.removeprefix("only_"))
    switch_over_and_fail_over(stack, *place(stack))
    assert {side for _, side in stack.calls} == {pattern.__name__.removeprefix("only_")}


@pytest.mark.parametrize(("at_first", "then"), [(only_before, only_now), (only_now, only_before)])
def test_one_release_goes_on_with_what_the_other_has_written(world, at_first, then):  # B16
    """Upgraded, and rolled back."""
    turned = False
    stack = world(lambda before, now: (then if turned else at_first)(before, now))
    nodes = place(stack)
    turned = True
    switch_over_and_fail_over(stack, *nodes)


@pytest.mark.parametrize("workflow", ["before", "now"])
@pytest.mark.parametrize("first", ["before", "now"])
def test_functions_of_both_releases_take_turns_in_every_execution_and_beat(world, first, workflow):  # B16
    stack = world(in_turns(first), workflow=workflow)
    switch_over_and_fail_over(stack, *place(stack))
    for function in ("record_heartbeat", "open_transition", "fence_node", "await_service"):
        assert {side for name, side in stack.calls if name == function}, function
    assert {side for _, side in stack.calls} == {"before", "now"}


STEPS = ("open_transition", "fence_node", "move_address", "grant_lease", "await_service", "check_change")


@pytest.mark.parametrize("number", [1, 4])
def test_an_alias_that_has_moved_and_one_that_has_not_yet_work_together(world, number):  # B16
    stack = world(by_function({"record_heartbeat", *STEPS[:number]}), workflow="before")
    switch_over_and_fail_over(stack, *place(stack))


@pytest.mark.parametrize(
    ("file", "word", "instead"),
    [
        ("usecases/grant_lease.py", '= "GRANTED"', '= "LEASED"'),
        ("adapters/dynamodb_items.py", '"active"', '"holder"'),
    ],
    ids=["another word for an outcome", "another name for an attribute"],
)
def test_a_release_that_the_other_misreads_would_be_found(world, before_root, tmp_path, file, word, instead):
    other = tmp_path / "other"
    shutil.copytree(before_root, other)
    changed = other / "layers" / "controller" / "python" / "understudy" / file
    assert word in changed.read_text()
    changed.write_text(changed.read_text().replace(word, instead))
    stack = world(in_turns("before"), before=other)
    with pytest.raises((AssertionError, KeyError)):
        switch_over_and_fail_over(stack, *place(stack))
