# B21: what a node answers about itself, by what it knew and by the clock
from __future__ import annotations

import json
import math
import re
from dataclasses import replace

import pytest

from tests.unit.agent.fakes import FakeClock, FakeLog
from tests.unit.agent.items import BOOT, ME, OTHER, item
from tests.unit.agent.test_loop import World
from understudy.domain.lease.paces import PACES
from understudy_agent.lease import LeaseAnswer, LeaseView, Order, serves_until_ms
from understudy_agent.pages import Pages
from understudy_agent.ports import BeatReport, Self
from understudy_agent.serving import (
    INTERVAL_MS,
    MARGIN_MS,
    Snapshot,
    needed_ms,
    room_ms,
    why_hung,
    why_no_standby,
    why_not_serving,
)
from understudy_agent.view import TermsView

NOW, NEEDED = 1_000_000, INTERVAL_MS + MARGIN_MS
TIMED = ("heartbeat_interval_s", "lease_read_interval_s", "lease_s", "kill_limit_s", "silence_limit_s")
TERMS = TermsView()
MINE = LeaseView(LeaseAnswer.MINE, epoch=7, lease_end_ms=NOW + 10_000, terms=TERMS, seen_epoch=7)
REPORT = BeatReport(7, {"db": "IN_SERVICE"}, {})
HOLDER = Snapshot(NOW, Order.SERVE, "this node holds the lease", MINE, REPORT, NOW + 9_000, read_ms=NOW)
STANDBY = replace(
    HOLDER,
    order=Order.STOP,
    why="this node does not hold the lease",
    lease_view=replace(MINE, answer=LeaseAnswer.NOT_MINE),
    report=BeatReport(7, {"db": "OUT_OF_SERVICE"}, {}),
    until_ms=None,
)


def test_a_holder_with_everything_in_service_serves_for_as_long_as_its_lease_bears_the_askers_interval():
    last_ms = NOW + 9_000 - NEEDED
    fresh = replace(HOLDER, looked_ms=last_ms)
    assert why_not_serving(fresh, last_ms, NEEDED) == ""
    assert "3.0 s are needed" in why_not_serving(fresh, last_ms + 1, NEEDED)


def test_an_answer_is_worth_as_much_as_the_clock_says_whatever_the_loop_knew():
    """A machine that thaws, or a loop that hangs: what lies ready still says SERVE."""
    assert why_not_serving(HOLDER, NOW + 3000, NEEDED) == ""
    assert "has not looked" in why_not_serving(HOLDER, NOW + 3001, NEEDED)
    thawed = replace(HOLDER, looked_ms=NOW + 60_000)
    assert why_not_serving(thawed, NOW + 60_000, NEEDED).startswith(
        "unless its lease is renewed this node serves for 0.0 s more"
    )


@pytest.mark.parametrize("order", [order for order in Order if order not in (Order.SERVE, Order.KEEP)])
def test_a_node_that_may_not_serve_says_so_though_its_lease_runs_and_all_is_in_service(order):
    assert why_not_serving(replace(HOLDER, order=order), NOW, NEEDED) == HOLDER.why


def test_a_node_that_keeps_what_runs_serves_while_its_lease_runs_but_not_one_that_had_lost_it():
    keeping = replace(HOLDER, order=Order.KEEP)
    assert why_not_serving(keeping, NOW, NEEDED) == ""
    assert why_not_serving(replace(keeping, returned=True), NOW, NEEDED) != ""


@pytest.mark.parametrize("state", ["STARTING", "STOPPING", "FAILED", "OUT_OF_SERVICE"])
def test_one_service_that_is_not_in_service_is_enough_to_say_no(state):
    report = BeatReport(7, {"data": "IN_SERVICE", "db": state}, {})
    assert why_not_serving(replace(HOLDER, report=report), NOW, NEEDED) == f"db is {state}"


def test_a_node_without_services_never_serves_and_never_stands_by():
    report = BeatReport(7, {}, {})
    assert why_not_serving(replace(HOLDER, report=report), NOW, NEEDED) == "this node has no services"
    assert why_no_standby(replace(STANDBY, report=report), NOW) == "this node has no services"


def test_promises_bear_an_answer_as_a_lease_does():
    promised = replace(MINE, lease_end_ms=NOW - 1, promised_until_ms=NOW + 8_000)
    assert serves_until_ms(promised, 0) == NOW + 7_000
    assert why_not_serving(replace(HOLDER, lease_view=promised, until_ms=NOW + 7_000), NOW, NEEDED) == ""


def test_what_an_orderly_stop_takes_of_a_lease_is_not_promised_to_anybody():
    long = replace(MINE, lease_end_ms=NOW + 20_000, terms=replace(TERMS, lease_s=20))
    assert serves_until_ms(long, 0) == NOW + 19_000
    assert serves_until_ms(long, 5) == NOW + 14_000


def test_where_isolated_nodes_keep_serving_the_answer_ends_with_the_lease_all_the_same():
    keeping = replace(MINE, terms=replace(TERMS, on_isolation="keep"))
    assert serves_until_ms(keeping, 30) == NOW + 9_000


@pytest.mark.parametrize("answer", [LeaseAnswer.NOTHING, LeaseAnswer.NOT_MINE])
def test_a_lease_that_only_bounds_what_is_left_of_the_services_bears_no_answer(answer):
    assert serves_until_ms(replace(MINE, answer=answer), 0) is None


def test_a_standby_could_take_over_if_nothing_that_it_knows_is_against_it():
    assert why_no_standby(STANDBY, NOW) == ""
    assert why_no_standby(HOLDER, NOW) == HOLDER.why
    down = {"db": "OUT_OF_SERVICE"}
    against = {
        "a disk is full": BeatReport(7, down, {}, unfit="a disk is full"),
        "this node is not fit, by its own command": BeatReport(7, down, {}, fit={"fit": False}),
        "1 of 2 quorum hosts are reached, which is no majority": BeatReport(
            7, down, {"quorum": {"reached": 1, "total": 2}}
        ),
        "db is STOPPING": BeatReport(7, {"db": "STOPPING"}, {}),
    }
    assert [why_no_standby(replace(STANDBY, report=report), NOW) for report in against.values()] == list(against)
    fit = BeatReport(7, down, {"quorum": {"reached": 2, "total": 3}}, fit={"fit": 0})
    assert why_no_standby(replace(STANDBY, report=fit), NOW) == ""


def test_a_standby_that_does_not_reach_the_table_would_not_learn_of_its_lease():
    later = NOW + 7_001
    assert "does not reach the table" in why_no_standby(replace(STANDBY, looked_ms=later), later)
    assert "does not reach the table" in why_no_standby(replace(STANDBY, read_ms=None), NOW)


def test_an_agent_lives_as_long_as_it_looks_at_its_lease():
    assert why_hung(HOLDER, NOW + 3000) == ""
    assert why_hung(HOLDER, NOW + 4000) == "the agent has not looked at its lease for 4.0 s"
    assert why_no_standby(STANDBY, NOW + 4000) == why_hung(HOLDER, NOW + 4000)


def test_the_default_interval_and_its_margin_fit_into_what_the_default_timings_leave():
    assert INTERVAL_MS + MARGIN_MS <= room_ms(TERMS, 30) == 4000
    assert room_ms(replace(TERMS, lease_s=20), 30) == 4000, "the rest is for an orderly stop"
    assert room_ms(replace(TERMS, lease_s=20), 0) == 12_000
    assert room_ms(replace(TERMS, lease_s=5), 0) == 0


# B21 B22
@pytest.mark.parametrize("pace", PACES)
def test_at_every_pace_a_node_that_serves_well_says_so_until_its_lease_is_renewed(pace):
    """Nobody has said how often it is asked. An interval for which there is no room would be a 503 before renewals."""
    terms = TermsView(**{name: getattr(PACES[pace], name) for name in TIMED})
    renewed_after_ms = int((terms.heartbeat_interval_s + terms.lease_read_interval_s + 1) * 1000)
    left_ms = int((terms.lease_s - terms.kill_limit_s - terms.slack_s()) * 1000)
    holder = replace(HOLDER, looked_ms=NOW + renewed_after_ms, until_ms=NOW + left_ms)
    needed = needed_ms(None, room_ms(terms, math.inf))
    assert why_not_serving(holder, NOW + renewed_after_ms, needed) == ""
    assert needed <= INTERVAL_MS + MARGIN_MS


def test_an_interval_that_somebody_has_said_is_kept_whatever_room_there_is():
    assert needed_ms(12_000, 4000) == 12_000 + MARGIN_MS
    assert needed_ms(None, 2500) == 2500


# --- the pages --------------------------------------------------------------------------------


class Node:
    """A snapshot and a clock, and the pages made of them."""

    def __init__(self, snapshot: Snapshot = HOLDER, interval_s: float | None = None, orderly_stop_s: float = 0) -> None:
        self.snapshot, self.clock, self.log = snapshot, FakeClock(), FakeLog()
        self.clock.now_ms = NOW
        who = Self("orders-db", ME, BOOT, orderly_stop_s)
        self.pages = Pages(who, lambda: self.snapshot, self.clock, interval_s, self.log)

    def status(self, path: str) -> int:
        return self.pages.page(path).status


@pytest.mark.parametrize(("snapshot", "told"), [(HOLDER, (200, 503, 200)), (STANDBY, (503, 200, 200))])
def test_each_page_tells_one_thing(snapshot, told):
    made = Node(snapshot)
    assert (made.status("/serving"), made.status("/standby"), made.status("/agent")) == told
    made.clock.now_ms += 4000
    assert (made.status("/serving"), made.status("/standby"), made.status("/agent")) == (503, 503, 503)


@pytest.mark.parametrize("path", ["/", "/serving/", "/Serving", "/status.json", "//serving"])
def test_any_other_path_is_not_there_and_the_answer_says_which_are(path):
    page = Node().pages.page(path)
    assert page.status == 404
    assert b"/serving, /standby, /agent, /status, /metrics" in page.body


def test_the_clock_is_asked_after_the_snapshot_was_taken():
    """What takes time in between must not make an answer better."""
    made = Node()

    def slow() -> Snapshot:
        made.clock.now_ms = NOW + 7_000
        return replace(HOLDER, looked_ms=NOW + 7_000)

    made.pages._snapshot = slow
    assert made.status("/serving") == 503


def test_the_status_says_epoch_lease_services_and_reasons():
    said = json.loads(Node().pages.page("/status").body)
    assert said["epoch"] == 7
    assert said["lease_left_s"] == 10.0
    assert said["services"] == {"db": "IN_SERVICE"}
    assert (said["why_not_serving"], said["why_no_standby"]) == ("", HOLDER.why)
    assert (said["order"], said["reason"], said["instance"]) == ("SERVE", HOLDER.why, ME)
    assert (said["interval_s"], said["margin_s"], said["room_s"]) == (2.0, 1.0, 4.0)
    stands_by = json.loads(Node(STANDBY).pages.page("/status").body)
    assert stands_by["lease_left_s"] == 0, "what bounds the rest of its services is no lease of its own"


SAMPLE = re.compile(r'(understudy_[a-z_]+)\{cluster="orders-db",instance="i-0aaa"((?:,[a-z]+="[^"]*")*)\} ([0-9.]+)')
FAMILY = re.compile(r"# (TYPE|HELP) (understudy_[a-z_]+) (\S.*)")


def test_the_metrics_are_open_metrics():
    report = replace(REPORT, quorum={"quorum": {"reached": 2, "total": 3}}, fit={"fit": 12})
    page = Node(replace(HOLDER, report=report, accepted=41)).pages.page("/metrics")
    *lines, end = page.body.decode().removesuffix("\n").split("\n")
    assert end == "# EOF"
    assert page.kind.startswith("application/openmetrics-text; version=1.0.0")
    samples = [match.groups() for line in lines if (match := SAMPLE.fullmatch(line))]
    families = [match.groups() for line in lines if (match := FAMILY.fullmatch(line))]
    assert len(samples) + len(families) == len(lines)
    found = {name: (float(value), labels) for name, labels, value in samples}
    assert found["understudy_serving"] == (1, "")
    assert found["understudy_standby"] == (0, "")
    assert found["understudy_lease_left_seconds"] == (10, "")
    assert found["understudy_beats_accepted_total"] == (41, "")
    assert found["understudy_quorum_hosts_reached"] == (2, "")
    assert found["understudy_fit"] == (1, "")
    assert found["understudy_service_in_service"] == (1, ',service="db"')
    kinds = {name: kind for what, name, kind in families if what == "TYPE"}
    assert set(kinds) == {name.removesuffix("_total").removesuffix("_info") for name in found}
    assert (kinds["understudy_beats_accepted"], kinds["understudy_agent"]) == ("counter", "info")


def test_an_interval_that_the_timings_do_not_bear_is_told_once_with_its_numbers():
    made = Node(interval_s=10)
    made.status("/serving")
    made.status("/serving")
    (told,) = made.log.events("http_interval_too_long")
    assert "interval_s 10 + 1 is above 4 s" in told
    for interval_s in (3, None):
        fits = Node(interval_s=interval_s)
        fits.status("/serving")
        assert fits.log.events("http_interval_too_long") == []


# --- what the loop leaves --------------------------------------------------------------------


def answer(world: World) -> str:
    return why_not_serving(world.agent.snapshot, world.clock.now_ms, NEEDED)


def test_an_agent_says_that_it_serves_once_all_is_in_service_and_until_it_is_cut_off(tmp_path):
    world = World(tmp_path, item(epoch=1, active=ME))
    assert answer(world) != ""
    world.pass_time(6)
    assert answer(world) == ""
    world.aws.error = ConnectionError("AWS is not to be reached")
    said = []
    while world.kind.running:
        said.append(answer(world) == "")
        world.pass_time(0.2)
    assert said[:10] == [True] * 10
    no = len(said) - said.index(False)
    assert not any(said[-no:])
    assert NEEDED / 200 - 1 <= no <= NEEDED / 200 + 1


def test_an_agent_that_is_asked_to_stop_says_no_before_a_beat_says_that_its_services_are_down(tmp_path):
    world = World(tmp_path, item(epoch=1, active=ME))
    world.pass_time(6)
    assert answer(world) == ""
    put_beat, answers = world.aws.put_beat, []

    def noted(detail):
        answers.append((detail["services"]["db"], answer(world)))
        put_beat(detail)

    world.aws.put_beat = noted
    world.agent.ask_to_stop()
    world.pass_time(3)
    assert ("OUT_OF_SERVICE", "the agent was asked to stop") in answers
    assert all(why for state, why in answers if state != "IN_SERVICE")


def test_an_agent_of_another_node_stands_by(tmp_path):
    world = World(tmp_path, item(epoch=1, active=OTHER))
    world.pass_time(6)
    assert answer(world) != ""
    assert why_no_standby(world.agent.snapshot, world.clock.now_ms) == ""
