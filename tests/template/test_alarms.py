"""Alarms: each watches a metric that is really there, tells people, and says what it means and where to read on."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.builders import NODE_B, a_moving_state, a_transition
from tests.support.controller import STACK, Controller, emitted
from tests.template import cfn
from tests.unit.test_documents import anchors
from understudy import bootstrap
from understudy.domain.cluster.policy import Policy
from understudy.domain.cluster.state import Stage
from understudy.invocation import GATHERED_S

ALARMS = cfn.of_type("AWS::CloudWatch::Alarm")
FUNCTIONS = cfn.of_type("AWS::Lambda::Function")
ENTRIES = {"RecordHeartbeatFunction", "WatchClustersFunction", "ReceiveSignalFunction"}
PARAMETERS = {"RunbookUrl": "docs/on-call.md"}
OF_AWS = {
    ("AWS/Lambda", "Errors"): ("FunctionName", "AWS::Lambda::Function"),
    ("AWS/Lambda", "Throttles"): ("FunctionName", "AWS::Lambda::Function"),
    ("AWS/States", "ExecutionsTimedOut"): ("StateMachineArn", "AWS::StepFunctions::StateMachine"),
    ("AWS/States", "ExecutionsAborted"): ("StateMachineArn", "AWS::StepFunctions::StateMachine"),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): ("QueueName", "AWS::SQS::Queue"),
}
"""AWS's own metrics that are watched: their one dimension, and what it names."""


def metrics_of(alarm: dict[str, Any]) -> Iterator[tuple[str, str, frozenset[tuple[str, str]]]]:
    """Namespace, name and dimensions of everything that an alarm looks at."""
    whole = [each["MetricStat"]["Metric"] for each in alarm.get("Metrics", []) if "MetricStat" in each]
    for metric in whole or [alarm]:
        dimensions = cfn.resolve(metric["Dimensions"], {})
        yield metric["Namespace"], metric["MetricName"], frozenset((each["Name"], each["Value"]) for each in dimensions)


WATCHED = [(name, *metric) for name, alarm in ALARMS.items() for metric in metrics_of(alarm)]


@pytest.fixture
def really_emitted(monkeypatch, capsys):
    """What the deployed code prints in a minute in which everything happens."""
    world = Controller(monkeypatch)
    world.beat()
    world.clock.now_s += GATHERED_S
    world.beat(number=90_015_000)
    bootstrap.drills().count_over_budget()
    world.beat(NODE_B, boot="bbbbbbbb")  # a second server
    world.put("nodes: nonsense")
    world.call("watch_clusters", {})
    _end_badly(world)
    return {(namespace, name, dimensions) for namespace, name, dimensions, _ in emitted(capsys.readouterr().out)}


def _end_badly(world: Controller) -> None:
    """A move ends in each way that pages a person."""
    step = {"cluster": "orders-db", "epoch": 2}
    for active in (NODE_B, None):  # its service did not start there; nobody was proved down
        world.ledger.put_state(a_moving_state(active=active, transition=a_transition(stage=Stage.STARTING)))
        world.call("close_transition", step)
    broken = {"state": "FenceNode", "error": "Lambda.Unknown", "cause": "killed"}
    world.call("close_transition", {**step, "broken": broken})


def test_every_alarm_on_our_own_metrics_watches_what_the_code_really_emits(really_emitted):  # B8
    ours = {(namespace, name, dimensions) for _, namespace, name, dimensions in WATCHED if namespace == "Understudy"}
    assert len(ours) == 13
    assert ours - really_emitted == set()


def test_a_metric_of_another_stack_is_none_of_ours(really_emitted):
    """Without the stack in the dimensions, the watch of one stack would cover up for the silence of another's."""
    assert all(("service", STACK) in dimensions for _, _, dimensions in really_emitted)
    service = cfn.source()["Globals"]["Function"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
    assert service == {"Ref": "AWS::StackName"}


@pytest.mark.parametrize("watched", [each for each in WATCHED if each[1] != "Understudy"], ids=str)
def test_every_alarm_on_metrics_of_aws_names_one_that_there_is(watched):
    _, namespace, metric, dimensions = watched
    dimension, kind = OF_AWS[(namespace, metric)]
    ((name, value),) = dimensions
    assert name == dimension
    assert cfn.expanded()[value]["Type"] == kind


def test_errors_of_every_function_and_throttles_of_every_entry_that_hears_are_watched():  # B8
    def of(metric: str) -> set[str]:
        return {value for _, _, name, dimensions in WATCHED if name == metric for _, value in dimensions}

    # Whoever looks at the board sees its errors. Nothing waits for it, and nobody is to be woken by it.
    assert of("Errors") == set(FUNCTIONS) - {"ClusterBoardFunction"}
    assert of("Throttles") == ENTRIES


@pytest.mark.parametrize("name", ALARMS)
def test_no_alarm_takes_more_metrics_than_cloudwatch_allows(name):
    assert len(list(metrics_of(ALARMS[name]))) <= 10


@pytest.mark.parametrize("name", ALARMS)
def test_every_alarm_tells_people(name):  # B8
    assert ALARMS[name]["AlarmActions"] == [{"Ref": "OperatorTopic"}]
    assert ALARMS[name].get("OKActions", [{"Ref": "OperatorTopic"}]) == [{"Ref": "OperatorTopic"}]
    assert cfn.expanded()[name]["Condition"] == "WithAlarms"


@pytest.mark.parametrize("name", ALARMS)
def test_every_alarm_says_in_a_sentence_what_it_means_and_where_to_read_on(name):  # B8
    sentence, link = cfn.resolve(ALARMS[name]["AlarmDescription"], PARAMETERS).rsplit(" ", 1)
    assert re.fullmatch(r"[A-Z].{30,200}\.", sentence)
    path, _, anchor = link.partition("#")
    assert anchor == name.lower()
    assert anchor in anchors(cfn.ROOT / path)


def test_three_minutes_without_a_watch_are_an_alarm_whatever_is_missing():  # B8
    alarm = ALARMS["WatchSilentAlarm"]
    assert (alarm["EvaluationPeriods"], alarm["Period"], alarm["Statistic"]) == (3, 60, "Sum")
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "LessThanThreshold")
    assert alarm["TreatMissingData"] == "breaching"


@pytest.mark.parametrize("name", [name for name in ALARMS if name != "WatchSilentAlarm"])
def test_no_other_alarm_is_raised_by_missing_figures(name):
    """A gauge that the watch does not bring any more keeps its last state: the watch's silence has its own alarm."""
    alarm = ALARMS[name]
    is_gauge = alarm.get("MetricName", "").startswith(("Clusters", "Transitions", "WatchFaults"))
    assert alarm["TreatMissingData"] == ("ignore" if is_gauge else "notBreaching")
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"


def test_beats_are_late_when_the_observer_is_doubted_for_it():  # B3 B8
    assert ALARMS["HeartbeatsLateAlarm"]["Threshold"] == Policy().observer_lag_limit_s


def test_the_cost_of_the_alarms_is_said_as_it_is():  # B9
    said = cfn.source()["Parameters"]["Alarms"]["Description"]
    assert f"({len(WATCHED)} alarm metrics, {len(WATCHED) * 0.10:.2f} USD a month)" in said


def test_only_alarms_of_this_account_may_speak_to_people_beside_the_function():
    (policy,) = cfn.of_type("AWS::SNS::TopicPolicy").values()
    (statement,) = cfn.resolve(policy["PolicyDocument"]["Statement"], {})
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert (statement["Action"], statement["Resource"]) == ("sns:Publish", "OperatorTopic")
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnLike": {"aws:SourceArn": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:*"},
    }


def test_nobody_gets_mail_who_was_not_named():
    assert cfn.expanded()["OperatorSubscription"]["Condition"] == "OperatorHasEmail"
    assert cfn.source()["Parameters"]["OperatorEmail"]["Default"] == ""


@pytest.mark.parametrize(
    ("address", "accepted"), [("", True), ("on-call@example.com", True), ("on call@example.com", False), ("x", False)]
)
def test_an_e_mail_address_looks_like_one(address, accepted):
    pattern = cfn.source()["Parameters"]["OperatorEmail"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, address)) is accepted
