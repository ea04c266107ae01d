"""The command line: `understudy-agent run|check|expire [--config FILE]`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from . import __version__, check, config
from .config import BadConfigError, Config
from .log import priority_of
from .places import line_of, lines_of
from .rights import missing_rights, own_rights

DEFAULT_CONFIG = Path("/etc/understudy/agent.ini")
EXIT_OK = 0
EXIT_NO_RIGHT = 77  # EX_NOPERM
EXIT_BAD_CONFIG = 78  # EX_CONFIG


def parser() -> argparse.ArgumentParser:
    """What is understood; `--help` is printed from it."""
    parser = argparse.ArgumentParser(
        prog="understudy-agent", description="Keeps a node's services where its lease says."
    )
    parser.add_argument("--version", action="version", version=f"understudy-agent {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="run|check|expire")
    for name, purpose in (
        ("run", "beat, read the lease and obey it until SIGTERM"),
        ("check", "look whether the configuration, this machine and AWS are fit for an agent, and end"),
        ("expire", "keep the lease of an agent that cannot: take the services out of service when it ends"),
    ):
        command = commands.add_parser(name, help=purpose, description=purpose)
        command.add_argument("--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE", help=f"{DEFAULT_CONFIG}")
        if name == "check":
            command.add_argument("--offline", action="store_true", help="ask nobody but this machine")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    arguments = parser().parse_args(argv)
    try:
        settings = config.load(arguments.config, is_plan=arguments.command == "expire")
    except BadConfigError as bad:
        _tell(arguments.config, "", bad.faults, "ERROR")
        return EXIT_BAD_CONFIG
    if arguments.command == "check":
        return _check(arguments.config, settings, asks_aws=not arguments.offline)
    if arguments.command == "run" and os.geteuid() != 0 and (missing := missing_rights(settings, own_rights())):
        _tell(arguments.config, "", missing, "ERROR")
        sys.stderr.write(f"{priority_of('ERROR', 2, os.environ)}run it as root, or give its user these rights\n")
        return EXIT_NO_RIGHT
    return _act(arguments.command, settings, arguments.config)


def _tell(path: Path, kind: str, lines: Iterable[str], level: str) -> None:
    """Each line after the file and the line in it that it is about; with its priority where journald reads."""
    try:
        places = lines_of(path.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        places = {}
    priority = priority_of(level, 2, os.environ)
    for line in lines:
        number = line_of(line, places)
        sys.stderr.write(f"{priority}{path}{f':{number}' if number else ''}: {kind}{line}\n")


def _check(path: Path, settings: Config, *, asks_aws: bool) -> int:
    """Beyond the file itself, what can be found out on this machine and from AWS. Only faults make it fail."""
    from .aws_check import AwsLook

    findings = check.check(settings)
    if asks_aws:
        AwsLook(settings, findings).look()
    _tell(path, "not known: ", findings.unknown, "WARNING")
    _tell(path, "warning: ", findings.warnings, "WARNING")
    _tell(path, "", findings.faults, "ERROR")
    for note in findings.notes:
        sys.stdout.write(f"{path}: {note}\n")
    if findings.faults:
        return EXIT_BAD_CONFIG
    watchdog = "off: a kernel that hangs is ended by nothing" if settings.watchdog is None else str(settings.watchdog)
    unknown = f"; not known: {len(findings.unknown)}" if findings.unknown else ""
    sys.stdout.write(f"{path}: good, {len(settings.specs)} services; watchdog {watchdog}{unknown}\n")
    return EXIT_OK


def _act(command: str, settings: Config, path: Path) -> int:
    from . import assembly
    from .files import EXIT_ALREADY_RUNNING, AlreadyRunningError

    try:
        return assembly.expire(settings, path) if command == "expire" else assembly.run(settings)
    except AlreadyRunningError as fault:
        sys.stderr.write(f"{priority_of('ERROR', 2, os.environ)}{fault}\n")
        return EXIT_ALREADY_RUNNING


if __name__ == "__main__":
    sys.exit(main())
