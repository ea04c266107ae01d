"""What is the same on every machine: AWS calls, what a function loads, how large it is. Into build/bench/counts.json.

`python -m bench.counts` needs no minute and prints a table; `make bench` begins with it. What functions and libraries
print meanwhile is in build/bench/counts.log.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import busy, calls, imports, packages, paper, summary, watches
from bench.progress import Progress, output_into
from local import sam
from local.engine import Engine

DIRECTORY = sam.ROOT / "build" / "bench"


Stage = Callable[[str], None]
"""Is told what begins."""
STAGES = (
    "sam build of what has changed",
    "AWS calls of beats and failovers",
    "tries of beats while transactions hold the item",
    "Route 53 calls of watches",
    "what functions load, and their size",
)


def measure(directory: Path, stage: Stage) -> dict[str, Any]:
    """All of it. The engine is started for `sam build` alone, and only builds what has changed."""
    begin = iter(STAGES)
    stage(next(begin))
    with Engine(directory / "aws") as engine:
        sam.build(engine)
    found: dict[str, Any] = {}
    for name, count in (("calls", calls.count), ("busy", busy.count), ("watches", watches.count)):
        stage(next(begin))
        found[name] = count()
    stage(next(begin))
    found |= {
        "paper": paper.waits(paper.PROPAGATIONS_S),
        "sizes": imports.sizes(),
        "packages": packages.measure(),
        "python": ".".join(platform.python_version_tuple()[:2]),
    }
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "counts.json").write_text(json.dumps(found, indent=1) + "\n")
    return found


def too_many(found: dict[str, Any]) -> list[str]:
    """The beats that cost another number of DynamoDB calls than they must, or were lost."""
    allowed = summary.CALLS_OF_A_BEAT.items()
    wrong = [name for name, number in allowed if calls.of_service(found["calls"][name], "dynamodb") != number]
    return wrong + busy.losing(found["busy"])


def verdict(found: dict[str, Any], console: Console) -> int:
    """The exit status: 1, and a word on it, when beats cost other DynamoDB calls than they must, or were lost."""
    wrong = too_many(found)
    if wrong:
        console.print(f"DynamoDB calls are not as they must be: {', '.join(wrong)}")
    return 1 if wrong else 0


def main() -> int:
    """See the module."""
    with output_into(DIRECTORY / "counts.log") as console:
        found = measure(DIRECTORY, Progress(console, len(STAGES)).stage)
        console.print(summary.table("make bench-counts", summary.of_counts(found)))
        return verdict(found, console)


if __name__ == "__main__":
    sys.exit(main())
