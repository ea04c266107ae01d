"""The whole workflow with a load balancer that asks the nodes: it follows them, and nothing is written to it (B21)."""

from dataclasses import dataclass, field

import pytest

from tests.support.balancers import LOAD_BALANCER
from tests.support.world import World
from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.errors import AddressUnreadableError
from understudy_agent import serving

NEEDED_MS = serving.INTERVAL_MS + serving.MARGIN_MS
SILENCE_S, WORKFLOW_S, START_S = 16, 3, 2
"""The default silence_limit_s with the second that EventBridge cuts off; the steps, each at the world's seconds."""


@dataclass
class Prober:
    """A load balancer: asks every node for /serving each `interval_s`, and believes so many answers in a row."""

    world: World
    interval_s: int
    threshold: int
    taken: set[str] = field(default_factory=set)
    rows: dict[str, int] = field(default_factory=dict)

    def run(self, seconds):
        """Let time pass; in which seconds a connection would have been served."""
        served = []
        for _ in range(seconds):
            self.world.run(1)
            if int(self.world.clock.now_s) % self.interval_s == 0:
                self.ask()
            serving_now = set(self.world.in_service)
            served.append(len(self.taken) == 1 and self.taken <= serving_now)
        return served

    def ask(self):
        for name, machine in self.world.machines.items():
            says = machine.is_on and not serving.why_not_serving(machine.agent.snapshot, machine.now_ms(), NEEDED_MS)
            agrees = says == (name in self.taken)
            self.rows[name] = 0 if agrees else self.rows.get(name, 0) + 1
            if self.rows[name] >= self.threshold:
                self.taken ^= {name}
                self.rows[name] = 0


def a_world(**changes):
    world = World(definition_changes={"load_balancers": (LOAD_BALANCER,), **changes}).settle()
    balancer = Prober(world, interval_s=5, threshold=2)
    assert balancer.run(15)[-1]
    return world, balancer


def cut_route53(world):
    """Its API answers nothing from now on."""

    def refuse(*_args, **_named):
        raise AddressUnreadableError("Route 53 does not answer")

    for method in ("read", "read_many", "submit"):
        setattr(world.zone, method, refuse)


def test_clients_are_served_again_without_route_53_within_silence_probing_and_start():
    world, balancer = a_world(records=())
    cut_route53(world)
    world.kill("node-a")
    served = balancer.run(60)
    outage_s = served.index(True)
    assert all(served[outage_s:])
    assert outage_s <= SILENCE_S + WORKFLOW_S + START_S + 5 * 2
    assert world.history(2)["outcome"] == "IN_SERVICE"
    assert world.history(2)["addresses"] == {"target group orders-db": {"status": "IN_SYNC"}}
    assert world.state.address.status is AddressStatus.IN_SYNC


def test_beside_a_record_that_cannot_be_moved_the_service_waits_for_one_try_only():
    world, balancer = a_world()
    cut_route53(world)
    world.kill("node-a")
    served = balancer.run(60)
    assert served.index(True) <= SILENCE_S + WORKFLOW_S + START_S + 5 * 2
    assert world.history(2)["outcome"] == "DEGRADED"
    assert world.history(2)["reasons"] == ["ADDRESS_OWED"]
    assert world.state.address.status is AddressStatus.OWED


def test_at_a_switchover_the_load_balancer_follows_without_anybody_writing():
    world, balancer = a_world(records=())
    world.start(action="switchover")
    served = balancer.run(40)
    assert world.in_service == ["node-b"]
    assert balancer.taken == {"node-b"}
    assert served[-1]


@pytest.mark.parametrize("name", ["node-a", "node-b"])
def test_a_node_that_is_cut_off_is_taken_out_before_another_one_is_in(name):
    world, balancer = a_world(records=())
    world.machines[name].hears = world.machines[name].is_heard = False
    for _ in range(60):
        balancer.run(1)
        assert len(balancer.taken) <= 1
    assert balancer.taken == {"node-b" if name == "node-a" else "node-a"}
