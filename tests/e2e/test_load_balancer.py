"""A real HAProxy follows the lease by asking the nodes. Nobody writes anything, and Route 53 may be away."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from local.balancer import HTTP_PORT, INTERVAL_S, PROGRAM, Balancer, Handed, let_answer
from local.client import Client, outages
from local.cluster import Cluster
from local.cut import Cut
from local.faults import Fault, FaultKind
from local.link import LinkState
from local.node import Node
from local.repeated import Repeated
from local.waiting import wait_for
from tests.e2e.placing import PLACED_LIMIT_S, place
from tests.e2e.test_readiness import check

pytestmark = pytest.mark.skipif(not PROGRAM, reason="haproxy is not installed: make system-packages")
LEASE = {"lease_s": 8, "silence_limit_s": 11}
"""Leaves room for INTERVAL_S and its margin just before a renewal: 8 - 0.5 - (1 + 0.5 + 1) = 5 s."""
MOVE_LIMIT_S = 90.0
LOOK_EVERY_S, LOOK_LIMIT_S = 0.1, 0.5
CLOCKS_S = 0.05
"""HAProxy writes milliseconds, and looks at its clock once a round."""


@dataclass
class Holdings(Repeated):
    """Asks a node repeatedly how long its lease runs. `answers`: when it was asked (epoch seconds), and the rest."""

    node: Node
    answers: list[tuple[float, float]] = field(default_factory=list)
    misses: int = 0

    def __post_init__(self) -> None:
        super().__init__(f"lease of {self.node.name}", LOOK_LIMIT_S + 1)

    def _turn(self) -> float:
        asked_at = time.time()
        connection = http.client.HTTPConnection(self.node.instance.address, HTTP_PORT, timeout=LOOK_LIMIT_S)
        try:
            connection.request("GET", "/status")
            left_s = json.load(connection.getresponse())["lease_left_s"]
            self.answers.append((asked_at, left_s))
        except (OSError, ValueError, http.client.HTTPException):
            self.misses += 1  # it is off, frozen or not there yet: what it said last holds
        finally:
            connection.close()
        return LOOK_EVERY_S

    def around(self, at: float) -> list[tuple[float, float]]:
        """What it said in the seconds about a moment, for a message."""
        return [(round(asked_at - at, 2), left_s) for asked_at, left_s in self.answers if abs(asked_at - at) < 2]

    def holds_at(self, at: float) -> bool:
        """Whether its lease ran at a moment, by what it said last before, or next after it."""
        before = [each for each in self.answers if each[0] <= at]
        after = next((each for each in self.answers if each[0] > at), None)
        by_last = bool(before) and before[-1][1] > 0 and at <= before[-1][0] + before[-1][1] + CLOCKS_S
        return by_last or (after is not None and after[0] - at < 2 * LOOK_EVERY_S and after[1] > 0)


@dataclass
class Scene:
    """A cluster behind HAProxy, a client of it, and what each node says of its lease."""

    cut: Cut
    balancer: Balancer
    client: Client
    holdings: dict[str, Holdings]

    @property
    def cluster(self) -> Cluster:
        return self.cut.cluster

    def outage_s(self, since: float, to_node: str) -> float:
        """The longest that the client saw."""
        found = [each for each in outages(list(self.client.attempts)) if each.ended > since and each.to_node == to_node]
        return max(each.seconds for each in found)

    def astray(self) -> list[Handed]:
        """The connections that were handed to a node without the lease."""
        return [each for each in self.balancer.handed() if not self.holdings[each.node].holds_at(each.at)]

    def why(self) -> str:
        """What the nodes said around these connections."""
        return "\n".join(f"{each}: {self.holdings[each.node].around(each.at)}" for each in self.astray())

    def wait_handed(self, node: str) -> None:
        """Until it has been handed some connections from now on."""
        since = time.time()

        def has_some() -> bool:
            return len([each for each in self.balancer.handed() if each.node == node and each.at > since]) > 10

        wait_for(f"{node} has served some", has_some, 30, why=self.cluster.summary)

    def move(self, cause: Callable[[], object]) -> float:
        """Bring a move to node-b about, and wait until the client is served there: how long it was not (seconds)."""
        epoch, began = self.cluster.state()["epoch"], time.monotonic()
        cause()
        self.cluster.wait_settled("node-b", MOVE_LIMIT_S, above_epoch=epoch)
        self.wait_handed("node-b")
        return self.outage_s(began, "node-b")


@pytest.fixture
def scene(aws, make_cluster) -> Iterator[Callable[..., Scene]]:
    with ExitStack() as undo:

        def begin(place_it: Callable[[Cluster], object] = place) -> Scene:
            cluster = make_cluster()
            cluster.policy = cluster.policy | LEASE
            cut = undo.enter_context(Cut(aws, cluster))
            let_answer(cluster.nodes)
            place_it(cluster)
            holdings = {node.name: undo.enter_context(Holdings(node)) for node in cluster.nodes}
            wait_for("the leases are known", lambda: all(each.answers for each in holdings.values()), 20)
            balancer = undo.enter_context(Balancer(cluster))
            client = undo.enter_context(Client.at_address("127.0.0.1", balancer.port))
            made = Scene(cut, balancer, client, holdings)
            made.wait_handed("node-a")
            return made

        yield begin


def cut_off(scene: Scene) -> None:
    """node-a reaches neither AWS nor its peer. Its clients, and the load balancer, still reach it."""
    scene.cut.part()
    scene.cut.turn(LinkState.SILENT, "node-a")


CAUSES: dict[str, Callable[[Scene], object]] = {
    "cut off": cut_off,
    "freeze": lambda scene: scene.cluster.node("node-a").freeze(),
    "kill": lambda scene: scene.cluster.node("node-a").kill(),
}


# B21 B4
@pytest.mark.parametrize("cause", CAUSES)
def test_no_connection_is_handed_to_a_node_without_the_lease(scene, cause, record_property):
    played = scene()
    outage_s = played.move(lambda: CAUSES[cause](played))
    record_property("outage_s", round(outage_s, 1))
    if cause == "freeze":
        thawed = time.time()
        played.cluster.node("node-a").thaw()
        played.cluster.wait_standby("node-a", MOVE_LIMIT_S)
        wait_for("it would have been taken in", lambda: time.time() - thawed > 2 * INTERVAL_S, 30)
        assert {each.node for each in played.balancer.handed() if each.at > thawed} == {"node-b"}
    assert played.astray() == [], played.why()


# B21
def test_at_a_switchover_what_is_handed_to_the_old_node_meanwhile_is_refused(scene, record_property):
    played = scene()
    outage_s = played.move(lambda: played.cluster.aws.stack.start_transition(played.cluster.name))
    record_property("outage_s", round(outage_s, 1))
    astray = played.astray()
    assert {each.node for each in astray} <= {"node-a"}, played.why()
    assert not astray or astray[-1].at - astray[0].at < INTERVAL_S
    answered = [each for each in played.client.attempts if each.node]
    assert [each for each in answered if not played.holdings[each.node].holds_at(each.wall)] == []


def balanced(cluster: Cluster) -> None:
    """Placed by a definition that names a load balancer and no record."""
    instances = [node.instance for node in cluster.nodes]
    arn = cluster.aws.world.load_balancer(cluster.name, instances, HTTP_PORT)
    definition = cluster.definition()
    definition["addresses"] = [{"kind": "load_balancer", "target_group_arn": arn}]
    cluster.register(definition)
    cluster.boot()
    cluster.wait_settled("node-a", PLACED_LIMIT_S)
    cluster.wait_standby("node-b", PLACED_LIMIT_S)


# B21 B11
def test_without_route_53_clients_are_served_again_and_the_move_closes_in_service(aws, scene, record_property):
    played = scene(balanced)
    checked = check(aws, played.cluster.name)
    assert checked["status"] == "SUCCEEDED", checked.get("cause")
    checks = json.loads(checked["output"])["checks"]
    found = {each["name"]: each["verdict"] for each in checks if each["name"].startswith("targets-")}
    # Nobody asks these targets: the emulator takes all of them for healthy.
    assert {name for name, verdict in found.items() if verdict != "PASS"} == {"targets-lead"}, checks
    faults = aws.engine.proxy.faults
    faults.add(Fault(FaultKind.UNAVAILABLE, times=None))
    try:
        killed_at = time.time()
        outage_s = played.move(lambda: played.cluster.node("node-a").kill())
        state = played.cluster.state()
    finally:
        faults.clear()
    record_property("outage_s", round(outage_s, 1))
    moved = aws.stack.transition(played.cluster.name, state["epoch"])
    assert (moved["outcome"], moved["action"], moved["proof"]) == ("IN_SERVICE", "failover", "LEASE_EXPIRED")
    assert moved["addresses"] == {f"target group {played.cluster.name}": {"status": "IN_SYNC"}}
    # How soon silence is noticed is the policy's, and later where beats were late just before: on a stack that is new.
    stages = moved["stages"]
    noticed_to_served_s = killed_at + outage_s - stages["noticed_at"]
    started_s = stages["in_service_at"] - stages["noticed_at"]
    assert noticed_to_served_s < started_s + INTERVAL_S + 5, "5 s: what a busy machine may be late"
    assert played.astray() == [], played.why()
