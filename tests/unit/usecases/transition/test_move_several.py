"""Several addresses in one move: each ends moved or owed, none is lost, and no stale writer has the last word."""

from dataclasses import replace

import pytest

from tests.support.builders import (
    ADDRESS_B,
    CLUSTER,
    ENI_A,
    ENI_B,
    ENI_C,
    NODE_C,
    NOW,
    RECORD,
    SPECS,
    a_definition,
    a_moving_state,
    a_previous,
    a_transition,
)
from tests.support.fakes import FakeLedger, FakeNetwork, FakeQueue, FakeZone, VirtualClock, a_budget
from tests.support.fakes.announcer import FakeAnnouncer
from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.definition import ElasticIp, Record, Route
from understudy.domain.cluster.errors import AddressUnreadableError, ChangeRefusedError, ZoneBusyError
from understudy.domain.cluster.record import RecordSet, guard_epoch, guard_name
from understudy.domain.cluster.state import Proof, Stage
from understudy.usecases.batching.group_commit import GroupCommit
from understudy.usecases.transition import record_mover as movers
from understudy.usecases.transition.move_address import move_address
from understudy.usecases.transition.network_movers import ElasticIpMover, RouteMover
from understudy.usecases.transition.record_mover import RecordMover

FAR = "192.0.2.10/32"
ROUTE, EIP = Route(FAR, ("rtb-1", "rtb-2", "rtb-3")), ElasticIp("eipalloc-1")
V6 = Record(RECORD.hosted_zone_id, RECORD.name, "AAAA")
PUBLIC = Record("Z0PUBLIC", RECORD.name)
OWED, PROPAGATING, IN_SYNC = AddressStatus.OWED, AddressStatus.PROPAGATING, AddressStatus.IN_SYNC


class Mover:
    """node-a is fenced; node-b is to get every address."""

    def __init__(self, records=(RECORD, V6, PUBLIC), routes=(ROUTE,), elastic_ips=(EIP,), **changes):
        self.clock, self.announcer = VirtualClock(NOW), FakeAnnouncer()
        self.definition = a_definition(3, records=records, routes=routes, elastic_ips=elastic_ips)
        state = a_moving_state(3, **{"previous": a_previous(proof=Proof.RELEASED), **changes})
        self.ledger, self.zone, self.network = FakeLedger(state, self.definition), FakeZone(self.clock), FakeNetwork()
        for table in ROUTE.route_table_ids:
            self.network.add_table(table)
            self.network.lead(table, FAR, ENI_A)
        self.network.add_elastic_ip(EIP.allocation_id)

    def move(self, epoch=2, attempt=0):
        payload = {"cluster": CLUSTER, "epoch": epoch, "attempt": attempt}
        group = GroupCommit(
            self.zone, FakeQueue(self.ledger), self.clock, lambda _: None, "understudy", a_budget(self.clock)
        )
        every = (RecordMover(self.zone, group), RouteMover(self.network), ElasticIpMover(self.network))
        return move_address(
            payload,
            ledger=self.ledger,
            movers=every,
            announcer=self.announcer,
            clock=self.clock,
            stack="understudy",
        )

    def value(self, record):
        found = self.zone.read(record).record
        return found.values[0] if found else None

    @property
    def targets(self):
        return [self.network.target(table, FAR) for table in ROUTE.route_table_ids]

    @property
    def holder(self):
        return self.network.addresses[EIP.allocation_id].interface_id

    @property
    def address(self):
        return self.ledger.state().address

    def supersede(self):
        """Somebody newer opens a transition to node-c, and moves the network's addresses there."""
        newer = a_transition(target=NODE_C, stage=Stage.GRANTING)
        before = self.ledger.state()
        self.ledger.put_state(replace(before, epoch=3, revision=before.revision + 1, transition=newer))
        for table in ROUTE.route_table_ids:
            self.network.lead(table, FAR, ENI_C)
        self.network.associate(EIP.allocation_id, ENI_C, "10.0.3.10")


def test_all_addresses_of_a_cluster_lead_to_the_new_node_after_one_step_and_each_is_named():  # S4 S14 S15 B5
    world = Mover()
    answer = world.move()
    assert answer["outcome"] == "ACCEPTED"
    assert (world.value(RECORD), world.value(V6), world.value(PUBLIC)) == (ADDRESS_B, "2001:db8:2::b", ADDRESS_B)
    assert world.targets == [ENI_B] * 3
    assert world.holder == ENI_B
    named = {label: fact["status"] for label, fact in answer["addresses"].items()}
    assert named == {
        "orders-db.corp.example.com A Z0EXAMPLE": "PROPAGATING",
        "orders-db.corp.example.com AAAA Z0EXAMPLE": "PROPAGATING",
        "orders-db.corp.example.com A Z0PUBLIC": "PROPAGATING",
        "route 192.0.2.10/32": "IN_SYNC",
        "eipalloc-1": "IN_SYNC",
    }
    assert world.ledger.history(CLUSTER, 2)["addresses"] == answer["addresses"]
    assert world.address.parts == named
    assert (world.address.status, len(world.address.change_ids)) == (PROPAGATING, 2)


def test_the_records_of_a_zone_go_in_one_batch_and_those_of_one_name_under_one_guard():  # S4 B1
    world = Mover()
    world.move()
    assert [len(batch) for batch in world.zone.batches] == [3, 2]  # guard, A, AAAA; guard, A
    assert guard_epoch(world.zone.read(V6).guard) == 2
    assert world.zone.read(V6).guard == world.zone.read(RECORD).guard


def test_doing_it_twice_writes_nothing_the_second_time():
    world = Mover()
    world.move()
    world.network.calls.clear()
    assert world.move()["outcome"] == "ALREADY_THERE"
    assert len(world.zone.batches) == 2
    assert world.network.calls == ["route_tables", "elastic_ips"]
    assert world.address.status is PROPAGATING
    assert len(world.address.change_ids) == 2


def test_a_route_that_is_not_there_yet_is_made():  # S14
    world = Mover()
    world.network.add_table("rtb-2")
    assert world.move()["outcome"] == "ACCEPTED"
    assert world.targets == [ENI_B] * 3


def test_a_half_done_move_is_finished_by_the_next_try():  # S6 S14
    world = Mover()
    world.network.before_next("put_route", lambda: None)
    world.network.fail_next("put_route", ZoneBusyError("RequestLimitExceeded"))
    first = world.move()
    assert (first["outcome"], first["wait_s"], first["attempt"]) == ("RETRY", 2, 1)
    assert first["addresses"]["route 192.0.2.10/32"]["why"] == "RequestLimitExceeded"
    assert world.address.status_of("route 192.0.2.10/32") is OWED
    assert world.address.status_of(RECORD.label) is PROPAGATING
    assert world.targets == [ENI_B, ENI_A, ENI_B]
    assert world.move(attempt=1)["outcome"] == "ACCEPTED"
    assert world.targets == [ENI_B] * 3
    assert len(world.zone.batches) == 2  # what was accepted is not submitted again
    assert len(world.address.change_ids) == 2
    assert world.address.status is PROPAGATING


def test_one_zone_out_of_reach_keeps_no_other_address_from_moving_and_stays_owed():  # S6 B2
    world = Mover()
    for attempt in range(3):
        world.zone.fail_next("read", AddressUnreadableError("AccessDenied"))  # the first zone's first record
        answer = world.move(attempt=attempt)
    assert answer["outcome"] == "GAVE_UP"
    assert world.value(PUBLIC) == ADDRESS_B
    assert world.value(RECORD) is None
    assert world.targets == [ENI_B] * 3
    assert world.address.status is OWED
    assert world.address.retry_at == NOW + 10
    assert world.address.status_of(PUBLIC.label) is PROPAGATING
    assert world.ledger.state().transition.stage is Stage.GRANTING
    history = world.ledger.history(CLUSTER, 2)
    assert "orders-db.corp.example.com A Z0EXAMPLE: AccessDenied" in history["address_fault"]
    assert "accepted_at" not in history.get("stages", {})


def half_done():
    """Two zones; the first try has moved the record of the second one only."""
    world = Mover(records=(RECORD, PUBLIC), routes=(), elastic_ips=())
    world.zone.fail_next("read", AddressUnreadableError("no answer"))
    world.move()
    assert world.address.parts == {RECORD.label: OWED, PUBLIC.label: PROPAGATING}
    return world


def test_what_was_accepted_stays_so_when_its_zone_cannot_be_read_again():  # B2 B3
    world = half_done()
    for _ in range(2):
        world.zone.fail_next("read", AddressUnreadableError("no answer"))
    answer = world.move(attempt=2)
    assert answer["outcome"] == "GAVE_UP"
    assert world.address.parts == {RECORD.label: OWED, PUBLIC.label: PROPAGATING}
    assert world.address.change_ids == ("C0000000000001",)


def test_without_that_an_accepted_change_would_be_forgotten_and_handed_in_again(monkeypatch):  # B2 B3
    world = half_done()
    monkeypatch.setattr(movers, "_known", lambda *_: None)
    for _ in range(2):
        world.zone.fail_next("read", AddressUnreadableError("no answer"))
    world.move(attempt=2)
    assert world.address.parts == {RECORD.label: OWED, PUBLIC.label: OWED}


def test_in_a_crowd_what_was_accepted_is_not_handed_in_again_with_the_rest_of_its_zone():  # B2 B12
    other = Record(RECORD.hosted_zone_id, "files.corp.example.com")
    world = Mover(records=(RECORD, other), routes=(), elastic_ips=())
    world.ledger.crowded_until = NOW + 60
    world.zone.obstruct(other, "an alias")
    assert world.move()["outcome"] == "RETRY"
    world.zone.obstacles.clear()
    answer = world.move(attempt=1)
    assert answer["outcome"] == "ACCEPTED"
    assert [len(batch) for batch in world.zone.batches] == [2, 2]  # guard and record of one, then of the other
    assert world.address.change_of == {RECORD.label: "C0000000000001", other.label: "C0000000000002"}


def test_what_stands_as_it_was_written_is_not_handed_in_again_with_the_rest_of_its_zone():  # B2
    other = Record(RECORD.hosted_zone_id, "files.corp.example.com")
    world = Mover(records=(RECORD, other), routes=(), elastic_ips=())
    foreign = RecordSet(guard_name(other), "TXT", 10, ('"understudy stack=a cluster=b epoch=9 node=x"',))
    world.zone.put(other, foreign)
    world.move()
    del world.zone.record_sets[(other.hosted_zone_id, foreign.name, "TXT")]
    world.zone.fail_next("submit", ZoneBusyError("no answer"))
    world.ledger.put_state(replace(world.ledger.state(), transition=a_transition(stage=Stage.MOVING)))
    answer = world.move()
    assert answer["outcome"] == "RETRY"
    assert answer["addresses"][RECORD.label] == {"status": "PROPAGATING"}
    world.move(attempt=1)
    assert [len(batch) for batch in world.zone.batches] == [2, 2]  # guard and record of one, then of the other


def test_what_is_refused_is_refused_at_once_when_nothing_else_is_open():  # B2
    world = Mover(records=())
    del world.network.tables["rtb-2"], world.network.addresses["eipalloc-1"]
    answer = world.move()
    assert answer["outcome"] == "REFUSED"
    assert "EC2 knows no route table rtb-2" in answer["why"]
    assert "EC2 knows no Elastic IP eipalloc-1" in answer["why"]
    assert world.network.target("rtb-3", FAR) == ENI_B


def test_a_record_that_is_another_clusters_holds_up_no_other_record_of_its_zone():  # B1
    other = Record(RECORD.hosted_zone_id, "files.corp.example.com")
    world = Mover(records=(RECORD, other), routes=(), elastic_ips=())
    foreign = '"understudy stack=understudy cluster=other epoch=9 node=x"'
    world.zone.put(RECORD, RecordSet(guard_name(RECORD), "TXT", 10, (foreign,)))
    answer = world.move()
    assert answer["outcome"] == "REFUSED"
    assert "another cluster" in answer["addresses"][RECORD.label]["why"]
    assert (world.value(RECORD), world.value(other)) == (None, ADDRESS_B)


def test_all_that_is_another_clusters_is_left_alone():  # B1
    world = Mover(records=(RECORD,), routes=(), elastic_ips=())
    foreign = '"understudy stack=understudy cluster=other epoch=9 node=x"'
    world.zone.put(RECORD, RecordSet(guard_name(RECORD), "TXT", 10, (foreign,)))
    assert world.move()["outcome"] == "REFUSED"
    assert world.zone.batches == []


def test_a_newer_epoch_in_one_guard_stops_every_address_before_the_first_is_written():  # B1
    world = Mover()
    newer = f'"understudy stack=understudy cluster={CLUSTER} epoch=3 node=node-c"'
    world.zone.put(PUBLIC, RecordSet(guard_name(PUBLIC), "TXT", 10, (newer,)))
    assert world.move()["outcome"] == "LIFTED"
    assert world.zone.batches == []
    assert world.targets == [ENI_A] * 3
    assert world.holder == ""
    assert world.ledger.state().epoch == 4


def test_a_guard_of_the_same_epoch_for_another_node_is_lifted_above_and_that_node_is_fenced():  # B1 B4
    """The table was put back, and counts the same epoch again: the node of the guard may be serving."""
    world = Mover()
    text = f'"understudy stack=understudy cluster={CLUSTER} epoch=2 node=node-c"'
    world.zone.put(PUBLIC, RecordSet(guard_name(PUBLIC), "TXT", 10, (text,)))
    assert world.move()["outcome"] == "LIFTED"
    assert world.zone.batches == []
    state = world.ledger.state()
    assert (state.epoch, state.active, state.previous.node, state.previous.proof) == (3, None, NODE_C, None)


def test_of_several_guards_that_are_ahead_the_highest_counts():  # B1
    world = Mover()
    for record, epoch, node in ((RECORD, 7, "node-b"), (PUBLIC, 5, "node-c")):
        text = f'"understudy stack=understudy cluster={CLUSTER} epoch={epoch} node={node}"'
        world.zone.put(record, RecordSet(guard_name(record), "TXT", 10, (text,)))
    answer = world.move()
    assert (answer["outcome"], answer["guard_epoch"], answer["guard_node"]) == ("LIFTED", 7, "node-b")


def test_a_guard_that_a_newer_move_has_just_written_is_that_moves_own_and_lifts_nothing():  # B1
    """The state was read before the newer move opened, the guard after it wrote."""
    world = Mover()

    def a_newer_move():
        text = f'"understudy stack=understudy cluster={CLUSTER} epoch=3 node=node-c"'
        world.zone.put(PUBLIC, RecordSet(guard_name(PUBLIC), "TXT", 10, (text,)))
        world.ledger.put_state(replace(world.ledger.state(), epoch=3, revision=99))

    world.zone.before_next("read", a_newer_move)
    assert world.move()["outcome"] == "STALE"
    assert world.ledger.state().epoch == 3
    assert world.announcer.events == []


def test_no_route_and_no_elastic_ip_is_written_when_the_epoch_has_passed_on():  # B1 S14 S15
    world = Mover()
    world.network.before_next("route_tables", world.supersede)
    assert world.move()["outcome"] == "STALE"
    assert world.targets == [ENI_C] * 3
    assert world.holder == ENI_C
    assert "put_route" not in world.network.calls
    assert world.address.epoch == 1  # nothing of ours is on top of theirs, so nothing is owed


@pytest.mark.parametrize("call", ["put_route", "associate"])
def test_a_write_that_came_too_late_is_owned_up_to_and_put_right_by_the_newer_epoch(call):  # B1 S14 S15
    """The look at the epoch says yes, the newer writer moves everything, then our call lands: EC2 cannot refuse it."""
    world = Mover(records=(), routes=(ROUTE,) if call == "put_route" else (), elastic_ips=(EIP,))
    world.network.before_next(call, world.supersede)
    assert world.move()["outcome"] == "STALE"
    assert ENI_B in (*world.targets, world.holder)
    assert (world.address.status, world.address.epoch, world.address.retry_at) == (OWED, 3, NOW)
    assert world.ledger.history(CLUSTER, 3)["overtaken_epoch"] == 2
    assert world.move(epoch=3)["outcome"] in ("ACCEPTED", "ALREADY_THERE")
    assert world.holder == ENI_C
    assert world.address.status is IN_SYNC


def test_a_stale_step_writes_nothing_at_all():  # B1
    world = Mover()
    assert world.move(epoch=1)["outcome"] == "STALE"
    assert world.zone.batches == []
    assert world.network.calls == []


@pytest.mark.parametrize("call", ["put_route", "associate"])
def test_an_answer_that_was_lost_counts_as_not_moved_until_it_is_seen(call):  # B2
    world = Mover()
    world.network.fail_next(call, ZoneBusyError("no answer"), done=True)
    assert world.move()["outcome"] == "RETRY"
    assert world.address.status is OWED
    assert world.move(attempt=1)["outcome"] == "ALREADY_THERE"
    assert world.address.status is PROPAGATING


def test_a_change_that_ec2_does_not_show_is_not_believed():  # B2 S14 S15
    world = Mover(records=())
    world.network.put_route = lambda *_, **__: None
    world.network.associate = lambda *_: None
    answer = world.move()
    assert answer["outcome"] == "RETRY"
    assert {fact["why"] for fact in answer["addresses"].values()} == {"EC2 took the change, but does not show it yet"}


def test_an_ec2_that_cannot_be_read_leaves_routes_and_elastic_ips_owed_and_records_moved():  # B2 B3
    world = Mover()
    world.network.is_down = True
    answer = world.move(attempt=2)
    assert answer["outcome"] == "GAVE_UP"
    assert world.value(RECORD) == ADDRESS_B
    assert world.targets == [ENI_A] * 3


def test_an_elastic_ip_that_is_refused_is_owed():  # S15
    world = Mover(records=(), routes=())
    world.network.fail_next("associate", ChangeRefusedError("UnauthorizedOperation"))
    assert world.move()["outcome"] == "REFUSED"
    assert world.address.status is OWED


def test_without_a_record_the_move_is_confirmed_at_once():  # S14 S15
    world = Mover(records=())
    world.move()
    assert world.address.status is IN_SYNC
    stages = world.ledger.history(CLUSTER, 2)["stages"]
    assert stages == {"accepted_at": NOW, "in_sync_at": NOW}


@pytest.mark.parametrize("slow", ["read", "submit"])
def test_a_step_begins_no_further_call_when_its_time_is_short(slow):
    """Lambda would end it: then the transition broke, and the lease was not granted."""
    world = Mover()
    world.zone.before_next(slow, lambda: world.clock.advance(11))
    answer = world.move()
    assert answer["outcome"] == "RETRY"
    assert answer["addresses"]["route 192.0.2.10/32"]["why"] == "no time was left in this try"
    assert answer["addresses"]["eipalloc-1"]["why"] == "no time was left in this try"
    assert world.network.calls == []
    assert world.move(attempt=1)["outcome"] == "ACCEPTED"


def test_a_table_that_is_slow_leaves_the_rest_to_the_next_try():
    world = Mover(records=())
    world.network.before_next("put_route", lambda: world.clock.advance(11))
    assert world.move()["outcome"] == "RETRY"
    assert world.targets == [ENI_B, ENI_A, ENI_A]
    assert world.move(attempt=1)["outcome"] == "ACCEPTED"


def test_a_target_that_is_no_member_any_more_gets_no_address():
    world = Mover(transition=a_transition(target="i-0ddddddddddddddd4"))
    answer = world.move()
    assert answer["outcome"] == "REFUSED"
    assert {fact["status"] for fact in answer["addresses"].values()} == {"OWED"}
    assert world.targets == [ENI_A] * 3


def test_a_single_address_costs_the_state_no_more_than_before():  # B9
    world = Mover(records=(RECORD,), routes=(), elastic_ips=())
    world.move()
    assert world.address.parts == {}
    assert world.network.calls == []
    assert [spec.interface_id for spec in SPECS] == [ENI_A, ENI_B, ENI_C]
