"""A release is deployed over a stack in which beats, a failover and a switchover are under way."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from local.client import Client, outages
from local.cluster import Cluster
from local.local_aws import LocalAws, local_aws
from local.propagation import Propagation
from local.sam import ROOT
from local.waiting import wait_for
from local.world import ZONE_NAME
from tests.e2e.upgrading import Beats, Release, call_past_the_alias

# Nothing is warm after a new version, and here all cold starts share two processors: there is room for that in a lease.
POLICY = {"heartbeat_interval_s": 5, "lease_s": 20, "silence_limit_s": 23, "observer_lag_limit_s": 8}
TUNING = {
    "ROUTE53_TTL": 1,
    "ROUTE53_RECORD_INTERVAL": 1,
    "ROUTE53_CHANGEID_INTERVAL": 2,
    "ROUTE53_CHANGEID_TRY_COUNT": 100,
}
HALF_S = 26.0
"""How long code and layer are of two releases: longer than a lease. On AWS 8 to 22 s were seen, with leases of 12 s."""
MOVE_LIMIT_S = 120.0
GLITCH_S = 1.0
"""A client on a busy machine may be without an answer for so long. A service that is stopped is not back by then."""
NEVER_S = 3600.0
NAMES = [f"{name}-{number}.{ZONE_NAME}" for name in ("alone", "failing", "moving") for number in range(3)]


@pytest.fixture(scope="module")
def upgraded(worker_id: str) -> Iterator[LocalAws]:
    """A stack of its own: everybody else's functions would change with it."""
    with local_aws(ROOT / "build" / "e2e" / f"upgrade-{worker_id}", NAMES) as running:
        yield running


@pytest.fixture(scope="module")
def beats(upgraded: LocalAws) -> Beats:
    return Beats(upgraded)


@pytest.fixture
def number(request: pytest.FixtureRequest) -> int:
    """Of this upgrade of the stack; the first release is what was deployed."""
    request.module.upgrades = getattr(request.module, "upgrades", 0) + 1
    return int(request.module.upgrades) - 1


@pytest.fixture
def clusters(upgraded: LocalAws, number: int) -> Iterator[dict[str, Cluster]]:
    """Placed on node-a. Nobody promises anything to the one that is alone: it serves by recorded beats or not."""
    made = {
        kind: Cluster(upgraded, f"{kind}-{number}", policy=POLICY, tuning=TUNING)
        for kind in ("alone", "failing", "moving")
    }
    try:
        for cluster in made.values():
            cluster.register()
            cluster.boot()
        for cluster in made.values():
            cluster.wait_settled("node-a", MOVE_LIMIT_S)
            cluster.wait_standby("node-b", MOVE_LIMIT_S)
        made["alone"].node("node-b").kill()
        yield made
    finally:
        for cluster in made.values():
            cluster.kill()


@pytest.fixture
def slow_route53(upgraded: LocalAws) -> Iterator[Propagation]:
    """No change is in sync until it is told to arrive: a move lasts for as long as the test wants."""
    propagation = upgraded.engine.proxy.propagation
    propagation.delay_s = NEVER_S
    yield propagation
    propagation.delay_s = 0.0
    propagation.arrive()


@pytest.fixture
def release(upgraded: LocalAws, number: int, worker_id: str) -> Release:
    return Release(upgraded, ROOT / "build" / "e2e" / f"release-{worker_id}", number + 2, NAMES)


def let_pass(seconds: float) -> None:
    end = time.monotonic() + seconds
    wait_for("time passes", lambda: time.monotonic() >= end, seconds + 60)


# B16
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", ["code", "layer"])
def test_an_upgrade_in_mid_transition_loses_no_beat_and_stops_no_service(
    upgraded, beats, clusters, slow_route53, release, first
):
    alone, failing, moving = clusters.values()
    beats.forget()
    with Client(upgraded.dns.port, alone.record, alone.port) as client:
        wait_for("it serves", lambda: client.served_by("node-a"), 10)
        failing.node("node-a").kill()
        release.change_code() if first == "code" else release.change_layer()
        let_pass(HALF_S)
        began = [wait_granted(failing)]
        execution = upgraded.stack.start_transition(moving.name)
        began += [wait_granted(moving)]
        release.deploy()
        switched_at = time.time()
        slow_route53.arrive()
        ended = [cluster.wait_settled("node-b", MOVE_LIMIT_S) for cluster in (failing, moving)]
        wait_for("it ends", lambda: upgraded.stack.execution(execution)["status"] == "SUCCEEDED", 60)
        lost = beats.lost()
        assert [each for each in outages(client.attempts) if each.seconds > GLITCH_S] == []
    assert lost == []
    assert beats.sent() > HALF_S / 2
    moves = [upgraded.stack.transition(c.name, s["epoch"]) for c, s in zip((failing, moving), ended, strict=True)]
    assert [(move["action"], move["outcome"]) for move in moves] == [
        ("failover", "IN_SERVICE"),
        ("switchover", "IN_SERVICE"),
    ]
    assert [state["epoch"] for state in ended] == began, "each move went on where it was, under its own epoch"
    assert all(move["stages"]["opened_at"] < switched_at < move["stages"]["closed_at"] for move in moves)
    new = upgraded.stack.start_transition(moving.name, action="check")
    wait_for("the new workflow", lambda: release.first_state in states_of(upgraded, new), 30)
    assert release.first_state not in states_of(upgraded, execution)


def wait_granted(cluster: Cluster) -> int:
    """Until a move has given node-b the lease, and goes on: its epoch."""

    def opened() -> int | None:
        state = cluster.state()
        return int(state["epoch"]) if "transition" in state and cluster.active() == "node-b" else None

    return wait_for(f"node-b of {cluster.name} is active", opened, 60, why=cluster.summary)


def states_of(aws: LocalAws, execution: str) -> set[str]:
    """The names of the states that the execution has entered."""
    told = aws.engine.client("stepfunctions").get_execution_history(executionArn=execution, maxResults=1000)["events"]
    return {e["stateEnteredEventDetails"]["name"] for e in told if "stateEnteredEventDetails" in e}


# B16
@pytest.mark.timeout(600)
def test_without_the_alias_the_same_upgrade_loses_beats_and_stops_services(upgraded, beats, clusters, release):
    alone, _, moving = clusters.values()
    beats.forget()
    call_past_the_alias(upgraded)
    with Client(upgraded.dns.port, alone.record, alone.port) as client:
        wait_for("it serves", lambda: client.served_by("node-a"), 10)
        release.change_layer()
        upgraded.stack.start_transition(moving.name)
        let_pass(HALF_S)
        wait_for("the service is stopped", lambda: not client.served_by("node-a"), 10)
        opened = "transition" in moving.state()
    assert len(beats.lost()) > HALF_S / POLICY["heartbeat_interval_s"]
    assert not opened, "no move gets on, either"
