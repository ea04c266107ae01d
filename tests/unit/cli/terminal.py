"""The tool in a terminal of its own: run as `python -m tests.unit.cli.terminal ARGUMENTS` on a stack in memory."""

from __future__ import annotations

import sys
from datetime import UTC

from tests.support.builders import NODE_B, a_report, a_state
from tests.unit.cli.running import a_stack
from tests.unit.cli.test_commands import HOSTILE, moves, opens
from understudy_cli.__main__ import cli, for_any_terminal
from understudy_cli.app import Settings


def main() -> None:
    """A cluster with a node whose name would take the terminal over; a move of it goes through."""
    state = a_state(node_b=a_report(NODE_B, name="node-b", unfit=f"{HOSTILE} no space left on ノード"))
    stack = a_stack(state, a_state(cluster="files", alert="no-fit-candidate"))
    stack.scenes = [opens, moves]
    for_any_terminal()
    cli(
        sys.argv[1:],
        obj=Settings(connect=lambda settings, screen: stack, sleep=stack.sleep, zone=UTC),
        prog_name="understudy",
    )


if __name__ == "__main__":
    main()
