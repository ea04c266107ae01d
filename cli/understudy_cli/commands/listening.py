"""The command that shows what the controller says on its bus: events."""

from __future__ import annotations

import click

from understudy_cli.app import App, Duration, asks, cluster_argument
from understudy_cli.core import exits
from understudy_cli.core.events import Event, LogLine, event_json, events_of
from understudy_cli.core.faults import Fault
from understudy_cli.core.lines import WARN, Span, line
from understudy_cli.core.logs import SPEAKERS

LATE_S = 60.0
"""How long after it was written a line of a log may be found: so far back each look goes."""


class Listener:
    """Looks again and again, and hands out each event once."""

    def __init__(self, app: App, cluster: str | None, since: float) -> None:
        self._app, self._cluster, self._since = app, cluster, since
        self._seen: set[LogLine] = set()

    def new(self) -> list[Event]:
        """The events that no look before this one has found, in order of time. Raises Fault."""
        began = self._app.stack.now()
        found = [each for function in SPEAKERS for each in self._app.stack.published(function, self._since)]
        new = [each for each in found if each not in self._seen]
        self._seen = set(found)
        self._since = max(self._since, began - LATE_S)
        return events_of(new, self._cluster)


@click.command()
@cluster_argument
@click.option("--since", default="1h", show_default=True, type=Duration(), help="How far back: 90s, 15m, 2h, 1d.")
@click.option("--follow", is_flag=True, help="Go on, until Ctrl-C.")
@click.option("--every", default=5.0, show_default=True, type=click.FloatRange(min=1), help="Seconds between looks.")
@asks
def events(app: App, cluster: str | None, since: int, follow: bool, every: float) -> None:
    """What the controller has said on its bus, about a cluster or about all, oldest first."""
    name = app.cluster(cluster).name if cluster else None
    listener = Listener(app, name, app.stack.now() - since)
    if not follow:
        found = listener.new()
        _show(app, found)
        nothing = "" if found else "The controller has said nothing on its bus since then."
        app.end(exits.DONE, nothing, events=list(map(event_json, found)))
    app.when_stopped(exits.DONE, "")
    while True:
        _look(app, listener)
        app.settings.sleep(every)


def _look(app: App, listener: Listener) -> None:
    """One of many looks: that AWS is busy for a moment ends nothing, and the next look finds what this one missed."""
    try:
        found = listener.new()
    except Fault as fault:
        if fault.exit != exits.NOT_KNOWN:
            raise
        app.screen.complain(line(Span(f"{fault.what}. Asking again.", WARN)))
        return
    _show(app, found)
    if found:
        app.screen.document({"command": app.command, "exit": exits.DONE, "events": list(map(event_json, found))})


def _show(app: App, found: list[Event]) -> None:
    app.screen.show(*(each.as_line(app.stack.now(), app.settings.zone) for each in found))
