"""Definitions and tunables: submitted, and what becomes of them."""

from __future__ import annotations

import pytest

from tests.support.builders import a_definition, a_state
from tests.unit.cli.every_command import GOOD
from tests.unit.cli.running import a_stack, document, run
from understudy.adapters.dynamodb.items import definition_item, unaccepted_item
from understudy.adapters.dynamodb.keys import STACK, TUNING, UNACCEPTED
from understudy.adapters.dynamodb.values import from_item
from understudy.definition import DefinitionError, parse_document
from understudy.domain.cluster.unaccepted import STACK_WIDE, Unaccepted
from understudy.ports.parameters import ParameterText
from understudy_cli.commands import defining

OLD, NEW = f"{GOOD}policy: {{}}\n", f"{GOOD}policy: {{silence_limit_s: 20}}\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "orders-db.yaml"
    path.write_text(NEW)
    return str(path)


@pytest.fixture
def stack():
    stack = a_stack(a_state())
    stack.parameters["clusters/orders-db"] = OLD
    stack.put(from_item(definition_item(a_definition())))
    return stack


def accepted(stack):
    """What the controller writes when a text comes into force."""
    text = ParameterText("orders-db", 1, stack.parameters["clusters/orders-db"])
    stack.put(from_item(definition_item(a_definition(digest=text.digest))))


def not_accepted(**how):
    def judge(stack):
        text = ParameterText("orders-db", 1, stack.parameters["clusters/orders-db"])
        stack.put(from_item(unaccepted_item("orders-db", Unaccepted(text.revision, **how))))

    return judge


def test_a_definition_that_comes_into_force_is_done(stack, file):  # S8 B23
    stack.scenes = [lambda stack: None, accepted]
    result = run(stack, "put", file, "--yes")
    assert stack.parameters["clusters/orders-db"] == NEW
    assert "-policy: {}\n+policy: {silence_limit_s: 20}\n" in result.output
    assert (result.output.splitlines()[-1], result.exit_code) == ("Done: clusters/orders-db is in force.", 0)


def test_a_definition_that_is_refused_shows_every_fault(stack, file):  # B2 B23
    stack.scenes = [not_accepted(faults=("nodes is empty", "lease_s is 10"))]
    result = run(stack, "put", file, "--yes")
    assert result.exit_code == 3
    assert "  nodes is empty\n  lease_s is 10\n" in result.output


def test_what_only_the_controller_can_know_has_its_line_in_the_file_too(stack, tmp_path):  # C35
    fault = "nodes[1].instance_id: i-0c2d3e4f5a6b70819 is not there"
    file = tmp_path / "orders-db.yaml"
    file.write_text(GOOD)
    stack.scenes = [not_accepted(faults=(fault, "colour"))]
    result = run(stack, "put", str(file), "--yes")
    assert f"  line 3: {fault}\n  colour\n" in result.output


def test_a_refusal_of_an_earlier_text_is_not_taken_for_this_one(stack, file):  # B23
    stack.put(from_item(unaccepted_item("orders-db", Unaccepted("another 1", ("colour",)))))
    stack.scenes = [accepted]
    assert run(stack, "put", file, "--yes").exit_code == 0


def test_a_definition_that_nobody_judges_is_not_known(stack, file):  # B23
    stack.scenes = [not_accepted(why="EC2 cannot be read")] + [lambda stack: None] * (defining.LOOKS - 1)
    result = run(stack, "put", file, "--yes")
    assert result.exit_code == 6
    assert "it is put off: EC2 cannot be read" in result.output


def test_nothing_is_submitted_before_somebody_says_yes(stack, file):  # B23
    assert run(stack, "put", file).exit_code == 2
    assert stack.parameters["clusters/orders-db"] == OLD


def test_what_was_submitted_is_got_byte_by_byte_for_a_file(stack):  # B23
    stack.parameters["clusters/orders-db"] = "nodes:\t[]\n# a comment\n"
    assert run(stack, "get", "orders-db").output == "nodes:\t[]\n# a comment\n"
    assert document(stack, "get", "orders-db")["text"] == "nodes:\t[]\n# a comment\n"
    assert run(stack, "get", "files").exit_code == 2


def test_tunables_are_got_and_put(stack, tmp_path):  # S8
    assert "the defaults are in force" in run(stack, "tuning").output
    assert run(stack, "tuning", "put").exit_code == 2
    path = tmp_path / "LifeKeeper"
    path.write_text("ROUTE53_TTL=5\n")

    def in_force(stack):
        digest = ParameterText("", 1, stack.parameters["tuning"]).digest
        stack.put({"pk": STACK, "sk": TUNING, "digest": digest})

    stack.scenes = [in_force]
    result = run(stack, "tuning", "put", str(path), "--yes")
    assert (result.output.splitlines()[-1], result.exit_code) == ("Done: tuning is in force.", 0)
    assert run(stack, "tuning").output == "ROUTE53_TTL=5\n"


def test_the_tool_looks_where_the_controller_writes():  # B23
    assert (defining.STACK_WIDE, defining.TUNING, defining.UNACCEPTED) == (STACK_WIDE, TUNING, UNACCEPTED)
    assert STACK_WIDE == STACK


def test_the_log_of_all_functions_is_in_order_of_time(stack):  # S18
    line = '{"timestamp": "2027-01-15 07:59:0%d", "level": "INFO", "message": "%s", "cluster": "orders-db", "epoch": 2}'
    stack.logs[("open_transition", "orders-db")] = [line % (2, "open transition")]
    stack.logs[("record_heartbeat", "orders-db")] = [line % (1, "transition asked for"), "no JSON"]
    assert run(stack, "log", "--since", "15m").output.splitlines() == [
        "  record_heartbeat  no JSON",
        "2027-01-15 07:59:01  record_heartbeat  transition asked for  epoch=2",
        "2027-01-15 07:59:02  open_transition  open transition  epoch=2",
    ]
    assert run(stack, "log", "--function", "fence_node").output.startswith("No function has said anything")


FAULTY = """\
nodes:
  - {name: node-a, instance_id: i-xx, priority: 1}
  - name: node-b
    priority: 2
    colour: red
policy:
  lease_s: 20
  fencing: {limit_s: x}
"""


def test_a_definition_is_judged_without_aws_by_the_controllers_own_code_with_lines(tmp_path):  # B2 B23
    path = tmp_path / "orders-db.yaml"
    path.write_text(FAULTY)
    told = document(a_stack(), "validate", str(path))
    assert told["exit"] == 3
    with pytest.raises(DefinitionError) as raised:
        parse_document(FAULTY)
    assert [
        each.partition(": ")[2] if each.startswith("line ") else each for each in told["faults"]
    ] == raised.value.faults
    lines = {each.split(": ")[1]: each.split(": ")[0] for each in told["faults"] if each.startswith("line ")}
    assert lines["nodes[0].instance_id"] == "line 2"
    assert lines["nodes[1].instance_id"] == "line 3"  # it is missing there
    assert lines["nodes[1].colour"] == "line 5"
    assert lines["policy.fencing.limit_s"] == "line 8"
    path.write_text(GOOD)
    assert run(a_stack(), "validate", str(path)).output == f"Done: no fault of {path} can be seen without AWS.\n"


def test_what_contradicts_a_pace_is_told_before_it_is_submitted_with_numbers_and_line(tmp_path):  # B22 B23
    path = tmp_path / "orders-db.yaml"
    path.write_text(f"{GOOD}policy:\n  pace: fast\n  lease_s: 12\n")
    line = GOOD.count("\n") + 1
    assert document(a_stack(), "validate", str(path))["faults"] == [
        f"line {line}: policy: at pace fast, lease_s 12 + 1 + drift_margin_s 2 is above silence_limit_s 10: silence "
        "would be noticed before the lease has run out"
    ]
    path.write_text(f"{GOOD}policy: {{pace: fastest}}\n")
    assert run(a_stack(), "validate", str(path)).exit_code == 0


@pytest.mark.parametrize(
    "text", ["nodes: [", "- a\n", "", "a: 1\na: 2\n", "[" * 3000, "a: &x 1\nb: *x\n", "nodes: {1: 2}\n"]
)
def test_whatever_a_file_holds_is_judged(text, tmp_path):  # B23
    path = tmp_path / "orders-db.yaml"
    path.write_text(text)
    assert run(a_stack(), "validate", str(path)).exit_code == 3


def test_tunables_are_judged_with_their_lines(tmp_path):  # S8
    path = tmp_path / "LifeKeeper"
    path.write_text("# kept\nROUTE53_TTL=0\n")
    result = run(a_stack(), "validate", "--tuning", str(path))
    assert (result.exit_code, "  line 2: ROUTE53_TTL is '0'" in result.output) == (3, True)


def test_a_definition_with_a_fault_that_can_be_seen_is_not_submitted(stack, tmp_path):  # B23
    path = tmp_path / "orders-db.yaml"
    path.write_text(FAULTY)
    assert run(stack, "put", str(path), "--yes").exit_code == 3
    assert stack.parameters["clusters/orders-db"] == OLD


def test_without_the_controllers_code_the_controller_is_left_to_judge(stack, tmp_path, monkeypatch):  # B23
    def missing(name):
        raise ImportError(f"No module named {name}", name=name)

    monkeypatch.setattr("understudy_cli.definition.import_module", missing)
    path = tmp_path / "orders-db.yaml"
    path.write_text(FAULTY)
    result = run(stack, "validate", str(path))
    assert (result.exit_code, "pipx install './cli[validate]'" in result.stderr) == (2, True)
    stack.scenes = [not_accepted(faults=("nodes[0]",))]
    assert run(stack, "put", str(path), "--yes").exit_code == 3
    assert stack.parameters["clusters/orders-db"] == FAULTY


def test_an_older_python_is_told_what_to_do(tmp_path, monkeypatch):  # B23
    monkeypatch.setattr("understudy_cli.definition.sys.version_info", (3, 9, 18))
    path = tmp_path / "orders-db.yaml"
    path.write_text(GOOD)
    result = run(a_stack(), "validate", str(path))
    assert result.exit_code == 2
    assert "The controller's code needs Python 3.11 or newer, and this is 3.9." in result.stderr
