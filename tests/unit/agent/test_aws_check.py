# B13 B18: what `understudy-agent check` learns from AWS, by real calls to an AWS on loopback
from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from email.utils import formatdate
from typing import Any

import pytest

from tests.unit.agent.items import ME, OTHER, terms
from understudy_agent import config, identity
from understudy_agent.aws import TRIAL_TYPE
from understudy_agent.aws_check import AwsLook
from understudy_agent.findings import Findings
from understudy_agent.identity import NoIdentityError

ARN = f"arn:aws:ec2:eu-west-1:123456789012:instance/{ME}"
NOW_S = 1_790_000_000
TEXT = (
    f"[agent]\ncluster = orders-db\ntable = clusters\nbus = understudy\ninstance_arn = {ARN}\n"
    "[service db]\nkind = process\ncommand = /bin/true\n"
)
TABLE = "[agent] table = 'clusters'"
BUS = "[agent] bus = 'understudy'"
KEY = "[agent] failsafe_key_parameter = '/understudy-keys/understudy/orders-db'"


class StandIn:
    """An AWS that answers what it is told to, by the operation. It keeps what it was asked."""

    def __init__(self) -> None:
        self.date_s = float(NOW_S)
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.refuses: dict[str, tuple[int, str]] = {}
        """By operation: the status and the code of its error."""
        self.answers: dict[str, dict[str, Any]] = {
            "GetItem": {"Item": state(ME, OTHER)},
            "PutEvents": {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]},
            "GetParameter": {"Parameter": {"Value": "k" * 40, "Version": 1, "LastModifiedDate": 1}},
        }
        stand_in = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Keep the test's output clean."""

            def date_time_string(self, timestamp: float | None = None) -> str:
                return formatdate(stand_in.date_s, usegmt=True)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                operation = self.headers["x-amz-target"].rpartition(".")[2]
                stand_in.asked.append((operation, body))
                status, code = stand_in.refuses.get(operation, (200, ""))
                told = {"__type": code, "message": "no"} if code else stand_in.answers[operation]
                answer = json.dumps(told).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"


def state(*nodes: str, active: str = OTHER) -> dict[str, Any]:
    return {
        "epoch": {"N": "3"},
        "active": {"S": active},
        "terms": {"M": {key: {"N": str(value)} for key, value in terms().items()}},
        "nodes": {"M": {node: {"M": {"boot": {"S": ""}}} for node in nodes}},
    }


@pytest.fixture
def aws(monkeypatch) -> Iterator[StandIn]:
    stand_in = StandIn()
    thread = threading.Thread(target=stand_in.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", stand_in.address)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    yield stand_in
    stand_in.server.shutdown()
    stand_in.server.server_close()
    thread.join()


Found = Callable[..., Findings]


@pytest.fixture
def found(aws) -> Found:
    def look(text: str = TEXT, now_s: float = NOW_S) -> Findings:
        findings = Findings()
        AwsLook(config.parse(text), findings, lambda: now_s).look()
        return findings

    return look


def test_a_node_that_aws_knows_is_told_so_of_everything_it_will_ask(aws, found):
    assert found() == Findings(
        notes=[
            f"this node: {ME} in eu-west-1",
            "the clock: as AWS has it",
            f"{TABLE}: read; {ME} is a node of 'orders-db', and it does not hold the lease",
            f"{BUS}: it has taken an event of this node",
            f"{KEY}: read",
        ]
    )
    aws.answers["GetItem"] = {"Item": state(ME, active=ME)}
    assert found().notes[2].endswith("and it holds the lease")


def test_nothing_is_asked_for_that_the_agent_does_not_ask_for(aws, found):
    found()
    get, put, *keys = aws.asked
    assert (get[0], put[0], {name for name, _ in keys}) == ("GetItem", "PutEvents", {"GetParameter"})
    assert get[1]["Key"] == {"pk": {"S": "orders-db"}, "sk": {"S": "state"}}
    (entry,) = put[1]["Entries"]
    assert (entry["Source"], entry["DetailType"]) == (ARN, TRIAL_TYPE)


def test_before_the_cluster_is_registered_neither_its_item_nor_its_key_is_a_fault(aws, found):
    aws.answers["GetItem"] = {}
    aws.refuses["GetParameter"] = (400, "ParameterNotFound")
    findings = found()
    assert findings.faults == findings.unknown == []
    assert findings.warnings == [
        f"{TABLE}: it has no cluster 'orders-db': register it, or correct [agent] cluster",
        f"{KEY}: it is not there; registering the cluster makes it",
    ]


def test_a_parameter_of_ones_own_that_is_not_there_is_a_fault(aws, found):
    aws.refuses["GetParameter"] = (400, "ParameterNotFound")
    (told,) = found(TEXT.replace("bus =", "failsafe_key_parameter = /mine\nbus =")).faults
    assert told.startswith("[agent] failsafe_key_parameter = '/mine': ")


def test_a_node_that_the_definition_does_not_name_is_warned(aws, found):
    aws.answers["GetItem"] = {"Item": state(OTHER)}
    assert found().warnings == [
        f"{TABLE}: {ME} is no node of 'orders-db': name it in the definition, by its id or its tag"
    ]


def test_what_aws_refuses_is_a_fault_with_what_to_do_and_hides_nothing_else(aws, found):
    aws.refuses = dict.fromkeys(aws.answers, (400, "AccessDeniedException"))
    table, bus, key = found().faults
    assert table.startswith(f"{TABLE}: ")
    assert "give the role the tag understudy:cluster" in table
    assert bus.startswith(f"{BUS}: ")
    assert "attach the stack's NodePolicy" in bus
    assert key.startswith(f"{KEY}: ")


def test_a_table_that_is_not_there_is_a_fault(aws, found):
    aws.refuses["GetItem"] = (400, "ResourceNotFoundException")
    (told,) = found().faults
    assert told.startswith(f"{TABLE}: ")


def test_a_state_that_this_agent_cannot_read_is_a_fault(aws, found):
    aws.answers["GetItem"] = {"Item": {**state(ME), "v": {"N": "99"}}}
    (told,) = found().faults
    assert "upgrade it" in told


def test_a_key_that_is_too_short_is_a_fault_that_does_not_show_it(aws, found):
    aws.answers["GetParameter"]["Parameter"]["Value"] = "secret"
    (told,) = found().faults
    assert "too short" in told
    assert "secret" not in told


@pytest.mark.parametrize(
    "refusal", [(500, "InternalFailure"), (400, "ThrottlingException"), (503, "ServiceUnavailable")]
)
def test_an_aws_that_is_busy_or_ill_has_not_said_no(aws, found, refusal):
    aws.refuses = dict.fromkeys(aws.answers, refusal)
    findings = found()
    assert (findings.faults, findings.warnings, len(findings.unknown)) == ([], [], 3)


def test_an_event_that_the_bus_does_not_take_is_a_fault_unless_it_is_ill(aws, found):
    for code, faults, unknown in (("NotAuthorizedForSourceException", 1, 0), ("InternalFailure", 0, 1)):
        failed = {"ErrorCode": code, "ErrorMessage": "no"}
        aws.answers["PutEvents"] = {"FailedEntryCount": 1, "Entries": [failed]}
        findings = found()
        assert (len(findings.faults), len(findings.unknown)) == (faults, unknown)


def test_where_nobody_answers_it_is_not_known(found, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    findings = found()
    assert (findings.faults, findings.warnings) == ([], [])
    assert [told.partition(": ")[0] for told in findings.unknown] == [TABLE, BUS, KEY]


def test_where_the_machine_does_not_say_who_it_is_nothing_is_known(aws, found, monkeypatch):
    def nobody() -> None:
        raise NoIdentityError("nobody tells")

    monkeypatch.setattr(identity, "from_metadata", nobody)
    assert found(TEXT.replace(f"instance_arn = {ARN}\n", "")) == Findings(
        unknown=["who this node is, and so table, bus, key and clock: nobody tells"]
    )
    assert aws.asked == []


def test_a_clock_that_is_off_is_told_and_a_little_is_no_warning(found):
    assert "the clock: some 20 s behind AWS's" in found(now_s=NOW_S - 20).notes
    (told,) = found(now_s=NOW_S + 400).warnings
    assert told.startswith("the clock is some 400 s ahead of AWS's: set it")


def test_a_clock_so_wrong_that_aws_refuses_it_hides_nothing_else(aws, found):
    """The first call is refused; the next one is signed by AWS's clock, and so the rest is seen."""
    refused = aws.answers["GetItem"]

    class Once(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            return super().pop(key, default)

    aws.refuses = Once({"GetItem": (400, "InvalidSignatureException")})
    aws.answers["GetItem"] = refused
    findings = found(now_s=NOW_S + 400)
    assert findings.faults == findings.unknown == []
    assert any("400 s ahead" in told for told in findings.warnings)


def test_an_answer_without_a_date_says_nothing_of_the_clock(aws, found):
    aws.date_s = 0
    aws.server.RequestHandlerClass.date_time_string = lambda *_: "soon"
    assert found().unknown == ["the clock: the table's answer has no date"]
