"""What the documents say is so: names that a person on call meets are explained, commands exist, links lead on."""

import json
import re
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import jmespath  # type: ignore[import-untyped]
import pytest
from botocore import xform_name

from tests.unit.test_house_rules import MACHINE_PATH
from understudy.adapters.dynamodb import items, keys
from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.approval import Question
from understudy.domain.cluster.definition import Definition, Record
from understudy.domain.cluster.doubt import Doubt
from understudy.domain.cluster.failed_start import FailedStart
from understudy.domain.cluster.hold import Hold
from understudy.domain.cluster.lone import Lone
from understudy.domain.cluster.policy import Policy
from understudy.domain.cluster.reach import QuorumHosts, Reach
from understudy.domain.cluster.state import (
    ClusterState,
    NodeReport,
    PowerReading,
    PreviousHolder,
    Proof,
    Stage,
    Transition,
    TransitionAction,
)
from understudy.domain.decide.rules import RULES, Action
from understudy.domain.lease.terms import terms_of
from understudy.domain.transition.consent import Ended
from understudy.domain.transition.steps import deadline
from understudy.usecases.transition.close_transition import CloseOutcome, Reason

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "layers/controller/python/understudy"
OPERATIONS = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
WORKFLOW = json.loads((ROOT / "statemachine/transition.asl.json").read_text(encoding="utf-8"))
TEMPLATE = (ROOT / "template.yaml").read_text(encoding="utf-8")

EVENT = re.compile(r'"(Understudy [A-Z][A-Za-z ]+)"')
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"\baws ([a-z0-9]+) ([a-z0-9-]+)((?:\\\n|[^|`\n;)])*)")
OPTION = re.compile(r"(?<=\s)--([a-z][a-z0-9-]*)")
OF_THE_CLI = {"query", "output", "region", "profile", "max-items", "no-paginate"}
MADE_BY_THE_CLI = {("s3", "cp"), ("cloudformation", "deploy")}
"""Commands that are no operation of a service."""
RENAMED_BY_THE_CLI = {("send-task-success", "task-output")}
"""--output is the CLI's own, so an operation's member of that name is called otherwise there."""

NODE = "i-0a1b2c3d4e5f60718"
STATE = ClusterState(
    cluster="orders-db",
    revision=5,
    epoch=7,
    definition_version=2,
    terms=terms_of(Policy()),
    nodes={
        NODE: NodeReport(
            "node-a", beat=1, heard_at=1, agent="0.1.0", power=PowerReading.RUNNING, power_at=1, quorum=Reach(2, 3)
        )
    },
    active=NODE,
    previous=PreviousHolder(NODE, 1, 12, keeps_lease=True, ended_epoch=7, proof=Proof.RELEASED),
    transition=Transition(TransitionAction.FAILOVER, NODE, NODE, "rule", Stage.MOVING, 1, 91, "name"),
    failover_times=(1,),
    doubt=Doubt(1, 601, is_due=True),
    address=Address(AddressStatus.OWED, 7, ("C1",), 61),
    alert="last-holder-is-unproven",
    quorum=QuorumHosts(("192.0.2.53:53", "192.0.2.54:53", "192.0.2.55:53"), 2),
    failed_starts={NODE: FailedStart(at=1, epoch=7, of="abc123")},
    hold=Hold(1, 2, "patching"),
    preferred_since=1,
    approval=Question("failover", "name", 1, 2, is_no=True),
    lone=Lone(1, is_told=True),
)
"""A state in which nothing is at its default: nothing is left out of the item."""


def documents() -> list[Path]:
    """Every Markdown file that belongs to the project."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return [ROOT / name for name in listed]


def named(word: str) -> str:
    """As a name stands in the text: as code."""
    return f"`{word}`"


def missing(words: list[str]) -> list[str]:
    return [word for word in words if named(word) not in OPERATIONS]


def ends() -> list[str]:
    """The names of the states in which the workflow ends."""
    return [name for name, state in WORKFLOW["States"].items() if state["Type"] == "Fail" or state.get("End")]


def section(title: str) -> str:
    _, _, rest = OPERATIONS.partition(f"## {title}\n")
    return re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as forges make them."""
    text = FENCED.sub("", path.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# --- what the guide must speak of ------------------------------------------------------------


def test_every_rule_that_calls_an_operator_has_a_row_in_the_guide():
    rows = section("Operator called, by rule")
    called = [rule.name for rule in RULES if rule.action is Action.CALL_OPERATOR]
    assert called
    assert [name for name in called if f"| {named(name)} |" not in rows] == []


def test_the_guide_has_a_row_for_no_rule_that_does_not_call():
    rows = re.findall(r"^\| `([a-z-]+)` \|", section("Operator called, by rule"), flags=re.MULTILINE)
    called = {rule.name for rule in RULES if rule.action is Action.CALL_OPERATOR}
    assert sorted(set(rows) - called) == []


def test_every_row_of_a_rule_says_what_it_means_how_to_check_what_to_do_and_what_not():
    rows = [line for line in section("Operator called, by rule").splitlines() if line.startswith("| `")]
    assert [row for row in rows if row.count("|") != 7] == []


def test_every_outcome_and_reason_of_a_move_is_explained():
    assert missing([str(word) for word in (*CloseOutcome, *Reason)]) == []


def test_every_end_of_a_question_is_explained():
    assert missing([str(word) for word in Ended]) == []


def test_every_end_of_the_workflow_is_explained():
    assert {"InService", "Held", "Broken"} <= set(ends())
    assert [name for name in ends() if f"| {named(name)} |" not in section("How a move can end")] == []
    assert missing(["TIMED_OUT", "ABORTED", "UnknownOutcome"]) == []


def test_every_event_is_named():
    published = {event for path in PACKAGE.rglob("*.py") for event in EVENT.findall(path.read_text(encoding="utf-8"))}
    assert len(published) >= 5
    assert missing(sorted(published)) == []


def test_every_field_of_the_state_and_of_its_nodes_is_explained():
    whole = items.state_item(STATE, revision=5)
    fields = [name for name in whole if name not in ("pk", "sk")]
    of_nodes = [*items.node_map(STATE.nodes[NODE])]
    assert missing([*fields, *of_nodes]) == []


def test_every_status_stage_proof_and_action_is_explained():
    assert missing([str(word) for kind in (AddressStatus, Stage, Proof, TransitionAction) for word in kind]) == []


def test_every_alarm_says_what_it_means_how_to_check_what_to_do_and_what_not():  # B8
    alarms = re.findall(r"^  (\w+):\n    Type: AWS::CloudWatch::Alarm$", TEMPLATE, flags=re.MULTILINE)
    whole = section("Alarms")
    assert alarms == re.findall(r"^### (\w+)$", whole, flags=re.MULTILINE), "in the order of the template"
    for alarm in alarms:
        text = re.split(r"^### ", whole.partition(f"### {alarm}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
        for question in ("what it means", "how to check", "what to do", "what not to do"):
            assert re.search(rf"^\| {question} \| \S.* \|$", text, flags=re.MULTILINE), f"{alarm}: {question}"


def test_the_deadlines_in_the_guide_are_those_of_the_code():
    definition = Definition("orders-db", 1, (), (Record("Z0123EXAMPLE", "orders-db.corp.example.com"),))
    said = [f"`{stage}` {deadline(stage, definition, now=0)} s" for stage in Stage]
    assert [each for each in said if each not in OPERATIONS.replace("\n", " ")] == []


PLANNED = (
    "First deployment",
    "Adding a node",
    "Replacing an instance",
    "Rotating",
    "Upgrading without losing protection",
    "Retiring a cluster",
    "Uninstalling",
    "When a service of AWS is down",
    "Route 53's API cannot be reached",
)
"""What an operator does between incidents, and the disaster of the control plane."""


@pytest.mark.parametrize("title", PLANNED)
def test_whatever_is_planned_has_a_section_and_stands_in_the_list_at_the_top(title):
    top, _, _ = OPERATIONS.partition("## Commands to have at hand")
    anchor = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
    assert f"](#{anchor})" in top
    assert re.search(rf"^##+ {title}\n\n\S", OPERATIONS, flags=re.MULTILINE)


# --- the commands in the guides ----------------------------------------------------------------


@cache
def session() -> Any:
    return botocore.session.get_session()


@cache
def operations_of(service: str) -> Mapping[str, Any]:
    model = session().get_service_model(service)
    return {xform_name(name, "-"): model.operation_model(name) for name in model.operation_names}


def commands() -> list[tuple[Path, str, str, tuple[str, ...]]]:
    """(document, service, operation, options) of every AWS command in all documents."""
    return [
        (path, service, operation, tuple(OPTION.findall(rest)))
        for path in documents()
        for service, operation, rest in COMMAND.findall(path.read_text(encoding="utf-8"))
        if (service, operation) not in MADE_BY_THE_CLI
    ]


def test_every_aws_command_exists_with_its_options():
    found, faults = commands(), []
    assert len(found) > 30
    for path, service, operation, options in found:
        known = operations_of(service).get(operation)
        if known is None:
            faults.append(f"{path.name}: aws {service} has no {operation}")
            continue
        allowed = {xform_name(name, "-") for name in known.input_shape.members} | OF_THE_CLI
        faults += [
            f"{path.name}: aws {service} {operation} has no --{option}"
            for option in options
            if option not in allowed
            and option.removeprefix("no-") not in allowed
            and (operation, option) not in RENAMED_BY_THE_CLI
        ]
    assert faults == []


# --- the functions for the shell ---------------------------------------------------------------


def query_of(function: str) -> str:
    """The --query of a shell function of the guide."""
    body = next(line for line in OPERATIONS.splitlines() if line.startswith(f"{function}() "))
    return body.rpartition("--query '")[2].partition("'")[0]


def test_the_query_for_the_state_finds_everything_that_it_names():
    shown = jmespath.search(query_of("us_state"), {"Item": items.state_item(STATE, revision=5)})
    (node,) = shown.pop("nodes")
    assert [name for name, value in {**shown, **node}.items() if value is None] == []
    assert (shown["active"], shown["epoch"], shown["address"], node["name"]) == (NODE, "7", "OWED", "node-a")


def test_the_query_for_the_history_finds_everything_that_it_names():
    stages = ("noticed", "asked", "opened", "fenced", "accepted", "granted", "in_service")
    stages += ("in_sync", "unconfirmed", "closed", "superseded")
    words = ("action", "source", "target", "rule", "why", "reason", "proof", "outcome", "address_fault", "execution")
    facts = {
        **dict.fromkeys(words, "x"),
        "reasons": ["ADDRESS_OWED"],
        "lost_changes": ["C1"],
        "approval": {"outcome": "APPROVED", "by": "sam"},
        "not_approved": {"why": "denied by sam"},
        "silence": "its-turn-has-come",
        "doubted_for_s": 120,
        **{f"stages.{stage}_at": 1.5 for stage in stages},
    }
    item = items.to_item({"pk": "orders-db", "sk": keys.history_sk(7), **items.facts_as_attributes(facts)})
    (shown,) = jmespath.search(query_of("us_moves"), {"Items": [item]})
    assert [name for name, value in shown.items() if value is None] == []
    assert shown["epoch"] == "history#00000007"


def test_the_functions_for_the_shell_are_good_bash():
    (script,) = re.findall(r"^```sh\n(.*?)^```", OPERATIONS, flags=re.MULTILINE | re.DOTALL)
    checked = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
    assert checked.stderr == ""


# --- all documents -----------------------------------------------------------------------------


def links() -> list[tuple[Path, str]]:
    found = [
        (path, link) for path in documents() for link in LINK.findall(FENCED.sub("", path.read_text(encoding="utf-8")))
    ]
    return [(path, link) for path, link in found if not re.match(r"[a-z]+:", link)]


def test_every_relative_link_leads_to_a_file_and_a_heading():
    assert links()
    faults = []
    for path, link in links():
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists():
            faults.append(f"{path.relative_to(ROOT)}: {link} leads nowhere")
        elif anchor and target.suffix == ".md" and anchor not in anchors(target):
            faults.append(f"{path.relative_to(ROOT)}: {link} names no heading")
    assert faults == []


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_document_names_a_path_of_a_machine(path):
    assert MACHINE_PATH.findall(path.read_text(encoding="utf-8")) == []
