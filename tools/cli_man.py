"""cli/understudy.1, the manual page of the command-line tool, printed from its commands."""

from __future__ import annotations

from collections.abc import Iterator

import click

from understudy_cli.__main__ import PROGRAM, cli
from understudy_cli.core import exits

ABOUT = "see, move, hold and examine the clusters that Understudy protects"
ENVIRONMENT = {
    "UNDERSTUDY_STACK": "The stack, where --stack is not given.",
    "AWS_PROFILE, AWS_REGION, ...": "Credentials and Region are those of the AWS CLI.",
    "NO_COLOR": "Switches colours off.",
}
SEE_ALSO = "docs/command-line.md of the stack's sources: rights, JSON, and what each command asks of AWS."


def manual_page() -> str:
    """The whole page, in the macros of man(7). The same for the same commands: it has no date and no version."""
    context = click.Context(cli, info_name=PROGRAM)
    lines = [
        f'.TH {PROGRAM.upper()} 1 "" "Understudy" "User commands"',
        ".ad l",
        *(".SH NAME", f"{PROGRAM} \\- {_text(ABOUT)}"),
        *(".SH SYNOPSIS", f".B {PROGRAM}", _text("[OPTIONS] COMMAND [ARGUMENTS]")),
        *(".SH DESCRIPTION", *_paragraphs(cli.help or "")),
        *(".SH OPTIONS OF EVERY COMMAND", *_options(cli, context)),
        ".SH COMMANDS",
    ]
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        if command is not None and not command.hidden:
            lines += _command(command, context, name)
    lines += [".SH EXIT STATUS"]
    for status, meaning in exits.MEANINGS.items():
        lines += [".TP", f".B {status}", _text(meaning)]
    lines += [".SH ENVIRONMENT"]
    for variable, meaning in ENVIRONMENT.items():
        lines += [".TP", f".B {_text(variable)}", _text(meaning)]
    return "\n".join([*lines, ".SH SEE ALSO", ".BR understudy-agent (8)", ".br", _text(SEE_ALSO)]) + "\n"


def _command(command: click.Command, parent: click.Context, name: str) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent)
    yield f".SS {_text(' '.join([name, *command.collect_usage_pieces(context)]))}"
    yield from _paragraphs(command.help or "")
    inherited: set[str | None] = {parameter.name for parameter in cli.params}
    yield from _options(command, context, without=inherited)
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            if found is not None:
                yield from _command(found, context, f"{name} {below}")


def _options(command: click.Command, context: click.Context, without: set[str | None] | None = None) -> Iterator[str]:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        is_known = parameter.name in (without or ()) or "--help" in parameter.opts
        if record is not None and record[1] and not is_known:
            yield from (".TP", f".B {_text(record[0])}", _text(record[1]))


def _paragraphs(text: str) -> Iterator[str]:
    for number, paragraph in enumerate(part for part in text.split("\n\n") if part.strip()):
        if number:
            yield ".PP"
        yield _text(" ".join(paragraph.replace("\b", "").split()))


def _text(text: str) -> str:
    """Words as they are: what roff would take for its own is escaped."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped[:1] in (".", "'") else escaped
