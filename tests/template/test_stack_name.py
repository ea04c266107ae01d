"""How long a stack's name may be: every name that is made from it, with the longest one, against AWS's limits."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from bench.names import CUT, NAMES, OWN_NAME_LIMIT, STACK_LIMIT, STACK_NAME_LIMIT, Name
from tests.template import cfn
from understudy.adapters.route53.assumed_roles import AssumedRoles
from understudy.adapters.ssm_keys import SsmKeys
from understudy.adapters.ssm_parameters import SsmParameters
from understudy.definition.parts import NAME as OWN_NAME
from understudy.domain.cluster.definition import Record
from understudy.domain.cluster.record import GUARD_EPOCH_LIMIT, DesiredRecord, desired
from understudy.domain.cluster.request import CLUSTER_NAME
from understudy.domain.events.event import Words
from understudy.domain.notices.notice import compose

LONGEST = "s" * STACK_NAME_LIMIT
OWN = "x" * OWN_NAME_LIMIT
WISH = DesiredRecord(LONGEST, OWN, GUARD_EPOCH_LIMIT - 1, OWN, "10.0.0.1", 10)
RECORD = Record("Z1", "db.example.com", "A")
MADE_AT_RUN_TIME = {name.what: name for name in NAMES if not name.place}
IN_THE_TEMPLATE = {name.place: name for name in NAMES if name.place}
NO_NAMES = {
    ("AWS::CloudWatch::Dashboard", "DashboardBody"),
    ("AWS::Lambda::Function", "Environment", "Variables", "PARAMETER_PREFIX"),
    ("AWS::Lambda::Function", "Environment", "Variables", "POWERTOOLS_SERVICE_NAME"),
    ("AWS::Events::Rule", "EventPattern", "detail", "name", "prefix"),
    ("Outputs", "Value"),
}
"""Texts that are no names: their limits are thousands of characters."""
POLICIES = {"PolicyDocument", "Policies"}
"""What they hold together is counted in test_permissions."""
SAME_PLACE: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("AWS::CloudWatch::Alarm", "Metrics", "MetricStat", "Metric", "Dimensions", "Value"): (
        "AWS::CloudWatch::Alarm",
        "Dimensions",
        "Value",
    )
}


def texts(value: Any, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text below a value, with the keys that lead to it."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from texts(inner, (*place, key))
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner, place)
    elif isinstance(value, str):
        yield place, value


def made(stack: str) -> Mapping[tuple[str, ...], set[str]]:
    """Where in the expanded template the stack's name stands, policies left aside, and what it makes there."""
    given = {"AWS::StackName": stack}
    parts = [((each["Type"],), each.get("Properties", {})) for each in cfn.expanded().values()]
    outputs = [(("Outputs",), each) for each in cfn.expanded_outputs().values()]
    found: dict[tuple[str, ...], set[str]] = {}
    for begin, part in [*parts, *outputs]:
        for place, text in texts(cfn.resolve(part, given), begin):
            if stack in text and not POLICIES & set(place):
                found.setdefault(SAME_PLACE.get(place, place), set()).add(text)
    return found


def document(name: str) -> str:
    return (cfn.ROOT / "docs" / name).read_text(encoding="utf-8")


def test_the_template_says_how_long_the_stacks_name_may_be():
    (said,) = re.findall(r"name may have up to (\d+) characters", cfn.source()["Description"])
    assert int(said) == STACK_NAME_LIMIT <= STACK_LIMIT
    assert f"**{STACK_NAME_LIMIT} characters**" in document("scale.md")
    assert f"[{STACK_NAME_LIMIT} characters](scale.md#" in " ".join(document("planned-work.md").split())
    assert f"NAME may have {STACK_NAME_LIMIT - len('serverlessrepo-')} characters" in document("packaging.md")


def test_every_name_that_the_template_makes_from_the_stacks_name_has_a_known_limit():
    assert set(made(LONGEST)) - NO_NAMES == set(IN_THE_TEMPLATE)


def too_long(stack: str) -> set[str]:
    """Which names are above their limits."""
    names = made(stack)
    return {name.what for place, name in IN_THE_TEMPLATE.items() if max(map(len, names[place])) > name.limit}


def test_with_the_longest_name_every_name_in_the_template_keeps_its_limit_and_with_a_longer_one_not():
    assert too_long(LONGEST) == set()
    assert too_long(LONGEST + "s") == {"state machine"}


@pytest.mark.parametrize("name", IN_THE_TEMPLATE.values(), ids=lambda name: name.what)
def test_a_name_is_what_the_table_says_and_none_beside_it_is_longer(name: Name):
    names = made(LONGEST)[name.place]
    assert name.longest(LONGEST) in names
    assert max(map(len, names)) == len(name.longest(LONGEST))


@pytest.mark.parametrize(
    ("service", "operation", "member", "what"),
    [
        ("stepfunctions", "CreateStateMachine", "name", "state machine"),
        ("events", "CreateEventBus", "Name", "bus"),
        ("logs", "CreateLogGroup", "logGroupName", "log groups"),
        ("sts", "AssumeRole", "RoleSessionName", "the session of an assumed role"),
    ],
)
def test_a_limit_is_the_one_that_the_api_has(service, operation, member, what):
    shape = boto3.client(service, region_name="us-east-1").meta.service_model.operation_model(operation).input_shape
    limits = {**{name.what: name.limit for name in NAMES}, **dict(CUT)}
    assert limits[what] == shape.members[member].metadata["max"]


def test_clusters_and_nodes_have_no_longer_names_than_are_reckoned_with():
    assert re.fullmatch(OWN_NAME, OWN)
    assert not re.fullmatch(OWN_NAME, OWN + "x")


def test_the_guard_of_the_longest_names_is_one_string_of_a_txt_record():
    _, guard = desired(RECORD, WISH)
    name = MADE_AT_RUN_TIME["value of a guard"]
    assert guard.values == (f'"{name.longest(LONGEST)}"',)
    assert len(name.longest(LONGEST)) <= name.limit


def parameter_of(call: str, asked: str) -> str:
    """The name of the parameter that the code asks for with the longest names, without the ARN."""
    client = boto3.client("ssm", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    names: list[str] = []
    client.meta.events.register(f"provide-client-params.ssm.{asked}", lambda params, **_: names.append(params["Name"]))
    with Stubber(client) as stub:
        if call == "key":
            stub.add_response("put_parameter", {"Version": 1})
            SsmKeys(client, LONGEST).make(OWN)
        else:
            stub.add_response("get_parameter", {"Parameter": {"Name": "x", "Version": 1, "Value": "x"}})
            SsmParameters(client, f"/understudy/{LONGEST}/").cluster_text(OWN)
    return names[0]


@pytest.mark.parametrize(
    ("call", "asked", "what"),
    [
        ("key", "PutParameter", "key of a cluster, with its ARN"),
        ("definition", "GetParameter", "definition, with its ARN"),
    ],
)
def test_the_parameters_of_a_cluster_keep_the_limit_with_the_longest_names(call, asked, what):
    name = MADE_AT_RUN_TIME[what]
    assert name.longest(LONGEST).endswith(f":parameter{parameter_of(call, asked)}")
    assert len(name.longest(LONGEST)) <= name.limit


def test_what_is_longer_than_its_limit_by_the_longest_name_is_cut():
    cut = dict(CUT)
    sessions: list[str] = []

    class Sts:
        def assume_role(self, **asked: str) -> Any:
            sessions.append(asked["RoleSessionName"])
            raise InterruptedError

    roles = AssumedRoles(Sts, lambda keys: None, lambda: 0.0, f"understudy-{LONGEST}")
    with pytest.raises(InterruptedError):
        roles.call("arn", "", lambda client: None)
    assert len(sessions[0]) == cut["the session of an assumed role"]
    notice = compose(Words("a headline that says much", (), (), (), "s"), LONGEST, "now", "docs")
    assert len(notice.subject) <= cut["the subject of a notice"]


def test_the_runbook_finds_by_their_logical_ids_what_does_not_begin_with_the_whole_name_of_the_stack():
    runbook = "".join(document(f"{page}.md") for page in ("on-call", "disasters", "planned-work", "monitoring"))
    assert set(re.findall(r"\$\(resource (\w+)\)", runbook)) <= set(cfn.expanded())
    assert re.findall(r"[a-z-]*name-prefix", runbook) == ["--alarm-name-prefix"]  # these have room for all of it


def test_the_example_takes_the_names_of_stack_and_cluster_that_the_controller_takes():
    given = cfn.source(cfn.ROOT / "examples" / "two-node-service" / "template.yaml")["Parameters"]
    assert given["UnderstudyStack"]["MaxLength"] == STACK_NAME_LIMIT
    assert given["ClusterName"]["AllowedPattern"] == CLUSTER_NAME.pattern
