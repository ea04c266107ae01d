"""The command line: `understudy-postgresql [--config FILE] start|stop|kill|status|fit|follow`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from . import config, follower, verbs
from .server import Server

DEFAULT_CONFIG = Path("/etc/understudy/postgresql.ini")
EXIT_BAD_CONFIG = 78  # EX_CONFIG; for `status` the agent takes it as unknown
COMMANDS = {
    "start": verbs.start,
    "stop": verbs.stop,
    "kill": verbs.kill,
    "status": verbs.status,
    "fit": verbs.fit,
    "follow": follower.follow,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="understudy-postgresql", description="One of two or three nodes that stream.")
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE")
    parser.add_argument("command", choices=COMMANDS)
    arguments = parser.parse_args(argv)
    try:
        settings = config.load(arguments.config)
    except config.BadConfigError as bad:
        for fault in bad.faults:
            sys.stderr.write(f"{arguments.config}: {fault}\n")
        return EXIT_BAD_CONFIG
    return COMMANDS[arguments.command](Server(settings))


if __name__ == "__main__":
    sys.exit(main())
