"""What bounds a service when its agent is gone for good: whatever was taken away, it ends with the lease."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from local.waiting import wait_for
from tests.nodes.agents import AGENT, CLUSTER, logged, section, set_up, show, wait_logged
from tests.nodes.lab import Lab
from tests.nodes.leases import DRIFT_MARGIN_S, SHORT_LEASE, Leases
from tests.nodes.machine import Machine
from tests.nodes.watcher import Watcher, wait_passed
from understudy_agent.succession import Succession

PORT = 7000
INI = "/etc/understudy/agent.ini"


@pytest.fixture
def serving(lab: Lab, leases: Leases) -> Machine:
    """It holds the lease, and serves."""
    made = lab.machine("node-a")
    set_up(made, leases.url, section("app", "unit", unit="quick.service", stop_limit_s=5))
    leases.register(CLUSTER, made, **SHORT_LEASE)
    leases.grant(CLUSTER, made)
    made.boot()
    leases.wait_serving(made, CLUSTER, "app")
    return made


@pytest.fixture
def watcher(lab: Lab, serving: Machine) -> Iterator[Watcher]:
    with Watcher(lab.hub, serving, PORT) as made:
        made.wait_served()
        yield made


def mistype_the_configuration(node: Machine) -> None:
    node.write(INI, node.read(INI).replace("[agent]", "[agnet]"))


def comment_behind_a_value(node: Machine) -> None:
    node.write(INI, node.read(INI).replace("check_interval_s = 0.5", "check_interval_s = 0.5  # often"))


def remove_the_configuration(node: Machine) -> None:
    node.path(INI).unlink()


def remove_the_package_half_way(node: Machine) -> None:
    node.run("sh", "-c", "rm -r /opt/understudy-agent/*/lib/python3*/site-packages/understudy_agent")


def remove_all_of_the_package(node: Machine) -> None:
    node.run("rm", "-r", "/opt/understudy-agent", "/usr/bin/understudy-agent")


def make_all_of_run_read_only(node: Machine) -> None:
    node.run("mount", "--rbind", "/run", "/run")
    node.run("mount", "-o", "remount,bind,ro", "/run")


def make_its_run_read_only(node: Machine) -> None:
    node.run("mount", "--bind", "/run/understudy", "/run/understudy")
    node.run("mount", "-o", "remount,bind,ro", "/run/understudy")


def forbid_restarts(node: Machine) -> None:
    node.write("/run/systemd/system/understudy-agent.service.d/once.conf", "[Service]\nRestart=no\n")
    node.run("systemctl", "daemon-reload")


def fill_run(node: Machine) -> None:
    forbid_restarts(node)  # an agent that is started goes on, and renews the lease that it finds
    node.run("mount", "-o", "remount,size=2m", "/run")
    node.says("dd", "if=/dev/zero", "of=/run/filled", "bs=1k")


def hang_the_metadata_service(node: Machine) -> None:
    node.metadata.is_slow = True


@pytest.mark.parametrize(
    "take_away",
    [
        forbid_restarts,
        mistype_the_configuration,
        comment_behind_a_value,
        remove_the_configuration,
        remove_the_package_half_way,
        remove_all_of_the_package,
        make_its_run_read_only,
        make_all_of_run_read_only,
        fill_run,
        hang_the_metadata_service,
    ],
)
def test_a_service_whose_agent_cannot_be_started_any_more_ends_with_its_lease(
    serving: Machine, leases: Leases, watcher: Watcher, take_away: Callable[[Machine], None]
):  # B11 S9
    take_away(serving)
    end = end_of_lease_of_a_killed_agent(serving, leases)
    wait_passed(end + DRIFT_MARGIN_S)
    served_until = watcher.last_before(end + 2 * DRIFT_MARGIN_S)
    assert served_until <= end + DRIFT_MARGIN_S
    assert watcher.wait_silent(1) == served_until, "and it stays so"


def end_of_lease_of_a_killed_agent(node: Machine, leases: Leases) -> float:
    node.run("systemctl", "kill", "--signal=KILL", AGENT)
    wait_for("it is dead", lambda: show(node, "MainPID") == "0", 10, interval_s=0.02, why=node.tail)
    return leases.lease_end(node, CLUSTER)


# B18 S12
def test_where_no_program_can_be_started_any_more_a_service_ends_with_the_lease_all_the_same(serving, leases, watcher):
    if not serving.forbid_forks():
        pytest.skip("no control group of this machine limits the number of processes")
    end = end_of_lease_of_a_killed_agent(serving, leases)
    assert watcher.wait_silent() < end + DRIFT_MARGIN_S


def name_another_service(node: Machine) -> None:
    node.write(
        INI, node.read(INI).replace("[service app]", "[service other]").replace("quick.service", "answer.service")
    )


# B11 S12
def test_a_service_that_the_file_names_no_more_is_down_by_the_end_of_its_lease_and_the_node_stays_up(
    serving, leases, watcher
):
    name_another_service(serving)
    leases.records = False
    end = end_of_lease_of_a_killed_agent(serving, leases)
    assert watcher.wait_silent() < end + DRIFT_MARGIN_S
    leases.wait_beat(serving, CLUSTER, "names the other one", lambda beat: "other" in beat.services)
    assert serving.boots == 1


def test_so_it_is_when_the_agent_that_found_it_is_gone_too(serving, leases, watcher):  # B11 S12
    leases.set_terms(CLUSTER, lease_s=10, silence_limit_s=13)
    leases.wait_serving(serving, CLUSTER, "app")
    name_another_service(serving)
    leases.records = False
    first = serving.read(f"/run/understudy/{CLUSTER}/expire.lock")
    end = end_of_lease_of_a_killed_agent(serving, leases)
    wait_logged(serving, "service_of_before", service="app")
    lock = f"/run/understudy/{CLUSTER}/expire.lock"
    wait_for("another one keeps the lease", lambda: serving.read(lock) not in ("", first), 10, why=serving.tail)
    forbid_restarts(serving)
    serving.run("systemctl", "kill", "--signal=KILL", AGENT)
    assert watcher.wait_silent() < end + DRIFT_MARGIN_S
    assert serving.boots == 1


def test_a_service_whose_agent_is_gone_goes_on_until_its_lease_ends(serving, leases, watcher):  # B11 S9
    forbid_restarts(serving)
    end = end_of_lease_of_a_killed_agent(serving, leases)
    assert end - 2.5 < watcher.wait_silent(), "what the agent knew of its lease was one beat old"


def test_the_process_that_keeps_the_lease_stays_in_memory(serving):  # B18
    unit = f"understudy-expire-{CLUSTER}.service"
    locked = serving.run("grep", "VmLck", f"/proc/{show(serving, 'MainPID', unit)}/status").split()[1]
    assert int(locked) > 1000
    assert not any(line["what"] == "not_kept_in_memory" for line in logged(serving))


# B11 B18
def test_an_agent_that_is_killed_while_what_keeps_its_lease_is_replaced_leaves_nothing_unbound(
    serving, leases, watcher
):
    leases.set_terms(CLUSTER, lease_s=10, silence_limit_s=13)
    leases.wait_serving(serving, CLUSTER, "app")
    keeper = Succession(serving.path(f"/run/understudy/{CLUSTER}"))
    serving.write(INI, serving.read(INI).replace("stop_limit_s = 5", "stop_limit_s = 6"))
    old = keeper.holder()
    forbid_restarts(serving)
    serving.run("systemctl", "kill", "--signal=KILL", AGENT)
    serving.run("systemctl", "start", "--no-block", AGENT)
    wait_for(
        "the one before has ended", lambda: not keeper.is_held() or keeper.holder() != old, 10, 0.001, why=serving.tail
    )
    end = end_of_lease_of_a_killed_agent(serving, leases)
    assert watcher.wait_silent() < end + DRIFT_MARGIN_S
    assert serving.boots == 1


# B18 S12
@pytest.mark.parametrize("has_agent", [True, False], ids=["agent-runs", "agent-is-killed"])
def test_a_service_ends_with_its_lease_where_there_is_almost_no_processor(serving, leases, watcher, has_agent):
    leases.records = False
    if not serving.slow_down(5):
        pytest.skip("no control group of this machine limits the processor")
    end = leases.lease_end(serving, CLUSTER)
    if not has_agent:
        serving.run("systemctl", "kill", "--signal=KILL", AGENT)
    wait_passed(end + DRIFT_MARGIN_S)
    assert watcher.last_before(end + 2 * DRIFT_MARGIN_S) <= end + DRIFT_MARGIN_S
