# B18 S9: what the agent believes of a systemd unit, by what a real systemd has shown
from __future__ import annotations

import pytest

from tests.unit.agent.fake_systemd import FakeControlGroups, FakeSystemctl
from tests.unit.agent.waiting import wait_for
from understudy_agent.lease import Order
from understudy_agent.model import ServiceSettings
from understudy_agent.remains import Remains
from understudy_agent.services import Services
from understudy_agent.tasks import Outcome, Task
from understudy_agent.units import Unit

SERVER = "/system.slice/system-postgresql.slice/postgresql@15-main.service"
AT_ONCE = "--job-mode=ignore-dependencies"


@pytest.fixture
def systemctl(tmp_path) -> FakeSystemctl:
    return FakeSystemctl(tmp_path)


@pytest.fixture
def groups(tmp_path) -> FakeControlGroups:
    return FakeControlGroups(tmp_path / "cgroup")


@pytest.fixture
def unit(systemctl, groups):
    def make(name: str, *, has_probe: bool = False) -> Unit:
        return Unit(name, systemctl.path, has_probe=has_probe, root=groups.root)

    return make


def outcome_of(task: Task) -> Outcome:
    return wait_for(task.poll)


def look(unit: Unit) -> tuple[Outcome, str]:
    task = unit.look()
    return outcome_of(task), task.why


# --- an umbrella: Debian's postgresql.service -----------------------------------------------------


def test_the_packaged_postgresql_of_debian_serves_while_its_server_runs(unit, systemctl):
    systemctl.shows("postgresql_serves")
    assert look(unit("postgresql.service"))[0] is Outcome.SERVING


def test_an_umbrella_whose_server_was_killed_does_not_serve_although_it_is_active(unit, systemctl):
    systemctl.shows("postgresql_server_killed")
    outcome, why = look(unit("postgresql.service"))
    assert outcome is Outcome.RUNNING
    assert why == "postgresql@15-main.service is failed (failed, exit-code)"


def test_an_umbrella_is_not_down_while_its_server_is_still_stopping(unit, systemctl, groups):
    systemctl.shows("postgresql_stops")
    groups.put(SERVER, 17)
    outcome, why = look(unit("postgresql.service"))
    assert outcome is Outcome.CHANGING
    assert "postgresql@15-main.service is deactivating" in why


def test_an_umbrella_is_down_when_its_server_is(unit, systemctl, groups):
    systemctl.shows("postgresql_down")
    assert look(unit("postgresql.service"))[0] is Outcome.DOWN
    groups.put(SERVER, 17)
    assert look(unit("postgresql.service")) == (
        Outcome.RUNNING,
        "processes of postgresql@15-main.service are left",
    )


def test_a_server_that_lost_its_tie_to_the_umbrella_belongs_to_it_until_it_has_stopped(unit, systemctl):
    systemctl.shows("postgresql_serves")
    postgresql = unit("postgresql.service")
    look(postgresql)
    systemctl.shows("postgresql_stops", ConsistsOf="")
    assert look(postgresql)[0] is Outcome.CHANGING


def test_what_is_left_of_an_umbrella_is_found_in_the_control_groups_of_its_servers(unit, systemctl):
    postgresql = unit("postgresql.service")
    assert postgresql.remains() == Remains(("/system.slice/postgresql.service",))
    systemctl.shows("postgresql_serves")
    look(postgresql)
    assert SERVER in postgresql.remains().control_groups


def test_an_umbrella_and_its_servers_are_stopped_in_the_reverse_of_their_start_order(unit, systemctl):
    systemctl.shows("postgresql_serves")
    assert outcome_of(unit("postgresql.service").stop()) is Outcome.DONE
    assert systemctl.asked() == [
        f"stop {AT_ONCE} -- postgresql.service",
        f"stop {AT_ONCE} -- postgresql@15-main.service",
    ]


def test_an_umbrella_is_killed_with_its_servers(unit, systemctl, groups):
    systemctl.shows("postgresql_serves")
    groups.put(SERVER, 0)
    assert outcome_of(unit("postgresql.service").kill()) is Outcome.DONE
    assert systemctl.asked() == [
        f"stop --no-block {AT_ONCE} -- postgresql.service postgresql@15-main.service",
        "kill -s KILL -- postgresql@15-main.service",
    ]


# --- units that are active without a process ------------------------------------------------------


def test_a_unit_that_is_active_without_a_process_and_stands_for_nothing_cannot_be_told(unit, systemctl):
    systemctl.shows("lone_active")
    outcome, why = look(unit("lone.service"))
    assert outcome is Outcome.UNKNOWN
    assert "only a probe can tell" in why
    assert look(unit("lone.service", has_probe=True))[0] is Outcome.SERVING


def test_a_unit_that_remains_active_serves_only_while_a_process_of_it_is_there(unit, systemctl, groups):
    systemctl.shows("wrapper_serves")
    groups.put("/system.slice/wrapper.service", 17)
    assert look(unit("wrapper.service"))[0] is Outcome.SERVING
    groups.put("/system.slice/wrapper.service")
    assert look(unit("wrapper.service"))[0] is Outcome.UNKNOWN
    systemctl.shows("daemon_gone")
    assert look(unit("sysv.service"))[0] is Outcome.UNKNOWN


def test_a_target_serves_when_all_that_it_wants_runs(unit, systemctl):
    systemctl.shows("target_serves")
    assert look(unit("app.target"))[0] is Outcome.SERVING
    systemctl.shows("target_lacks_one")
    assert look(unit("app.target")) == (Outcome.RUNNING, "web.service is inactive (dead)")


def test_the_services_of_a_target_are_stopped_with_it_each_before_what_it_follows(unit, systemctl):
    systemctl.shows("target_serves")
    outcome_of(unit("app.target").stop())
    assert systemctl.asked() == [
        f"stop {AT_ONCE} -- app.target",
        f"stop {AT_ONCE} -- worker.service",
        f"stop {AT_ONCE} -- web.service",
    ]


# --- restarts, starts and stops under way ---------------------------------------------------------


def test_a_unit_that_systemd_is_about_to_restart_does_not_serve(unit, systemctl):
    systemctl.shows("auto_restart")
    assert look(unit("looping.service")) == (
        Outcome.RUNNING,
        "looping.service has failed, and systemd is about to restart it",
    )


def test_a_unit_that_systemd_has_restarted_between_two_looks_had_failed(unit, systemctl):
    looping = unit("looping.service")
    systemctl.shows("restarted", NRestarts="3")
    assert look(looping)[0] is Outcome.SERVING  # it may have failed long before the agent was there
    systemctl.shows("restarted", NRestarts="4")
    assert look(looping) == (Outcome.RUNNING, "looping.service had failed, and systemd has restarted it")
    assert look(looping)[0] is Outcome.SERVING


def test_a_restart_right_after_a_start_is_a_failure_too(unit, systemctl):
    looping = unit("looping.service")
    systemctl.shows("restarted", NRestarts="3")
    look(looping)
    systemctl.shows("restarted", NRestarts="1")
    assert outcome_of(looping.start()) is Outcome.DONE
    assert look(looping)[0] is Outcome.RUNNING


@pytest.mark.parametrize(
    ("recorded", "words"),
    [
        ("activating", "slowstart.service is activating (start)"),
        ("deactivating", "slowstop.service is deactivating (stop)"),
    ],
)
def test_a_unit_that_starts_or_stops_is_neither_down_nor_serving(unit, systemctl, recorded, words):
    systemctl.shows(recorded)
    assert look(unit(words.split()[0])) == (Outcome.CHANGING, words)


def test_a_unit_that_is_stopped_for_a_moment_and_has_a_start_queued_is_on_its_way(unit, systemctl):
    systemctl.shows("down", Job="4711")
    assert look(unit("memory.service")) == (
        Outcome.CHANGING,
        "memory.service is inactive (dead), and a job is queued",
    )
    systemctl.shows("down", Job="0")
    assert look(unit("memory.service"))[0] is Outcome.DOWN


def test_a_unit_that_goes_down_because_it_failed_is_not_on_anybodys_way(unit, systemctl):
    systemctl.shows("deactivating", Result="exit-code")
    assert look(unit("slowstop.service"))[0] is Outcome.RUNNING


def test_a_target_of_which_a_service_is_restarted_by_hand_is_on_its_way(unit, systemctl):
    systemctl.shows("target_serves", of="web.service", ActiveState="activating", SubState="start")
    assert look(unit("app.target")) == (Outcome.CHANGING, "web.service is activating (start)")


def test_a_start_first_makes_systemd_forget_how_often_it_was_tried(unit, systemctl):
    systemctl.shows("serves")
    plain = unit("plain.service")
    assert outcome_of(plain.start()) is Outcome.DONE
    assert systemctl.asked() == ["reset-failed -- plain.service", "start -- plain.service"]
    assert outcome_of(unit("broken.service").start()) is Outcome.FAILED


def test_a_start_that_failed_says_what_systemd_makes_of_the_unit(unit, systemctl):
    start = unit("broken.service").start()
    assert outcome_of(start) is Outcome.FAILED
    assert start.why == "systemd cannot start broken.service: it is not-found"


def test_a_start_of_an_umbrella_that_is_active_already_starts_the_server_that_was_killed(unit, systemctl):
    systemctl.shows("postgresql_server_killed")
    postgresql = unit("postgresql.service")
    look(postgresql)
    outcome_of(postgresql.start())
    assert systemctl.asked()[-1] == "start -- postgresql.service postgresql@15-main.service"


@pytest.mark.parametrize(
    "change",
    [{"Type": "oneshot", "Result": "success"}, {"ConditionResult": "no"}, {"LoadState": "not-found"}],
)
def test_a_target_does_not_lack_what_ran_once_or_need_not_run(unit, systemctl, change):
    gone = {"ActiveState": "inactive", "ConditionTimestampMonotonic": "1", **change}
    systemctl.shows("target_serves", of="web.service", **gone)
    assert look(unit("app.target"))[0] is Outcome.SERVING


def test_a_target_lacks_what_it_requires_and_is_not_there(unit, systemctl):
    systemctl.shows("target_serves", of="worker.service", ActiveState="inactive", LoadState="not-found")
    assert look(unit("app.target"))[0] is Outcome.RUNNING
    systemctl.shows("target_lacks_one", ActiveState="inactive")
    assert look(unit("app.target"))[0] is Outcome.DOWN
    systemctl.shows("target_lacks_one", ActiveState="inactive", LoadState="masked")
    assert look(unit("app.target"))[0] is Outcome.UNFIT


# --- what is left ---------------------------------------------------------------------------------


def test_a_unit_that_has_failed_is_not_down_while_a_process_of_it_is_left(unit, systemctl, groups):
    systemctl.shows("process_left")  # of systemd's own count it says nothing: that was switched off
    groups.put("/system.slice/unaccounted.service", 17)
    assert look(unit("unaccounted.service"))[0] is Outcome.RUNNING
    groups.put("/system.slice/unaccounted.service")
    assert look(unit("unaccounted.service"))[0] is Outcome.DOWN


def test_a_unit_that_has_stopped_is_looked_for_where_its_control_group_was(unit, systemctl, groups):
    systemctl.shows("down")
    assert look(unit("memory.service"))[0] is Outcome.DOWN
    groups.put("/system.slice/_memory.service/below", 17)
    assert look(unit("memory.service"))[0] is Outcome.RUNNING


def test_nothing_is_down_where_nobody_can_tell_which_processes_are_left(systemctl, tmp_path):
    systemctl.shows("down")
    outcome, why = look(Unit("memory.service", systemctl.path, root=tmp_path / "none"))
    assert outcome is Outcome.UNKNOWN
    assert "no control groups" in why


def test_a_unit_is_not_down_while_a_socket_listens_that_would_start_it(unit, systemctl):
    systemctl.shows("socket_listens")
    assert look(unit("echo.service")) == (Outcome.RUNNING, "echo.socket is active (listening)")
    systemctl.shows("timer_waits")
    assert look(unit("tick.service"))[0] is Outcome.RUNNING


def test_what_would_start_a_unit_again_is_stopped_before_it(unit, systemctl):
    systemctl.shows("socket_listens", ActiveState="active")
    outcome_of(unit("echo.service").stop())
    assert systemctl.asked() == [f"stop {AT_ONCE} -- echo.socket", f"stop {AT_ONCE} -- echo.service"]


def test_a_socket_is_not_down_while_a_connection_that_it_accepted_is_served(unit, systemctl):
    acc = unit("acc.socket")
    systemctl.shows("socket_accepts")
    assert look(acc)[0] is Outcome.SERVING
    systemctl.shows("socket_stopped")
    outcome, why = look(acc)
    assert outcome is Outcome.RUNNING
    assert why.startswith("acc@0-127.0.0.1:7002-127.0.0.1:")


def test_what_needs_a_unit_is_stopped_with_it_as_systemd_would(unit, systemctl):
    systemctl.shows("serves", RequiredBy="web.service multi-user.target")
    outcome_of(unit("plain.service").stop())
    assert systemctl.asked() == [f"stop {AT_ONCE} -- web.service", f"stop {AT_ONCE} -- plain.service"]


def test_units_that_are_ordered_in_a_circle_are_stopped_at_once(unit, systemctl):
    systemctl.shows("target_serves", After="web.service worker.service")
    outcome_of(unit("app.target").stop())
    assert systemctl.asked() == [f"stop {AT_ONCE} -- app.target web.service worker.service"]


def test_a_unit_that_is_down_is_asked_to_stop_all_the_same(unit, systemctl):
    """systemd may be about to start it."""
    systemctl.shows("down")
    outcome_of(unit("memory.service").stop())
    assert systemctl.asked() == [f"stop {AT_ONCE} -- memory.service"]


# --- what cannot be started, and what cannot be known ---------------------------------------------


@pytest.mark.parametrize(
    ("recorded", "name", "state"),
    [
        ("masked", "masked.service", "masked"),
        ("not_found", "nonesuch.service", "not-found"),
        ("bad_setting", "bad.service", "bad-setting"),
    ],
)
def test_a_unit_that_systemd_cannot_start_is_unfit(unit, systemctl, recorded, name, state):
    systemctl.shows(recorded)
    assert look(unit(name)) == (Outcome.UNFIT, f"systemd cannot start {name}: it is {state}")


def test_a_unit_that_was_masked_while_it_ran_serves(unit, systemctl):
    systemctl.shows("serves", LoadState="masked")
    assert look(unit("plain.service"))[0] is Outcome.SERVING


def test_a_systemctl_that_fails_is_no_answer(unit, systemctl, groups):
    systemctl.shows_nothing()
    assert look(unit("db.service")) == (Outcome.UNKNOWN, "systemctl show ended with 1")
    assert look(Unit("db.service", "/no/such/systemctl", root=groups.root))[0] is Outcome.UNKNOWN


def test_a_unit_of_which_systemd_shows_nothing_is_stopped_and_killed_by_its_name(unit, systemctl):
    systemctl.shows_nothing()
    db = unit("db.service")
    assert outcome_of(db.stop()) is Outcome.DONE
    assert outcome_of(db.kill()) is Outcome.DONE
    assert systemctl.asked() == [
        f"stop {AT_ONCE} -- db.service",
        f"stop --no-block {AT_ONCE} -- db.service",
        "kill -s KILL -- db.service",
    ]


def test_a_unit_that_an_alias_names_is_looked_at_and_not_started(unit, systemctl):
    """The configuration is refused with one; a link may have been made since."""
    systemctl.shows("serves", ActiveState="inactive", SubState="dead")
    alias = unit("alias.service")
    assert look(alias) == (Outcome.UNFIT, "alias.service is another name of plain.service: name that one")
    assert outcome_of(alias.start()) is Outcome.FAILED
    assert systemctl.asked() == []


def test_a_unit_may_be_named_by_an_alias(unit, systemctl):
    systemctl.shows("serves")
    assert look(unit("alias.service"))[0] is Outcome.SERVING


def test_a_stop_that_is_given_up_leaves_no_command_behind(unit, systemctl):
    systemctl.shows("serves")
    stop = unit("plain.service").stop()
    stop.abort()
    assert systemctl.asked() == []


def test_a_standby_whose_unit_cannot_be_started_is_not_fit_and_says_why(unit, systemctl):
    systemctl.shows("masked")
    spec = ServiceSettings("db", check_interval_s=0)
    services = Services({"db": unit("masked.service")}, [spec], lambda _name: None)

    def why_unfit() -> str:
        services.tick(Order.STOP, 0, 0, 1)
        return str(services.why_unfit)

    assert wait_for(why_unfit) == "systemd cannot start masked.service: it is masked"
    assert services.all_down  # it is no reason to take the node down: nothing of it runs
    assert services.states() == {"db": "OUT_OF_SERVICE"}, "that it has failed would keep others from taking over"
    systemctl.shows("masked", LoadState="loaded")
    wait_for(lambda: not why_unfit())
