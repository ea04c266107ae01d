"""The command about drills: when the last was, what is next, and one by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NoReturn

import click

from understudy_cli.app import App, Duration, asks, cluster_argument
from understudy_cli.commands.ending import ask, end_move, waits_for_a_person
from understudy_cli.commands.moving import confirm, known_node, to_option, yes_option
from understudy_cli.core import drills, exits, requests
from understudy_cli.core.answers import advice_lines
from understudy_cli.core.cluster import Cluster
from understudy_cli.core.endings import VERDICT_BAD, ending_of
from understudy_cli.core.faults import Fault
from understudy_cli.core.items import Fields
from understudy_cli.core.lines import DIM, WARN, Span, line
from understudy_cli.core.moves import story_json
from understudy_cli.core.times import duration
from understudy_cli.follow import Followed, answered, follow

STAY_S = 60
"""How long the service stays on the other node where neither the definition nor the person says it."""
REASON = "a drill"


@click.command()
@cluster_argument
@click.option("--now", "begin", is_flag=True, help="Make one: switch over, stay a while, switch back. Two outages.")
@to_option
@click.option("--stay", type=Duration(), help="How long on the other node: 90s, 5m. As the definition says, without.")
@yes_option
@asks
def drill(app: App, cluster: str | None, begin: bool, to: str | None, stay: int | None, yes: bool) -> None:
    """The drills of a cluster: when they are due, how the newest went, what is next; or --now, one by hand.

    Exit status 1 when the newest did not pass, or one was refused since. One by hand does not count for the timetable.
    """
    found = app.cluster(cluster)
    item = app.stack.item(found.name, f"definition#{found.definition_version:08d}")
    definition = Fields(item).inside("definition").plain()
    if begin:
        known_node(found, to)
        _Drill(app, found, definition).make(to, stay, yes)
    _show(app, found, definition)


def _show(app: App, found: Cluster, definition: Mapping[str, Any]) -> None:
    table, item = drills.timetable_of(definition), app.stack.item(found.name, "drill")
    epoch = Fields(item).inside("drill").whole("epoch")
    story = app.stack.item(found.name, f"history#{epoch:08d}") if epoch else None
    names = {each.instance_id: each.name for each in found.nodes}
    newest, now = drills.drill_of(item, story, names), app.stack.now()
    app.screen.show(*drills.drill_lines(table, newest, now, app.settings.zone))
    begun_at = (newest.begun_at if newest else None) or 0
    told = {
        "timetable": asdict(table) if table else None,
        "newest": asdict(newest) if newest else None,
        "next_at": drills.next_at(table, begun_at, int(now)) if table else None,
    }
    app.end(exits.DONE if newest is None or newest.is_well else exits.NOT_DONE, cluster=found.name, drill=told)


class _Drill:
    """One drill by hand. It asks for nothing that a person could not ask for: a rehearsal, and two switchovers."""

    def __init__(self, app: App, found: Cluster, definition: Mapping[str, Any]) -> None:
        self._app, self._name, self._definition = app, found.name, definition
        self._moves: list[dict[str, Any]] = []
        self._outages: dict[str, float] = {}

    def make(self, to: str | None, stay: int | None, yes: bool) -> None:
        """Rehearse, go, stay, come back, and end the command with what it took."""
        app, name = self._app, self._name
        home, away = self._rehearse(to)
        planned = drills.timetable_of(self._definition)
        stay_s = stay if stay is not None else planned.back_after_s if planned else STAY_S
        cost = "Each way the service is down from the stop on one node until it has started on the other."
        confirm(app, f"Drill of {name}: from {home} to {away}, and back after {duration(stay_s)}. {cost}", yes)
        self._move("out", away, home)
        try:
            self._stay(stay_s, home, away)
            self._move("back", home, home)
        except Fault:
            self._left_away(home)
            raise
        exit, sentence, in_time = drills.passed(name, self._outages, drills.budget_of(self._definition))
        self._end(exit, sentence, in_time)

    def _end(self, exit: int, sentence: str, in_time: bool | None = None) -> NoReturn:
        told = {"moves": self._moves, "outages_s": self._outages, "within": in_time}
        self._app.end(exit, sentence, cluster=self._name, **told)

    def _rehearse(self, to: str | None) -> tuple[str, str]:
        """From where to where it would go. Ends the command when it would not succeed, or nobody serves."""
        app, name = self._app, self._name
        wish = requests.request(name, requests.REHEARSE, to=to)
        execution = answered(app, ask(app, name, wish, "You have stopped looking. Nothing was moved."))
        app.screen.show(*advice_lines(execution.output))
        ending, answer = ending_of(execution), Fields(execution.output)
        source, target = answer.text("source"), answer.text("target")
        if ending.exit != exits.DONE or not (source and target):
            nobody = "nobody serves, so there is nothing to switch over" if ending.exit == exits.DONE else ""
            why = "the rehearsal says why" if answer.text("verdict") == VERDICT_BAD else nobody or ending.sentence
            self._end(ending.exit or exits.NOT_DONE, f"Not begun: {why.rstrip('.')}. Nothing was moved.")
        return source, target

    def _move(self, way: str, to: str, home: str) -> None:
        """One of the two moves. Ends the command when it did not come to a good end."""
        app, name = self._app, self._name
        wish = requests.request(name, requests.SWITCHOVER, to=to, reason=f"{REASON}, {way}")
        go_on = f"look: understudy follow {{execution}}, and bring it home: understudy switchover {name} --to {home}"
        stopped = f"You have stopped looking; this move goes on, and the drill does not: {go_on}"
        followed = self._followed(ask(app, name, wish, stopped, moves=self._moves))
        self._moves += [story_json(each) for each in followed.stories]
        if ending_of(followed.execution, followed.stories).exit != exits.DONE:
            if way == "back":
                self._left_away(home)
            end_move(app, name, followed)
        taken = followed.stories[-1].outage_s if followed.stories else None
        if taken is not None:
            self._outages[way] = taken

    def _left_away(self, home: str) -> None:
        """That the drill has gone out and did not come home, and what to do."""
        bring = f"understudy switchover {self._name} --to {home}"
        words = f"The drill has not come home. Look: understudy status {self._name}; then: {bring}"
        self._app.screen.complain(line(Span(words, WARN)))

    def _followed(self, asked: str) -> Followed:
        """To the end, also past a question: a drill waits until somebody has answered it."""
        followed = follow(self._app, self._name, asked)
        if followed.question:
            self._app.screen.show(line(waits_for_a_person(self._app, self._name, followed)))
            followed = follow(self._app, self._name, asked, past_question=True)
        return followed

    def _stay(self, stay_s: int, home: str, away: str) -> None:
        app, name = self._app, self._name
        bring = f"understudy switchover {name} --to {home}"
        stopped = f"You have stopped the drill; {name} stays on {away}. Bring it home: {bring}"
        app.when_stopped(exits.NOT_KNOWN, stopped, cluster=name, moves=self._moves, outages_s=self._outages)
        app.screen.show(line(Span(f"in service on {away}; back after {duration(stay_s)}. Ctrl-C leaves it there", DIM)))
        app.settings.sleep(stay_s)
        there = app.cluster(name)
        if there.active != away or there.move:
            self._end(exits.NOT_DONE, f"Interrupted: another move came between. Look: understudy history {name}")
