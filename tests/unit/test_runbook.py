"""Whoever is called finds what they were sent: each rule, alarm, notice, ending and field is explained."""

import json
import re
import subprocess
from dataclasses import fields
from pathlib import Path

import jmespath  # type: ignore[import-untyped]
import pytest

from tests.support.events import EXAMPLES
from tests.unit.test_documents import anchors
from understudy.adapters.dynamodb import items, keys
from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.approval import Question
from understudy.domain.cluster.definition import Definition, Record
from understudy.domain.cluster.doubt import Doubt
from understudy.domain.cluster.failed_start import FailedStart
from understudy.domain.cluster.fitness import Fitness
from understudy.domain.cluster.hold import Hold
from understudy.domain.cluster.no_standby import NoStandby
from understudy.domain.cluster.policy import Policy
from understudy.domain.cluster.reach import QuorumHosts, Reach
from understudy.domain.cluster.state import (
    ClusterState,
    Lease,
    NodeReport,
    PowerReading,
    Proof,
    Stage,
    Transition,
    TransitionAction,
)
from understudy.domain.decide.rules import RULES, Action
from understudy.domain.events.catalogue import SHAPES, has_words
from understudy.domain.lease.terms import terms_of
from understudy.domain.notices.notice import notice_of
from understudy.domain.observe.health import NodeHealth
from understudy.domain.transition.consent import Ended
from understudy.domain.transition.drill import DrillOutcome
from understudy.domain.transition.ending import CloseOutcome, Reason
from understudy.domain.transition.steps import deadline

ROOT = Path(__file__).resolve().parents[2]
ON_CALL_PAGE = ROOT / "docs/on-call.md"
WORKFLOW = json.loads((ROOT / "statemachine/transition.asl.json").read_text(encoding="utf-8"))
TEMPLATE = (ROOT / "template.yaml").read_text(encoding="utf-8")
CALLED = [rule.name for rule in RULES if rule.action is Action.CALL_OPERATOR]
ALARMS = re.findall(r"^  (\w+):\n    Type: AWS::CloudWatch::Alarm$", TEMPLATE, flags=re.MULTILINE)
FOUR_LINES = ("Means:", "Served?", "Do:", "Over when:")
SHORT = 450
"""How many characters one of the four lines may have."""


def page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


ON_CALL, STATE_PAGE = page("on-call"), page("state")

NODE = "i-0a1b2c3d4e5f60718"
STATE = ClusterState(
    cluster="orders-db",
    revision=5,
    epoch=7,
    definition_version=2,
    terms=terms_of(Policy()),
    nodes={
        NODE: NodeReport(
            "node-a",
            beat=1,
            heard_at=1,
            agent="0.1.0",
            power=PowerReading.RUNNING,
            power_at=1,
            quorum=Reach(2, 3),
            fault="its address is 10.0.0.9",
            unfit="it has promised",
            fitness=Fitness(-8192),
            misnamed="it names web, not data",
        )
    },
    active=NODE,
    previous=Lease(NODE, 1, 12, keeps_lease=True, ended_epoch=7, proof=Proof.RELEASED),
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
    lone=NoStandby(1, is_told=True),
)
"""A state in which nothing is at its default: nothing is left out of the item."""


def missing(words: list[str], text: str) -> list[str]:
    """The words that do not stand in a text as code."""
    return [word for word in words if f"`{word}`" not in text]


def headed(title: str) -> str:
    """What stands below a heading of the on-call page, up to the next heading."""
    _, found, rest = ON_CALL.partition(f"# {title}\n")
    return re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0] if found else ""


def chapter(title: str) -> str:
    """A whole chapter of the on-call page, with the headings within."""
    _, _, rest = ON_CALL.partition(f"## {title}\n")
    return re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def four_lines(title: str) -> list[str]:
    """The list that a section begins with, one text for each of its points."""
    return [" ".join(point.split()) for point in re.findall(r"^- (.+(?:\n  .+)*)", headed(title), flags=re.MULTILINE)]


# --- what a person is sent to --------------------------------------------------------------------


def sent(kind: str, **changes: str) -> str:
    """The link at the end of the notice about an event; nothing when nobody is told."""
    detail = {**EXAMPLES[kind], **changes}
    event = {"detail-type": kind, "time": "2026-11-22T03:00:00Z", "detail": detail}
    notice = notice_of(event, "understudy", "docs/on-call.md")
    return notice.runbook if notice else ""


def links_in_notices() -> set[str]:
    """Every link that a notice can have: of each event, each end of a move, and each rule that calls."""
    plain = {sent(kind) for kind in SHAPES}
    ended = {sent("Understudy Transition Closed", outcome=str(outcome)) for outcome in CloseOutcome}
    called = {sent("Understudy Operator Called", rule=rule) for rule in (*CALLED, "a-rule-of-a-newer-release")}
    unknown = notice_of({"detail-type": "Understudy Of Tomorrow", "detail": {}}, "understudy", "docs/on-call.md")
    assert unknown is not None
    return (plain | ended | called | {unknown.runbook}) - {""}


def test_every_link_that_people_are_sent_leads_to_a_heading_of_the_on_call_page():  # B8
    sections = {link.partition("#")[2] for link in links_in_notices()}
    sections |= set(re.findall(r"\$\{RunbookUrl\}#([\w-]+)", TEMPLATE))
    assert len(sections) > len(CALLED) + len(ALARMS)
    assert sections - anchors(ON_CALL_PAGE) == set()


def test_the_links_begin_with_the_page_that_the_template_names():
    (default,) = re.findall(r"^  RunbookUrl:\n    Type: String\n    Default: (\S+)$", TEMPLATE, flags=re.MULTILINE)
    assert ROOT / default == ON_CALL_PAGE


def test_whoever_is_called_by_a_rule_is_sent_to_that_rule():
    assert {sent("Understudy Operator Called", rule=rule).partition("#")[2] for rule in CALLED} == set(CALLED)


# --- what stands there ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*CALLED, *ALARMS, *map(str, Reason)])
def test_a_rule_an_alarm_and_a_reason_have_four_short_lines(name):  # B8
    if name == "OLD_NODE_UNPROVEN":
        name = "Held"  # no other outcome has this reason
    points = four_lines(name if name in (*ALARMS, "Held") else f"`{name}`")
    assert [point.split("**")[1] for point in points] == list(FOUR_LINES)
    assert [point for point in points if len(point) > SHORT] == []


def test_the_page_has_no_rule_that_does_not_call_and_no_alarm_that_is_not_there():
    assert re.findall(r"^### `([a-z-]+)`$", chapter("Operator called, by rule"), flags=re.MULTILINE) == sorted(
        CALLED, key=ON_CALL.index
    )
    assert re.findall(r"^### (\w+)$", chapter("Alarms"), flags=re.MULTILINE) == ALARMS, "in the order of the template"


def test_no_answer_needs_what_stands_above_it():
    assert re.findall(r"\b[Aa]s above\b|\b[Ss]ee above\b|\*\* [Tt]he same\b", ON_CALL) == []


def test_every_event_that_people_are_told_of_is_named():
    told = [kind for kind, shapes in SHAPES.items() if has_words(shapes[0])]
    assert len(told) >= 5
    assert missing(told, ON_CALL) == []


def ends() -> list[str]:
    """The names of the states in which the workflow ends."""
    return [name for name, state in WORKFLOW["States"].items() if state["Type"] == "Fail" or state.get("End")]


def test_every_end_of_the_workflow_has_a_row():
    assert {"InService", "Held", "Broken"} <= set(ends())
    rows = re.findall(r"^\| `(\w+)` \|", chapter("How a move can end"), flags=re.MULTILINE)
    assert sorted(rows) == sorted([*ends(), "TIMED_OUT", "ABORTED"])


@pytest.mark.parametrize("kind", [CloseOutcome, Reason, Ended, DrillOutcome], ids=lambda kind: kind.__name__)
def test_every_word_for_an_end_is_explained(kind):
    assert missing(list(map(str, kind)), ON_CALL) == []


@pytest.mark.parametrize("kind", [AddressStatus, Stage, Proof, TransitionAction], ids=lambda kind: kind.__name__)
def test_every_word_in_the_table_is_explained(kind):
    assert missing(list(map(str, kind)), STATE_PAGE) == []


def test_every_field_of_the_state_and_of_its_nodes_is_explained():
    whole = items.state_item(STATE, revision=5)
    assert missing([name for name in whole if name not in ("pk", "sk")], STATE_PAGE) == []
    assert missing([each.name for each in fields(NodeReport)], STATE_PAGE) == []


def test_every_health_of_a_node_has_a_row():
    rows = re.findall(r"^\| ([A-Z]+) \|", STATE_PAGE, flags=re.MULTILINE)
    assert set(rows) == set(map(str, NodeHealth))


def test_the_deadlines_are_those_of_the_code():
    definition = Definition("orders-db", 1, (), (Record("Z0123EXAMPLE", "orders-db.corp.example.com"),))
    said = [f"`{stage}` {deadline(stage, definition, now=0)} s" for stage in Stage]
    assert [each for each in said if each not in " ".join(ON_CALL.split())] == []


PLANNED = {
    "First deployment": "planned-work",
    "Changing a cluster": "planned-work",
    "Adding a node": "planned-work",
    "Replacing an instance": "planned-work",
    "Rotating": "planned-work",
    "Upgrading without losing protection": "planned-work",
    "Going back": "planned-work",
    "Retiring a cluster": "planned-work",
    "Uninstalling": "planned-work",
    "When a service of AWS is down": "disasters",
    "Route 53's API cannot be reached": "disasters",
    "The table is damaged or lost": "disasters",
}
"""What an operator does between incidents, and the disasters: each with its page."""


@pytest.mark.parametrize(("title", "name"), PLANNED.items())
def test_whatever_is_planned_has_a_section_and_stands_in_the_list_at_the_top(title, name):
    top = page("planned-work").partition("\n## ")[0]
    anchor = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
    assert re.search(rf"\]\((?:{name}\.md)?#{anchor}\)", top)
    assert re.search(rf"^##+ {title}\n\n\S", page(name), flags=re.MULTILINE)


# --- the functions for the shell -----------------------------------------------------------------

SCRIPT = "".join(re.findall(r"^```sh\n(.*?)^```", page("without-the-tool"), flags=re.MULTILINE | re.DOTALL))


def query_of(function: str) -> str:
    """The --query of a function for the shell."""
    body = SCRIPT.partition(f"\n{function}() {{\n")[2].partition("\n}\n")[0]
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
    assert SCRIPT
    checked = subprocess.run(["bash", "-n"], input=SCRIPT, text=True, capture_output=True, check=False)
    assert checked.stderr == ""


def test_every_function_for_the_shell_that_the_page_uses_is_defined():
    defined = set(re.findall(r"^(\w+)\(\)", SCRIPT, flags=re.MULTILINE))
    used = set(re.findall(r"\bus_[a-z]\w+", page("without-the-tool")))
    assert used | {"resource", "output"} == defined, "other pages send people here for these two"


BY_HAND = re.compile(
    r"\bus_[a-z]+ |start-execution|describe-execution|dynamodb (?:get-item|query)|put-parameter .*/clusters/"
)


def test_no_other_page_pastes_what_the_tool_does():  # B23
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("*/README.md")]
    others = [each for each in pages if each.name != "without-the-tool.md"]
    lines = [f"{each.name}: {line}" for each in others for line in each.read_text(encoding="utf-8").splitlines()]
    assert len(others) > 40
    assert [each for each in lines if BY_HAND.search(each)] == []
