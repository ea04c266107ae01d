"""The program `understudy`."""

from __future__ import annotations

import io
import sys

import click
from click.shell_completion import get_completion_class

from understudy_cli import __version__
from understudy_cli.app import with_options
from understudy_cli.commands import (
    answering,
    asking,
    defining,
    drilling,
    examining,
    importing,
    listening,
    moving,
    reading,
    retiring,
)
from understudy_cli.core import exits

PROGRAM = "understudy"
EPILOG = "Exit status: " + ", ".join(f"{number} {meaning}" for number, meaning in exits.MEANINGS.items()) + "."


@click.group(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name=PROGRAM)
@with_options
def cli() -> None:
    """See, move, hold and examine the clusters that Understudy protects.

    Where a stack has one cluster, its name may be left out.
    """


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what completes commands and names of clusters: eval "$(understudy completion bash)"."""
    found = get_completion_class(shell)
    assert found is not None  # noqa: S101 - click knows the shells of the choice
    click.echo(found(cli, {}, PROGRAM, "_UNDERSTUDY_COMPLETE").source())


for command in (
    *(reading.status, reading.history, reading.follow_command),
    *(asking.why, asking.check, asking.rehearse),
    *(moving.switchover, moving.failover, moving.failback, moving.hold, moving.resume, moving.clear),
    *(answering.approve, answering.deny),
    *(defining.get, defining.put, defining.validate, defining.tuning, reading.log),
    *(retiring.retire, examining.doctor, importing.import_command, drilling.drill, listening.events),
    completion,
):
    cli.add_command(command)


def for_any_terminal() -> None:
    """A terminal that cannot show a character gets its number, and nobody a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def main() -> None:
    """What the console script runs."""
    for_any_terminal()
    cli(prog_name=PROGRAM)


if __name__ == "__main__":
    main()
