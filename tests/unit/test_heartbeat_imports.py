"""What a cold start of record_heartbeat loads: nothing that a heartbeat does not use.

Every import makes each cold start longer, and this is the function that runs most. Whoever needs a module here adds
it to these lists, and knows why.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRINTED = "import json, sys; import app; print(json.dumps(sorted(sys.modules)))"
SETTINGS = {
    "TABLE_NAME": "understudy",
    "BUS_NAME": "understudy",
    "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:understudy",
    "PARAMETER_PREFIX": "/understudy/understudy/",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "POWERTOOLS_METRICS_NAMESPACE": "Understudy",
}
OF_OTHERS = {"aws_lambda_powertools", "boto3", "botocore", "certifi", "dateutil", "jmespath", "s3transfer", "six"}
OF_OTHERS |= {"typing_extensions", "urllib3"}
"""boto3 with what it needs, and Powertools."""
ADAPTERS = {"dynamodb", "event_announcer", "sfn_launcher"}
"""The table, and what a decision is carried out with."""
HELPERS = {"answers", "attribute_values", "aws_errors", "dataclass_maps", "unreadable"}
USE_CASES = {"asking", "facts", "judging", "record_heartbeat", "set_mode", "step"}
ROOMS = {"adapters", "assembly", "domain", "invocation", "ports", "settings", "usecases", "wiring"}
PORTS = {"parameters", "seals"}
"""Beside those that everybody needs."""
DOMAIN_UNUSED = {"allowance", "advice", "forecast", "group_commit", "moves", "network", "readiness", "rehearsal"}


@pytest.fixture(scope="module")
def loaded() -> list[str]:
    """The names of all modules in a fresh interpreter that has imported the function."""
    path = f"{ROOT / 'functions/record_heartbeat'}:{ROOT / 'layers/controller/python'}"
    env = {"PATH": os.defpath, "PYTHONPATH": path} | SETTINGS
    done = subprocess.run([sys.executable, "-c", PRINTED], env=env, check=True, capture_output=True, text=True)
    names: list[str] = json.loads(done.stdout)
    return names


def below(loaded: list[str], package: str) -> set[str]:
    """The names directly below a package."""
    parts = package.count(".") + 1
    return {name.split(".")[parts] for name in loaded if name.startswith(f"{package}.")}


def test_a_heartbeat_loads_boto3_and_powertools_and_nobody_else(loaded):  # B9
    known = sys.stdlib_module_names | OF_OTHERS | {"understudy", "app", "__mp_main__"}
    hooks = {name for name in loaded if name.startswith(("_", "sitecustomize"))}
    assert {name.split(".")[0] for name in loaded} - known - hooks == set()


def test_a_heartbeat_loads_the_use_cases_and_adapters_that_it_uses(loaded):  # B9
    assert below(loaded, "understudy") == ROOMS
    assert below(loaded, "understudy.ports") == PORTS
    assert below(loaded, "understudy.usecases") == USE_CASES
    adapters = {name for name in below(loaded, "understudy.adapters") if not name.startswith(tuple(ADAPTERS))}
    assert adapters == HELPERS


def test_a_heartbeat_does_not_load_what_only_moves_checks_and_rehearsals_think_of(loaded):  # B9
    domain = below(loaded, "understudy.domain")
    assert domain
    assert {name for name in domain if name.startswith(tuple(DOMAIN_UNUSED))} == set()
