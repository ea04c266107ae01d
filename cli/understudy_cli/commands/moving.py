"""Commands that change something, each by a request to the controller: moves, holds, failed starts."""

from __future__ import annotations

import sys
from datetime import datetime

import click

from understudy_cli.app import App, Duration, asks, cluster_argument
from understudy_cli.commands.ending import ask_and_look_on
from understudy_cli.core import exits, requests
from understudy_cli.core.cluster import Cluster
from understudy_cli.core.faults import Fault
from understudy_cli.core.lines import line
from understudy_cli.core.status import status_lines

to_option = click.option("--to", metavar="NODE", help="The node to move to; the best that is READY, without it.")
reason_option = click.option("--reason", default="", help="For the history: up to 200 characters.")
yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask back.")


def confirm(app: App, sentence: str, yes: bool) -> None:
    """Ask back, unless told not to. Raises Fault where nobody can answer, and click's Abort on a no."""
    if yes:
        return
    if app.settings.as_json or not sys.stdin.isatty():
        raise Fault("Nobody can be asked here", "Add --yes when you are sure", exits.WRONG)
    app.screen.show(line(sentence))
    if not click.confirm("Go on?", err=True):
        app.end(exits.NOT_DONE, "Nothing was asked for.")


def _move(app: App, cluster: Cluster, request: dict[str, str], yes: bool) -> None:
    if not yes:
        app.screen.show(*status_lines(cluster, app.settings.zone))
    source, target = cluster.active or "nobody", request.get("to") or "the best node that is READY"
    cost = "The service is down from the stop on the old node until it has started on the new one."
    confirm(app, f"{request['action']} of {cluster.name} from {source} to {target}. {cost}", yes)
    ask_and_look_on(app, cluster.name, request)


def known_node(cluster: Cluster, node: str | None) -> None:
    """Raises Fault when the cluster has no such node."""
    if node and cluster.node(node) is None:
        names = ", ".join(each.name for each in cluster.nodes)
        raise Fault(f"{cluster.name} has no node {node}", f"Its nodes are: {names}", exits.WRONG)


@click.command()
@cluster_argument
@to_option
@reason_option
@yes_option
@asks
def switchover(app: App, cluster: str | None, to: str | None, reason: str, yes: bool) -> None:
    """Move the service to another node. The old node is stopped in order.

    When the service does not start on the new node, it goes back: exit status 1.
    """
    found = app.cluster(cluster)
    known_node(found, to)
    _move(app, found, requests.request(found.name, requests.SWITCHOVER, to=to, reason=reason), yes)


@click.command()
@cluster_argument
@to_option
@reason_option
@click.option("--unproven", is_flag=True, help="You answer for it that the old node is off. Needs --reason.")
@yes_option
@asks
def failover(app: App, cluster: str | None, to: str | None, reason: str, unproven: bool, yes: bool) -> None:
    """Move the service away from a node that is dead. The policy may stop its instance."""
    found = app.cluster(cluster)
    known_node(found, to)
    if unproven and not reason:
        raise Fault("--unproven needs a reason", "Say how you know that the old node is off: --reason ...", exits.WRONG)
    word = "proceed" if unproven else ""
    _move(app, found, requests.request(found.name, requests.FAILOVER, to=to, reason=reason, unproven=word), yes)


@click.command()
@cluster_argument
@reason_option
@yes_option
@asks
def failback(app: App, cluster: str | None, reason: str, yes: bool) -> None:
    """Move the service back to the node of the best priority."""
    found = app.cluster(cluster)
    _move(app, found, requests.request(found.name, requests.FAILBACK, reason=reason), yes)


@click.command()
@cluster_argument
@click.option("--for", "for_s", type=Duration(), help="It ends by itself after this: 90s, 15m, 2h, 1d.")
@click.option("--until", type=click.DateTime(["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]), help="Or then, local time.")
@reason_option
@asks
def hold(app: App, cluster: str | None, for_s: int | None, until: datetime | None, reason: str) -> None:
    """Keep a cluster from moving by itself, for a while or until it is resumed. Moves that you ask for are made."""
    name = app.cluster(cluster).name
    if for_s and until:
        raise Fault("--for and --until cannot both be said", "Leave one of them out", exits.WRONG)
    ends = int(until.timestamp()) if until else None
    ask_and_look_on(app, name, requests.request(name, requests.HOLD, for_s=for_s, until=ends, reason=reason))


@click.command()
@cluster_argument
@reason_option
@asks
def resume(app: App, cluster: str | None, reason: str) -> None:
    """End a hold."""
    name = app.cluster(cluster).name
    ask_and_look_on(app, name, requests.request(name, requests.RESUME, reason=reason))


@click.command()
@click.argument("cluster")
@click.argument("node")
@reason_option
@asks
def clear(app: App, cluster: str, node: str, reason: str) -> None:
    """Forget that the service did not start on a node. Find out why first."""
    found = app.cluster(cluster)
    known_node(found, node)
    ask_and_look_on(app, found.name, requests.request(found.name, requests.CLEAR, node=node, reason=reason))
