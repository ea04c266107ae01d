"""Moving the address, where the workflow's story does not reach."""

from dataclasses import replace

import pytest

from tests.support.balancers import LOAD_BALANCER
from tests.support.builders import (
    ADDRESS_A,
    ADDRESS_B,
    CLUSTER,
    NODE_B,
    NOW,
    RECORD,
    a_definition,
    a_moving_state,
    a_previous,
    a_report,
    a_transition,
    record_sets,
)
from tests.support.fakes.announcer import FakeAnnouncer
from tests.support.fakes.clock import VirtualClock
from tests.support.fakes.ledger import FakeLedger
from tests.support.fakes.network import FakeNetwork
from tests.support.fakes.queue import FakeQueue, a_budget
from tests.support.fakes.zone import FakeZone
from understudy.domain.batching.group_commit import CROWDED_S, QUEUE_GAP_S
from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.errors import (
    AddressCrowdedError,
    AddressUnreadableError,
    GuardMismatchError,
    UnprovenError,
    ZoneBusyError,
    ZoneCrowdedError,
)
from understudy.domain.cluster.record import RecordSet, guard_epoch, guard_name
from understudy.domain.cluster.state import Proof, ServiceStatus, Stage
from understudy.domain.transition.limits import EXECUTION_LIMIT_S
from understudy.domain.transition.outcomes import MoveOutcome
from understudy.domain.transition.steps import STAGE_SLACK_S, TRY_LIMIT_S
from understudy.usecases.batching.group_commit import GroupCommit
from understudy.usecases.transition.grant_lease import grant_lease
from understudy.usecases.transition.move_address import move_address
from understudy.usecases.transition.network_movers import ElasticIpMover, RouteMover
from understudy.usecases.transition.record_mover import RecordMover

ZONE = RECORD.zone
FENCED = {"previous": a_previous(proof=Proof.RELEASED)}


class Mover:
    def __init__(self, **changes):
        self.clock, self.announcer = VirtualClock(NOW), FakeAnnouncer()
        balancers = changes.pop("load_balancers", ())
        self.ledger = FakeLedger(a_moving_state(**{**FENCED, **changes}), a_definition(load_balancers=balancers))
        self.queue = FakeQueue(self.ledger)
        self.zone = FakeZone(self.clock)
        for record_set in record_sets():
            self.zone.put(RECORD, record_set)

    def move(self, epoch=2, attempt=0):
        payload = {"cluster": CLUSTER, "epoch": epoch, "attempt": attempt}
        group = GroupCommit(self.zone, self.queue, self.clock, lambda _: None, "understudy", a_budget(self.clock))
        movers = (RecordMover(self.zone, group), RouteMover(FakeNetwork()), ElasticIpMover(FakeNetwork()))
        return move_address(
            payload,
            ledger=self.ledger,
            movers=movers,
            announcer=self.announcer,
            clock=self.clock,
            stack="understudy",
        )

    @property
    def dns(self):
        return self.zone.read(RECORD).record.values[0]


def test_without_a_proof_the_record_stays_and_no_lease_is_granted():  # B4
    world = Mover(previous=a_previous(), node_a=a_report(service=ServiceStatus.OUT_OF_SERVICE))
    with pytest.raises(UnprovenError):
        world.move()
    with pytest.raises(UnprovenError):
        grant_lease({"cluster": CLUSTER, "epoch": 2}, ledger=world.ledger, clock=world.clock)
    assert world.dns == ADDRESS_A
    assert world.ledger.state().active is None


def test_doing_it_twice_is_safe_and_says_so():  # B1 S4
    world = Mover()
    assert world.move()["outcome"] == MoveOutcome.ACCEPTED
    assert world.move()["outcome"] == MoveOutcome.ALREADY_THERE
    assert len(world.zone.batches) == 1
    assert world.dns == ADDRESS_B


def test_an_answer_that_was_lost_is_submitted_again_so_that_somebody_can_follow_the_change():  # B2
    world = Mover()
    world.zone.fail_next("submit", ZoneBusyError("no answer"), done=True)
    assert world.move()["outcome"] == MoveOutcome.RETRY
    assert world.dns == ADDRESS_B
    assert world.move(attempt=1)["outcome"] == MoveOutcome.ACCEPTED
    assert world.ledger.state().address.change_ids == ("C0000000000002",)


def test_a_stale_step_of_an_older_epoch_writes_nothing():  # B1
    world = Mover()
    assert world.move(epoch=1)["outcome"] == "STALE"
    assert world.zone.batches == []


def test_a_newer_writer_that_comes_between_reading_and_writing_wins():  # B1
    world = Mover()

    def newer_writer():
        for record_set in record_sets(epoch=3, address="10.0.9.9", node="node-c"):
            world.zone.put(RECORD, record_set)

    world.zone.before_next("submit", newer_writer)
    assert world.move()["outcome"] == MoveOutcome.RETRY
    assert world.dns == "10.0.9.9"
    # The table does not know the newer epoch, and node-c is no member: nobody is granted anything.
    assert world.move(attempt=1)["outcome"] == MoveOutcome.GUARD_AHEAD
    assert guard_epoch(world.zone.read(RECORD).guard) == 3


def test_without_the_guard_in_the_batch_an_older_writer_would_take_the_record_back():  # B1
    """What the guard is for: the same race with a batch that only upserts."""
    world = Mover()
    submit = world.zone.submit
    world.zone.submit = lambda record, batch, comment: submit(record, batch[-1:], comment)
    world.zone.before_next(
        "submit", lambda: [world.zone.put(RECORD, each) for each in record_sets(epoch=3, address="10.0.9.9")]
    )
    world.move()
    assert world.dns == ADDRESS_B  # the older epoch has overwritten the newer one


def test_a_record_that_another_cluster_guards_is_not_touched():  # B1
    world = Mover()
    world.zone.put(
        RECORD,
        RecordSet(guard_name(RECORD), "TXT", 10, ('"understudy stack=understudy cluster=other epoch=1 node=x"',)),
    )
    answer = world.move()
    assert answer["outcome"] == MoveOutcome.REFUSED
    assert "another cluster" in answer["why"]
    assert world.dns == ADDRESS_A
    assert world.ledger.state().address.status is AddressStatus.OWED


@pytest.mark.parametrize(
    ("method", "fault"),
    [
        ("read", AddressUnreadableError("throttled")),
        ("submit", ZoneBusyError("PriorRequestNotComplete")),
        ("submit", GuardMismatchError("somebody was faster")),
    ],
)
def test_what_may_pass_is_tried_as_often_as_the_tunables_say_and_then_owed(method, fault):  # S6 S8 B2
    world = Mover()
    outcomes = []
    for attempt in range(3):
        world.zone.fail_next(method, fault)
        outcomes.append(world.move(attempt=attempt))
    assert [outcome["outcome"] for outcome in outcomes] == ["RETRY", "RETRY", "GAVE_UP"]
    assert [outcome.get("wait_s") for outcome in outcomes] == [2, 2, None]
    assert world.ledger.state().address.status is AddressStatus.OWED


def test_a_quiet_failover_asks_route_53_three_times():  # B9
    world = Mover()
    world.move()
    assert world.zone.calls == ["read", "submit"]  # a read is two lookups: record and guard


def test_tries_that_would_outlast_the_workflow_end_before_it_and_the_lease_can_still_be_granted():  # S6 S8
    """Route 53 stays busy. After the last try there is time to grant the lease, to start and to close."""
    world = Mover()
    world.ledger.put_tuning({"ROUTE53_RECORD_INTERVAL": 300, "ROUTE53_RECORD_TRY_COUNT": 100}, "digest")
    for _ in range(100):
        world.zone.fail_next("submit", ZoneBusyError("Throttling"))
    outcomes = []
    while not outcomes or outcomes[-1] == MoveOutcome.RETRY:
        answer = world.move(attempt=len(outcomes))
        outcomes.append(answer["outcome"])
        world.clock.advance(answer.get("wait_s", 0))
    policy = world.ledger.definition(CLUSTER, 1).policy
    assert outcomes == [MoveOutcome.RETRY] * (len(outcomes) - 1) + [MoveOutcome.GAVE_UP]
    assert len(outcomes) > 5
    assert world.clock() + policy.service_start_limit_s + STAGE_SLACK_S < NOW + EXECUTION_LIMIT_S
    assert world.ledger.state().address.status is AddressStatus.OWED


def test_a_longer_interval_moves_the_deadline_in_one_write():  # S6 S8
    world = Mover(transition=a_transition(stage=Stage.MOVING, deadline_at=NOW + 96))
    world.ledger.put_tuning({"ROUTE53_RECORD_INTERVAL": 300}, "digest")
    revisions = []
    for attempt in (0, 1):
        world.zone.fail_next("submit", ZoneBusyError("Throttling"))
        assert world.move(attempt=attempt)["wait_s"] == 300
        revisions.append(world.ledger.state().revision)
    assert world.ledger.state().transition.deadline_at == NOW + 300 + TRY_LIMIT_S + STAGE_SLACK_S
    assert revisions[0] == revisions[1]


def test_a_failover_on_a_quiet_day_makes_no_call_for_the_sake_of_crowds():  # B12
    world = Mover()
    world.move()
    assert world.queue.calls == []
    assert world.zone.calls == ["read", "submit"]
    assert sorted(world.ledger.calls) == ["commit", "definition", "read", "stack_wide"]


def test_a_cluster_that_route_53_turns_away_goes_by_group_commit_at_once():  # B12
    world = Mover()
    world.zone.fail_next("submit", ZoneCrowdedError("Throttling"))
    assert world.move()["outcome"] == MoveOutcome.ACCEPTED
    assert world.dns == ADDRESS_B
    assert world.ledger.crowded_until > NOW


def test_a_cluster_that_cannot_read_for_the_crowd_goes_by_group_commit_at_once():  # B12
    world = Mover()
    world.zone.fail_next("read", AddressCrowdedError("Throttling"))
    assert world.move()["outcome"] == MoveOutcome.ACCEPTED
    assert world.zone.calls == ["read", "read_many", "submit"]


def test_in_a_crowd_a_cluster_asks_nothing_of_route_53_for_itself():  # B12
    world = Mover()
    world.ledger.crowded_until = NOW + 1
    world.queue.take_turn(ZONE, "another cluster", NOW, NOW + 30)
    assert world.move()["outcome"] == MoveOutcome.RETRY
    assert world.zone.calls == []


def test_when_the_crowd_is_over_clusters_ask_for_themselves_again():  # B12
    world = Mover()
    world.ledger.crowded_until = NOW
    world.move()
    assert world.queue.calls == []


def test_waiting_in_the_queue_is_no_failed_try():  # B12 S6
    world = Mover()
    world.ledger.crowded_until = NOW + 60
    world.queue.take_turn(ZONE, "another cluster", NOW, NOW + 30)
    answer = world.move(attempt=2)
    assert (answer["outcome"], answer["attempt"], answer["wait_s"]) == (MoveOutcome.RETRY, 2, QUEUE_GAP_S)
    world.queue.end_turn(ZONE, "another cluster")
    assert world.move(attempt=2)["outcome"] == MoveOutcome.ACCEPTED


def test_beside_a_load_balancer_no_lease_waits_in_the_queue_or_for_a_second_try():  # B12 B21
    world = Mover(load_balancers=(LOAD_BALANCER,))
    world.ledger.crowded_until = NOW + 60
    world.queue.take_turn(ZONE, "another cluster", NOW, NOW + 30)
    assert world.move()["outcome"] == MoveOutcome.GAVE_UP
    state = world.ledger.state()
    assert (state.transition.stage, state.address.status) == (Stage.GRANTING, AddressStatus.OWED)


def test_who_holds_the_lease_already_waits_and_tries_as_ever_whatever_leads_to_it_beside_the_record():  # B12 B21
    world = Mover(load_balancers=(LOAD_BALANCER,), active=NODE_B, previous=None)
    world.zone.fail_next("submit", ZoneBusyError("no answer"))
    assert world.move()["outcome"] == MoveOutcome.RETRY
    world.ledger.crowded_until = NOW + 60
    world.queue.take_turn(ZONE, "another cluster", NOW, NOW + 30)
    assert world.move(attempt=1)["outcome"] == MoveOutcome.RETRY


def test_in_a_crowd_a_stale_writer_is_told_so_and_writes_nothing():  # B1 B12
    world = Mover()
    world.ledger.crowded_until = NOW + 60
    for record_set in record_sets(epoch=9, address="10.0.9.9", node="node-c"):
        world.zone.put(RECORD, record_set)
    assert world.move()["outcome"] == MoveOutcome.GUARD_AHEAD
    assert world.dns == "10.0.9.9"


def test_in_a_crowd_what_is_known_to_be_moved_is_not_asked_for_again():  # B12
    world = Mover()
    world.move()
    world.zone.calls.clear()
    world.ledger.crowded_until = NOW + 60
    assert world.move()["outcome"] == MoveOutcome.ALREADY_THERE
    assert world.zone.calls == []


def test_a_function_that_has_queued_up_finds_its_answer_in_the_queue_although_the_crowd_is_over_by_then():  # B12
    world = Mover()
    world.ledger.crowded_until = NOW + 1

    def somebody_writes_first():
        world.clock.advance(CROWDED_S + 1)
        world.ledger.put_state(replace(world.ledger.state(), revision=world.ledger.state().revision + 1))

    world.ledger.before_next("commit", somebody_writes_first)
    answer = world.move()
    assert world.ledger.calls.count("commit") == 2
    assert not world.clock() < world.ledger.crowded_until
    assert answer["change_ids"] == ["C0000000000001"]
    assert len(world.zone.batches) == 1
