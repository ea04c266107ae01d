"""CheckChange: what Route 53 says of a change, and what it does not say."""

from dataclasses import replace

import pytest

from tests.support.builders import (
    CLUSTER,
    NODE_A,
    NODE_B,
    NOW,
    RECORD,
    a_definition,
    a_moving_state,
    a_transition,
    record_sets,
)
from tests.support.fakes import FakeLedger, FakeZone, VirtualClock
from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.definition import Record
from understudy.domain.cluster.errors import AddressUnreadableError
from understudy.domain.cluster.policy import Fencing, Policy
from understudy.domain.cluster.state import Stage
from understudy.domain.transition.outcomes import ChangeOutcome
from understudy.domain.transition.steps import STAGE_SLACK_S, TRY_LIMIT_S
from understudy.usecases.transition.check_change import check_change
from understudy.usecases.transition.follow_changes import ChangeFollower

FILES = Record("Z0OTHER", "files.corp.example.com")
LATE = NOW + 10_000


class World:
    """node-b is in service under epoch 2, its record is written; only INSYNC is waited for."""

    def __init__(self, records=(RECORD,), propagation_s=10_000, policy=None, **tuning):
        self.clock = VirtualClock(NOW)
        self.zone = FakeZone(self.clock, propagation_s)
        for record in records:
            for record_set in record_sets(epoch=2, node="node-b", address="10.0.2.10"):
                name = record_set.name.replace(RECORD.name, record.name)
                self.zone.put(record, replace(record_set, name=name))
        self.ids = tuple(self.zone.submit(record, (), "") for record in records)
        labels = [record.label for record in records]
        several = len(records) > 1
        address = Address(
            AddressStatus.PROPAGATING,
            2,
            self.ids,
            parts=dict.fromkeys(labels, AddressStatus.PROPAGATING) if several else {},
            change_of=dict(zip(labels, self.ids, strict=True)) if several else {},
        )
        transition = a_transition(stage=Stage.CONFIRMING, target=NODE_B, deadline_at=LATE)
        state = a_moving_state(active=NODE_B, previous=None, transition=transition, address=address)
        self.ledger = FakeLedger(state, a_definition(records=records, tuning_set=tuning, policy=policy or Policy()))

    def check(self, attempt=0):
        payload = {"cluster": CLUSTER, "epoch": 2, "attempt": attempt}
        follower = ChangeFollower(self.zone, self.zone, self.zone, self.clock, "understudy")
        return check_change(payload, ledger=self.ledger, follower=follower)

    @property
    def state(self):
        return self.ledger.state()

    @property
    def story(self):
        return self.ledger.history(CLUSTER, 2)

    def deadline_is(self, at):
        state = self.ledger.state()
        self.ledger.put_state(replace(state, transition=replace(state.transition, deadline_at=at)))


def test_a_pending_change_is_asked_for_again_and_nothing_is_written():  # S7
    world = World()
    before = world.state
    assert world.check() == {"outcome": ChangeOutcome.PENDING, "wait_s": 2, "attempt": 1}
    assert world.state == before


def test_when_the_polls_are_spent_the_change_propagates():  # S7 B2
    assert World().check(attempt=9) == {"outcome": ChangeOutcome.PROPAGATING}


def test_a_change_that_is_in_sync_is_noted_once():  # S7
    world = World(propagation_s=0)
    assert [world.check()["outcome"] for _ in range(2)] == [ChangeOutcome.IN_SYNC] * 2
    assert world.zone.calls.count("change_status") == 1
    assert world.story["stages"] == {"in_sync_at": NOW}


def test_a_change_that_route_53_knows_no_more_is_unconfirmed_when_its_record_stands():  # S7 B2
    world = World()
    world.zone.forget()
    assert [world.check()["outcome"] for _ in range(2)] == [ChangeOutcome.UNCONFIRMED] * 2
    assert world.state.address.status is AddressStatus.UNCONFIRMED
    assert world.story == {"lost_changes": list(world.ids), "stages": {"unconfirmed_at": NOW}}
    assert (world.state.active, world.state.epoch) == (NODE_B, 2)


@pytest.mark.parametrize("wrong", [{"address": "10.0.1.10"}, {"epoch": 1}, None], ids=["value", "guard", "absent"])
def test_a_change_that_route_53_knows_no_more_is_owed_at_once_when_its_record_is_wrong(wrong):  # S7 B2
    world = World()
    world.zone.forget()
    world.zone.record_sets.clear()
    for record_set in record_sets(**{"epoch": 2, "node": "node-b", "address": "10.0.2.10", **wrong}) if wrong else ():
        world.zone.put(RECORD, record_set)
    assert [world.check()["outcome"] for _ in range(2)] == [ChangeOutcome.OWED] * 2
    assert (world.state.address.status, world.state.address.retry_at) == (AddressStatus.OWED, NOW)
    assert "does not hold what was written" in world.story["address_fault"]
    assert world.state.active == NODE_B  # the service is not touched


@pytest.mark.parametrize("method", ["change_status", "read"])
def test_what_cannot_be_read_is_pending(method):  # S7 B3
    world = World()
    world.zone.forget()
    world.zone.fail_next(method, AddressUnreadableError("Throttling"))
    assert world.check()["outcome"] == ChangeOutcome.PENDING
    assert world.state.address.status is AddressStatus.PROPAGATING


def test_of_two_zones_only_the_one_whose_record_is_gone_is_owed():  # S7 B2
    world = World((RECORD, FILES))
    world.zone.forget()
    world.zone.record_sets = {key: each for key, each in world.zone.record_sets.items() if key[0] != "Z0OTHER"}
    assert world.check()["outcome"] == ChangeOutcome.OWED
    assert world.state.address.parts == {RECORD.label: AddressStatus.UNCONFIRMED, FILES.label: AddressStatus.OWED}
    assert FILES.label in world.story["address_fault"]
    assert RECORD.label not in world.story["address_fault"]
    assert world.story["addresses"][FILES.label] == {"status": "OWED"}


def test_of_two_zones_the_lost_one_is_told_and_the_pending_one_is_asked_for_again():  # S7 B2
    world = World((RECORD, FILES))
    world.zone.forget(world.ids[0])
    assert world.check()["outcome"] == ChangeOutcome.PENDING
    assert world.state.address.parts == {
        RECORD.label: AddressStatus.UNCONFIRMED,
        FILES.label: AddressStatus.PROPAGATING,
    }
    world.clock.advance(10_000)
    assert world.check()["outcome"] == ChangeOutcome.UNCONFIRMED
    assert world.state.address.parts[FILES.label] is AddressStatus.IN_SYNC


def test_a_route_53_that_is_slow_is_asked_no_more_than_one_step_has_time_for():  # S7
    records = tuple(Record(f"Z0NUMBER{number}", "orders-db.corp.example.com") for number in range(5))
    world = World(records)
    for _ in range(5):
        world.zone.before_next("change_status", lambda: world.clock.advance(6))
    assert world.check()["outcome"] == ChangeOutcome.PENDING
    assert world.zone.calls.count("change_status") == 2
    assert world.clock() - NOW <= TRY_LIMIT_S


def test_a_wait_that_grew_in_mid_transition_moves_the_deadline_with_it():  # S8
    world = World(ROUTE53_CHANGEID_INTERVAL=300, ROUTE53_CHANGEID_TRY_COUNT=1)
    world.deadline_is(NOW + 100)
    answer = world.check(attempt=8)
    assert (answer["outcome"], answer["wait_s"]) == (ChangeOutcome.PENDING, 300)
    assert world.state.transition.deadline_at == NOW + 300 + TRY_LIMIT_S + STAGE_SLACK_S
    revision = world.state.revision
    assert world.check(attempt=8)["outcome"] == ChangeOutcome.PENDING
    assert world.state.revision == revision  # one write, not one a poll


def test_polls_that_would_outlast_the_workflow_end_before_it():  # S7 S8
    world = World(policy=Policy(fencing=Fencing(limit_s=600), service_start_limit_s=900))
    world.ledger.put_tuning({"ROUTE53_CHANGEID_INTERVAL": 300, "ROUTE53_CHANGEID_TRY_COUNT": 100}, "digest")
    world.clock.advance(2400)
    assert world.check(attempt=8)["outcome"] == ChangeOutcome.PROPAGATING
    assert world.check(attempt=0)["outcome"] == ChangeOutcome.PENDING  # there is time for two seconds


def test_an_address_that_was_never_accepted_is_owed():  # B2
    world = World()
    world.ledger.put_state(replace(world.state, address=None))
    assert world.check()["outcome"] == ChangeOutcome.OWED
    assert world.zone.calls.count("change_status") == 0


def test_an_older_step_says_nothing_of_a_newer_change():  # B1
    world = World()
    world.ledger.put_state(replace(world.state, epoch=3, active=NODE_A))
    assert world.check()["outcome"] == "STALE"
    assert world.zone.calls.count("change_status") == 0


def test_a_record_that_a_newer_epoch_moves_meanwhile_is_not_marked():  # B1
    world = World()
    world.zone.forget()
    world.zone.record_sets.clear()
    newer = replace(world.state, epoch=3, revision=99)
    world.zone.before_next("read", lambda: world.ledger.put_state(newer))
    assert world.check()["outcome"] == "STALE"
    assert world.state == newer
