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
PRINTED = """
import json, sys
import app
loaded = (name for name, module in sys.modules.items() if not hasattr(module, "__path__") or "." not in name)
print(json.dumps(sorted(loaded)))
"""
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
MODULES = {
    "": "bootstrap clients invocation settings",
    "adapters": "answers aws_errors event_announcer sfn_launcher unreadable",
    "adapters.dynamodb": "beats commits definitions expressions items keys ledger maps registration seals table values",
    "domain.cluster": "address approval definition departure doubt errors failed_start fitness hold membership "
    "mismatch no_standby policy quoting reach request seal service_names state tuning unaccepted view",
    "domain.decide": "choosing failback leaving rules silence situation upkeep",
    "domain.events": "alerts event facts reading",
    "domain.lease": "proof",
    "domain.observe": "fitness health heartbeat quorum serving signal starts",
    "domain.transition": "consent drill opening outcomes",
    "ports": "announcer launcher ledger measure seals",
    "usecases": "step",
    "usecases.observe": "asking facts judge record_heartbeat",
}
"""Of the controller, by their folders. The drill is there for the rules that it brings along; `facts` and `reading` for
the words that stand beside the events that a heartbeat may publish."""


@pytest.fixture(scope="module")
def loaded() -> list[str]:
    """The names of all modules in a fresh interpreter that has imported the function."""
    path = f"{ROOT / 'functions/record_heartbeat'}:{ROOT / 'layers/controller/python'}"
    env = {"PATH": os.defpath, "PYTHONPATH": path} | SETTINGS
    done = subprocess.run([sys.executable, "-c", PRINTED], env=env, check=True, capture_output=True, text=True)
    names: list[str] = json.loads(done.stdout)
    return names


def test_a_heartbeat_loads_boto3_and_powertools_and_nobody_else(loaded):  # B9
    known = sys.stdlib_module_names | OF_OTHERS | {"understudy", "app", "__mp_main__"}
    hooks = {name for name in loaded if name.startswith(("_", "sitecustomize"))}
    assert {name.split(".")[0] for name in loaded} - known - hooks == set()


def test_a_heartbeat_loads_these_modules_of_the_controller_and_no_others(loaded):  # B9
    """Not what only moves, checks and rehearsals think of."""
    expected = {f"{folder}.{name}".lstrip(".") for folder, names in MODULES.items() for name in names.split()}
    assert {name.removeprefix("understudy.") for name in loaded if name.startswith("understudy.")} == expected
