"""The command that ends the protection of a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from understudy_cli.app import App, ClusterName, asks
from understudy_cli.commands.moving import confirm, yes_option
from understudy_cli.core import exits
from understudy_cli.core.faults import Fault
from understudy_cli.core.lines import line
from understudy_cli.core.retiring import DEFINITION, STATE, leftovers, plan_lines, still_running, yours


@click.command()
@click.argument("cluster", type=ClusterName())
@click.option("--plan", "only_plan", is_flag=True, help="Say each step, and do none.")
@click.option("--with-history", is_flag=True, help="Delete its history as well, which is kept otherwise.")
@yes_option
@asks
def retire(app: App, cluster: str, only_plan: bool, with_history: bool, yes: bool) -> None:
    """End the protection of a cluster. May be cut off and run again: it goes on where it was.

    It stops at the agents, which you stop (exit status 5), and goes on when it is run again.
    """
    sorts = app.stack.sort_keys(cluster)
    text = app.stack.parameter(f"clusters/{cluster}")
    item = app.stack.item(cluster, STATE)
    seen = app.judged(item) if item else None
    definition = _definition(app, cluster, sorts)
    left = leftovers(cluster, sorts, definition, history=with_history)
    if not left and text is None:
        raise Fault(f"Nothing is left of {cluster}", "Look at the name: understudy status", exits.WRONG)
    app.screen.show(*plan_lines(cluster, seen, left, definition))
    told: dict[str, Any] = {"cluster": cluster, "items": [[each.pk, each.sk] for each in left]}
    if only_plan:
        app.end(exits.DONE, "Nothing was done: this is the plan.", **told)
    running = still_running(seen) if seen else []
    silence = "" if running else " No agent of it runs any more, on none of its nodes: you answer for that."
    confirm(app, f"End the protection of {cluster}?{silence}", yes)
    stopped = f"You have stopped it half way. Run it again: understudy retire {cluster}"
    app.when_stopped(exits.NOT_KNOWN, stopped, **told)
    if text is not None:
        app.stack.delete_parameter(f"clusters/{cluster}")
    if running:
        names = ", ".join(each.name for each in running)
        sentence = f"Waiting for you: stop the agents on {names}, in this order; when they are silent, run this again."
        app.end(exits.WAITS, sentence, **told)
    for each in left:
        app.stack.delete_item(each.pk, each.sk, each.claimed_by)
    app.stack.delete_key(cluster)
    app.screen.show(*(line(f"  {each}") for each in yours(cluster, definition)))
    app.end(exits.DONE, f"Done: {cluster} is not protected any more. What stands above is left for you.", **told)


def _definition(app: App, cluster: str, sorts: list[str]) -> Mapping[str, Any]:
    """The newest definition that there still is, empty when there is none."""
    versions = sorted(each for each in sorts if each.startswith(DEFINITION))
    item = app.stack.item(cluster, versions[-1]) if versions else None
    found = item.get("definition") if item else None
    return found if isinstance(found, Mapping) else {}
