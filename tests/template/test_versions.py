"""Every function is published, and whoever calls one calls its alias, which changes code and layers in one step."""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.template import cfn

ALIAS = "live"
FUNCTIONS = cfn.of_type("AWS::Lambda::Function")
VERSIONS = {p["FunctionName"]["Ref"]: name for name, p in cfn.of_type("AWS::Lambda::Version").items()}
ALIASES = {p["FunctionName"]["Ref"]: name for name, p in cfn.of_type("AWS::Lambda::Alias").items()}
OF_ALL_VERSIONS = {"ReservedConcurrentExecutions"}
"""What a function has as a whole, and none of its versions."""
CALL = {"Sid": "Call", "Action": ["lambda:InvokeFunction"], "Resource": {"Fn::GetAtt": ["AdviseFunction", "Arn"]}}
DESCRIPTION_LIMIT = 256
"""Of AWS::Lambda::Version. Its update requires a replacement, so another description publishes another version."""


def references(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every name that Ref, GetAtt or Sub mentions, and where."""
    if isinstance(node, list):
        for number, each in enumerate(node):
            yield from references(each, (*path, str(number)))
    if isinstance(node, dict):
        for key, value in node.items():
            yield from ((path, name) for name in _named(key, value))
            yield from references(value, (*path, key))


def _named(function: str, argument: Any) -> list[str]:
    if function == "Ref":
        return [argument]
    if function == "Fn::GetAtt":
        return [argument[0] if isinstance(argument, list) else argument.split(".")[0]]
    if function == "Fn::Sub":
        text = argument if isinstance(argument, str) else argument[0]
        return [name.split(".")[0] for name in re.findall(r"\$\{([^!}]+)\}", text)]
    return []


def may_name_the_function_itself(resources: dict[str, Any], path: tuple[str, ...]) -> bool:
    """What is made of it, what counts or prunes its versions, and what an execution of before aliases calls."""
    resource = resources.get(path[0], {})
    if resource.get("Type") in ("AWS::Lambda::Version", "AWS::Lambda::Alias"):
        return path[1:] == ("Properties", "FunctionName")
    if resource.get("Type") == "AWS::Lambda::EventInvokeConfig":
        return path[1:] == ("Properties", "FunctionName") and resource["Properties"].get("Qualifier") == ALIAS
    if resource.get("Type") == "AWS::CloudWatch::Alarm":
        return "Dimensions" in path
    statement = _statement(resources, path)
    return bool(statement) and (
        statement["Sid"] == "CallTheStepsOfOldExecutions" or "InvokeFunction" not in json.dumps(statement["Action"])
    )


def _statement(resources: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    if "Statement" not in path:
        return {}
    node: Any = resources
    for step in path[: path.index("Statement") + 2]:
        node = node[int(step)] if isinstance(node, list) else node[step]
    return dict(node)


def callers_past_the_alias(resources: dict[str, Any]) -> list[str]:
    """Where a function is named so that code and layers of different versions could be called."""
    return [
        f"{'/'.join(path)}: {name}"
        for path, name in references(resources)
        if name in FUNCTIONS and not may_name_the_function_itself(resources, path)
    ]


def everything() -> dict[str, Any]:
    """Resources and outputs as CloudFormation gets them."""
    return {**cfn.expanded(), "Outputs": cfn.expanded_outputs()}


def test_every_function_is_published_behind_the_alias():  # B16
    assert set(VERSIONS) == set(ALIASES) == set(FUNCTIONS)
    for function, alias in ALIASES.items():
        properties = cfn.of_type("AWS::Lambda::Alias")[alias]
        assert properties["Name"] == ALIAS
        assert properties["FunctionVersion"] == {"Fn::GetAtt": [VERSIONS[function], "Version"]}


def test_nobody_calls_a_function_past_its_alias():  # B16
    assert callers_past_the_alias(everything()) == []


@pytest.mark.parametrize(
    "caller",
    [
        {"Type": "AWS::Events::Rule", "Properties": {"Targets": [{"Arn": {"Fn::GetAtt": ["AdviseFunction", "Arn"]}}]}},
        {"Type": "AWS::Lambda::Permission", "Properties": {"FunctionName": {"Ref": "AdviseFunction"}}},
        {"Type": "AWS::CloudWatch::Dashboard", "Properties": {"DashboardBody": {"Fn::Sub": "${AdviseFunction.Arn}"}}},
        {
            "Type": "AWS::SNS::Subscription",
            "Properties": {"Endpoint": {"Fn::Sub": ["${A}", {"A": {"Ref": "AdviseFunction"}}]}},
        },
        {
            "Type": "AWS::Lambda::EventInvokeConfig",
            "Properties": {"FunctionName": {"Ref": "AdviseFunction"}, "Qualifier": "$LATEST"},
        },
        {
            "Type": "AWS::IAM::Policy",
            "Properties": {"PolicyDocument": {"Statement": [CALL]}},
        },
    ],
    ids=lambda caller: caller["Type"],
)
def test_a_new_caller_that_names_the_function_itself_would_be_found(caller):  # B16
    assert len(callers_past_the_alias({**everything(), "New": caller})) == 1


def test_no_function_is_told_the_name_of_another():  # B16
    """Nothing in the code calls a function (test_permissions), and nothing could by its settings."""
    for name, function in FUNCTIONS.items():
        named = {each for _, each in references(function["Environment"])}
        assert not named & (set(FUNCTIONS) | set(ALIASES.values()) | set(VERSIONS.values())), name


def test_what_lambda_keeps_or_tries_again_is_said_of_the_alias():  # B8 B16
    """Such a configuration belongs to one qualifier: that of $LATEST says nothing of what the alias is sent."""
    configs = cfn.of_type("AWS::Lambda::EventInvokeConfig")
    assert configs
    assert {config["Qualifier"] for config in configs.values()} == {ALIAS}


def test_every_rule_may_call_the_alias_that_it_calls():  # B16
    allowed = {
        (p["SourceArn"]["Fn::GetAtt"][0], p["FunctionName"]["Ref"])
        for p in cfn.of_type("AWS::Lambda::Permission").values()
    }
    rules = cfn.of_type("AWS::Events::Rule")
    called = {(name, target["Arn"]["Ref"]) for name, rule in rules.items() for target in rule["Targets"]}
    assert called == allowed
    assert {alias for _, alias in called} <= set(ALIASES.values())


def test_the_workflow_may_call_the_aliases_that_its_states_name():  # B16
    (machine,) = cfn.of_type("AWS::StepFunctions::StateMachine").values()
    named = {value["Ref"] for name, value in machine["DefinitionSubstitutions"].items() if name.endswith("FunctionArn")}
    (policy,) = cfn.of_type("AWS::IAM::Role")["TransitionStateMachineRole"]["Policies"]
    new, old = policy["PolicyDocument"]["Statement"][:2]
    assert {each["Ref"] for each in new["Resource"]} == named
    assert {ALIASES[each["Fn::GetAtt"][0]] for each in old["Resource"]} == named, "the same functions, and no others"


@pytest.mark.parametrize("function", VERSIONS)
def test_a_version_that_is_replaced_or_left_out_is_kept(function):  # B16
    """A request that was on its way to it, a rollback and a person who goes back by the alias still find it."""
    version = cfn.expanded()[VERSIONS[function]]
    assert (version["DeletionPolicy"], version["UpdateReplacePolicy"]) == ("Retain", "Retain")


def versions_of(template: dict[str, Any], folders: dict[str, str] | None = None) -> dict[str, str]:
    """The logical ID of each function's version; `folders` names the content of what is not as it was."""
    resources = cfn.translate(template, folders or {})["Resources"].items()
    return {r["Properties"]["FunctionName"]["Ref"]: n for n, r in resources if r["Type"] == "AWS::Lambda::Version"}


def test_another_layer_is_another_version_of_every_function():  # B16
    before = versions_of(cfn.source())
    assert before == VERSIONS
    for layer in ("ControllerLayer", "DependenciesLayer"):
        after = versions_of(cfn.source(), {layer: "another"})
        assert [function for function in FUNCTIONS if after[function] == before[function]] == [], layer


def test_other_code_is_another_version_of_that_function():  # B16
    after = versions_of(cfn.source(), {"GrantLeaseFunction": "another"})
    assert {function for function in FUNCTIONS if after[function] != VERSIONS[function]} == {"GrantLeaseFunction"}


def test_another_setting_in_the_template_is_another_version():  # B16
    template = copy.deepcopy(cfn.source())
    template["Resources"]["GrantLeaseFunction"]["Properties"]["MemorySize"] = 1024
    assert versions_of(template)["GrantLeaseFunction"] != VERSIONS["GrantLeaseFunction"]


def parameters_in(node: Any) -> set[str]:
    return {name for _, name in references(node) if name in cfn.source()["Parameters"]}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_another_value_of_a_parameter_is_another_version_of_the_functions_that_have_it(function):  # B16
    """SAM hashes the template as it is written, without the values. A version says them, so it is replaced with them.

    None more either: Lambda publishes nothing when the function is as it was, and the deployment would fail.
    """
    properties = {name: value for name, value in FUNCTIONS[function].items() if name not in OF_ALL_VERSIONS}
    description = cfn.expanded()[VERSIONS[function]]["Properties"]["Description"]
    assert parameters_in(description) == parameters_in(properties)
    assert references_of_conditions(properties) == set()


def references_of_conditions(node: Any) -> set[str]:
    """The conditions that decide what a version has: the values behind them would have to be said as well."""
    return set(re.findall(r'"Fn::If": \["(\w+)"', json.dumps(node)))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_version_has_room_for_the_longest_values(function):  # B16
    longest = {"RunbookUrl": "x" * 200, "Architectures": "x86_64", "LogLevel": "WARNING", "WatchMemory": "10240"}
    longest |= {"AllowStopInstances": "false", "Route53Percent": "100", "SilencePercent": "100"}
    longest |= {"SilenceClusters": "100000", "SilenceMoves": "1000"}
    description = cfn.expanded()[VERSIONS[function]]["Properties"]["Description"]
    assert parameters_in(description) <= set(longest)
    assert len(cfn.resolve(description, longest)) <= DESCRIPTION_LIMIT
