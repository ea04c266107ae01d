"""What programs read: docs/command-line.schema.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.support.builders import NODE_B, NOW, a_moving_state, a_previous, a_report, a_state
from tests.unit.cli.every_command import APPROVER, OPERATOR, RETIRE, a_waiting_stack, with_files
from tests.unit.cli.running import a_stack, document
from understudy.domain.cluster.hold import Hold
from understudy_cli.core import exits

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "command-line.schema.json").read_text(encoding="utf-8"))
CHECK = jsonschema.Draft202012Validator(SCHEMA)
IMPORT = ("import", "lifekeeper", "DISPLAY", "--into", "FOLDER", "--cluster", "orders-db")
EVERY = {**OPERATOR, **APPROVER, **RETIRE, ("validate", "FILE"): None, IMPORT: None}


def test_the_schema_is_one_and_knows_every_exit_status():  # B23
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["exit"]["enum"] == list(exits.MEANINGS)


@pytest.mark.parametrize("arguments", EVERY, ids=" ".join)
def test_what_every_command_prints_is_as_the_schema_says(arguments, tmp_path):  # B23
    stack, ending = a_waiting_stack(), EVERY[arguments]
    stack.scenes = [stack.ends(**ending)] if ending else []
    told = document(stack, *with_files(arguments, tmp_path))
    CHECK.validate(told)
    assert told["command"] == arguments[0]


@pytest.mark.parametrize(
    "state",
    [
        a_moving_state(),
        a_state(active=None, previous=a_previous(), address=None),
        a_state(hold=Hold(NOW), alert="no-fit-candidate", node_b=a_report(NODE_B, heard_at=None)),
    ],
)
def test_a_cluster_in_trouble_is_as_the_schema_says(state):  # B23
    CHECK.validate(document(a_stack(state), "status"))


@pytest.mark.parametrize("arguments", [("status", "orders"), ("switchover",)])
def test_a_fault_is_a_document_too(arguments):  # B23
    told = document(a_stack(a_state()), *arguments)
    CHECK.validate(told)
    assert set(told["error"]) == {"what", "do"}


def test_the_schema_describes_what_is_there_and_no_more(tmp_path):  # B23
    """A property that no command prints would be a promise that nobody keeps."""
    printed: set[str] = set()
    for arguments, ending in EVERY.items():
        stack = a_waiting_stack()
        stack.scenes = [stack.ends(**ending)] if ending else []
        printed |= set(document(stack, *with_files(arguments, tmp_path)))
    assert printed | {"error"} == set(SCHEMA["properties"])


def test_what_is_printed_is_ascii():  # B23
    stack = a_stack(a_state(hold=Hold(NOW, None, "パッチ")))
    told: dict[str, Any] = document(stack, "status")
    assert told["clusters"][0]["hold"]["reason"] == "パッチ"
