"""The health of one node: EC2's word outranks silence, silence outranks old reports."""

from typing import Any

import pytest

from tests.support.builders import NOW, a_report, an_off_report
from understudy.domain.cluster.policy import Policy
from understudy.domain.cluster.state import Alarm, NodeReport, PowerReading, ServiceStatus
from understudy.domain.observe.health import NodeHealth, diagnose

ON, OFF = Alarm(on=True, at=NOW), Alarm(on=False, at=NOW)


def health(report: NodeReport, now: int = NOW, **policy: Any) -> NodeHealth:
    return diagnose(report, Policy(**policy), now)


@pytest.mark.parametrize(("age_s", "expected"), [(14, NodeHealth.READY), (15, NodeHealth.SILENT)])
def test_a_node_is_silent_from_the_second_of_the_limit_on(age_s, expected):  # S11
    assert health(a_report(heard_at=NOW - age_s)) is expected


def test_the_limit_is_the_policys():
    assert health(a_report(heard_at=NOW - 15), silence_limit_s=30) is NodeHealth.READY


def test_a_beat_from_after_now_is_no_silence():
    assert health(a_report(heard_at=NOW + 5)) is NodeHealth.READY


def test_a_node_never_heard_is_unknown_and_not_silent():  # B3
    assert health(NodeReport("node-a"), NOW + 10**6) is NodeHealth.UNKNOWN


def test_a_node_that_says_it_failed_has_failed():
    assert health(a_report(service=ServiceStatus.FAILED)) is NodeHealth.FAILED


@pytest.mark.parametrize("service", [each for each in ServiceStatus if each is not ServiceStatus.FAILED])
def test_a_node_that_is_heard_and_did_not_fail_is_ready(service):
    assert health(a_report(service=service)) is NodeHealth.READY


def test_one_alarm_that_is_on_is_enough():  # S11
    assert health(a_report(alarms={"disk": OFF, "probe": ON})) is NodeHealth.FAILED
    assert health(a_report(alarms={"disk": OFF, "probe": OFF})) is NodeHealth.READY


def test_silence_outranks_what_the_node_said_before():  # B3
    assert health(a_report(heard_at=NOW - 15, service=ServiceStatus.FAILED)) is NodeHealth.SILENT


@pytest.mark.parametrize("power", [each for each in PowerReading if each.is_leaving])
def test_the_word_of_ec2_outranks_everything(power):  # S11
    assert health(an_off_report(power=power, service=ServiceStatus.FAILED)) is NodeHealth.GONE
    assert health(an_off_report(power=power, heard_at=NOW - 900)) is NodeHealth.GONE
    assert health(NodeReport("node-a", power=power)) is NodeHealth.GONE


@pytest.mark.parametrize("power", [each for each in PowerReading if not each.is_leaving])
def test_a_power_reading_that_is_not_off_condemns_nobody(power):  # B3
    assert health(an_off_report(power=power)) is NodeHealth.READY


def test_a_node_that_is_not_as_defined_is_unknown_and_neither_ready_nor_failed():  # S3 B3
    assert health(a_report(fault="its address is 10.0.1.99")) is NodeHealth.UNKNOWN


def test_a_node_that_says_that_it_could_not_take_over_is_not_fit_and_has_not_failed():  # B18
    assert health(a_report(unfit="/run is full")) is NodeHealth.UNKNOWN
    assert health(a_report(unfit="/run is full", service=ServiceStatus.FAILED)) is NodeHealth.FAILED


def test_a_node_that_is_not_as_defined_can_still_fail_fall_silent_and_go():  # S3
    fault = "its address is 10.0.1.99"
    assert health(a_report(fault=fault, service=ServiceStatus.FAILED)) is NodeHealth.FAILED
    assert health(a_report(fault=fault, heard_at=NOW - 15)) is NodeHealth.SILENT
    assert health(an_off_report(fault=fault)) is NodeHealth.GONE


def test_a_reboot_clears_the_word_of_ec2():
    assert health(an_off_report(power_boot="an-earlier-boot")) is NodeHealth.READY
