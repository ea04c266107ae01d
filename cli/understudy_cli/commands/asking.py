"""Commands that ask the controller and move nothing: why, check, rehearse."""

from __future__ import annotations

import click

from understudy_cli.app import App, asks, cluster_argument
from understudy_cli.commands.ending import ask
from understudy_cli.core import requests
from understudy_cli.core.answers import advice_lines, report_lines
from understudy_cli.core.endings import Execution, ending_of
from understudy_cli.core.items import Fields
from understudy_cli.follow import answered

STOPPED = (
    "You have stopped looking; nothing is changed by what you asked. Look at the answer: understudy follow {execution}"
)


@click.command()
@cluster_argument
@asks
def why(app: App, cluster: str | None) -> None:
    """Why the controller does what it does about a cluster now. Nothing is changed."""
    name = app.cluster(cluster).name
    _end_advice(app, name, _answer(app, name, requests.request(name, requests.EXPLAIN)))


@click.command()
@cluster_argument
@click.option("--to", metavar="NODE", help="The node to move to; the one that would take over, without it.")
@asks
def rehearse(app: App, cluster: str | None, to: str | None) -> None:
    """Think a move through to its end. Nothing is changed. Exit status 1 when it would not succeed."""
    name = app.cluster(cluster).name
    _end_advice(app, name, _answer(app, name, requests.request(name, requests.REHEARSE, to=to)))


def _end_advice(app: App, name: str, execution: Execution) -> None:
    ending = ending_of(execution)
    app.screen.show(*advice_lines(execution.output))
    told = {"cluster": name, "execution": execution.name, "ending": ending.word, "answer": dict(execution.output)}
    app.end(ending.exit, ending.sentence, **told)


@click.command()
@cluster_argument
@asks
def check(app: App, cluster: str | None) -> None:
    """Look at everything that a failover needs. Nothing is moved. Exit status 1 when something would break it."""
    name, began = app.cluster(cluster).name, app.stack.now()
    execution = _answer(app, name, requests.request(name, requests.CHECK))
    ending = ending_of(execution)
    # An execution that ends NotReady has no output: the report is where the check has put it.
    report = (
        Fields(app.stack.item(name, "readiness")).inside("report")
        if ending.word in ("Checked", "NotReady")
        else Fields({})
    )
    is_new = (report.number("checked_at") or 0) >= began - 2
    checks = report.items("checks") if is_new else []
    app.screen.show(*report_lines(checks))
    app.end(ending.exit, ending.sentence, cluster=name, execution=execution.name, ending=ending.word, checks=checks)


def _answer(app: App, name: str, request: dict[str, str]) -> Execution:
    return answered(app, ask(app, name, request, STOPPED))
