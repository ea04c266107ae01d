"""What becomes of an agent and its services when it is started, stopped, killed or held up, under a real systemd."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.waiting import wait_for
from tests.nodes.agents import AGENT, CLUSTER, section, set_up, show, status, wait_unit
from tests.nodes.lab import Lab
from tests.nodes.leases import DRIFT_MARGIN_S, Leases, boottime_s
from tests.nodes.machine import Machine
from tests.nodes.watcher import Watcher, wait_passed

PORT = 7000
APP = section("app", "unit", unit="answer.service", stop_limit_s=5)


@pytest.fixture
def node(lab: Lab, leases: Leases) -> Machine:
    """Registered, off, and the agent starts when it boots."""
    made = lab.machine("node-a")
    set_up(made, leases.url, APP)
    leases.register(CLUSTER, made)
    return made


@pytest.fixture
def watcher(lab: Lab, node: Machine) -> Iterator[Watcher]:
    with Watcher(lab.hub, node, PORT) as made:
        yield made


@pytest.fixture
def serving(node: Machine, leases: Leases, watcher: Watcher) -> Machine:
    """It holds the lease, and serves."""
    leases.grant(CLUSTER, node)
    node.boot()
    leases.wait_serving(node, CLUSTER, "app")
    watcher.wait_served()
    return node


def agent_pid(node: Machine) -> str:
    return show(node, "MainPID")


def wait_new_agent(node: Machine, old: str) -> None:
    wait_for("another agent runs", lambda: agent_pid(node) not in ("0", "", old), 30, why=node.tail)
    wait_unit(node, AGENT, "active")


def test_the_agent_is_ready_once_it_obeys_its_lease_and_not_before(node, leases):  # S9
    node.metadata.is_silent = True
    node.switch_on()
    wait_unit(node, AGENT, "activating")
    assert node.says("systemctl", "is-system-running") == "starting"
    node.metadata.is_silent = False
    wait_unit(node, AGENT, "active")
    node.wait_booted()
    leases.wait_state(node, CLUSTER, "app", "OUT_OF_SERVICE")


def test_the_agent_starts_once_the_network_is_there(node):  # S9
    node.boot()
    online_at = int(show(node, "ActiveEnterTimestampMonotonic", "node-network.service"))
    assert 0 < online_at <= int(show(node, "InactiveExitTimestampMonotonic"))


def test_a_node_that_is_granted_the_lease_starts_its_service_and_says_so_when_it_serves(node, leases, watcher):  # S9
    node.boot()
    leases.wait_state(node, CLUSTER, "app", "OUT_OF_SERVICE")
    epoch = leases.grant(CLUSTER, node)
    told = leases.wait_state(node, CLUSTER, "app", "IN_SERVICE")
    watcher.wait_served()
    assert told.said["read_epoch"] == epoch
    assert watcher.answers[0] < told.at + 0.3
    assert status(node)["order"] == "SERVE"


def test_a_lease_that_is_ended_is_released_by_word_only_when_nothing_serves(serving, leases, watcher):  # S9 S12
    epoch = leases.end(CLUSTER)
    told = leases.wait_beat(serving, CLUSTER, "releases the lease", lambda beat: beat.says_down(epoch))
    assert watcher.wait_silent() < told.at
    assert show(serving, "ActiveState", "answer.service") == "inactive"


def test_an_agent_that_is_stopped_takes_its_service_out_and_says_so_last(serving, leases, watcher):  # S9
    serving.run("systemctl", "stop", AGENT)
    last = list(leases.beats_of(serving, CLUSTER))[-1]
    assert last.services == {"app": "OUT_OF_SERVICE"}
    assert watcher.wait_silent() < last.at
    assert show(serving, "Result") == "success"


def test_the_last_words_of_a_stopped_agent_release_its_lease(serving, leases):  # S9 S12
    serving.run("systemctl", "stop", "--no-block", AGENT)
    leases.wait_state(serving, CLUSTER, "app", "OUT_OF_SERVICE")
    epoch = leases.end(CLUSTER)
    leases.wait_beat(serving, CLUSTER, "releases the lease", lambda beat: beat.says_down(epoch), 5)
    wait_unit(serving, AGENT, "inactive")


def test_a_poweroff_stays_one_when_nobody_ends_the_lease(serving):  # S9
    serving.run("systemctl", "poweroff")
    wait_for("it goes down", lambda: serving.boots > 1 or not serving.is_on, 60, why=serving.tail)
    assert serving.boots == 1


def test_a_restart_takes_the_service_out_and_brings_it_back_under_the_lease(serving, leases, watcher):  # S9
    asked = boottime_s()
    serving.run("systemctl", "restart", AGENT)
    leases.wait_state(serving, CLUSTER, "app", "IN_SERVICE")
    watcher.wait_served()
    states = [beat.services["app"] for beat in leases.beats_of(serving, CLUSTER, asked)]
    assert "OUT_OF_SERVICE" in states
    assert states[-1] == "IN_SERVICE"


def test_an_agent_that_is_killed_is_followed_by_one_that_adopts_what_runs(serving, leases, watcher):  # B11 S9
    old, killed_at = agent_pid(serving), boottime_s()
    serving.run("systemctl", "kill", "--signal=KILL", AGENT)
    wait_new_agent(serving, old)
    leases.wait_state(serving, CLUSTER, "app", "IN_SERVICE")
    assert watcher.longest_gap_s(killed_at) < 0.3
    assert watcher.wait_served() > killed_at
    assert show(serving, "NRestarts") == "1"


def test_an_agent_that_hangs_for_a_moment_costs_nothing(serving, leases, watcher):  # B11 S9
    agent, stopped_at = agent_pid(serving), boottime_s()
    serving.run("kill", "-STOP", agent)
    wait_passed(stopped_at + 2.5)
    serving.run("kill", "-CONT", agent)
    leases.wait_serving(serving, CLUSTER, "app")
    assert watcher.longest_gap_s(stopped_at) < 0.3
    assert agent_pid(serving) == agent


def test_an_agent_that_hangs_is_replaced_while_its_lease_lasts_and_its_service_goes_on(
    serving, leases, watcher
):  # B11 S9
    leases.set_terms(CLUSTER, lease_s=30, silence_limit_s=33)
    leases.wait_serving(serving, CLUSTER, "app")
    old, stopped_at = agent_pid(serving), boottime_s()
    serving.run("kill", "-STOP", old)
    wait_new_agent(serving, old)
    leases.wait_state(serving, CLUSTER, "app", "IN_SERVICE")
    assert watcher.longest_gap_s(stopped_at) < 0.3
    assert watcher.wait_served() > stopped_at


# B18 B11
def test_the_service_of_an_agent_that_nothing_replaces_ends_with_its_lease_when_it_hangs(
    serving, leases, watcher
):  # B11
    serving.write("/run/systemd/system/understudy-agent.service.d/none.conf", "[Service]\nWatchdogSec=0\n")
    serving.run("systemctl", "daemon-reload")
    before = agent_pid(serving)
    serving.run("systemctl", "kill", "--signal=KILL", AGENT)
    wait_new_agent(serving, before)
    leases.wait_serving(serving, CLUSTER, "app")
    old = agent_pid(serving)
    serving.run("kill", "-STOP", old)
    end = leases.lease_end(serving, CLUSTER)
    assert watcher.wait_silent() < end + DRIFT_MARGIN_S
    wait_new_agent(serving, old)
    leases.wait_state(serving, CLUSTER, "app", "IN_SERVICE")
    watcher.wait_served()


def test_many_deaths_of_an_agent_leave_one_process_that_bounds_its_service(serving, leases):  # B11
    leases.set_terms(CLUSTER, lease_s=60, silence_limit_s=63)
    leases.wait_serving(serving, CLUSTER, "app")
    for _ in range(3):
        old = agent_pid(serving)
        serving.run("systemctl", "kill", "--signal=KILL", AGENT)
        wait_new_agent(serving, old)
        leases.wait_state(serving, CLUSTER, "app", "IN_SERVICE")
    there = serving.says("pgrep", "--list-full", "--full", "understudy")
    assert len(there.splitlines()) <= 2, there


def test_agents_of_a_machine_that_has_one_already_refuse_to_act(serving, leases, watcher):  # S9
    before = boottime_s()
    second = serving.says("sh", "-c", "understudy-agent run >/dev/null 2>&1; echo $?")
    assert second == "75"
    assert watcher.longest_gap_s(before) < 0.3


def test_a_proxy_in_the_agents_environment_is_not_asked_who_the_node_is(node, leases, watcher):  # S9
    """The hub answers there as a proxy would, and knows nothing of metadata."""
    node.write(
        "/etc/systemd/system/understudy-agent.service.d/proxy.conf",
        f"[Service]\nEnvironment=HTTP_PROXY={leases.url} http_proxy={leases.url}\n",
    )
    leases.grant(CLUSTER, node)
    node.boot()
    leases.wait_serving(node, CLUSTER, "app")
