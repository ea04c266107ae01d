"""Commands that answer for a person whether a move may begin: approve, deny."""

from __future__ import annotations

from typing import Any

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

by_option = click.option("--by", help="Who answers, for the history; your ARN, without it.")


@click.command()
@cluster_argument
@by_option
@yes_option
@asks
def approve(app: App, cluster: str | None, by: str | None, yes: bool) -> None:
    """Let a move begin that a person is asked about. Shows the question and how the cluster stands first."""
    name, execution = _answer(app, cluster, {"approved": True}, by, yes)
    look_on(app, name, execution, past_question=True)


@click.command()
@cluster_argument
@by_option
@reason_option
@yes_option
@asks
def deny(app: App, cluster: str | None, by: str | None, reason: str, yes: bool) -> None:
    """Keep a move from beginning that a person is asked about. Shows the question and how the cluster stands first."""
    name, execution = _answer(app, cluster, {"approved": False, **({"reason": reason} if reason else {})}, by, yes)
    end_denied(app, name, execution)


def _answer(app: App, name: str | None, answer: dict[str, Any], by: str | None, yes: bool) -> tuple[str, str]:
    """Answer the open question of a cluster. Its name, and that of the execution that goes on."""
    cluster = app.cluster(name)
    question = cluster.question
    pending = app.stack.question(question.execution) if question else None
    if question is None or pending is None:
        raise Fault(f"Nobody is asked anything about {cluster.name}", "Look: understudy status", exits.NOT_DONE)
    app.screen.show(*status_lines(cluster, app.settings.zone), *_question_lines(app, cluster, question, pending))
    word = "Approve" if answer["approved"] else "Deny"
    confirm(app, f"{word} this {question.action} of {cluster.name}?", yes)
    app.stack.answer(pending.token, {**answer, "by": by or app.stack.who()})
    return cluster.name, question.execution


def _question_lines(app: App, cluster: Cluster, question: Question, pending: Pending) -> list[Line]:
    asked, zone = Fields(pending.asked), app.settings.zone
    names = {each.instance_id: each.name for each in cluster.nodes}
    source, target = (names.get(asked.text(each), asked.text(each)) for each in ("source", "target"))
    told = [
        ("asked", f"{question.action or 'a move'} {source or 'nobody'} -> {target or 'not known'}"),
        ("rule", asked.text("rule")),
        ("why", asked.text("why")),
        ("reason", Fields(app.stack.execution(question.execution).asked).text("reason")),
        ("since", "" if question.asked_at is None else when(question.asked_at, cluster.read_at, zone)),
        ("until", "" if question.until is None else when(question.until, cluster.read_at, zone)),
        ("without an answer", asked.text("on_timeout")),
        ("execution", question.execution),
    ]
    return columns([[Span(name, DIM), Span(text)] for name, text in told if text], indent=2)
