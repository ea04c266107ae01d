# S9 S10 S11 B10 B11
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.agent.fakes import FakeCaller, FakeClock, FakeGuard, FakeKind, FakeLog, FakeTransport
from tests.unit.agent.items import BOOT, ME, OTHER, item, node, terms
from understudy_agent.exchange import Exchange
from understudy_agent.failsafe import Failsafe
from understudy_agent.files import LeaseFile, MajorityFile, PlacedFile, PromiseFile, StatusFile
from understudy_agent.loop import Agent, AgentFiles, Channel, Host, Safeguards
from understudy_agent.model import ServiceSettings
from understudy_agent.placed import Placed
from understudy_agent.ports import Self
from understudy_agent.prober import Prober
from understudy_agent.promise import Memory
from understudy_agent.services import Services
from understudy_agent.systemd import SdNotifier
from understudy_agent.tasks import Outcome
from understudy_agent.tries import TriesFile


class World:
    """A node with one service and its agent, an AWS, and time."""

    def __init__(
        self, directory: Path, state: dict[str, Any] | None, *, running: bool = False, services: bool = True
    ) -> None:
        self.directory = directory
        self.placed_path = directory / "state" / "placed.json"
        self.boot = BOOT
        self.specs = [ServiceSettings("db", check_interval_s=0)] if services else []
        self.kind = FakeKind(running=running)
        self.aws = FakeTransport(state)
        self.aws.me = ME
        self.clock = FakeClock()
        self.log = FakeLog()
        self.beat_caller, self.read_caller = FakeCaller(), FakeCaller()
        self.reached: set[str] = set()
        """The quorum hosts that accept a connection."""
        self.hosts_hang = False
        """Whether probes begun by an agent that is started from now on never end."""
        self.taken_down: list[str] = []
        """The services for which the node was to be taken down."""
        self.guard = FakeGuard()
        self.config = ""
        self.start_agent()

    def start_agent(self) -> None:
        self.agent = Agent(
            who=Self("orders-db", ME, self.boot, orderly_stop_s=30, config=self.config),
            services=Services({"db": self.kind}, self.specs, self.taken_down.append, self._tries()),
            channel=Channel(
                transport=self.aws,
                beats=Exchange("beat", self.beat_caller, self.log),
                reads=Exchange("read", self.read_caller, self.log),
            ),
            files=AgentFiles(
                lease=LeaseFile(self.directory / "lease.json", self.boot),
                placed=Placed(PlacedFile(self.placed_path), Exchange("placed_file", FakeCaller(), self.log)),
                status=StatusFile(self.directory / "status.json"),
            ),
            safeguards=Safeguards(
                prober=Prober(
                    self._probe_caller,
                    self.log,
                    lambda host, _timeout_s: host in self.reached,
                    MajorityFile(self.directory / "quorum.json", self.boot),
                ),
                failsafe=Failsafe("orders-db", ME, PromiseFile(self.directory / "promises.json", BOOT), self.log),
                keeper=self.guard,
            ),
            host=Host(clock_ms=self.clock, notifier=SdNotifier({}), log=self.log),
        )

    def _tries(self) -> TriesFile:
        return TriesFile(self.directory / "tries.json", self.boot, self.directory / "lease.json", self.log)

    def _probe_caller(self, _name: str) -> FakeCaller:
        caller = FakeCaller()
        caller.hangs = self.hosts_hang
        return caller

    def pass_time(self, seconds: float) -> None:
        end_ms = self.clock.now_ms + int(seconds * 1000)
        while self.clock.now_ms < end_ms and self.agent.exit_status is None:
            self.agent.tick(self.clock.now_ms)
            self.clock.now_ms += 50

    def grant(self, to: str, epoch: int) -> None:
        assert self.aws.item is not None
        self.aws.item.update(epoch=epoch, active=to)

    def service_says(self) -> str:
        return str(self.status()["services"]["db"])

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.directory / "status.json").read_text())
        return found


@pytest.fixture
def active(tmp_path: Path) -> World:
    """A node that holds the lease of epoch 1 and serves."""
    world = World(tmp_path, item(epoch=1, active=ME, mine=node(boot="")))
    world.pass_time(3)
    assert world.service_says() == "IN_SERVICE"
    return world


@pytest.fixture
def standby(tmp_path: Path) -> World:
    world = World(tmp_path, item(epoch=1, active=OTHER, mine=node(boot="")))
    world.pass_time(3)
    return world


def test_a_beat_says_who_sent_it_when_what_it_obeys_and_how_its_services_are(active):
    assert active.aws.beats[-1] == {
        "key": "-",
        "cluster": "orders-db",
        "boot": BOOT,
        "beat": active.aws.beats[-1]["beat"],
        "keeps_lease": True,
        "read_epoch": 1,
        "services": {"db": "IN_SERVICE"},
        "agent": "0.1.0",
        "knows": 0,
        "accepted": len(active.aws.beats) - 1,
    }


def test_beats_come_at_their_interval_and_reads_more_often(active):
    beats, reads = len(active.aws.beats), active.aws.reads
    active.pass_time(40)
    assert len(active.aws.beats) - beats == 10
    assert 20 <= active.aws.reads - reads <= 30


def test_the_number_of_a_beat_is_its_local_send_time(active):
    active.clock.now_ms = 5_000_000
    active.agent.tick(5_000_000)
    assert active.aws.beats[-1]["beat"] == 5_000_000


def test_a_change_of_a_service_is_told_at_once(active):
    beats = len(active.aws.beats)
    active.kind.running = False
    active.kind.hangs.add("start")
    active.pass_time(0.2)
    assert [beat["services"]["db"] for beat in active.aws.beats[beats:]] == ["STARTING"]


def test_a_service_that_dies_is_restarted_before_anybody_hears_of_a_failure(active):  # S16
    beats = len(active.aws.beats)
    for _ in range(2):
        active.kind.running = False
        active.pass_time(5)
        assert active.kind.running
    told = [beat["services"]["db"] for beat in active.aws.beats[beats:]]
    assert set(told) == {"STARTING", "IN_SERVICE"}
    assert active.kind.asked == ["start", "stop", "start", "stop", "start"]
    active.kind.running = False
    active.pass_time(1)
    assert active.aws.beats[-1]["services"] == {"db": "FAILED"}


def test_a_restart_does_not_outlive_the_lease(active):  # S16 S12
    active.aws.error = ConnectionError("no route to host")
    lease_end_ms = active.status()["lease_end_ms"]
    active.pass_time((lease_end_ms - 1000 - active.clock.now_ms) / 1000 - 1)
    active.kind.running = False
    active.kind.hangs.add("start")
    active.pass_time(0.5)
    assert active.service_says() == "STARTING"
    active.pass_time(0.8)
    assert active.service_says() == "OUT_OF_SERVICE"
    assert active.clock.now_ms < lease_end_ms
    assert active.kind.tasks[-2].aborted
    active.pass_time(60)
    assert active.kind.asked == ["start", "stop", "start", "kill"]


def test_nothing_is_restarted_by_an_agent_that_is_asked_to_stop(active):  # S16
    active.kind.hangs.add("stop")
    active.agent.ask_to_stop()
    active.pass_time(1)
    active.kind.running = False
    active.pass_time(5)
    assert active.service_says() == "STOPPING"
    active.kind.hangs.clear()
    active.pass_time(40)
    assert active.kind.asked == ["start", "stop", "kill"]
    assert active.agent.exit_status == 0


def test_an_agent_that_is_asked_to_stop_while_it_restarts_tells_the_truth_at_once(active):  # S16 B4
    active.kind.running = False
    active.kind.hangs.add("start")
    active.pass_time(2)
    assert active.service_says() == "STARTING"
    active.kind.hangs.add("stop")
    active.agent.ask_to_stop()
    active.pass_time(0.2)
    assert active.service_says() == "STOPPING"
    active.pass_time(40)
    assert active.aws.beats[-1]["services"] == {"db": "OUT_OF_SERVICE"}


def test_a_node_that_loses_the_lease_while_it_restarts_releases_it_only_when_all_is_down(active):  # S16 B4
    active.kind.running = False
    active.kind.hangs.update(("start", "stop"))
    active.pass_time(32)
    assert active.service_says() == "STARTING"
    active.kind.running = True
    active.grant(OTHER, epoch=2)
    active.pass_time(3)
    assert {beat["services"]["db"] for beat in active.aws.beats if beat["read_epoch"] == 2} == {"STOPPING"}
    active.pass_time(40)
    assert active.aws.beats[-1]["services"] == {"db": "OUT_OF_SERVICE"}
    assert not active.kind.running


def test_a_new_epoch_is_obeyed_and_told_at_once(active):
    active.grant(OTHER, epoch=2)
    active.pass_time(2.5)
    told = [(beat["read_epoch"], beat["services"]["db"]) for beat in active.aws.beats]
    assert (2, "STOPPING") in told
    assert told[-1] == (2, "OUT_OF_SERVICE")
    assert (2, "IN_SERVICE") not in told


def test_a_granted_lease_brings_the_services_in_service(standby):
    standby.grant(ME, epoch=2)
    standby.pass_time(3)
    assert standby.service_says() == "IN_SERVICE"
    assert standby.aws.beats[-1]["read_epoch"] == 2


def test_one_lost_beat_costs_nothing(active):
    active.aws.records = False
    active.pass_time(4)
    active.aws.records = True
    active.pass_time(20)
    assert active.kind.asked == ["start"]


def test_beats_that_are_accepted_and_never_recorded_renew_nothing(active):
    active.aws.records = False
    active.pass_time(13)
    assert active.kind.asked == ["start", "kill"]
    assert active.service_says() == "OUT_OF_SERVICE"


def test_a_node_cut_off_from_aws_is_down_at_the_end_of_its_lease(active):
    active.aws.error = ConnectionError("no route to host")
    lease_end_ms = active.status()["lease_end_ms"]
    active.pass_time((lease_end_ms - 1000 - active.clock.now_ms) / 1000 - 0.1)
    assert active.service_says() == "IN_SERVICE"
    active.pass_time(0.4)
    assert active.service_says() == "OUT_OF_SERVICE"
    assert active.clock.now_ms < lease_end_ms


def test_network_calls_that_hang_delay_no_look_at_the_lease(active):
    active.beat_caller.hangs = active.read_caller.hangs = True
    active.pass_time(13)
    assert active.kind.asked == ["start", "kill"]
    assert active.log.events("read_slow")


def test_a_start_that_hangs_delays_no_look_at_the_lease(standby):
    standby.kind.hangs.add("start")
    standby.grant(ME, epoch=2)
    standby.pass_time(3)
    assert standby.service_says() == "STARTING"
    standby.aws.error = ConnectionError("no route to host")
    standby.pass_time(13)
    assert standby.kind.tasks[0].aborted
    assert standby.service_says() == "OUT_OF_SERVICE"


def test_a_node_that_comes_back_in_time_goes_on_serving(active):
    active.aws.error = ConnectionError("no route to host")
    active.pass_time(4)
    active.aws.error = None
    active.pass_time(20)
    assert active.kind.asked == ["start"]
    assert active.log.events("beat_again")


def test_a_failure_that_goes_on_is_told_once(active):
    active.aws.error = ConnectionError("no route to host")
    active.pass_time(60)
    assert active.log.events("beat_failed") == ["no route to host"]


def test_a_malformed_state_item_counts_as_not_read(active):
    active.aws.item["epoch"] = "seven"
    active.pass_time(13)
    assert active.service_says() == "OUT_OF_SERVICE"
    assert "epoch is 'seven'" in active.log.events("read_failed")[0]


def test_a_malformed_node_is_told_of_once_and_costs_nobody_else_its_lease(active):  # B12
    active.aws.item["nodes"][OTHER]["beat"] = 10**15
    active.pass_time(60)
    assert active.kind.asked == ["start"]
    assert len(active.log.events("state_partly_malformed")) == 1
    assert OTHER in active.log.events("state_partly_malformed")[0]


@pytest.mark.parametrize("number", [10**15, 10**13 - 1])
def test_a_beat_that_was_sent_in_the_holders_name_ends_its_lease_and_makes_it_no_longer(active, number):  # B12
    """Who can speak for the node has a number recorded that none of its own is ever above."""
    lease_end_ms = active.status()["lease_end_ms"]
    active.aws.item["nodes"][ME]["beat"] = number
    active.aws.records = False
    active.pass_time((lease_end_ms - 1000 - active.clock.now_ms) / 1000 - 0.1)
    assert active.service_says() == "IN_SERVICE"
    active.pass_time(0.5)
    assert active.kind.asked == ["start", "kill"]
    active.pass_time(60)
    assert active.kind.asked == ["start", "kill"]


def test_a_grant_is_obeyed_and_told_of_once_a_beat_of_this_process_is_recorded(tmp_path):  # B4
    """A beat under a grant that said OUT_OF_SERVICE before the start would be taken for a failure."""
    world = World(tmp_path, item(epoch=5, active=ME, mine=node(beat=999_000, heard_at=999)))
    world.kind.hangs.add("start")
    world.pass_time(2)
    told = [(beat["read_epoch"], beat["services"]["db"]) for beat in world.aws.beats]
    assert told == [(0, "OUT_OF_SERVICE"), (5, "STARTING")]


def test_an_unplaced_cluster_leaves_a_running_service_alone(tmp_path):
    world = World(tmp_path, item(epoch=0, mine=node(boot="")), running=True)
    world.pass_time(20)
    assert world.kind.asked == []
    assert world.aws.beats[-1]["services"] == {"db": "IN_SERVICE"}


def test_a_running_service_is_adopted_when_its_cluster_is_placed_on_it(tmp_path):
    world = World(tmp_path, item(epoch=0, mine=node(boot="")), running=True)
    world.pass_time(5)
    world.grant(ME, epoch=1)
    world.pass_time(5)
    assert world.status()["order"] == "SERVE"
    assert world.kind.asked == []


def test_no_beat_is_sent_before_the_services_are_known(tmp_path):
    world = World(tmp_path, item(epoch=1, active=OTHER))
    world.kind.hangs.add("look")
    world.pass_time(4)
    assert world.aws.beats == []
    world.pass_time(3)
    assert {beat["services"]["db"] for beat in world.aws.beats} == {"STOPPING"}


def test_a_standby_beats_twice_a_second_while_the_active_node_is_silent(standby):
    standby.aws.item["nodes"][OTHER]["heard_at"] = standby.clock.now_ms // 1000
    standby.aws.others_beat = False
    standby.pass_time(14)
    beats = len(standby.aws.beats)
    standby.pass_time(5)
    assert len(standby.aws.beats) - beats >= 8
    standby.pass_time(30)
    assert len(standby.log.events("urgent_beat")) == 20


# B14
def test_the_active_node_beats_at_once_when_its_beats_are_lost_or_late_and_stops_when_twenty_were(active):
    active.aws.records = False
    beats = len(active.aws.beats)
    active.pass_time(4)
    assert len(active.aws.beats) - beats == 1
    active.pass_time(7)
    assert len(active.aws.beats) - beats >= 7
    active.pass_time(60)
    assert len(active.log.events("urgent_beat")) == 20


def test_a_beat_says_how_many_before_it_were_taken_in(active):  # B14
    first = active.aws.beats[-1]["accepted"]
    active.pass_time(8)
    assert [beat["accepted"] for beat in active.aws.beats[-2:]] == [first + 1, first + 2]
    active.aws.error = ConnectionError("no route to host")
    active.pass_time(2)
    active.aws.error = None
    active.pass_time(6)
    assert active.aws.beats[-1]["accepted"] in (first + 3, first + 4)


def test_one_urgent_beat_that_is_recorded_keeps_the_services_in_service(active):  # B14
    active.aws.records = False
    active.pass_time(6.5)
    active.aws.records = True
    active.pass_time(0.6)
    active.aws.records = False
    active.pass_time(7)
    assert active.kind.running
    assert active.kind.asked == ["start"]


def test_an_active_node_whose_beats_are_recorded_sends_none_in_haste(active):
    beats = len(active.aws.beats)
    active.pass_time(60)
    assert len(active.aws.beats) - beats in (15, 16)


def test_a_restarted_agent_that_cannot_read_is_bound_by_the_old_lease(active):
    active.aws.error = ConnectionError("no route to host")
    active.start_agent()
    active.pass_time(5)
    assert active.kind.running
    assert active.kind.asked == ["start"]
    active.pass_time(8)
    assert active.kind.asked == ["start", "kill"]


def test_a_restarted_agent_starts_nothing_before_it_has_read_the_lease_itself(active):
    active.aws.error = ConnectionError("no route to host")
    active.kind.running = False
    active.start_agent()
    active.pass_time(5)
    assert active.kind.asked == ["start"]


def test_a_restarted_agent_adopts_what_runs_under_a_lease_that_goes_on(active):
    active.start_agent()
    active.pass_time(20)
    assert active.kind.asked == ["start"]
    assert active.service_says() == "IN_SERVICE"


def test_a_restarted_agent_whose_services_died_with_it_starts_them_before_it_tells_of_them(active):  # S16
    """A first beat that said OUT_OF_SERVICE would have the controller fail over."""
    beats = len(active.aws.beats)
    active.kind.running = False
    active.kind.hangs.add("start")
    active.start_agent()
    active.pass_time(1)
    assert {beat["services"]["db"] for beat in active.aws.beats[beats:]} == {"STARTING"}
    active.kind.tasks[-1].outcome, active.kind.running = Outcome.DONE, True
    active.pass_time(1)
    assert active.service_says() == "IN_SERVICE"


def test_an_agent_whose_first_read_hangs_beats_all_the_same(tmp_path):
    world = World(tmp_path, item(epoch=1, active=OTHER))
    world.read_caller.hangs = True
    world.pass_time(2.9)
    assert world.aws.beats == []
    world.pass_time(0.3)
    assert len(world.aws.beats) == 1


def test_the_lease_file_goes_when_the_lease_is_over_and_all_is_down(active):
    assert (active.directory / "lease.json").exists()
    active.grant(OTHER, epoch=2)
    active.pass_time(3)
    assert not (active.directory / "lease.json").exists()


def test_nothing_is_started_under_a_lease_that_cannot_be_written_down(standby):
    (standby.directory / "lease.json").mkdir()
    standby.grant(ME, epoch=2)
    standby.pass_time(5)
    assert standby.kind.asked == []
    assert standby.log.events("lease_file_not_written")


def test_sigterm_stops_the_services_says_so_in_a_last_beat_and_ends_with_0(active):
    active.agent.ask_to_stop()
    active.agent.ask_to_stop()
    assert active.agent.is_stopping
    active.pass_time(17)
    assert active.agent.exit_status == 0
    assert active.kind.asked == ["start", "stop"]
    assert active.aws.beats[-1]["services"] == {"db": "OUT_OF_SERVICE"}
    assert not (active.directory / "lease.json").exists()


# B4 B18: a planned reboot is to cost no more than a switchover
def test_who_is_asked_to_end_reads_on_until_its_lease_was_taken_away_and_says_so_before_it_is_gone(active):
    active.agent.ask_to_stop()
    active.pass_time(3)
    assert active.agent.exit_status is None
    assert active.aws.beats[-1]["services"] == {"db": "OUT_OF_SERVICE"}
    active.grant(OTHER, epoch=2)
    active.pass_time(5)
    assert active.agent.exit_status == 0
    assert (active.aws.beats[-1]["services"], active.aws.beats[-1]["read_epoch"]) == ({"db": "OUT_OF_SERVICE"}, 2)


def test_when_nobody_takes_over_an_agent_that_is_asked_to_end_is_gone_when_its_lease_would_have_been(active):
    active.agent.ask_to_stop()
    active.pass_time(11)
    assert active.agent.exit_status is None
    active.pass_time(5)
    assert active.agent.exit_status == 0


def test_who_does_not_hold_the_lease_ends_with_its_last_beat(standby):
    standby.agent.ask_to_stop()
    standby.pass_time(2)
    assert standby.agent.exit_status == 0


def test_the_lease_goes_on_while_a_service_takes_its_time_to_stop(active):
    active.kind.hangs.add("stop")
    active.agent.ask_to_stop()
    active.pass_time(25)
    assert active.kind.asked == ["start", "stop"]
    active.pass_time(22)
    assert active.kind.asked == ["start", "stop", "kill"]
    assert active.agent.exit_status == 0


def test_sigterm_leaves_the_services_of_an_unplaced_cluster_alone(tmp_path):
    world = World(tmp_path, item(epoch=0), running=True)
    world.pass_time(3)
    world.agent.ask_to_stop()
    world.pass_time(5)
    assert world.agent.exit_status == 0
    assert world.kind.asked == []


def test_a_last_beat_that_hangs_does_not_keep_the_agent(active):
    active.beat_caller.hangs = True
    active.agent.ask_to_stop()
    active.pass_time(17)
    assert active.agent.exit_status == 0


def test_an_agent_whose_services_cannot_be_stopped_ends_with_1(active):
    active.kind.survives.update(("stop", "kill"))
    active.agent.ask_to_stop()
    active.pass_time(60)
    assert active.agent.exit_status == 1
    assert (active.directory / "lease.json").exists()


def test_a_status_file_that_cannot_be_written_disturbs_nothing(active):
    (active.directory / "status.json").unlink()
    (active.directory / "status.json").mkdir()
    active.pass_time(20)
    assert active.log.events("status_file_not_written")
    assert active.kind.asked == ["start"]


def test_the_loop_rests_until_something_is_due_and_never_longer_than_200_ms(active):
    assert 10 <= active.agent.pause_ms(active.clock.now_ms) <= 200
    active.beat_caller.hangs = active.read_caller.hangs = True
    active.pass_time(5)
    assert active.agent.pause_ms(active.clock.now_ms) == 200
    active.kind.hangs.add("stop")
    active.agent.ask_to_stop()
    active.pass_time(0.1)
    assert active.agent.pause_ms(active.clock.now_ms) == 50


def test_new_terms_take_effect_without_a_restart(active):
    active.aws.item["terms"] = terms(heartbeat_interval_s=1)
    active.pass_time(5)
    beats = len(active.aws.beats)
    active.pass_time(10)
    assert len(active.aws.beats) - beats == 10


HOSTS = ["a:1", "b:1", "c:1"]


def with_hosts(world: World, *reached: str) -> World:
    """The cluster names three quorum hosts, of which these are reached."""
    assert world.aws.item is not None
    world.aws.item["quorum"] = {"hosts": HOSTS, "timeout_s": 2}
    world.reached = set(reached)
    return world


def test_a_beat_says_what_is_reached_of_the_quorum_hosts(active):  # S12
    assert "quorum" not in active.aws.beats[-1]
    with_hosts(active, "a:1", "b:1").pass_time(10)
    assert active.aws.beats[-1]["quorum"] == {"reached": 2, "total": 3}
    assert active.status()["quorum"] == {"reached": 2, "total": 3}


def test_the_first_beat_waits_for_the_first_round_of_probes_but_not_for_longer(tmp_path):  # S12
    world = with_hosts(World(tmp_path, item(epoch=1, active=OTHER, mine=node(boot=""))), *HOSTS)
    world.pass_time(1)
    assert world.aws.beats[0]["quorum"] == {"reached": 3, "total": 3}
    hanging = with_hosts(World(tmp_path, item(epoch=1, active=OTHER, mine=node(boot=""))), *HOSTS)
    hanging.hosts_hang = True
    hanging.start_agent()
    hanging.pass_time(2)
    assert hanging.aws.beats == []
    hanging.pass_time(1)
    assert hanging.aws.beats[0]["quorum"] == {"reached": 0, "total": 3}


def test_an_active_node_that_has_lost_the_majority_for_a_lease_stops_in_order_and_beats_on(active):  # S12 B4
    with_hosts(active, *HOSTS).pass_time(10)
    active.reached = {"a:1"}
    active.pass_time(10)
    assert active.service_says() == "IN_SERVICE"  # for shorter than the lease: one lost round costs nothing
    active.pass_time(10)
    assert active.kind.asked[-1] == "stop"
    assert "kill" not in active.kind.asked
    last = active.aws.beats[-1]
    assert (last["services"], last["quorum"]) == ({"db": "OUT_OF_SERVICE"}, {"reached": 1, "total": 3})
    beats = len(active.aws.beats)
    active.pass_time(40)
    assert len(active.aws.beats) - beats == 10
    assert any("reaches no majority of the quorum hosts" in why for why in active.log.events("order"))


def test_without_quorum_hosts_the_same_node_goes_on_serving(active):  # S12
    active.pass_time(60)
    assert active.service_says() == "IN_SERVICE"


def test_a_node_that_has_its_majority_back_and_still_holds_the_lease_serves_again(active):  # S12
    with_hosts(active).pass_time(40)
    assert active.service_says() == "OUT_OF_SERVICE"
    with_hosts(active, "a:1", "c:1").pass_time(10)
    assert active.service_says() == "IN_SERVICE"


def test_a_node_without_a_majority_begins_nothing_under_a_lease_that_it_is_granted(standby):  # S12
    with_hosts(standby, "a:1").pass_time(6)
    standby.grant(ME, epoch=2)
    standby.pass_time(30)
    assert "start" not in standby.kind.asked
    assert standby.aws.beats[-1]["read_epoch"] == 2
    assert standby.aws.beats[-1]["services"] == {"db": "OUT_OF_SERVICE"}
    with_hosts(standby, "a:1", "b:1").pass_time(10)
    assert standby.service_says() == "IN_SERVICE"


@pytest.mark.parametrize(("reached", "order"), [((), "KEEP"), (HOSTS, "SERVE")])
def test_a_restarted_agent_starts_nothing_before_a_majority_was_reached_in_this_boot(tmp_path, reached, order):  # S12
    world = with_hosts(World(tmp_path, item(epoch=1, active=ME, mine=node(boot=""))), *reached)
    world.pass_time(6)
    world.hosts_hang = True
    world.kind.hangs.add("look")
    world.start_agent()
    world.pass_time(1)
    assert world.status()["order"] == order


def test_a_restarted_agent_disturbs_no_service_while_it_does_not_know_what_it_reaches(active):  # S12
    with_hosts(active, *HOSTS).pass_time(10)
    active.hosts_hang = True
    stops = active.kind.asked.count("stop")
    active.start_agent()
    active.pass_time(8)
    assert active.kind.asked.count("stop") == stops
    assert active.service_says() == "IN_SERVICE"


def test_hosts_that_are_malformed_are_told_of_once_and_cost_no_lease(active):  # S12 B3
    with_hosts(active, *HOSTS).pass_time(10)
    assert active.aws.item is not None
    active.aws.item["quorum"] = {"hosts": "everywhere"}
    active.pass_time(60)
    assert active.service_says() == "IN_SERVICE"
    assert active.aws.beats[-1]["quorum"] == {"reached": 3, "total": 3}
    assert len(active.log.events("quorum_malformed")) == 1


def test_a_witness_beats_and_has_nothing_to_serve(tmp_path):  # S12
    world = World(tmp_path, item(epoch=1, active=OTHER, mine=node(boot="")), services=False)
    world.pass_time(20)
    assert world.aws.beats[-1]["services"] == {}
    assert world.aws.beats[-1]["keeps_lease"] is True
    assert len(world.aws.beats) >= 5
    world.agent.ask_to_stop()
    world.pass_time(5)
    assert world.agent.exit_status == 0


# B4
def test_a_service_that_ran_before_anything_was_read_of_it_is_under_no_lease_until_the_grant_is_read(tmp_path):
    """Found by the simulation: were this agent to die now, nobody would stop the service at the end of a lease."""
    world = World(tmp_path, item(epoch=0, mine=node(boot="")), running=True)
    world.pass_time(5)
    assert world.aws.beats[-1]["services"] == {"db": "IN_SERVICE"}
    assert world.aws.beats[-1]["keeps_lease"] is False
    assert not (tmp_path / "lease.json").exists()
    world.grant(ME, 1)
    world.pass_time(5)
    assert world.aws.beats[-1]["keeps_lease"] is True
    assert (tmp_path / "lease.json").exists()


# B4
def test_an_agent_that_is_restarted_under_a_lease_keeps_it_before_it_has_read_anything(active):
    active.aws.item["nodes"] = "out of reach"  # the reads fail, and the beats go out
    active.start_agent()
    active.pass_time(4)
    assert active.aws.beats[-1]["services"] == {"db": "IN_SERVICE"}
    assert (active.aws.beats[-1]["read_epoch"], active.aws.beats[-1]["keeps_lease"]) == (0, True)


def test_a_node_that_has_promised_waits_the_promise_out_before_it_starts_what_it_was_granted(standby):  # B11
    until_ms = standby.clock.now_ms + 8_000
    PromiseFile(standby.directory / "promises.json", BOOT).save(Memory(bound_until_ms=until_ms))
    standby.start_agent()
    standby.grant(ME, epoch=2)
    standby.pass_time(7.5)
    assert (standby.status()["order"], standby.service_says()) == ("WAIT", "OUT_OF_SERVICE")
    assert (standby.aws.beats[-1]["services"], standby.aws.beats[-1]["waits"]) == ({"db": "OUT_OF_SERVICE"}, True)
    assert standby.kind.asked == []
    assert any("starts when its promise is over" in why for why in standby.log.events("order"))
    standby.pass_time(2)
    assert standby.service_says() == "IN_SERVICE"
    assert "waits" not in standby.aws.beats[-1]


def test_a_holder_that_does_not_know_what_it_has_promised_starts_nothing_and_leaves_alone_what_runs(active):  # B11
    (active.directory / "promises.json").write_text("nonsense")
    active.aws.item["terms"] = terms(promise_s=12)
    active.start_agent()
    active.pass_time(10)
    assert (active.status()["order"], active.service_says()) == ("WAIT", "IN_SERVICE")
    active.pass_time(10)
    assert (active.status()["order"], active.service_says()) == ("SERVE", "IN_SERVICE")
    assert active.kind.asked == ["start"]


def test_an_agent_that_is_asked_to_end_while_it_waits_a_promise_out_ends(standby):  # B11
    PromiseFile(standby.directory / "promises.json", BOOT).save(Memory(bound_until_ms=standby.clock.now_ms + 60_000))
    standby.start_agent()
    standby.grant(ME, epoch=2)
    standby.pass_time(5)
    standby.agent.ask_to_stop()
    standby.pass_time(17)
    assert standby.agent.exit_status == 0
    assert standby.kind.asked == []


# B18: who keeps the lease when an agent cannot tells an agent that hangs from one that has done its work
def test_when_all_is_down_at_the_end_of_a_lease_its_file_is_gone(active):
    active.aws.error = TimeoutError("away")
    active.pass_time(5)
    assert (active.directory / "lease.json").exists()
    active.pass_time(8)
    assert active.kind.asked == ["start", "kill"]
    assert not (active.directory / "lease.json").exists()


def test_while_anything_is_left_its_file_stays(active):
    active.kind.survives.add("kill")
    active.aws.error = TimeoutError("away")
    active.pass_time(20)
    assert (active.directory / "lease.json").exists()


# B11 B18
def test_a_renewal_that_cannot_be_written_down_is_none(active, monkeypatch):
    def full(*_args, **_more):
        raise OSError("no space")

    monkeypatch.setattr(active.agent._lease_file, "save", full)
    active.pass_time(15)
    assert active.kind.asked == ["start", "kill"]


def test_nothing_is_started_while_nobody_would_keep_the_lease_of_a_dead_agent(standby):
    standby.guard.is_there = False
    standby.grant(ME, epoch=2)
    standby.pass_time(5)
    assert standby.kind.asked == []
    standby.guard.is_there = True
    standby.pass_time(2)
    assert standby.kind.asked == ["start"]


def test_what_runs_goes_on_without_that(active):
    active.guard.is_there = False
    active.pass_time(60)
    assert active.kind.asked == ["start"]
    assert active.service_says() == "IN_SERVICE"


def test_a_beat_gives_the_fingerprint_of_the_configuration_where_there_is_one(standby):  # B20
    standby.pass_time(5)
    assert "config" not in standby.aws.beats[-1]
    standby.config = "0a1b2c"
    standby.start_agent()
    standby.pass_time(5)
    assert standby.aws.beats[-1]["config"] == "0a1b2c"


def test_a_standby_that_could_keep_no_lease_says_so_before_it_is_chosen(standby):
    standby.guard.why_unfit = "/run/understudy/orders-db cannot be written: No space left on device"
    standby.pass_time(2)
    assert standby.aws.beats[-1]["unfit"] == standby.guard.why_unfit
    assert standby.log.events("cannot_take_over") == [standby.guard.why_unfit]
    standby.guard.why_unfit = ""
    standby.pass_time(2)
    assert "unfit" not in standby.aws.beats[-1]


def test_who_holds_the_lease_is_not_called_unfit(active):
    active.guard.why_unfit = "/run/understudy/orders-db cannot be written: No space left on device"
    active.pass_time(5)
    assert "unfit" not in active.aws.beats[-1]


# B18
def test_an_agent_ends_well_where_a_service_that_was_never_seen_here_does_not_tell(standby):
    standby.kind.look_answers = Outcome.UNKNOWN
    standby.start_agent()
    standby.pass_time(3)
    standby.agent.ask_to_stop()
    standby.pass_time(6)
    assert standby.agent.exit_status == 0
    assert standby.aws.beats[-1]["services"] != {"db": "OUT_OF_SERVICE"}


def test_a_standby_whose_service_could_not_be_started_says_so_before_it_is_chosen(standby):  # B18
    standby.kind.look_answers = Outcome.UNFIT
    standby.pass_time(2)
    assert standby.aws.beats[-1]["services"] == {"db": "OUT_OF_SERVICE"}
    assert standby.aws.beats[-1]["unfit"] == "it cannot be started here"
