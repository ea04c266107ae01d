"""The command line of a kit, and the exit statuses that the agent knows."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from .node import FIRST, NEVER, BadConfigError, Node, load, tell

DONE, FAILED = 0, 1
RUNS, STOPPED, UNKNOWN = 0, 3, 4
NOT_FIT = 1
EXIT_BAD_CONFIG = 78  # EX_CONFIG; for `status` and `fit` the agent takes it as unknown
PAUSE_S, TURN_S = 0.1, 1.0

N = TypeVar("N", bound=Node)


def main(
    name: str,
    made: Callable[[dict[str, str]], N],
    defaults: Mapping[str, str],
    commands: Mapping[str, Callable[[N], int]],
    argv: Sequence[str] | None = None,
) -> int:
    """Run one command of the kit: returns its exit status."""
    parser = argparse.ArgumentParser(prog=f"understudy-{name}", description="One node of two that replicate.")
    parser.add_argument("--config", type=Path, default=Path(f"/etc/understudy/{name}.ini"), metavar="FILE")
    parser.add_argument("command", choices=commands)
    arguments = parser.parse_args(argv)
    try:
        config = load(arguments.config, defaults)
    except BadConfigError as bad:
        sys.stderr.write(f"{arguments.config}: {bad}\n")
        return EXIT_BAD_CONFIG
    return commands[arguments.command](made(config))


def claim(node: Node) -> int:
    """A person says that this node's data is what the cluster begins with."""
    if node.state != NEVER:
        tell(f"the data of this node is {node.state} already")
        return FAILED
    node.keep_state(FIRST)
    return DONE
