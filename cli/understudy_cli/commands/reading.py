"""Commands that only read: status, history, follow, log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NoReturn

import click

from understudy_cli.app import App, Duration, asks, cluster_argument
from understudy_cli.commands.ending import look_on
from understudy_cli.core import exits
from understudy_cli.core.cluster import Cluster
from understudy_cli.core.faults import Fault
from understudy_cli.core.lines import WARN, Span, line
from understudy_cli.core.logs import FUNCTIONS, said_of
from understudy_cli.core.moves import history_lines, story_json, story_lines, story_of
from understudy_cli.core.situation import situation_of
from understudy_cli.core.status import overview_lines, status_json, status_lines

RANK = (exits.DONE, exits.WAITS, exits.NOT_KNOWN, exits.DEGRADED)
"""From well to worst: what the status of several clusters says is that of the worst."""


raw_option = click.option("--raw", is_flag=True, help="Every field, as the table has it: docs/state.md.")


@click.command()
@cluster_argument
@click.option("--watch", is_flag=True, help="Look again and again, until Ctrl-C.")
@raw_option
@click.option("--every", default=2.0, show_default=True, type=click.FloatRange(min=0.5), help="Seconds between looks.")
@asks
def status(app: App, cluster: str | None, watch: bool, raw: bool, every: float) -> None:
    """How a cluster stands, or all of them.

    Exit status 0 when all is well, 4 when something is missing, 5 when a person is asked, 6 when it is not known.
    """
    if raw:
        name = app.cluster(cluster).name
        _show_raw(app, name, app.stack.item(name, "state") or {})
    if not watch:
        _show_status(app, cluster, ends=True)
        return
    app.when_stopped(exits.DONE, "")
    while True:
        _look_again(app, cluster)
        app.settings.sleep(every)


def _look_again(app: App, name: str | None) -> None:
    """One of many looks: that AWS is busy for a moment ends no watch."""
    try:
        _show_status(app, name, ends=False)
    except Fault as fault:
        if fault.exit != exits.NOT_KNOWN:
            raise
        app.screen.complain(line(Span(f"{fault.what}. What runs goes on; asking again.", WARN)))


def _show_status(app: App, name: str | None, *, ends: bool) -> None:
    clusters = [app.cluster(name)] if name else _all(app)
    worst = max((situation_of(each).exit for each in clusters), key=RANK.index, default=exits.DONE)
    zone = app.settings.zone
    lines = status_lines(clusters[0], zone) if len(clusters) == 1 else overview_lines(clusters, zone)
    if not ends:
        app.screen.clear()
    app.screen.show(*lines)
    document = {"clusters": [status_json(each) for each in clusters]}
    if ends:
        app.end(worst, "" if clusters else "No cluster is registered in this stack.", **document)
    app.screen.document({"command": app.command, "exit": worst, **document})


def _show_raw(app: App, cluster: str, item: Mapping[str, Any]) -> NoReturn:
    app.screen.show(*(line(each) for each in json.dumps(item, indent=2, default=str).splitlines()))
    app.end(exits.DONE, cluster=cluster, item=dict(item))


def _all(app: App) -> list[Cluster]:
    names = app.stack.clusters()
    found = app.stack.states(names) if names else {}
    return [app.judged(found[each]) for each in names if each in found]


@click.command()
@cluster_argument
@click.argument("epoch", required=False, type=click.IntRange(min=1))
@click.option(
    "--limit", default=10, show_default=True, type=click.IntRange(1, 500), help="How many moves, newest first."
)
@raw_option
@asks
def history(app: App, cluster: str | None, epoch: int | None, limit: int, raw: bool) -> None:
    """The moves of a cluster, newest first; or one of them whole, by its epoch."""
    if epoch is None and cluster and cluster.isdecimal() and cluster not in app.stack.clusters():
        epoch, cluster = int(cluster), None  # of the only cluster, whose name was left out
    name, now, zone = app.cluster(cluster).name, app.stack.now(), app.settings.zone
    if epoch is None:
        if raw:
            raise Fault(
                "--raw is of one move", f"Name its epoch, for example: understudy history {name} 7", exits.WRONG
            )
        stories = [story_of(each) for each in app.stack.history(name, limit)]
        app.screen.show(*history_lines(stories, now, zone)) if stories else None
        app.end(
            exits.DONE,
            "" if stories else f"{name} has not moved yet.",
            cluster=name,
            moves=list(map(story_json, stories)),
        )
    item = app.stack.item(name, f"history#{epoch:08d}")
    if item is None:
        raise Fault(
            f"{name} has no epoch {epoch}", f"Look at those that it has: understudy history {name}", exits.WRONG
        )
    if raw:
        _show_raw(app, name, item)
    story = story_of(item)
    app.screen.show(*story_lines(story, now, zone))
    app.end(exits.DONE, cluster=name, moves=[story_json(story)])


@click.command()
@cluster_argument
@click.option("--since", default="1h", show_default=True, type=Duration(), help="How far back: 90s, 15m, 2h, 1d.")
@click.option("--function", "only", type=click.Choice(FUNCTIONS), help="What this function has said; all, without it.")
@asks
def log(app: App, cluster: str | None, since: int, only: str | None) -> None:
    """What the functions have logged about a cluster, oldest first."""
    name = app.cluster(cluster).name
    begin = app.stack.now() - since
    told = [
        said_of(each, text) for each in ([only] if only else FUNCTIONS) for text in app.stack.log(each, name, begin)
    ]
    told.sort(key=lambda each: each.at)
    app.screen.show(*(each.as_line() for each in told))
    nothing = "" if told else f"No function has said anything about {name} since then."
    app.end(exits.DONE, nothing, cluster=name, entries=[asdict(each) for each in told])


@click.command(name="follow")
@click.argument("execution")
@asks
def follow_command(app: App, execution: str) -> None:
    """Look on while an execution runs, to its end. Its name was said when it was asked for."""
    name = execution.rpartition(":")[2]
    found = app.stack.execution(name)
    cluster = str(found.asked.get("cluster", ""))
    if not cluster:
        raise Fault(f"{name} is no execution about a cluster", "Look at its name", exits.WRONG)
    look_on(app, cluster, name, past_question=True)
