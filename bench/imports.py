"""What each function's import takes, as a multiple of importing boto3 alone: what it adds to a cold start.

Processor time: importing waits for nothing, and what else the machine does is then left out.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.sam import ROOT

BARE = "import boto3"
WITH_CLIENT = "import boto3; boto3.client('dynamodb')"
ROUNDS = 5
_TIMED = "import time; began = time.process_time()\n{}\nprint(time.process_time() - began)"
_SIZED = """
import json, os, sys
import app
resident = int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
own = [name for name in sys.modules if name.startswith("understudy.")]
print(json.dumps({"modules": len(sys.modules), "own_modules": len(own), "memory_mb": round(resident / 2**20, 1)}))
"""
_NOTHING: Mapping[str, str] = {}
_SETTINGS = {
    "TABLE_NAME": "bench",
    "BUS_NAME": "bench",
    "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:bench",
    "PARAMETER_PREFIX": "/understudy/bench/",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "POWERTOOLS_METRICS_NAMESPACE": "Understudy",
}


def measure(directory: Path, rounds: int = ROUNDS) -> dict[str, Any]:
    """Each import in a fresh interpreter, all of them in turn, `rounds` times; bytecode is kept in `directory`.

    `x_boto3`: its median as a multiple of boto3's. `x_client`: as a multiple of boto3 with one DynamoDB client made.
    That one fits record_heartbeat, which makes its client on import, where Lambda gives a whole processor.
    """
    functions = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))
    subjects = {"boto3": ("", BARE), "boto3_and_client": ("", WITH_CLIENT)}
    subjects |= {name: (f"{ROOT / 'functions' / name}", "import app") for name in functions}
    taken: dict[str, list[float]] = {name: [] for name in subjects}
    for number in range(rounds + 1):
        for name, (folder, statement) in subjects.items():
            seconds = _run(folder, statement, directory)
            if number:  # the first round writes the bytecode
                taken[name].append(seconds)
    medians = {name: statistics.median(times) for name, times in taken.items()}
    return {
        "boto3_ms": round(medians["boto3"] * 1000, 1),
        "boto3_and_client_ms": round(medians["boto3_and_client"] * 1000, 1),
        "functions": {
            name: {
                "ms": round(medians[name] * 1000, 1),
                "x_boto3": round(medians[name] / medians["boto3"], 2),
                "x_client": round(medians[name] / medians["boto3_and_client"], 2),
            }
            for name in functions
        },
    }


def sizes() -> dict[str, dict[str, float]]:
    """Of each function, after its import: modules loaded, how many are the controller's, the interpreter's memory.

    The same on every machine with the same Python, but for some resident of memory.
    """
    functions = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))
    return {name: json.loads(_output(str(ROOT / "functions" / name), _SIZED)) for name in functions}


def _run(folder: str, statement: str, directory: Path) -> float:
    return float(_output(folder, _TIMED.format(statement), {"PYTHONPYCACHEPREFIX": str(directory / "bytecode")}))


def _output(folder: str, program: str, more: Mapping[str, str] = _NOTHING) -> str:
    env = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": f"{folder}:{ROOT / 'layers/controller/python'}"}
    return subprocess.run(
        [sys.executable, "-c", program], env=env | _SETTINGS | dict(more), check=True, capture_output=True, text=True
    ).stdout
