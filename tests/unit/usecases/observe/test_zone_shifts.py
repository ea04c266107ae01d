"""What AWS says of an Availability Zone is noted, in the shape that its documentation shows (B15)."""

from typing import Any

import pytest

from tests.support.builders import NOW
from tests.support.fakes import FakeAnnouncer, FakeFleet, FakeLauncher, FakeLedger, VirtualClock
from tests.support.fakes.scaling import a_releaser
from understudy.domain.observe.signal import SHIFTS, Shift
from understudy.usecases.observe.judge import Judge
from understudy.usecases.observe.receive_signal import SHIFT_KEPT_S, receive_signal

ZONE_ID = "use1-az2"
AT = "2027-01-15T08:00:00Z"


def event(kind: str, **changes: Any) -> dict[str, Any]:
    """As in "Using zonal autoshift with Amazon EventBridge"."""
    usual = {
        "version": "0",
        "id": "05d4d2d5-9c76-bfea-72d2-d4614802adb4",
        "detail-type": kind,
        "source": "aws.arc-zonal-shift",
        "account": "111122223333",
        "time": AT,
        "region": "us-east-1",
        "resources": [],
        "detail": {"version": "0.0.1", "data": "", "metadata": {"awayFrom": ZONE_ID, "notes": ""}},
    }
    return {**usual, **changes}


def received(*events: dict[str, Any]) -> FakeFleet:
    ledger, launcher, clock = FakeLedger(), FakeLauncher(), VirtualClock(NOW)
    fleet = FakeFleet(ledger)
    judge = Judge(ledger, launcher, FakeAnnouncer(), clock)
    for each in events:
        ports: Any = {"beats": ledger, "ledger": ledger, "index": ledger, "judge": judge, "clock": clock}
        ports["releaser"] = a_releaser(ledger, clock)
        assert receive_signal(each, zones=fleet, **ports) == []
    assert launcher.starts == {}, "no cluster moves because of it"
    return fleet


def test_the_time_of_the_samples_is_that_of_the_tests():
    assert received(event("Autoshift In Progress")).shifts == {(ZONE_ID, Shift.AUTOSHIFT): (NOW, NOW + SHIFT_KEPT_S)}


@pytest.mark.parametrize("kind", [kind for kind, (_, begins) in SHIFTS.items() if begins])
def test_a_shift_that_begins_makes_its_zone_impaired_for_a_day_at_the_most(kind):  # B15
    fleet = received(event(kind))
    assert fleet.places([], ZONE_ID, NOW + SHIFT_KEPT_S - 1).impaired == {ZONE_ID}
    assert fleet.places([], ZONE_ID, NOW + SHIFT_KEPT_S).impaired == set()


@pytest.mark.parametrize(("kind", "shift"), [(kind, shift) for kind, (shift, begins) in SHIFTS.items() if not begins])
def test_a_shift_that_ends_ends_what_the_same_has_begun(kind, shift):  # B15
    begun = next(name for name, (who, begins) in SHIFTS.items() if begins and who is shift)
    fleet = received(event(begun), event(kind, time="2027-01-15T08:00:05Z"))
    assert fleet.places([], ZONE_ID, NOW + 6).impaired == set()


@pytest.mark.parametrize(
    "changes",
    [
        {"detail": None},
        {"detail": {"metadata": "use1-az2"}},
        {"detail": {"metadata": {"awayFrom": 1}}},
        {"detail": {"metadata": {"awayFrom": "use1-az2#"}}},
        {"detail": {"metadata": {"awayFrom": "a" * 21}}},
        {"time": "yesterday"},
        {"time": "2027-01-16T08:00:00Z"},
        {"detail-type": "Practice Run Started"},
    ],
)
def test_an_event_that_says_nothing_of_a_zone_changes_nothing(changes):  # B15 B3
    assert received({**event("Autoshift In Progress"), **changes}).shifts == {}


def test_a_word_that_is_no_shift_is_refused_by_name():
    from understudy.domain.observe.signal import MalformedSignalError, read_shift

    with pytest.raises(MalformedSignalError, match="Practice Run Started"):
        read_shift("Practice Run Started", {})
    with pytest.raises(MalformedSignalError, match="detail-type is 1"):
        read_shift(1, {})
