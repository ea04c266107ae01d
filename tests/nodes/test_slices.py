"""What a script leaves running, under a real systemd: where it is, who ends it, and when."""

from __future__ import annotations

from pathlib import Path

from tests.nodes.agents import AGENT, CLUSTER, section, set_up, show
from tests.nodes.lab import Lab
from tests.nodes.leases import Leases, boottime_s
from tests.nodes.machine import Machine
from tests.nodes.watcher import Watcher, wait_passed
from understudy_agent.scopes import Scopes
from understudy_agent.scopes import SystemPaths as System

PORT = 7100
FORKER = "/usr/local/sbin/forker"


def forker(**keys: object) -> str:
    """A service whose program goes into the background by itself."""
    commands = {verb: f"{FORKER} {verb}" for verb in ("start", "stop", "status")}
    return section("forker", "script", **{**commands, "stop_limit_s": 3, **keys})


def serving(lab: Lab, leases: Leases, lines: str) -> Machine:
    node = lab.machine("node-a")
    set_up(node, leases.url, lines)
    leases.register(CLUSTER, node)
    leases.grant(CLUSTER, node)
    node.boot()
    leases.wait_serving(node, CLUSTER, "forker")
    return node


def test_a_daemon_is_in_the_slice_that_the_agent_looks_at(lab, leases):  # S9 B18
    node = serving(lab, leases, forker())
    (group,) = Scopes(CLUSTER, "forker", System(booted=Path("/"))).groups
    assert f"{group}/run-" in node.read(f"/proc/{node.read('/run/forker.pid').strip()}/cgroup")


def test_a_daemon_that_its_stop_forgets_is_killed_before_the_lease_is_released(lab, leases):  # S9 S12
    """Its own commands say that all is well."""
    node = serving(lab, leases, forker(stop="rm -f /run/forker.pid"))
    with Watcher(lab.hub, node, PORT) as watcher:
        watcher.wait_served()
        epoch = leases.end(CLUSTER)
        told = leases.wait_beat(node, CLUSTER, "releases the lease", lambda beat: beat.says_down(epoch))
        assert watcher.wait_silent() < told.at
    assert "of its processes are left in understudy-" in node.run("journalctl", "-u", AGENT, "--output=cat")


def test_at_shutdown_a_daemon_ends_when_the_agent_has_stopped_it_and_not_before(lab, leases):  # S9 S12
    node = serving(lab, leases, forker(stop=f'/bin/sh -c "sleep 3; exec {FORKER} stop"', stop_limit_s=8))
    with Watcher(lab.hub, node, PORT) as watcher:
        watcher.wait_served()
        asked = boottime_s()
        first_boot = next(beat.said["boot"] for beat in leases.beats_of(node, CLUSTER))
        node.run("systemctl", "reboot")
        node.wait_booted(boots=2)
        of_old = [beat for beat in leases.beats_of(node, CLUSTER, asked) if beat.said["boot"] == first_boot]
        assert of_old[-1].services == {"forker": "OUT_OF_SERVICE"}
        served = [span for span in watcher.spans() if span[0] < of_old[-1].at]
        assert asked + 2.5 < served[-1][1] < of_old[-1].at


def test_a_standby_whose_status_command_is_not_there_is_failed_and_stays_up(lab, leases):  # S12 B18
    """It lies on a file system that only the active node mounts."""
    node = lab.machine("node-a")
    set_up(node, leases.url, forker(status="/srv/none/forker status", stop="/srv/none/forker stop"))
    leases.register(CLUSTER, node)
    node.boot()
    leases.wait_state(node, CLUSTER, "forker", "FAILED")
    agent = show(node, "MainPID")
    wait_passed(boottime_s() + 25)  # stopped, killed and taken down, it would be by now
    assert (node.boots, show(node, "MainPID")) == (1, agent)
    assert "it is not known whether it runs" in node.run("journalctl", "-u", AGENT, "--output=cat")


def test_a_look_under_way_when_what_keeps_the_lease_is_asked_to_end_has_an_answer_yet(lab, leases):  # S9 B18
    """The machine that shuts down waits for it, and what nothing runs of would be killed."""
    node = serving(lab, leases, forker(status=f'/bin/sh -c "sleep 0.5; exec {FORKER} status"'))
    keeper = f"understudy-expire-{CLUSTER}.service"
    node.run("sh", "-c", f"systemctl stop {AGENT}; sleep 0.2; pgrep -f 'sleep 0.5' && systemctl stop {keeper}")
    told = node.run("journalctl", "--output=cat")
    assert "no lease of this boot is left" in told
    assert "a look at it has no answer" not in told
