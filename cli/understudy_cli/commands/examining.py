"""The command that looks at the stack as a whole: doctor."""

from __future__ import annotations

from dataclasses import asdict

import click

from understudy_cli import __version__
from understudy_cli.app import App, asks
from understudy_cli.core import doctor as judge
from understudy_cli.core import exits
from understudy_cli.core.answers import report_lines
from understudy_cli.core.faults import Fault


@click.command()
@asks
def doctor(app: App) -> None:
    """What is wrong with the stack and its clusters: notices, alarms, texts, versions, keys and ports, readiness.

    Exit status 4 when anything fails. It asks the controller for nothing: understudy check looks anew.
    """
    names = app.stack.clusters()
    items = app.stack.states(names) if names else {}
    clusters = [app.judged(items[each]) for each in names if each in items]
    reports = {each: app.stack.item(each, "readiness") for each in items}
    findings = [
        judge.notices(app.stack.subscriptions()),
        judge.alarms(app.stack.alarms()),
        judge.texts(app.stack.unaccepted()),
        judge.versions(clusters, _version(app), __version__),
        judge.peers(reports),
        *judge.well(clusters),
        *judge.readiness(reports, app.stack.now()),
    ]
    checks = [asdict(each) for each in findings]
    app.screen.show(*report_lines(checks))
    failed = [each.name for each in findings if each.verdict == judge.FAIL]
    if failed:
        app.end(exits.DEGRADED, f"Something is wrong: {', '.join(failed)}.", checks=checks)
    app.end(exits.DONE, "Nothing is wrong that can be seen from here.", checks=checks)


def _version(app: App) -> str | None:
    """Of which release the stack is; None for one that is older than this output."""
    try:
        return app.stack.output("Version")
    except Fault:
        return None
