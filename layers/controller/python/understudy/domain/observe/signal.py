"""What EC2 and CloudWatch say of a node."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from understudy.domain.cluster.departure import Cause, Departure
from understudy.domain.cluster.quoting import quoted
from understudy.domain.cluster.state import PowerReading

INSTANCE_ID = re.compile(r"i-[0-9a-f]{8,17}")
ALARM_NAME_LIMIT = 255
ZONE_ID = re.compile(r"[a-z0-9-]{1,20}")
NAME_LIMIT = 255
"""How long the name of an Auto Scaling group or of a lifecycle hook can be."""
TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"


class Shift(StrEnum):
    """Who shifts traffic away from an Availability Zone."""

    AUTOSHIFT = "autoshift"  # AWS, because it finds the zone impaired
    MANUAL = "manual"  # a person, for a resource of theirs
    EXPERIMENT = "experiment"  # AWS Fault Injection Service


SHIFTS: Mapping[str, tuple[Shift, bool]] = {
    "Autoshift In Progress": (Shift.AUTOSHIFT, True),
    "Autoshift Completed": (Shift.AUTOSHIFT, False),
    "FIS Experiment Autoshift In Progress": (Shift.EXPERIMENT, True),
    "FIS Experiment Autoshift Completed": (Shift.EXPERIMENT, False),
    "FIS Experiment Autoshift Canceled": (Shift.EXPERIMENT, False),
    "Manual Shift Started": (Shift.MANUAL, True),
    "Manual Shift Updated": (Shift.MANUAL, True),
    "Manual Shift Canceled": (Shift.MANUAL, False),
}
"""The events of Application Recovery Controller that say something of a zone, and whether they begin it.

Practice runs are none of them: they say nothing of the zone's health."""
POWERS = tuple(power for power in PowerReading if power is not PowerReading.UNKNOWN)
ALARM_STATES = ("OK", "ALARM", "INSUFFICIENT_DATA")


@dataclass(frozen=True)
class PowerSignal:
    """EC2's word on an instance, with the time of its event (whole seconds)."""

    instance_id: str
    power: PowerReading
    at: int


@dataclass(frozen=True)
class AlarmSignal:
    """CloudWatch's word on an alarm that a definition names for a node, with the time of its event (whole seconds)."""

    instance_id: str
    alarm: str
    on: bool
    at: int


@dataclass(frozen=True)
class FaultSignal:
    """In what an instance is not as this version of the definition has it; empty `fault`: it is, again."""

    instance_id: str
    fault: str
    definition_version: int


@dataclass(frozen=True)
class NamesSignal:
    """In what the services that a node's beats name are not the definition's; empty `misnamed`: they are.

    `named`: the digest of these names. Once the node names others, the words are of no use any more.
    """

    instance_id: str
    misnamed: str
    named: str


@dataclass(frozen=True)
class LateSignal:
    """A beat of this node was late for the controller, which dealt with it at this time (whole seconds)."""

    instance_id: str
    at: int


@dataclass(frozen=True)
class DepartureSignal:
    """AWS's word that an instance goes."""

    instance_id: str
    departure: Departure


class MalformedSignalError(Exception):
    """An event of EC2's or CloudWatch's that says nothing we know. The message names what was found and is allowed."""


def read_power(detail: Any) -> tuple[str, PowerReading]:
    """The instance of an EC2 state change and its new state. A word unknown to us is none: nothing may follow from it.

    Raises MalformedSignalError.
    """
    instance_id = read_instance(detail)
    state = detail.get("state")
    for power in POWERS:
        if state == power:
            return instance_id, power
    raise MalformedSignalError(f"detail.state is {quoted(state)}; allowed: {', '.join(POWERS)}")


def read_instance(detail: Any, key: str = "instance-id") -> str:
    """The instance that an event is about. Raises MalformedSignalError."""
    instance_id = detail.get(key) if isinstance(detail, Mapping) else None
    if not isinstance(instance_id, str) or not INSTANCE_ID.fullmatch(instance_id):
        raise MalformedSignalError(f"detail.{key} is {quoted(instance_id)}; allowed: {INSTANCE_ID.pattern}")
    return instance_id


def read_lifecycle_action(detail: Any, at: int) -> DepartureSignal:
    """What waits at a lifecycle hook to be ended, by an event of `at` (seconds). Raises MalformedSignalError."""
    instance_id = read_instance(detail, "EC2InstanceId")
    group, hook, transition = (
        detail.get(key) for key in ("AutoScalingGroupName", "LifecycleHookName", "LifecycleTransition")
    )
    for key, name in (("AutoScalingGroupName", group), ("LifecycleHookName", hook)):
        if not isinstance(name, str) or not 0 < len(name) <= NAME_LIMIT:
            allowed = f"a text of 1 to {NAME_LIMIT} characters"
            raise MalformedSignalError(f"detail.{key} is {quoted(name)}; allowed: {allowed}")
    if transition != TERMINATING:
        raise MalformedSignalError(f"detail.LifecycleTransition is {quoted(transition)}; allowed: {TERMINATING}")
    return DepartureSignal(instance_id, Departure(Cause.AUTO_SCALING, at, group, hook))


def read_alarm(detail: Any) -> tuple[str, bool]:
    """The name of an alarm that has changed, and whether it is on now. Raises MalformedSignalError."""
    detail = detail if isinstance(detail, Mapping) else {}
    name, state = detail.get("alarmName"), detail.get("state")
    if not isinstance(name, str) or not 0 < len(name) <= ALARM_NAME_LIMIT:
        allowed = f"a text of 1 to {ALARM_NAME_LIMIT} characters"
        raise MalformedSignalError(f"detail.alarmName is {quoted(name)}; allowed: {allowed}")
    value = state.get("value") if isinstance(state, Mapping) else state
    if not isinstance(value, str) or value not in ALARM_STATES:
        raise MalformedSignalError(f"detail.state.value is {quoted(value)}; allowed: {', '.join(ALARM_STATES)}")
    return name, value == "ALARM"


def read_shift(kind: Any, detail: Any) -> tuple[str, Shift, bool]:
    """The Availability Zone (its id) that traffic is shifted away from, who does so, and whether it begins or ends.

    Raises MalformedSignalError.
    """
    found = SHIFTS.get(kind) if isinstance(kind, str) else None
    if found is None:
        raise MalformedSignalError(f"detail-type is {quoted(kind)}; allowed: {', '.join(SHIFTS)}")
    detail = detail if isinstance(detail, Mapping) else {}
    metadata = detail.get("metadata")
    zone_id = metadata.get("awayFrom") if isinstance(metadata, Mapping) else None
    if not isinstance(zone_id, str) or not ZONE_ID.fullmatch(zone_id):
        raise MalformedSignalError(f"detail.metadata.awayFrom is {quoted(zone_id)}; allowed: {ZONE_ID.pattern}")
    return zone_id, *found


Signal = PowerSignal | AlarmSignal | FaultSignal | NamesSignal | LateSignal | DepartureSignal
