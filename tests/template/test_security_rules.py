"""The usual checks of templates, as of checkov, over every resource; exceptions stand in a file with reasons.

Rules of our own: today's checkov wants another boto3 than the embedded AWS, and a hundred packages.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from tests.template import cfn

EXCEPTIONS = tomllib.loads(Path(__file__).with_name("security_exceptions.toml").read_text(encoding="utf-8"))[
    "exception"
]
Resources = Mapping[str, dict[str, Any]]
Rule = Callable[[Resources], Iterator[str]]
PUBLIC = ("AWS::Lambda::Url", "AWS::Events::EventBusPolicy", "AWS::IAM::User", "AWS::IAM::AccessKey", "AWS::S3::Bucket")


def of(resources: Resources, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, resource in resources.items():
        if resource["Type"] == kind:
            yield name, resource.get("Properties", {})


def not_encrypted(resources: Resources) -> Iterator[str]:
    """A table is encrypted by DynamoDB's own key whatever is said of it."""
    for name, queue in of(resources, "AWS::SQS::Queue"):
        if not queue.get("SqsManagedSseEnabled"):
            yield name
    for name, topic in of(resources, "AWS::SNS::Topic"):
        if "KmsMasterKeyId" not in topic:
            yield name


def without_own_key(resources: Resources) -> Iterator[str]:
    wanted = {
        "AWS::DynamoDB::Table": lambda p: "KMSMasterKeyId" in p.get("SSESpecification", {}),
        "AWS::SQS::Queue": lambda p: "KmsMasterKeyId" in p,
        "AWS::Logs::LogGroup": lambda p: "KmsKeyId" in p,
        "AWS::Events::EventBus": lambda p: "KmsKeyIdentifier" in p,
        "AWS::StepFunctions::StateMachine": lambda p: "EncryptionConfiguration" in p,
    }
    for kind, has in wanted.items():
        yield from (name for name, properties in of(resources, kind) if not has(properties))


def functions_without(has: Callable[[dict[str, Any]], Any]) -> Rule:
    def broken(resources: Resources) -> Iterator[str]:
        yield from (name for name, function in of(resources, "AWS::Lambda::Function") if not has(function))

    return broken


def not_traced(resources: Resources) -> Iterator[str]:
    yield from functions_without(lambda f: f.get("TracingConfig", {}).get("Mode") == "Active")(resources)
    for name, machine in of(resources, "AWS::StepFunctions::StateMachine"):
        if not machine.get("TracingConfiguration", {}).get("Enabled") or "LoggingConfiguration" not in machine:
            yield name


def logs_for_ever(resources: Resources) -> Iterator[str]:
    yield from (name for name, group in of(resources, "AWS::Logs::LogGroup") if "RetentionInDays" not in group)


def failures_lost(resources: Resources) -> Iterator[str]:
    kept = {
        config["FunctionName"]["Ref"]
        for _, config in of(resources, "AWS::Lambda::EventInvokeConfig")
        if config.get("DestinationConfig", {}).get("OnFailure")
    }
    yield from (name for name, _ in of(resources, "AWS::Lambda::Function") if name not in kept)


def called_by_anybody(resources: Resources) -> Iterator[str]:
    for name, permission in of(resources, "AWS::Lambda::Permission"):
        if permission["Principal"] == "*" or "SourceArn" not in permission:
            yield name


def open_to_all(resources: Resources) -> Iterator[str]:
    yield from (name for name, resource in resources.items() if resource["Type"] in PUBLIC)
    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        for key in ("PolicyDocument", "AssumeRolePolicyDocument"):
            for statement in properties.get(key, {}).get("Statement", []):
                if statement.get("Principal") in ("*", {"AWS": "*"}):
                    yield name


def lost_when_replaced(resources: Resources) -> Iterator[str]:
    for name, table in resources.items():
        if table["Type"] == "AWS::DynamoDB::Table" and table.get("UpdateReplacePolicy") != "Retain":
            yield name


def with_a_secret(resources: Resources) -> Iterator[str]:
    for name, function in of(resources, "AWS::Lambda::Function"):
        variables = function.get("Environment", {}).get("Variables", {})
        if any(word in key for key in variables for word in ("SECRET", "PASSWORD", "TOKEN", "_KEY")):
            yield name


RULES: dict[str, Rule] = {
    "data at rest is encrypted": not_encrypted,
    "data at rest has a key of the owner's own": without_own_key,
    "a function's environment has a key of the owner's own": functions_without(lambda f: "KmsKeyArn" in f),
    "a function runs in a VPC": functions_without(lambda f: "VpcConfig" in f),
    "a function has a ceiling of concurrency": functions_without(
        lambda f: isinstance(f.get("ReservedConcurrentExecutions"), int)
    ),
    "a function has a log of its own": functions_without(lambda f: "LogGroup" in f.get("LoggingConfig", {})),
    "a function that is not answered keeps what failed": failures_lost,
    "functions and workflows are traced": not_traced,
    "no log is kept for ever": logs_for_ever,
    "a function is called by named callers only": called_by_anybody,
    "nothing is open to everybody": open_to_all,
    "a table outlives its replacement": lost_when_replaced,
    "no secret stands in an environment": with_a_secret,
}


def excepted(rule: str) -> list[str]:
    return [pattern for each in EXCEPTIONS if each["rule"] == rule for pattern in each["resources"]]


@pytest.mark.parametrize("rule", RULES)
def test_every_resource_keeps_the_rule_or_has_an_exception(rule):
    broken = set(RULES[rule](cfn.expanded()))
    assert sorted(n for n in broken if not any(fnmatchcase(n, pattern) for pattern in excepted(rule))) == []


@pytest.mark.parametrize("exception", EXCEPTIONS, ids=lambda exception: exception["rule"])
def test_every_exception_is_needed_and_has_a_reason(exception):
    broken = set(RULES[exception["rule"]](cfn.expanded()))
    assert [p for p in exception["resources"] if not any(fnmatchcase(name, p) for name in broken)] == []
    assert len(exception["reason"].split()) > 5


def test_the_rules_see_what_they_are_to_see():
    """A template with one resource of each kind that keeps no rule at all."""
    anybody = {"Statement": [{"Principal": "*"}]}
    bare = {
        "Table": {"Type": "AWS::DynamoDB::Table"},
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Topic": {"Type": "AWS::SNS::Topic"},
        "Logs": {"Type": "AWS::Logs::LogGroup"},
        "Function": {"Type": "AWS::Lambda::Function", "Properties": {"Environment": {"Variables": {"API_TOKEN": "x"}}}},
        "Machine": {"Type": "AWS::StepFunctions::StateMachine"},
        "Call": {"Type": "AWS::Lambda::Permission", "Properties": {"Principal": "events.amazonaws.com"}},
        "Policy": {"Type": "AWS::SQS::QueuePolicy", "Properties": {"PolicyDocument": anybody}},
        "Url": {"Type": "AWS::Lambda::Url"},
    }
    seen = {rule: set(broken(bare)) for rule, broken in RULES.items()}
    assert all(seen.values()), seen
    assert set().union(*seen.values()) == set(bare)
