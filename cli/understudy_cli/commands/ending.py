"""How commands end that have asked for something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from understudy_cli.app import App
from understudy_cli.core import exits
from understudy_cli.core.answers import advice_lines
from understudy_cli.core.endings import ending_of
from understudy_cli.core.lines import DIM, Span, line
from understudy_cli.core.moves import story_json
from understudy_cli.core.requests import execution_name
from understudy_cli.core.times import when
from understudy_cli.follow import Followed, follow

MOVE_STOPPED = (
    "You have stopped looking; what was asked for goes on. Look again: understudy follow {execution}, "
    "or: understudy status {cluster}"
)


def ask(app: App, cluster: str, request: Mapping[str, Any], stopped: str, **told: Any) -> str:
    """Start an execution for the request, and say its name. Ctrl-C ends the command with `stopped` from now on."""
    name = execution_name(cluster, str(request["action"]), app.stack.now(), app.settings.chance())
    sentence = stopped.format(execution=name, cluster=cluster)
    app.when_stopped(exits.NOT_KNOWN, sentence, cluster=cluster, execution=name, **told)
    app.stack.start(name, request)
    app.screen.show(line(Span(f"asked: {name}", DIM)))
    return name


def look_on(app: App, cluster: str, name: str, *, past_question: bool = False) -> None:
    """Show an execution to its end, and end as it does."""
    sentence = MOVE_STOPPED.format(execution=name, cluster=cluster)
    app.when_stopped(exits.NOT_KNOWN, sentence, cluster=cluster, execution=name)
    end_move(app, cluster, follow(app, cluster, name, past_question=past_question))


def ask_and_look_on(app: App, cluster: str, request: Mapping[str, Any]) -> None:
    """Start an execution for the request, show it to its end, and end as it does."""
    look_on(app, cluster, ask(app, cluster, request, MOVE_STOPPED))


def end_denied(app: App, cluster: str, name: str) -> None:
    """Wait until nothing moves any more, which is what a no asks for."""
    followed = follow(app, cluster, name, past_question=True)
    if ending_of(followed.execution).word != "NotApproved":
        end_move(app, cluster, followed)
    sentence = f"Denied: nothing was moved. Asked again while the cause lasts: understudy status {cluster}"
    app.end(exits.DONE, sentence, cluster=cluster, execution=name, ending="NotApproved", moves=[])


def waits_for_a_person(app: App, cluster: str, followed: Followed) -> str:
    """That a move has put a question to people, until when, and how to answer it."""
    limit = followed.question.until if followed.question else None
    until = "" if limit is None else f" until {when(limit, app.stack.now(), app.settings.zone)}"
    return (
        f"It waits for a person{until}: understudy approve {cluster}. Nothing is moved before. "
        f"Look on: understudy follow {followed.execution.name}"
    )


def end_move(app: App, cluster: str, followed: Followed) -> NoReturn:
    """The sentence and the exit status of what has ended, or waits for a person."""
    name, moves = followed.execution.name, [story_json(each) for each in followed.stories]
    if followed.question:
        app.end(exits.WAITS, waits_for_a_person(app, cluster, followed), cluster=cluster, execution=name, moves=moves)
    app.screen.show(*advice_lines(followed.execution.output))
    ending = ending_of(followed.execution, followed.stories)
    app.end(ending.exit, ending.sentence, cluster=cluster, execution=name, ending=ending.word, moves=moves)
