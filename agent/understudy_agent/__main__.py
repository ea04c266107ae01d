"""The command line: `understudy-agent run|check|expire [--config FILE]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from . import __version__, check, config
from .config import BadConfigError, Config

DEFAULT_CONFIG = Path("/etc/understudy/agent.ini")
EXIT_OK = 0
EXIT_BAD_CONFIG = 78  # EX_CONFIG


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="understudy-agent", description="Keeps a node's services where its lease says."
    )
    parser.add_argument("--version", action="version", version=f"understudy-agent {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="run|check|expire")
    for name, purpose in (
        ("run", "beat, read the lease and obey it until SIGTERM"),
        ("check", "check the configuration and end"),
        ("expire", "keep the lease of an agent that cannot: take the services out of service when it ends"),
    ):
        command = commands.add_parser(name, help=purpose, description=purpose)
        command.add_argument("--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE")
    arguments = parser.parse_args(argv)
    try:
        settings = config.load(arguments.config, is_plan=arguments.command == "expire")
    except BadConfigError as bad:
        for fault in bad.faults:
            sys.stderr.write(f"{arguments.config}: {fault}\n")
        return EXIT_BAD_CONFIG
    if arguments.command == "check":
        return _check(arguments.config, settings)
    return _act(arguments.command, settings, arguments.config)


def _check(path: Path, settings: Config) -> int:
    """Beyond the file itself, what can be found out on this machine. Warnings do not change the exit status."""
    findings = check.check(settings)
    for warning in findings.warnings:
        sys.stderr.write(f"{path}: warning: {warning}\n")
    for fault in findings.faults:
        sys.stderr.write(f"{path}: {fault}\n")
    for note in findings.notes:
        sys.stdout.write(f"{path}: {note}\n")
    if findings.faults:
        return EXIT_BAD_CONFIG
    watchdog = "off: a kernel that hangs is ended by nothing" if settings.watchdog is None else str(settings.watchdog)
    sys.stdout.write(f"{path}: good, {len(settings.specs)} services; watchdog {watchdog}\n")
    return EXIT_OK


def _act(command: str, settings: Config, path: Path) -> int:
    from . import assembly
    from .files import EXIT_ALREADY_RUNNING, AlreadyRunningError

    try:
        return assembly.expire(settings, path) if command == "expire" else assembly.run(settings)
    except AlreadyRunningError as fault:
        sys.stderr.write(f"{fault}\n")
        return EXIT_ALREADY_RUNNING


if __name__ == "__main__":
    sys.exit(main())
