# B4 B11 S16: nothing starts without a lease or promises that run and were read since the last start, freeze or resume
from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.agent.fakes import FakeKind
from tests.unit.agent.items import ME, OTHER, down, item, node, terms
from tests.unit.agent.test_loop import World, with_hosts
from understudy_agent import lease
from understudy_agent.lease import LeaseAnswer, LeaseView, Order, order
from understudy_agent.model import ServiceSettings
from understudy_agent.services import Services
from understudy_agent.starts import FREEZE_MS, Return, Watch, after_read, may_start, ticked
from understudy_agent.view import Read, TermsView, parse_state

KEEP = TermsView(on_isolation="keep")
HELD = LeaseView(LeaseAnswer.MINE, 1, 112_000)
READ = Watch(ticked_ms=100_000, awake_since_ms=90_000, read_begun_ms=95_000, epoch=2, active=ME)


# --- the rules -----------------------------------------------------------------------------------


@pytest.mark.parametrize("terms_of_cluster", [TermsView(), KEEP], ids=["stop", "keep"])
def test_a_start_needs_a_lease_that_runs_under_any_policy(terms_of_cluster):
    held = replace(HELD, terms=terms_of_cluster)
    assert may_start(held, READ, 110_999)
    assert not may_start(held, READ, 111_000)
    assert not may_start(replace(held, lease_end_ms=None), READ, 100_000)


def test_promises_that_run_are_as_good_as_a_lease():
    assert may_start(replace(HELD, promised_until_ms=130_000), READ, 128_999)
    assert not may_start(replace(HELD, promised_until_ms=130_000), READ, 129_000)


@pytest.mark.parametrize("word", [LeaseAnswer.NOTHING, LeaseAnswer.NOT_MINE])
def test_a_start_needs_a_read_that_shows_the_lease_as_this_nodes(word):
    assert not may_start(replace(HELD, answer=word), READ, 100_000)


@pytest.mark.parametrize(("begun_ms", "may"), [(None, False), (89_999, False), (90_000, True)])
def test_a_start_needs_a_read_that_was_begun_since_the_agent_has_run_without_a_gap(begun_ms, may):
    assert may_start(HELD, replace(READ, read_begun_ms=begun_ms), 100_000) is may


def test_a_gap_between_two_ticks_is_a_freeze_and_a_loaded_machines_late_tick_is_none():
    assert ticked(Watch(), 5_000) == Watch(ticked_ms=5_000, awake_since_ms=5_000)
    assert ticked(READ, 100_000 + FREEZE_MS) == replace(READ, ticked_ms=100_000 + FREEZE_MS)
    late_ms = 100_001 + FREEZE_MS
    assert ticked(READ, late_ms) == replace(READ, ticked_ms=late_ms, awake_since_ms=late_ms)


# --- a lease that is taken up again --------------------------------------------------------------

RETURNED = Return(since_ms=100_000, heard_at=100)
LOST = LeaseView(LeaseAnswer.NOT_MINE, 2, seen_epoch=2)
BACK = LeaseView(LeaseAnswer.MINE, 2, 112_000, seen_epoch=2)


def seen(
    before: LeaseView, after: LeaseView, *, now_ms: int = 100_000, watch: Watch = READ, **other: Any
) -> Return | None:
    """What is to be waited for once a table of epoch 2 was read, with the other node heard at 90 s, or as given."""
    theirs = {**down(node(beat=1, heard_at=90, boot="boot-o")), **other}
    mine = node(beat=now_ms, heard_at=now_ms // 1000)
    view = parse_state(item(epoch=2, active=ME, mine=mine, other=theirs))
    return after_read(watch, before, after, Read(view, now_ms), ME, now_ms).returned


@pytest.mark.parametrize(
    "before",
    [LOST, replace(BACK, lease_end_ms=100_500), LeaseView(seen_epoch=2)],
    ids=["ended", "run out", "of another boot"],
)
def test_under_a_lease_that_is_taken_up_again_nothing_starts_before_the_others_are_heard(before):
    assert seen(before, BACK) == RETURNED
    assert not may_start(BACK, replace(READ, returned=RETURNED), 100_000)
    assert seen(before, BACK, heard_at=100) is None


@pytest.mark.parametrize("before", [BACK, replace(BACK, answer=LeaseAnswer.NOTHING)])
def test_a_lease_that_was_never_interrupted_waits_for_nobody(before):
    assert seen(before, BACK) is None


@pytest.mark.parametrize("read_last", [replace(READ, active=""), replace(READ, active=OTHER), replace(READ, epoch=1)])
def test_a_grant_that_was_seen_to_come_waits_for_nobody(read_last):
    assert seen(LOST, BACK, watch=read_last) is None
    frozen = replace(read_last, awake_since_ms=96_000)
    assert seen(LOST, BACK, watch=frozen) == RETURNED
    cut_off = replace(read_last, awake_since_ms=0, read_begun_ms=84_999)
    assert seen(LOST, BACK, watch=cut_off) == RETURNED


def test_what_the_first_read_of_an_agent_shows_is_no_grant_that_it_has_seen_come():
    assert seen(LeaseView(), BACK, watch=replace(READ, read_begun_ms=None)) == RETURNED


def test_the_others_are_waited_for_until_they_have_been_silent_for_as_long_as_makes_them_silent():
    waiting = replace(READ, returned=RETURNED)
    later = replace(BACK, lease_end_ms=127_000)
    assert seen(later, later, watch=waiting, now_ms=114_999) == RETURNED
    assert seen(later, later, watch=waiting, now_ms=115_000) is None


def test_a_node_that_has_read_a_higher_epoch_than_the_table_shows_is_waited_out_by_no_time():
    """The table was put back: that node may serve under an epoch that the table has lost."""
    waiting = replace(READ, returned=RETURNED)
    assert seen(LOST, BACK, heard_at=100, read_epoch=3) == RETURNED
    later = replace(BACK, lease_end_ms=10**7)
    assert seen(later, later, watch=waiting, now_ms=10**6, heard_at=100, read_epoch=3) == RETURNED


@pytest.mark.parametrize("service", ["IN_SERVICE", "STOPPING", "FAILED"])
def test_a_node_that_is_heard_and_not_down_is_waited_for_until_it_is_silent(service):
    waiting, later = replace(READ, returned=RETURNED), replace(BACK, lease_end_ms=10**7)
    assert seen(later, later, watch=waiting, now_ms=134_999, heard_at=120, service=service) == RETURNED
    assert seen(later, later, watch=waiting, now_ms=135_000, heard_at=120, service=service) is None


def test_a_node_that_names_no_services_is_in_nobodys_way():
    assert seen(LOST, BACK, heard_at=100, service="IN_SERVICE", named="-") is None


def test_nobody_is_waited_for_once_the_lease_is_lost_again():
    assert seen(BACK, LOST, watch=replace(READ, returned=RETURNED)) is None


def test_a_table_that_was_put_back_is_told_of(tmp_path):
    world = World(tmp_path, item(epoch=2, active=OTHER, other={**node(boot="boot-o"), "read_epoch": 3}))
    world.pass_time(5)
    assert len(world.log.events("state_contradicted")) == 1


def test_under_keep_a_lease_that_has_ended_keeps_what_runs():
    held = replace(HELD, terms=KEEP)
    assert [order(held, at) for at in (110_999, 111_000, 10**9)] == [Order.SERVE, Order.KEEP, Order.KEEP]


# --- services under KEEP ----------------------------------------------------------------------------


def test_under_keep_services_are_left_as_they_are_and_one_that_fails_is_called_failed_and_not_restarted():
    kind, down = FakeKind(running=True), FakeKind()
    specs = [ServiceSettings("db", check_interval_s=0), ServiceSettings("other", check_interval_s=0)]
    services = Services({"db": kind, "other": down}, specs, lambda _name: None)
    for now_ms in range(0, 2_000, 200):
        services.tick(Order.KEEP, 1, now_ms, 1.0)
    assert services.states() == {"db": "IN_SERVICE", "other": "OUT_OF_SERVICE"}
    kind.running = False
    for now_ms in range(2_000, 30_000, 200):
        services.tick(Order.KEEP, 1, now_ms, 1.0)
    assert services.states()["db"] == "FAILED"
    assert kind.asked == down.asked == []


# --- the loop ---------------------------------------------------------------------------------------


@pytest.fixture
def keeper(tmp_path: Path) -> World:
    """A node that holds the lease under `keep`, serves, and has lost AWS for a minute."""
    world = World(tmp_path, item(epoch=1, active=ME, mine=node(boot=""), terms=terms(on_isolation="keep")))
    world.pass_time(3)
    assert world.service_says() == "IN_SERVICE"
    world.aws.error = ConnectionError("no route to host")
    world.pass_time(60)
    return world


def test_a_keeper_without_its_lease_keeps_what_runs(keeper):
    assert (keeper.status()["order"], keeper.kind.asked) == ("KEEP", ["start"])
    assert any("keeps what runs and starts nothing" in why for why in keeper.log.events("order"))


def test_a_keeper_without_its_lease_neither_starts_nor_restarts_a_service(keeper):
    keeper.kind.running = False
    keeper.pass_time(60)
    assert keeper.kind.asked == ["start"]
    keeper.aws.error = None
    keeper.pass_time(5)
    assert keeper.service_says() == "IN_SERVICE"


def test_without_the_rule_a_keeper_starts_under_a_lease_that_ended_long_ago(keeper, monkeypatch):
    monkeypatch.setattr(lease, "runs", lambda *_: True)
    keeper.kind.running = False
    keeper.pass_time(60)
    assert "start" in keeper.kind.asked[1:]


def test_a_keeper_that_is_asked_to_stop_stops(keeper):
    keeper.agent.ask_to_stop()
    keeper.pass_time(10)
    assert keeper.kind.asked == ["start", "stop"]


def test_a_keeper_that_has_lost_the_majority_of_quorum_hosts_for_a_lease_stops(tmp_path):  # S12
    world = World(tmp_path, item(epoch=1, active=ME, mine=node(boot=""), terms=terms(on_isolation="keep")))
    with_hosts(world, "a:1", "b:1").pass_time(10)
    world.aws.error = ConnectionError("no route to host")
    world.reached = set()
    world.pass_time(60)
    assert world.kind.asked == ["start", "stop"]


def test_a_holder_that_waits_for_the_others_says_so_in_its_beats_and_one_that_cannot_read_does_not(tmp_path):  # B14
    """The controller is patient with the first, and fails the second over."""
    unheard = down(node(boot="boot-o", heard_at=None))
    world = World(tmp_path, item(epoch=1, active=ME, mine=node(boot=""), other=unheard, terms=terms()))
    world.pass_time(30)
    assert world.service_says() == "IN_SERVICE"
    world.aws.error = ConnectionError("no route to host")
    world.pass_time(30)
    assert world.service_says() == "OUT_OF_SERVICE"
    assert "waits" not in world.aws.beats[-1]
    world.aws.error = None
    world.pass_time(8)
    assert (world.status()["order"], world.aws.beats[-1]["waits"]) == ("KEEP", True)
    world.pass_time(15)
    assert (world.service_says(), "waits" in world.aws.beats[-1]) == ("IN_SERVICE", False)


@pytest.mark.parametrize("policy", ["stop", "keep"])
def test_after_a_freeze_nothing_starts_before_a_read_that_was_begun_after_it(tmp_path, policy):
    """What was read before says nothing: the lease may have gone elsewhere meanwhile, and its service be up there."""
    policy_terms = terms(on_isolation=policy, lease_s=60, silence_limit_s=70)
    world = World(tmp_path, item(epoch=1, active=ME, mine=node(boot=""), terms=policy_terms))
    world.pass_time(3)
    world.kind.running = False
    world.read_caller.hangs = True
    world.clock.now_ms += 10_000
    world.pass_time(5)
    assert (world.status()["order"], world.kind.asked) == ("KEEP", ["start"])
    assert any("keeps what runs and starts nothing" in why for why in world.log.events("order"))
    world.read_caller.hangs = False
    world.read_caller._busy, world.agent._reads._under_way = False, False
    world.pass_time(10)
    assert world.service_says() == "IN_SERVICE"


def test_a_read_that_was_begun_before_a_freeze_starts_nothing_after_it(tmp_path):
    world = World(tmp_path, item(epoch=1, active=OTHER, mine=node(boot="")))
    world.pass_time(3)
    world.grant(ME, epoch=2)
    world.aws.item["terms"] = terms(lease_s=60, silence_limit_s=70)
    while world.agent._reads.idle:
        world.pass_time(0.05)
    world.aws.item = deepcopy(world.aws.item)
    world.grant(OTHER, epoch=3)
    world.clock.now_ms += 10_000
    world.agent.tick(world.clock.now_ms)
    assert world.agent._lease_view.answer is LeaseAnswer.MINE
    assert not world.agent.may_start(world.clock.now_ms)
    world.pass_time(5)
    assert world.kind.asked == []


def test_a_table_of_an_earlier_time_is_no_read_after_a_freeze(tmp_path):
    world = World(tmp_path, item(epoch=5, active=ME, mine=node(boot=""), terms=terms(lease_s=60, silence_limit_s=70)))
    world.pass_time(3)
    world.kind.running = False
    world.aws.item["epoch"] = 4
    world.clock.now_ms += 10_000
    world.pass_time(5)
    assert world.kind.asked == ["start"]
