"""Commands for what Parameter Store holds: get, put, tuning; and validate, for what it is to hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from understudy_cli.app import App, asks, cluster_argument
from understudy_cli.commands.moving import confirm, yes_option
from understudy_cli.core import exits
from understudy_cli.core.faults import Fault
from understudy_cli.core.items import Fields
from understudy_cli.core.lines import BAD, DIM, Span, line
from understudy_cli.core.submitting import IN_FORCE, PUT_OFF, REFUSED, Fate, difference, fate_of
from understudy_cli.definition import definition_faults, is_readable, placed, tuning_faults
from understudy_cli.live import live_faults

EVERY_S = 2.0
LOOKS = 60
"""How often it is looked at what became of a text: the event takes seconds, the watch that makes up for it a minute."""
STACK_WIDE, TUNING = "stack#", "tuning"
UNACCEPTED = "refusal"

file_argument = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


def _clusters(cluster: str) -> str:
    return f"clusters/{cluster}"


@click.command()
@cluster_argument
@asks
def get(app: App, cluster: str | None) -> None:
    """The definition of a cluster as it was submitted, for a file: understudy get orders-db > orders-db.yaml."""
    name = app.named(cluster)
    text = app.stack.parameter(_clusters(name))
    if text is None:
        what = f"Parameter Store has no definition of {name}"
        raise Fault(what, "What was accepted stays in force; look: understudy status", exits.WRONG)
    app.screen.raw(text)
    app.end(exits.DONE, cluster=name, text=text)


@click.command()
@file_argument
@click.option("--cluster", help="Name of the cluster; that of the file without its ending, without it.")
@yes_option
@asks
def put(app: App, file: Path, cluster: str | None, yes: bool) -> None:
    """Submit the definition of a cluster, and wait until it is in force or refused with every fault."""
    name = cluster or file.stem
    _submit(app, _clusters(name), file, yes, lambda: _in_force(app, name), name)


@click.command()
@click.argument("action", required=False, type=click.Choice(["get", "put"]), default="get")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@yes_option
@asks
def tuning(app: App, action: str, file: Path | None, yes: bool) -> None:
    """The tunables of the stack as they were submitted; or `tuning put FILE`, for example /etc/default/LifeKeeper."""
    if action == "put":
        if file is None:
            raise Fault("Which file?", "For example: understudy tuning put /etc/default/LifeKeeper", exits.WRONG)
        _submit(app, TUNING, file, yes, lambda: _tuning_in_force(app), STACK_WIDE)
    text = app.stack.parameter(TUNING)
    if text is None:
        app.end(exits.DONE, "No tunables were submitted: the defaults are in force (docs/tuning.md).", text=None)
    app.screen.raw(str(text))
    app.end(exits.DONE, text=text)


@click.command()
@file_argument
@click.option("--tuning", "is_tuning", is_flag=True, help="The file holds tunables of the stack, KEY=value.")
@click.option("--live", is_flag=True, help="Against EC2 and Route 53, too, with your own right to read them.")
@click.option(
    "--cluster", help="With --live, the name of the cluster; that of the file without its ending, without it."
)
@asks
def validate(app: App, file: Path, is_tuning: bool, live: bool, cluster: str | None) -> None:
    """Every fault of a definition that can be seen without AWS, by the controller's own code. Asks nobody.

    With --live also those that EC2 and Route 53 show, by the code that judges a text when it is submitted.
    """
    text = read_text(file)
    faults = (tuning_faults if is_tuning else definition_faults)(text)
    if live and is_tuning:
        raise Fault("EC2 and Route 53 know nothing of tunables", "Leave --live out", exits.WRONG)
    if live and not faults:
        _validate_live(app, file, text, cluster or file.stem)
    if faults:
        end_refused(app, f"Refused: {file} would be refused.", faults)
    app.end(exits.DONE, f"Done: no fault of {file} can be seen without AWS.", faults=[])


def _validate_live(app: App, file: Path, text: str, cluster: str) -> NoReturn:
    app.stack.who()  # the controller's code would only say that it could not read: this says of credentials what to do
    faults, unread = live_faults(text, cluster, app.settings.stack, app.stack.client)
    if faults:
        end_refused(app, f"Refused: {file} would be refused.", placed(text, faults))
    if unread:
        do = "You may lack a right to read it: docs/command-line.md#rights"
        app.end(exits.NOT_KNOWN, f"Not known: {'; '.join(unread)}. {do}.", faults=[])
    rest = "The state, the tunables and other clusters are looked at when it is submitted."
    app.end(exits.DONE, f"Done: neither EC2 nor Route 53 shows a fault of {file}. {rest}", faults=[])


def end_refused(app: App, sentence: str, faults: Sequence[str], **told: Any) -> NoReturn:
    """End with every fault: exit status 3."""
    app.screen.show(*(line("  ", Span(each, BAD)) for each in faults))
    app.end(exits.REFUSED, f"{sentence} Faults: {len(faults)}.", faults=list(faults), **told)


def _in_force(app: App, name: str) -> str:
    """The digest of the definition that the controller obeys, empty while there is none."""
    version = Fields(app.stack.item(name, "state")).whole("definition_version")
    return Fields(app.stack.item(name, f"definition#{version:08d}")).inside("definition").text("digest")


def _tuning_in_force(app: App) -> str:
    return Fields(app.stack.item(STACK_WIDE, TUNING)).text("digest")


def _submit(app: App, parameter: str, file: Path, yes: bool, in_force: Callable[[], str], of: str) -> None:
    """Show what changes, ask, put, and wait for what becomes of it. Six parameters, since two commands share it."""
    text = read_text(file)
    faults = (tuning_faults if of == STACK_WIDE else definition_faults)(text) if is_readable() else []
    if faults:
        end_refused(app, f"Refused: {file} was not submitted.", faults)
    before = app.stack.parameter(parameter)
    changes = difference(before or "", text)
    app.screen.show(*(changes or [line(Span("The text is what was submitted last.", DIM))]))
    confirm(app, f"Submit {file} as {parameter}?", yes)
    sentence = "You have stopped looking; what was submitted is judged all the same, and people are told of a refusal."
    app.when_stopped(exits.NOT_KNOWN, sentence, parameter=parameter)
    version = app.stack.put_parameter(parameter, text)
    fate = _await(app, lambda: fate_of(text, version, in_force(), app.stack.item(of, UNACCEPTED)))
    told = {"parameter": parameter, "version": version, "fate": fate.word}
    if fate.word == IN_FORCE:
        app.end(exits.DONE, f"Done: {parameter} is in force.", faults=[], **told)
    if fate.word == REFUSED:
        found = fate.faults if of == STACK_WIDE else placed(text, fate.faults)
        end_refused(app, "Refused: what was in force before stays in force.", found, **told)
    why = f"it is put off: {fate.why}" if fate.word == PUT_OFF else "nobody has judged it yet"
    sentence = f"Not known: {why}. It is tried again each minute, and people are told when it is refused."
    app.end(exits.NOT_KNOWN, sentence, faults=[], **told)


def read_text(file: Path) -> str:
    """The text of a file. Raises Fault."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise Fault(f"{file} cannot be read: {fault}", "Name a text file in UTF-8", exits.WRONG) from fault


def _await(app: App, look: Callable[[], Fate]) -> Fate:
    """Until it is in force or refused; after LOOKS looks, what is known then."""
    fate = look()
    for _ in range(LOOKS):
        if fate.word in (IN_FORCE, REFUSED):
            break
        app.settings.sleep(EVERY_S)
        fate = look()
    return fate
