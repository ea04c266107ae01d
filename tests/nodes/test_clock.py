"""A node whose wall clock is off by more than the five minutes that AWS accepts."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from local.waiting import wait_for
from tests.nodes.agents import CLUSTER, logged, section, set_up, show
from tests.nodes.lab import Lab
from tests.nodes.leases import TERMS, Leases, boottime_s
from tests.nodes.machine import Machine
from tests.nodes.watcher import Watcher, wait_passed

PORT = 7000
APP = section("app", "unit", unit="quick.service", stop_limit_s=5)
FAKE = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)
CLOCK = "/etc/clock"
TOLD_S = 5.0
needs_faketime = pytest.mark.skipif(FAKE is None, reason="a wrong clock needs libfaketime: make system-packages")


def set_clock(node: Machine, ahead_s: int) -> None:
    """Within a second, and for the agent alone: the nodes share one clock with this machine, and that stays right."""
    node.write(CLOCK, f"{ahead_s:+d}s\n")


def give_clock(node: Machine) -> None:
    """On a node that is switched off: a clock that can be set. What counts from the boot is as it was.

    The library stands in the way of more than the time of day: nothing else that the agent does is judged by it.
    """
    words = {
        "LD_PRELOAD": FAKE,
        "FAKETIME_TIMESTAMP_FILE": CLOCK,
        "FAKETIME_CACHE_DURATION": 1,
        "FAKETIME_DONT_FAKE_MONOTONIC": 1,
        "FAKETIME_DISABLE_SHM": 1,
        "NO_FAKE_STAT": 1,
    }
    lines = ["[Service]", *(f"Environment={key}={word}" for key, word in words.items()), ""]
    node.write("/etc/systemd/system/understudy-agent.service.d/clock.conf", "\n".join(lines))
    set_clock(node, 0)


def told(node: Machine) -> list[str]:
    """Why calls failed, each kind of call by itself."""
    return [line["why"] for line in logged(node) if line["what"] in ("beat_failed", "read_failed")]


# B10 B18
@needs_faketime
def test_a_node_whose_clock_is_wrong_says_so_at_once_and_goes_on_serving(lab: Lab, leases: Leases) -> None:
    node = lab.machine("node-a")
    set_up(node, leases.url, APP)
    give_clock(node)
    leases.register(CLUSTER, node)
    leases.grant(CLUSTER, node)
    node.boot()
    with Watcher(lab.hub, node, PORT) as watcher:
        leases.wait_serving(node, CLUSTER, "app")
        watcher.wait_served()
        since, server = boottime_s(), show(node, "MainPID", "quick.service")
        for ahead_s, words in ((310, "is some 310 s ahead of AWS's"), (-310, "is some 310 s behind AWS's")):
            set_clock(node, ahead_s)
            wait_for(words, lambda words=words: any(words in why for why in told(node)), TOLD_S, why=node.tail)  # type: ignore[misc]
            leases.wait_serving(node, CLUSTER, "app")
        set_clock(node, 0)
        wait_passed(since + TERMS["silence_limit_s"])
        leases.wait_serving(node, CLUSTER, "app")
        watcher.wait_served()
    assert show(node, "MainPID", "quick.service") == server, "it was never stopped"
    beats = [beat.at for beat in leases.beats_of(node, CLUSTER, since)]
    assert max(later - earlier for earlier, later in itertools.pairwise(beats)) < TERMS["lease_s"]
    assert len(told(node)) <= 6, "each kind of call has learnt it once for each change"
