"""`python -m local.up COMMAND`, which is what `make up`, `make down` and the others run.

Exit status: 0 when it was done, 1 with a sentence on standard error when it was not, 2 for a wrong command, and
128 + signal when stopped while starting.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from local.up.control import NobodyThere, Request, ask
from local.up.lifetime import NotUp, bring_down, bring_up
from local.up.place import Place
from local.up.ports import PortBlock

FOLDER = Path(__file__).resolve().parents[2] / "build" / "up"
ASKED = ("state", "env", "kill", "boot", "cut", "reconnect", "freeze", "thaw", "outage", "end-outage")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m local.up", description=__doc__)
    parser.add_argument("--directory", type=Path, default=FOLDER, help="where it writes; one stack is up in each")
    parser.add_argument("--port", type=int, help="the first of eight ports in a row (with `up`)")
    parser.add_argument("command", choices=("up", "down", *ASKED))
    parser.add_argument("node", nargs="?", default="", help="node-a or node-b")
    options = parser.parse_args(arguments)
    place = Place(options.directory.resolve())
    try:
        return _do(place, options)
    except (NotUp, ValueError) as reason:
        print(reason, file=sys.stderr)
        return 1


def _do(place: Place, options: argparse.Namespace) -> int:
    if options.command == "up":
        return bring_up(place, None if options.port is None else PortBlock(options.port))
    if options.command == "down":
        print("Down. Nothing is left running." if bring_down(place) else "Nothing is up.")
        return 0
    try:
        answer = ask(place, Request(options.command, options.node))
    except NobodyThere:
        raise NotUp(
            "It starts or ends just now." if place.is_held() else "Nothing is up. To start it: make up"
        ) from None
    print(*answer.said, sep="\n", file=sys.stdout if answer.done else sys.stderr)
    return 0 if answer.done else 1


if __name__ == "__main__":
    sys.exit(main())
