"""What is the same on every machine: AWS calls, what a function loads, how large it is. Into build/bench/counts.json.

`python -m bench.counts` needs no minute; `make bench` begins with it.
"""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path
from typing import Any

from bench import busy, calls, imports, packages, paper, watches
from local import sam
from local.engine import Engine

CALLS_OF_A_BEAT = {"beat_cold": 2, "beat_warm": 1}
"""The DynamoDB calls that a beat may cost."""
DIRECTORY = sam.ROOT / "build" / "bench"


def measure(directory: Path) -> dict[str, Any]:
    """All of it. The engine is started for `sam build` alone, and only builds what has changed."""
    with Engine(directory / "aws") as engine:
        sam.build(engine)
    found = {
        "calls": calls.count(),
        "busy": busy.count(),
        "watches": watches.count(),
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
    allowed = CALLS_OF_A_BEAT.items()
    wrong = [name for name, number in allowed if calls.of_service(found["calls"][name], "dynamodb") != number]
    return wrong + busy.losing(found["busy"])


if __name__ == "__main__":
    sys.exit(1 if too_many(measure(DIRECTORY)) else 0)
