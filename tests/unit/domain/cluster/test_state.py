"""The words of the state: what services mean together, and when EC2's word still holds."""

import pytest

from tests.support.builders import NOW, a_report, an_off_report
from understudy.domain.cluster.state import PowerReading, ServiceStatus

OUT, STARTING, IN, STOPPING, FAILED = ServiceStatus


@pytest.mark.parametrize(
    ("services", "together"),
    [
        ([], IN),
        ([OUT], OUT),
        ([IN, IN], IN),
        ([IN, OUT], STARTING),
        ([OUT, STARTING], STARTING),
        ([IN, STOPPING], STOPPING),
        ([STOPPING, FAILED, IN], FAILED),
        ([FAILED, OUT], FAILED),
    ],
)
def test_the_services_of_a_node_are_taken_together_by_the_most_telling(services, together):  # S9
    assert ServiceStatus.of_all({f"service-{n}": each for n, each in enumerate(services)}) is together


def test_only_all_in_service_is_in_service_and_only_all_down_is_down():  # B2
    for one in ServiceStatus:
        for other in ServiceStatus:
            together = ServiceStatus.of_all({"one": one, "other": other})
            assert (together is IN) == (one is other is IN)
            assert (together is OUT) == (one is other is OUT)


@pytest.mark.parametrize(
    ("reading", "is_off", "is_leaving"),
    [
        (PowerReading.UNKNOWN, False, False),
        (PowerReading.PENDING, False, False),
        (PowerReading.RUNNING, False, False),
        (PowerReading.STOPPING, False, True),
        (PowerReading.SHUTTING_DOWN, False, True),
        (PowerReading.STOPPED, True, True),
        (PowerReading.TERMINATED, True, True),
    ],
)
def test_stopping_is_not_stopped_and_unknown_is_neither(reading, is_off, is_leaving):  # B3
    assert (reading.is_off, reading.is_leaving) == (is_off, is_leaving)


def test_the_word_of_ec2_holds_while_the_node_has_not_booted_again():
    assert an_off_report().power_now is PowerReading.STOPPED
    assert an_off_report(power_boot="an-earlier-boot").power_now is PowerReading.UNKNOWN


@pytest.mark.parametrize(
    ("heard_at", "power_now"),
    [(NOW - 1, PowerReading.STOPPED), (NOW, PowerReading.STOPPED), (NOW + 1, PowerReading.UNKNOWN)],
)
def test_a_node_that_beat_after_it_was_said_to_be_off_is_not_off(heard_at, power_now):  # B4
    """A stopped event can be delivered minutes late, when the node has booted and its new boot is in the table."""
    assert an_off_report(power_at=NOW, heard_at=heard_at).power_now is power_now


def test_a_node_on_its_way_off_may_go_on_beating():
    report = an_off_report(power=PowerReading.STOPPING, heard_at=NOW + 5)
    assert report.power_now is PowerReading.STOPPING


def test_ec2_knows_of_nodes_that_never_beat():
    report = an_off_report(boot="", power_boot="", heard_at=None)
    assert report.power_now is PowerReading.STOPPED


def test_a_node_of_which_ec2_has_said_nothing_is_unknown():
    assert a_report().power_now is PowerReading.UNKNOWN
