"""Commands that answer for a person whether a move may begin: approve, deny."""

from __future__ import annotations

from dataclasses import dataclass

import click

from understudy_cli.app import App, asks, cluster_argument
from understudy_cli.commands.ending import end_denied, look_on
from understudy_cli.commands.moving import confirm, reason_option, yes_option
from understudy_cli.core import exits
from understudy_cli.core.cluster import Cluster, Question
from understudy_cli.core.faults import Fault
from understudy_cli.core.items import Fields
from understudy_cli.core.lines import DIM, Line, Span, columns
from understudy_cli.core.status import status_lines
from understudy_cli.core.times import when
from understudy_cli.ports import Pending

token_option = click.option("--token", help="The token of the notice; read from the execution, without it.")
by_option = click.option("--by", help="Who answers, for the history; your ARN, without it.")


@click.command()
@cluster_argument
@token_option
@by_option
@yes_option
@asks
def approve(app: App, cluster: str | None, token: str | None, by: str | None, yes: bool) -> None:
    """Let a move begin that a person is asked about. Shows the question and how the cluster stands first."""
    name, question = _asked(app, cluster, token, "Approve", yes)
    _answer(app, question, {"approved": True, "by": by or app.stack.who()})
    look_on(app, name, question.execution, past_question=True)


@click.command()
@cluster_argument
@token_option
@by_option
@reason_option
@yes_option
@asks
def deny(app: App, cluster: str | None, token: str | None, by: str | None, reason: str, yes: bool) -> None:
    """Keep a move from beginning that a person is asked about. Shows the question and how the cluster stands first."""
    name, question = _asked(app, cluster, token, "Deny", yes)
    answer = {"approved": False, "by": by or app.stack.who()}
    _answer(app, question, {**answer, "reason": reason} if reason else answer)
    end_denied(app, name, question.execution)


@dataclass(frozen=True)
class _Open:
    """What an answer needs to know of an open question."""

    token: str
    execution: str


def _answer(app: App, question: _Open, answer: dict[str, object]) -> None:
    sentence = f"You have stopped looking; your answer stands. Look: understudy follow {question.execution}"
    app.when_stopped(exits.NOT_KNOWN, sentence, execution=question.execution)
    app.stack.answer(question.token, answer)


def _asked(app: App, name: str | None, token: str | None, word: str, yes: bool) -> tuple[str, _Open]:
    """Show the open question of a cluster, and ask back. The cluster's name, and what answers it. Raises Fault."""
    cluster = app.cluster(name)
    question = cluster.question
    if question is None:
        raise Fault(f"Nobody is asked anything about {cluster.name}", "Look: understudy status", exits.NOT_DONE)
    pending = Pending(token, {}) if token else app.stack.question(question.execution)
    if pending is None:
        what = f"The token of the question is not in the history of {question.execution}"
        raise Fault(what, "Take it from the notice: --token TOKEN", exits.NOT_DONE)
    app.screen.show(*status_lines(cluster, app.settings.zone), *_question_lines(app, cluster, question, pending))
    confirm(app, f"{word} this {question.action} of {cluster.name}?", yes)
    return cluster.name, _Open(pending.token, question.execution)


def _question_lines(app: App, cluster: Cluster, question: Question, pending: Pending) -> list[Line]:
    asked, zone = Fields(pending.asked), app.settings.zone
    names = {each.instance_id: each.name for each in cluster.nodes}
    source, target = (names.get(asked.text(each), asked.text(each)) for each in ("source", "target"))
    told = [
        ("asked", f"{question.action or 'a move'} {source or cluster.active or 'nobody'} -> {target or 'not known'}"),
        ("rule", asked.text("rule")),
        ("why", asked.text("why")),
        ("reason", Fields(app.stack.execution(question.execution).asked).text("reason")),
        ("since", "" if question.asked_at is None else when(question.asked_at, cluster.read_at, zone)),
        ("until", "" if question.until is None else when(question.until, cluster.read_at, zone)),
        ("without an answer", asked.text("on_timeout")),
        ("execution", question.execution),
    ]
    return columns([[Span(name, DIM), Span(text)] for name, text in told if text], indent=2)
