# B18 S9: what the agent writes into systemd
from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.agent.fake_systemd import FakeControlGroups, FakeSystemctl
from tests.unit.agent.fakes import FakeCaller, FakeLog
from tests.unit.agent.waiting import wait_for
from understudy_agent.dropins import RETRY_EVERY_MS, DropIns
from understudy_agent.exchange import Exchange
from understudy_agent.scopes import SystemPaths
from understudy_agent.tasks import Outcome
from understudy_agent.units import Unit

FILE = "zz-understudy-orders-db.conf"


class Node:
    """A node with one service, its systemd and its directory for drop-ins."""

    def __init__(self, directory: Path, shows: str, unit: str) -> None:
        self.systemctl = FakeSystemctl(directory)
        self.systemctl.shows(shows)
        self.etc = directory / "etc"
        self.gate = directory / "run" / "may-run" / "db"
        self.groups = FakeControlGroups(directory / "cgroup")
        self.unit = Unit(unit, self.systemctl.path, gate=self.gate, root=self.groups.root)
        self.log = FakeLog()
        self.caller = FakeCaller()
        self.drop_ins = self.restarted_agent()

    def restarted_agent(self, units: dict[str, Unit] | None = None, own: str = "understudy-agent.service") -> DropIns:
        exchange = Exchange("drop_ins", self.caller, self.log)
        of = {"db": self.unit} if units is None else units
        system = SystemPaths(systemctl=self.systemctl.path, units=self.etc)
        return DropIns(of, "orders-db", own, exchange, self.log, system)

    def look(self) -> Outcome:
        return wait_for(self.unit.look().poll)

    def tick(self, now_ms: int = 0, *, is_placed: bool = True) -> None:
        for _ in range(2):
            self.drop_ins.tick(now_ms, is_placed=is_placed)

    def files(self) -> list[str]:
        return sorted(str(path.relative_to(self.etc)) for path in self.etc.rglob("*") if path.is_file())

    def text(self, unit: str) -> str:
        return (self.etc / f"{unit}.d" / FILE).read_text()

    def reloads(self) -> int:
        return self.systemctl.asked().count("daemon-reload")


@pytest.fixture
def postgresql(tmp_path) -> Node:
    return Node(tmp_path, "postgresql_down", "postgresql.service")


@pytest.fixture
def plain(tmp_path) -> Node:
    return Node(tmp_path, "serves", "plain.service")


def test_a_managed_unit_and_what_it_stands_for_get_a_drop_in_and_systemd_reads_it(postgresql):
    postgresql.look()
    postgresql.tick()
    assert postgresql.files() == [f"postgresql.service.d/{FILE}", f"postgresql@15-main.service.d/{FILE}"]
    lines = postgresql.text("postgresql@15-main.service").splitlines()
    settings = [line for line in lines if line and not line.startswith("#")]
    assert settings == [
        "[Unit]",
        "Before=understudy-agent.service",
        f"AssertPathExists={postgresql.gate}",
        "[Service]",
        "Restart=no",
    ]
    assert postgresql.reloads() == 1
    assert len(postgresql.log.events("drop_ins")) == 1


def test_nothing_is_written_before_the_units_were_looked_at_and_before_the_cluster_was_placed(plain):
    plain.tick()
    assert not plain.etc.exists()
    plain.look()
    plain.tick(is_placed=False)
    assert not plain.etc.exists()
    assert plain.reloads() == 0
    plain.tick(is_placed=True)
    assert plain.files() == [f"plain.service.d/{FILE}"]


def test_a_cluster_that_is_placed_no_more_leaves_its_units_to_their_operator(plain):
    plain.look()
    plain.tick()
    plain.tick(is_placed=False)
    assert plain.files() == []
    assert not (plain.etc / "plain.service.d").exists()
    assert plain.reloads() == 2


def test_what_stands_there_already_and_is_in_effect_is_not_written_again(plain):
    plain.look()
    plain.tick()
    plain.drop_ins = plain.restarted_agent()
    plain.systemctl.shows("serves", DropInPaths=str(plain.etc / "plain.service.d" / FILE))
    plain.look()
    plain.tick()
    assert plain.reloads() == 1


def test_a_drop_in_that_systemd_has_not_read_is_read_by_it(plain):
    """An agent that died between the two would leave it so."""
    plain.look()
    plain.tick()
    plain.drop_ins = plain.restarted_agent()
    plain.tick()
    assert plain.reloads() == 2


def test_a_drop_in_goes_with_the_last_configuration_that_named_its_unit(plain):
    plain.look()
    plain.tick()
    by_hand = plain.etc / "plain.service.d" / "10-by-hand.conf"
    by_hand.write_text("[Service]\nNice=5\n")
    plain.drop_ins = plain.restarted_agent(units={})
    plain.tick()
    assert plain.files() == ["plain.service.d/10-by-hand.conf"]


def test_a_member_that_is_not_there_at_the_moment_keeps_its_drop_in(postgresql):
    postgresql.look()
    postgresql.tick()
    postgresql.systemctl.shows("postgresql_down", of="postgresql.service", ConsistsOf="")
    postgresql.drop_ins = postgresql.restarted_agent()
    postgresql.look()
    postgresql.tick()
    assert f"postgresql@15-main.service.d/{FILE}" in postgresql.files()


def test_the_drop_in_of_a_cluster_by_another_name_does_not_keep_a_unit_from_starting(plain):
    other = plain.etc / "plain.service.d" / "zz-understudy-old-name.conf"
    other.parent.mkdir(parents=True)
    other.write_text("[Unit]\nAssertPathExists=/run/understudy/old-name/may-run/db\n")
    plain.look()
    plain.tick()
    assert plain.files() == [f"plain.service.d/{FILE}"]


@pytest.mark.parametrize("other", ["understudy-agent.service", "multi-user.target", "cloud-final.service"])
def test_a_unit_that_follows_the_agent_is_not_ordered_before_it(plain, other):
    plain.systemctl.shows("serves", After=f"basic.target {other}")
    plain.look()
    plain.tick()
    assert "Before=" not in plain.text("plain.service")


def test_an_agent_that_is_no_unit_itself_orders_nothing(plain):
    plain.drop_ins = plain.restarted_agent(own="")
    plain.look()
    plain.tick()
    assert "Before=" not in plain.text("plain.service")


def test_a_unit_made_for_a_connection_gets_no_drop_in_and_its_socket_no_restart_setting(tmp_path):
    node = Node(tmp_path, "socket_accepts", "acc.socket")
    node.look()
    node.tick()
    assert node.files() == [f"acc.socket.d/{FILE}"]
    assert "Restart" not in node.text("acc.socket")


def test_a_file_that_cannot_be_written_is_told_and_tried_again(plain):
    plain.look()
    plain.etc.write_text("no directory")
    plain.tick()
    assert plain.log.events("drop_ins_failed")
    plain.etc.unlink()
    plain.tick(RETRY_EVERY_MS - 1)
    assert plain.reloads() == 0
    plain.tick(RETRY_EVERY_MS)
    assert plain.files() == [f"plain.service.d/{FILE}"]


def test_systemd_is_asked_again_to_read_what_it_failed_to_read(plain):
    plain.look()
    real = plain.systemctl.path
    plain.drop_ins._systemctl = "/no/such/systemctl"
    plain.tick()
    assert plain.log.events("drop_ins_failed")
    plain.drop_ins._systemctl = real
    plain.tick(RETRY_EVERY_MS)
    assert plain.reloads() == 1


def test_a_directory_that_hangs_delays_no_tick(plain):
    plain.look()
    plain.caller.hangs = True
    plain.tick()
    plain.tick(1_000_000)
    assert plain.files() == []


# --- the gate -------------------------------------------------------------------------------------


def test_the_gate_is_open_from_a_start_until_the_unit_is_to_stop(plain):
    wait_for(plain.unit.start().poll)
    assert plain.gate.exists()
    plain.look()
    assert plain.gate.exists()
    stop = plain.unit.stop()
    assert not plain.gate.exists()
    wait_for(stop.poll)
    plain.look()  # it serves still
    assert not plain.gate.exists()


def test_the_gate_of_a_unit_that_ended_by_itself_is_closed(plain):
    wait_for(plain.unit.start().poll)
    plain.systemctl.shows("serves", ActiveState="failed")
    plain.look()
    assert not plain.gate.exists()


def test_the_gate_of_a_unit_that_was_adopted_is_open(plain):
    assert plain.look() is Outcome.SERVING
    assert plain.gate.exists()
    plain.unit.kill()
    assert not plain.gate.exists()


def test_a_start_that_cannot_open_the_gate_has_failed_and_says_why(plain):
    plain.gate.parent.parent.write_text("no directory")
    start = plain.unit.start()
    assert start.poll() is Outcome.FAILED
    assert "refuse" in start.why
    assert plain.systemctl.asked() == []
    assert plain.look() is Outcome.SERVING
    plain.unit.stop().abort()


def test_a_unit_that_starts_at_boot_is_told_once_by_an_agent_that_runs(tmp_path):
    node = Node(tmp_path, "enabled", "atboot.service")
    node.look()
    node.tick(is_placed=False)
    fault = "multi-user.target starts atboot.service at boot: systemctl disable atboot.service"
    assert node.log.events("starts_at_boot") == [fault]
    node.systemctl.shows("enabled", UnitFileState="disabled", WantedBy="")
    node.look()
    node.tick(is_placed=False)
    node.systemctl.shows("enabled")
    node.look()
    node.tick(is_placed=False)
    assert node.log.events("starts_at_boot") == [fault, fault]
