# S9 S12: the kind `mount` against the kernel
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import understudy_agent
from tests.contract.agent import mounting

TESTS = Path(mounting.__file__).parents[3]
OWN_NAMESPACE = ("unshare", "--map-root-user", "--mount")


@pytest.fixture
def namespace() -> tuple[str, ...]:
    """A command prefix for root of a mount namespace of its own."""
    try:
        tried = subprocess.run([*OWN_NAMESPACE, "true"], capture_output=True, timeout=20, check=False)
    except FileNotFoundError:
        pytest.skip("this machine has no unshare")
    if tried.returncode != 0:
        pytest.skip(f"this machine gives no namespaces: {tried.stderr.decode()}")
    return OWN_NAMESPACE


def test_a_real_file_system_is_mounted_unmounted_and_taken_from_those_who_use_it(namespace, tmp_path):
    agent = Path(understudy_agent.__file__).parent.parent
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{TESTS}:{agent}"}
    program = [*namespace, sys.executable, "-m", "tests.contract.agent.mounting", str(tmp_path)]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "before": "DOWN",
        "start": "DONE",
        "up": "SERVING",
        "stop": "DONE",
        "stopped": "DOWN",
        "busy": True,
        "busy_is": "SERVING",
        "kill": "DONE",
        "killed": "DOWN",
        "user": -9,
        "wrong": "FAILED",
        "wrong_is": "DOWN",
    }
