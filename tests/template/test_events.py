"""What wakes the controller, with what delay, and where an event goes that could not be delivered."""

import json
import re

import pytest

from tests.template import cfn
from understudy.adapters.event_announcer import SOURCE
from understudy.domain.events.catalogue import EVENTS, has_concern, has_words
from understudy.domain.events.definitions import DefinitionAccepted
from understudy.domain.events.incidents import IncidentChanged
from understudy.domain.observe.signal import SHIFTS, TERMINATING
from understudy.invocation import WARM
from understudy.usecases.observe.receive_signal import EC2_STATE, LIFECYCLE_ACTION, SPOT_EVENTS, SPOT_LIMIT_S

RULES = cfn.of_type("AWS::Events::Rule")
WORTHLESS_AFTER_S = 60
"""What is worth nothing by then is no dead letter: its alarm would last until somebody purges it."""
KEPT_WARM = ("OpenTransition", "FenceNode", "MoveAddress", "GrantLease", "AwaitService")
STALE_AFTER_S = {
    "RecordHeartbeatFunctionHeartbeat": 60,
    "WatchClustersFunctionMinute": 60,
    "ReceiveSignalFunctionInstanceState": 3600,
    "ReceiveSignalFunctionAlarmState": 3600,
    "ReceiveSignalFunctionZonalShift": 3600,
    "ReceiveSignalFunctionTerminating": 3600,
    "ReceiveSignalFunctionSpot": SPOT_LIMIT_S,
    "RegisterClusterFunctionParameter": 3600,
    "RegisterClusterFunctionTerminated": 3600,
    "CheckReadinessFunctionDay": 3600,
    "CheckReadinessFunctionDefinition": 3600,
    "NotifyOperatorFunctionTold": 3600,
    "PruneVersionsFunctionDay": 3600,
    **{f"{step}FunctionKeepWarm": 60 for step in KEPT_WARM},
}
ON_OWN_BUS = {"RecordHeartbeatFunctionHeartbeat", "CheckReadinessFunctionDefinition", "NotifyOperatorFunctionTold"}


def test_these_rules_and_no_others_wake_the_controller():
    assert set(RULES) == set(STALE_AFTER_S)


def test_what_nodes_and_controller_say_comes_on_the_stacks_own_bus_and_the_rest_on_the_default_one():
    assert {name for name, rule in RULES.items() if "EventBusName" in rule} == ON_OWN_BUS


def test_only_instances_of_this_account_and_region_are_heard():  # S11
    pattern = cfn.resolve(RULES["RecordHeartbeatFunctionHeartbeat"]["EventPattern"], {})
    assert pattern == {
        "detail-type": ["Understudy Heartbeat"],
        "source": [{"prefix": "arn:aws:ec2:eu-west-1:123456789012:instance/"}],
    }


def test_a_heartbeat_arrives_with_the_clock_of_aws_and_the_identity_of_its_sender():  # S11
    (target,) = RULES["RecordHeartbeatFunctionHeartbeat"]["Targets"]
    transformer = target["InputTransformer"]
    values = {
        **transformer["InputPathsMap"],
        "aws.events.event.ingestion-time": "2026-11-22T10:00:00Z",
    }
    filled = re.sub(r"<([^<>]+)>", lambda match: json.dumps(values[match[1]]), transformer["InputTemplate"])
    assert json.loads(filled) == {
        "source": "$.source",
        "ingested_at": "2026-11-22T10:00:00Z",
        "detail": "$.detail",
    }


@pytest.mark.parametrize("step", KEPT_WARM)
def test_the_steps_that_a_failover_waits_for_are_kept_warm_with_what_their_handlers_know(step):
    rule = RULES[f"{step}FunctionKeepWarm"]
    (target,) = rule["Targets"]
    assert rule["ScheduleExpression"] == "rate(5 minutes)"
    assert json.loads(target["Input"]) == WARM


def test_the_watch_comes_every_minute():
    assert RULES["WatchClustersFunctionMinute"]["ScheduleExpression"] == "rate(1 minute)"


def test_every_state_of_an_instance_and_every_alarm_is_heard():
    assert RULES["ReceiveSignalFunctionInstanceState"]["EventPattern"] == {
        "source": ["aws.ec2"],
        "detail-type": ["EC2 Instance State-change Notification"],
        "detail": {"state": ["pending", "running", "stopping", "stopped", "shutting-down", "terminated"]},
    }
    assert RULES["ReceiveSignalFunctionAlarmState"]["EventPattern"] == {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
    }


def test_what_aws_says_of_an_availability_zone_is_heard_and_practice_runs_are_not():  # B15
    pattern = RULES["ReceiveSignalFunctionZonalShift"]["EventPattern"]
    assert pattern == {"source": ["aws.arc-zonal-shift"], "detail-type": list(SHIFTS)}
    assert not [kind for kind in SHIFTS if "Practice" in kind]


def test_groups_whose_hook_has_the_stacks_name_are_heard_and_no_others():  # B17
    pattern = cfn.resolve(RULES["ReceiveSignalFunctionTerminating"]["EventPattern"], {})
    assert pattern == {
        "source": ["aws.autoscaling"],
        "detail-type": [LIFECYCLE_ACTION],
        "detail": {"LifecycleTransition": [TERMINATING], "LifecycleHookName": ["understudy-understudy"]},
    }


def test_what_ec2_says_of_spot_instances_is_heard():  # B17
    assert RULES["ReceiveSignalFunctionSpot"]["EventPattern"] == {
        "source": ["aws.ec2"],
        "detail-type": list(SPOT_EVENTS),
    }


def test_a_definition_is_read_when_its_parameter_changes():
    pattern = cfn.resolve(RULES["RegisterClusterFunctionParameter"]["EventPattern"], {})
    assert pattern == {
        "source": ["aws.ssm"],
        "detail-type": ["Parameter Store Change"],
        "detail": {"name": [{"prefix": "/understudy/understudy/"}]},
    }


def test_the_successor_of_an_instance_is_looked_for_when_it_is_terminated():  # B17
    assert RULES["RegisterClusterFunctionTerminated"]["EventPattern"] == {
        "source": ["aws.ec2"],
        "detail-type": [EC2_STATE],
        "detail": {"state": ["terminated"]},
    }


def test_readiness_is_checked_every_day_and_when_a_definition_was_accepted():  # S1
    assert RULES["CheckReadinessFunctionDay"]["ScheduleExpression"] == "rate(1 day)"
    assert RULES["CheckReadinessFunctionDefinition"]["EventPattern"] == {
        "source": [SOURCE],
        "detail-type": [DefinitionAccepted.detail_type],
    }


def test_old_versions_are_pruned_every_day():  # B16
    assert RULES["PruneVersionsFunctionDay"]["ScheduleExpression"] == "rate(1 day)"


def test_what_people_or_pagers_are_to_hear_of_is_told_and_no_heartbeat_and_not_what_was_told():  # B8
    pattern = RULES["NotifyOperatorFunctionTold"]["EventPattern"]
    assert pattern["source"] == [SOURCE]
    assert set(pattern["detail-type"]) == {each.detail_type for each in EVENTS if has_words(each) or has_concern(each)}
    assert IncidentChanged.detail_type not in pattern["detail-type"], "it would tell of itself for ever"


@pytest.mark.parametrize("name", RULES)
def test_a_rule_gives_up_in_time_and_keeps_what_it_could_not_deliver_if_it_is_worth_anything_later(name):  # B8
    """A beat, a watch or a call that keeps a function warm is followed by the next one."""
    (target,) = RULES[name]["Targets"]
    assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] == STALE_AFTER_S[name]
    kept = {"Arn": {"Fn::GetAtt": ["DeadLetters", "Arn"]}}
    assert target.get("DeadLetterConfig") == (None if STALE_AFTER_S[name] == WORTHLESS_AFTER_S else kept)


@pytest.mark.parametrize(
    ("function", "age_s", "retries"),
    [
        ("RecordHeartbeat", 60, 0),
        ("WatchClusters", 60, 0),
        ("ReceiveSignal", 3600, 2),
        ("RegisterCluster", 3600, 2),
        ("CheckReadiness", 3600, 1),
        ("NotifyOperator", 3600, 2),
        ("PruneVersions", 3600, 0),
    ],
)
def test_what_an_entry_could_not_handle_is_kept_if_it_is_worth_anything_later(function, age_s, retries):  # B8
    config = cfn.of_type("AWS::Lambda::EventInvokeConfig")[f"{function}FunctionEventInvokeConfig"]
    assert config["MaximumEventAgeInSeconds"] == age_s
    assert config["MaximumRetryAttempts"] == retries
    kept = {"Type": "SQS", "Destination": {"Fn::GetAtt": ["DeadLetters", "Arn"]}}
    found = config.get("DestinationConfig", {}).get("OnFailure")
    assert (found and found["Destination"]) == (None if age_s == WORTHLESS_AFTER_S else kept["Destination"])


def test_only_entries_are_invoked_asynchronously():
    assert len(cfn.of_type("AWS::Lambda::EventInvokeConfig")) == 7
