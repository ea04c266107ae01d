# B4 B11 S9: what ran under the lease that a restarted agent finds, and is not in its file any more
from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.agent.fakes import FakeKind, FakeLog, KeptByNewest
from tests.unit.agent.test_expire import Node as Left
from understudy_agent import config, former
from understudy_agent.config import BadConfigError
from understudy_agent.expire import Expiry
from understudy_agent.expire import Left as LeftBehind
from understudy_agent.former import Former
from understudy_agent.guardian import Guardian, Handover
from understudy_agent.lease import LeaseAnswer, LeaseView, Order
from understudy_agent.model import ServiceSettings
from understudy_agent.plan import PlanFile
from understudy_agent.remains import Remains, RemainsFile
from understudy_agent.services import Services
from understudy_agent.tries import Tries
from understudy_agent.units import Unit
from understudy_agent.view import TermsView

AGENT = "[agent]\ncluster = orders\ntable = t\nbus = b\n\n"
DATA = "[service data]\nkind = unit\nunit = data.service\n\n"
DB = "[service db]\nkind = unit\nunit = db-14.service\ndepends_on = data\nstop_limit_s = 7\n\n"


# --- what is kept of the plan before ---------------------------------------------------------------


def plan_of(before: str, now: str) -> str:
    """What is written down by an agent that is restarted with another file."""
    sections = former.sections(before, now)
    return former.text_with(now, sections, sections)


def test_a_service_that_the_file_names_no_more_is_kept_as_it_was():
    (kept,) = config.parse(plan_of(AGENT + DATA + DB, AGENT + DATA), is_plan=True).former
    assert isinstance(kept.kind, Unit)
    assert (kept.name, kept.kind.unit, kept.spec.stop_limit_s, kept.spec.depends_on) == (
        "db",
        "db-14.service",
        7,
        ("data",),
    )


def test_two_of_them_are_stopped_in_the_order_of_before():
    kept = config.parse(plan_of(AGENT + DATA + DB, AGENT + DB.replace("db", "x").replace("= data", "=")), is_plan=True)
    assert {each.spec.name: each.spec.depends_on for each in kept.former} == {
        "former data": (),
        "former db": ("former data",),
    }


def test_a_service_of_the_same_name_that_is_another_one_by_now_is_kept_too():
    changed = DB.replace("db-14", "db-15")
    kept = config.parse(plan_of(AGENT + DATA + DB, AGENT + DATA + changed), is_plan=True)
    assert [each.kind.unit for each in kept.former if isinstance(each.kind, Unit)] == ["db-14.service"]
    assert former.sections(AGENT + DATA + DB, AGENT + DATA + DB.replace("= 7", "= 9")) == {}


def test_what_was_kept_already_is_kept_by_the_next_agent_too():
    once = plan_of(AGENT + DATA + DB, AGENT + DATA + DB.replace("db-14", "db-15"))
    twice = config.parse(plan_of(once, AGENT + DATA + DB.replace("db-14", "db-16")), is_plan=True)
    units = {each.spec.name: each.kind.unit for each in twice.former if isinstance(each.kind, Unit)}
    assert units == {"former db": "db-15.service", "former db 2": "db-14.service"}


def test_values_of_several_lines_are_kept_as_they_are():
    before = AGENT + DATA + "[service db]\nkind = unit\nunit = db.service\ndepends_on = data,\n  data\n"
    assert config.parse(plan_of(before, AGENT + DATA), is_plan=True).former[0].spec.depends_on == ("data", "data")


def test_nobody_but_an_agent_writes_such_a_section():
    with pytest.raises(BadConfigError, match=r"\[former db\] is unknown"):
        config.parse(plan_of(AGENT + DATA + DB, AGENT + DATA))


@pytest.mark.parametrize("content", ["no section at all", b"\xff"])
def test_a_plan_that_makes_no_sense_keeps_nothing_and_is_told_of(tmp_path: Path, content: object) -> None:
    log, path = FakeLog(), tmp_path / "plan.ini"
    assert PlanFile(path, log).left_of_before(AGENT) == {}
    assert log.told == []
    path.write_bytes(content if isinstance(content, bytes) else str(content).encode())
    assert PlanFile(path, log).left_of_before(AGENT) == {}
    assert log.events("plan_not_read")


def test_the_plan_names_them_as_long_as_the_agent_has_them(tmp_path: Path) -> None:
    log = FakeLog()
    guardian = Guardian(
        KeptByNewest(plan := PlanFile(tmp_path / "plan.ini", log)),
        lambda _: pytest.fail("it is there"),
        Handover(
            plan,
            RemainsFile(tmp_path / "remains.json", log),
            AGENT + DATA,
            former.sections(AGENT + DATA + DB, AGENT + DATA),
        ),
        log,
    )
    guardian.tick(0, {"data": Remains(), "former db": Remains()}, TermsView())
    assert "[former db]\nkind = unit\n" in (tmp_path / "plan.ini").read_text()
    guardian.tick(5_000, {"data": Remains()}, TermsView())
    assert "former" not in (tmp_path / "plan.ini").read_text()


# --- what becomes of it ----------------------------------------------------------------------------


class Node:
    """It runs "db" still, which is not its own any more, under a lease that binds it. `named`: in its file."""

    def __init__(self, *named: str) -> None:
        self.old = FakeKind(running=True)
        self.kinds = {name: FakeKind() for name in named}
        self.unstoppable: list[str] = []
        gone = Former("db", self.old, ServiceSettings("former db", stop_limit_s=5))
        specs = [ServiceSettings(name) for name in named]
        self.services = Services(self.kinds, specs, self.unstoppable.append, former=[gone])
        self.services.bind(["db"])
        self.now_ms = 0

    def pass_time(self, order: Order, seconds: float = 2) -> None:
        for _ in range(int(seconds * 10)):
            self.now_ms += 100
            self.services.tick(order, 1, self.now_ms, 1.0)


def test_it_is_stopped_in_its_own_way_where_the_order_is_to_stop():
    node = Node("data")
    node.pass_time(Order.STOP)
    assert (node.old.asked, node.services.all_down, node.services.unknown) == (["stop"], True, ())


def test_it_is_killed_at_the_end_of_the_lease_and_the_node_stays_up():
    node = Node("data")
    node.pass_time(Order.KILL)
    assert (node.old.asked, node.services.all_down, node.unstoppable) == (["kill"], True, [])


def test_the_node_is_taken_down_for_it_when_that_does_not_help():
    node = Node("data")
    node.old.survives.add("kill")
    node.pass_time(Order.KILL)
    assert (node.services.all_down, node.unstoppable) == (False, ["former db"])


def test_it_is_never_started_and_no_beat_names_it():
    node = Node("data")
    node.old.running = False
    node.pass_time(Order.SERVE)
    assert (node.old.asked, node.services.states(), node.services.names) == ([], {"data": "IN_SERVICE"}, ("data",))


def test_under_a_lease_that_does_not_bind_it_any_more_it_is_left_alone():
    node = Node("data")
    node.pass_time(Order.SERVE)
    assert not node.services.all_down
    assert node.services.former == ("db",)
    node.services.bind(["data"])
    node.pass_time(Order.STOP)
    assert (node.old.running, node.services.former, node.services.all_down) == (True, (), True)


def test_what_bound_it_may_not_be_known_and_then_it_is_let_go_when_it_is_down():
    node = Node("data")
    node.services.bind([])
    assert node.services.former == ("db",)
    node.pass_time(Order.STOP)
    assert (node.old.asked, node.services.former) == (["stop"], ())


def test_without_a_lease_nothing_binds_it():
    node = Node("data")
    node.services.forget_former()
    node.pass_time(Order.STOP)
    assert node.old.running


def test_it_is_down_before_another_one_of_its_name_is_started():
    node = Node("db")
    node.old.hangs.add("stop")
    node.pass_time(Order.SERVE, 4)
    assert (node.old.asked, node.kinds["db"].asked, node.services.states()) == (["stop"], [], {"db": "STARTING"})
    node.pass_time(Order.SERVE, 4)
    assert (node.old.asked, node.kinds["db"].asked) == (["stop", "kill"], ["start"])
    assert (node.services.states(), node.services.former) == ({"db": "IN_SERVICE"}, ())


@pytest.mark.parametrize("order", [Order.STOP, Order.LEAVE_ALONE, Order.KEEP])
def test_its_name_is_not_called_out_of_service_while_it_is_left(order: Order) -> None:
    node = Node("db")
    node.old.hangs.add("stop")
    node.pass_time(order)
    assert node.services.states()["db"] in ("STOPPING", "IN_SERVICE")


@pytest.mark.parametrize("named", [(), ("data",)])
def test_a_beat_names_it_until_it_is_down_so_that_nobody_else_is_started(named):  # B4
    node = Node(*named)
    node.old.hangs.add("stop")
    node.pass_time(Order.STOP)
    assert node.services.states()["db"] in ("STOPPING", "IN_SERVICE")
    node.pass_time(Order.KILL, 5)
    assert not node.old.running
    assert list(node.services.states()) == list(named)


# --- and when the agent is gone --------------------------------------------------------------------


def keeper(left: Left, old: FakeKind) -> Expiry:
    gone = Former("db", old, ServiceSettings("former db"))

    def services() -> Services:
        kinds, specs = {"data": left.kind}, [ServiceSettings("data")]
        return Services(kinds, specs, lambda name: made.cannot_be_stopped(name), former=[gone])

    left.lease_file.save(LeaseView(LeaseAnswer.MINE, 7, 112_000, TermsView(lease_s=20), services=("data", "db")))
    files = (left.lease_file, left.placed_file, left.lock)
    behind = LeftBehind(*files, services, 0, lambda _now_ms: left.tries, left.take_down)
    made = Expiry(behind, left.resort, lambda: False, left.log)
    return made


def test_the_last_line_of_defence_kills_it_with_the_rest(tmp_path: Path) -> None:  # B18
    left, old = Left(tmp_path), FakeKind(running=True)
    assert left.keep(113_000, keeper(left, old)) == 0
    assert (old.asked, left.kind.asked, left.taken_down) == (["kill"], ["kill"], [])
    assert left.log.events("service_unknown") == []


def test_that_no_agent_remembers_to_have_seen_it_run_saves_no_node_on_which_it_cannot_be_ended(tmp_path: Path) -> None:
    left, old = Left(tmp_path), FakeKind(running=True)
    old.survives.add("kill")
    left.kind.survives.add("kill")
    left.tries = Tries(may_run=frozenset())
    left.keep(120_000, keeper(left, old))
    assert [name for name, _at_ms in left.taken_down] == ["former db"]
