"""Ctrl-C at any moment of a command that changes something."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.cli.every_command import APPROVER, OPERATOR, RETIRE, VIEWER, a_waiting_stack, with_files
from tests.unit.cli.running import run
from tests.unit.cli.test_json import CHECK
from understudy_cli.core import exits
from understudy_cli.screen import Screen

EVERY = {**OPERATOR, **APPROVER, **RETIRE}
CHANGING = {each: how for each, how in EVERY.items() if each not in VIEWER and "--plan" not in each}
CHANGES = {"start", "answer", "put_parameter", "delete_parameter", "delete_item", "delete_key"}
LIMIT = 200
NOTHING_CHANGED = "You have stopped looking; nothing was changed."


class Interrupted:
    """Counts the moments of a run, each before and after a call or a line, and presses Ctrl-C at one of them."""

    def __init__(self, at: int) -> None:
        self.at, self.moments, self.begun = at, 0, False

    def moment(self) -> None:
        self.moments += 1
        if self.moments == self.at:
            raise KeyboardInterrupt

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **words: Any) -> Any:
            self.moment()
            self.begun |= name in CHANGES
            answer = function(*arguments, **words)
            self.moment()
            return answer

        return call


def run_interrupted(arguments, at, tmp_path, monkeypatch, *more):
    key, stack = Interrupted(at), a_waiting_stack()
    stack.scenes = [stack.ends(**CHANGING[arguments])] * 3 if CHANGING[arguments] else []
    for name in dir(stack):
        if not name.startswith("_") and callable(getattr(stack, name)):
            monkeypatch.setattr(stack, name, key.around(name, getattr(stack, name)))
    with monkeypatch.context() as patched:
        patched.setattr(Screen, "show", key.around("show", Screen.show))
        return key, stack, run(stack, *with_files(arguments, tmp_path), *more)


@pytest.mark.parametrize("arguments", CHANGING, ids=" ".join)
def test_once_a_change_has_begun_ctrl_c_never_says_that_nothing_is_done(arguments, tmp_path, monkeypatch):  # B23
    """Also in the moment between the request and the first look at it."""
    begun = 0
    for at in range(1, LIMIT):
        key, stack, result = run_interrupted(arguments, at, tmp_path, monkeypatch)
        if key.moments < at:
            break
        assert result.exit_code == exits.NOT_KNOWN, (at, result.output)
        assert "You have stopped" in result.stdout, at
        if key.begun:
            begun += 1
            assert NOTHING_CHANGED not in result.stdout, (at, result.output)
            assert not stack.started[1:] or stack.started[-1][0] in result.stdout or "drill" in arguments, result.stdout
    assert begun > 1
    assert at < LIMIT - 1


@pytest.mark.parametrize("arguments", CHANGING, ids=" ".join)
def test_what_a_stopped_command_prints_is_as_the_schema_says(arguments, tmp_path, monkeypatch):  # B23
    for at in range(1, LIMIT):
        key, _, result = run_interrupted(arguments, at, tmp_path, monkeypatch, "--json")
        if key.moments < at:
            break
        told = json.loads(result.stdout)
        CHECK.validate(told)
        assert (told["exit"], told["command"]) == (result.exit_code, arguments[0])
