"""Route 53's servers go on serving the old records until a change has reached them."""

from local.propagation import Propagation
from local.zone_records import RecordSet

OLD = {("a.example.com.", "A"): RecordSet(10, ("192.0.2.1",))}
OLDER = {("a.example.com.", "A"): RecordSet(10, ("192.0.2.9",))}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_change_is_pending_and_unseen_until_the_delay_has_passed():
    clock = Clock()
    propagation = Propagation(3.0, clock)
    propagation.accepted("C1", "Z1", OLD)
    clock.now += 2.9
    assert (propagation.status("C1"), propagation.still_served("Z1")) == ("PENDING", OLD)
    clock.now += 0.1
    assert (propagation.status("C1"), propagation.still_served("Z1")) == ("INSYNC", None)


def test_of_two_changes_on_their_way_the_older_one_says_what_is_served():
    clock = Clock()
    propagation = Propagation(3.0, clock)
    propagation.accepted("C1", "Z1", OLDER)
    clock.now += 1
    propagation.accepted("C2", "Z1", OLD)
    assert propagation.still_served("Z1") == OLDER
    clock.now += 2
    assert propagation.still_served("Z1") == OLD
    assert propagation.still_served("Z2") is None


def test_without_delay_a_change_is_in_sync_at_once_and_an_unknown_one_is_unknown():
    propagation = Propagation(0.0, Clock())
    propagation.accepted("C1", "Z1", OLD)
    assert propagation.status("C1") == "INSYNC"
    assert propagation.status("C2") is None


def test_what_is_on_its_way_can_be_let_arrive_at_once():
    clock = Clock()
    propagation = Propagation(3600.0, clock)
    propagation.accepted("C1", "Z1", OLD)
    propagation.arrive()
    assert (propagation.status("C1"), propagation.still_served("Z1")) == ("INSYNC", None)
