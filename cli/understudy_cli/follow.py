"""Look on while an execution runs: each stage is shown as it is reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from understudy_cli.app import App
from understudy_cli.core import exits
from understudy_cli.core.cluster import Question
from understudy_cli.core.endings import Execution
from understudy_cli.core.faults import Fault
from understudy_cli.core.lines import WARN, Span, line
from understudy_cli.core.moves import Story, of_execution, steps_of

EVERY_S = 1.0
PATIENCE = 20
"""How many times in a row AWS may be busy or out of reach before it is given up."""
NEWEST = 6
"""As many epochs as one execution opens at most: one for each node that is tried."""


@dataclass(frozen=True)
class Followed:
    """How far it came: at its end, or at a question that a person is to answer."""

    execution: Execution
    stories: Sequence[Story] = ()
    question: Question | None = None


def follow(app: App, cluster: str, name: str, *, past_question: bool = False) -> Followed:
    """Until it has ended, or asks a person (unless `past_question`). Raises Fault."""
    shown: set[tuple[int, str]] = set()
    failed = 0
    while True:
        try:
            found = _look(app, cluster, name, past_question)
            failed = 0
        except Fault as fault:
            failed = _borne(app, fault, failed)
            found = None
        if found:
            _show(app, found, shown)
            if found.question or not found.execution.is_running:
                return found
        app.settings.sleep(EVERY_S)


def _look(app: App, cluster: str, name: str, past_question: bool) -> Followed:
    """The execution before its moves: once it is seen to have ended, they are whole."""
    execution = app.stack.execution(name)
    stories = of_execution(app.stack.history(cluster, NEWEST), name)
    if stories or past_question or not execution.is_running:
        return Followed(execution, stories)
    item = app.stack.states([cluster]).get(cluster)
    question = app.judged(item).question if item else None
    return Followed(execution, stories, question if question and question.execution == name else None)


def _borne(app: App, fault: Fault, failed: int) -> int:
    """A read that fails says nothing of the move: it is tried again for a while."""
    if fault.exit != exits.NOT_KNOWN or failed >= PATIENCE:
        raise fault
    if failed == 0:
        app.screen.complain(line(Span(f"{fault.what}. What runs goes on; asking again.", WARN)))
    return failed + 1


def _show(app: App, found: Followed, shown: set[tuple[int, str]]) -> None:
    for step in steps_of(found.stories):
        if (step.epoch, step.stage) not in shown:
            shown.add((step.epoch, step.stage))
            app.screen.show(step.as_line(app.stack.now(), app.settings.zone))


def answered(app: App, name: str) -> Execution:
    """The end of an execution that moves nothing. Raises Fault."""
    while True:
        execution = app.stack.execution(name)
        if not execution.is_running:
            return execution
        app.settings.sleep(EVERY_S / 2)
