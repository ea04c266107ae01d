"""Nodes with the real lease and promise logic under a controller that does whatever its own rules allow, at random.

Time is true time in whole milliseconds. Each node has a boot clock of its own whose rate is wrong by up to DRIFT.
Messages between nodes are lost, doubled, delayed by up to half a minute, and so reordered; beats and reads are lost and
late; agents are restarted, machines are rebooted; nodes come and go by new definitions. After every step it is looked
whether two nodes serve.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import Any

from tests.support.builders import CLUSTER, a_definition
from tests.unit.agent.fakes import FakeLog
from understudy.adapters.dynamodb.maps import to_map
from understudy.domain.cluster.membership import is_known_to_holder
from understudy.domain.cluster.policy import Policy
from understudy.domain.cluster.state import (
    ClusterState,
    NodeReport,
    PowerReading,
    Proof,
    ServiceStatus,
    Transition,
    TransitionAction,
)
from understudy.domain.cluster.view import ClusterView
from understudy.domain.lease.proof import find_proof
from understudy.domain.lease.terms import terms_of
from understudy.domain.transition.opening import Opening
from understudy.domain.transition.steps import fenced, granted, kept_terms, opened
from understudy_agent import promise
from understudy_agent.exchange import Exchange
from understudy_agent.failsafe import Failsafe, Means
from understudy_agent.keys import KeyRing
from understudy_agent.lease import LeaseAnswer, LeaseView, Order, Sender, after_read, order, settled
from understudy_agent.promise import Memory
from understudy_agent.udp import Datagram
from understudy_agent.view import parse_state

STEP_MS = 100
KEY = (b"k" * 32,)
POLICY = Policy(
    heartbeat_interval_s=1,
    lease_read_interval_s=0.5,
    lease_s=5,
    kill_limit_s=0.5,
    drift_margin_s=2,
    silence_limit_s=8,
    observer_lag_limit_s=4,
)
SPARE = 3


class TwoServeError(AssertionError):
    """More than one node serves at the same time."""


class Disk:
    """What of a node survives its agent, and not a reboot: it stands for both files of the agent."""

    def __init__(self) -> None:
        self.lease_view = LeaseView()
        self.memory: Memory | None = None

    def load(self) -> Memory | None:
        return self.memory

    def is_there(self) -> bool:
        return self.memory is not None

    def save(self, memory: Memory) -> None:
        self.memory = memory


class AtOnce:
    """A Caller whose call has ended when it is submitted."""

    def __init__(self) -> None:
        self._done: Any = None

    def submit(self, call: Any) -> bool:
        from understudy_agent.worker import Done

        self._done = Done(value=call())
        return True

    def take(self) -> Any:
        done, self._done = self._done, None
        return done


@dataclass
class Node:
    """One machine. `up`: whether its service runs; `down_at`: when one that is being stopped has gone (true ms)."""

    world: World
    name: str
    rate: float
    clock_at_0: int
    boot: int = 1
    is_on: bool = True
    up: bool = False
    down_at: int | None = None
    hears_aws: bool = True
    aws_hears: bool = True
    disk: Disk = field(default_factory=Disk)
    inbox: list[Datagram] = field(default_factory=list)
    next_beat: int = 0
    next_read: int = 0

    def __post_init__(self) -> None:
        self.start_agent()

    def now_ms(self) -> int:
        return int(self.clock_at_0 + self.world.now * self.rate)

    def start_agent(self) -> None:
        ring = KeyRing(lambda: KEY, Exchange("key", AtOnce(), FakeLog()))
        nonces = self.world.random
        self.failsafe = Failsafe(
            CLUSTER,
            self.name,
            self.disk,  # type: ignore[arg-type]
            FakeLog(),
            Means(ring, self, 7411, asks_peers=False),
            lambda: f"{nonces.getrandbits(128):032x}",
        )
        left = self.disk.lease_view
        bound = left.lease_end_ms is not None
        self.lease_view = replace(left, answer=LeaseAnswer.NOTHING, epoch=0, seen_epoch=0) if bound else LeaseView()
        self.sent: set[int] = set()
        self.failsafe.wake_up(self.now_ms())

    def send(self, data: bytes, address: tuple[str, int]) -> None:
        self.world.carry(self.name, data, (NAME_AT[address[0]], address[1]))

    def received(self) -> list[Datagram]:
        came, self.inbox = self.inbox, []
        return came

    def take_read(self, item: Any) -> None:
        view = parse_state(item)
        after = after_read(self.lease_view, view, Sender(self.name, self.boot_name, self.sent, self.now_ms()))
        self.failsafe.take_view(view, after, self.now_ms())
        self.disk.lease_view = self.lease_view = after

    @property
    def boot_name(self) -> str:
        return f"boot-{self.boot}"

    def tick(self) -> None:
        now_ms = self.now_ms()
        self.disk.lease_view = self.lease_view = self.failsafe.tick(self.lease_view, now_ms, all_down=not self.up)
        told = order(self.lease_view, now_ms)
        if told is Order.SERVE and self.failsafe.waits_until(self.lease_view, now_ms) is None:
            self.up, self.down_at = True, None
        elif told in (Order.STOP, Order.KILL) and self.up and self.down_at is None:
            # It may take until the very end of what the node is bound by.
            limit_ms = max(0, int(((self.lease_view.end_ms or now_ms) - now_ms) / self.rate))
            self.down_at = self.world.now + self.world.random.choice([0, limit_ms])
        if self.up and self.down_at is not None and self.world.now >= self.down_at:
            self.up, self.down_at = False, None
        if not self.up:
            self.lease_view = settled(self.lease_view, now_ms)
            self.disk.lease_view = self.lease_view
        if self.world.now >= self.next_beat:
            self.next_beat = self.world.now + 1000
            self.world.beat(self)
        if self.world.now >= self.next_read:
            self.next_read = self.world.now + 500
            self.world.read(self)


class World:
    """One cluster of three nodes and a fourth that a new definition can bring in. `until_ms`: how long it goes on."""

    def __init__(self, seed: int, until_ms: int = 150_000) -> None:
        self.random = random.Random(seed)
        self.now = 0
        self.until_ms = until_ms
        self.later: list[tuple[int, Any]] = []
        self.replayed: list[tuple[str, Datagram]] = []
        self.cut: set[frozenset[str]] = set()
        self.story: list[str] = []
        rates = [1 - promise.DRIFT, 1.0, 1 + promise.DRIFT]
        self.nodes = {name: Node(self, name, self.random.choice(rates), self.random.randrange(10**6)) for name in NAMES}
        self.policy = POLICY
        self.version = 1
        self.state = ClusterState(
            cluster=CLUSTER,
            revision=1,
            epoch=1,
            definition_version=1,
            terms=terms_of(self.policy),
            nodes={name: NodeReport(name=name, ip=ADDRESSES[name]) for name in NAMES[:SPARE]},
            active=NAMES[0],
        )
        self.longest_without_lease_ms = 0

    # --- what nodes do ------------------------------------------------------------------------

    def carry(self, sender: str, data: bytes, address: tuple[str, int]) -> None:
        for _ in range(self.random.choice([0, 1, 1, 1, 1, 2])):
            delay_ms = self.random.choice([0, 0, 0, 100, 500, 3000, 30_000])
            self.later.append((self.now + delay_ms, lambda: self._deliver(sender, data, address[0])))

    def _deliver(self, sender: str, data: bytes, to: str) -> None:
        if frozenset((sender, to)) not in self.cut and self.nodes[to].is_on:
            datagram = Datagram(data, (ADDRESSES[sender], 7411))
            self.nodes[to].inbox.append(datagram)
            self.replayed.append((to, datagram))

    def beat(self, node: Node) -> None:
        if not node.aws_hears or node.name not in self.state.nodes:
            return
        word = ServiceStatus.IN_SERVICE if node.up else ServiceStatus.OUT_OF_SERVICE
        word = ServiceStatus.STOPPING if node.up and node.down_at is not None else word
        node.sent.add(node.now_ms())
        facts = {
            "beat": node.now_ms(),
            "boot": node.boot_name,
            "service": word,
            "read_epoch": node.lease_view.epoch,
            "knows": node.failsafe.knows,
        }
        self.later.append((self.now + self.random.choice([0, 100, 1500]), lambda: self._record(node.name, facts)))

    def _record(self, name: str, facts: dict[str, Any]) -> None:
        report = self.state.nodes.get(name)
        if report is None or (report.boot == facts["boot"] and report.beat >= facts["beat"]):
            return
        heard = replace(report, heard_at=self.now // 1000, keeps_lease=True, **facts)
        self.state = replace(self.state, nodes={**self.state.nodes, name: heard})

    def read(self, node: Node) -> None:
        if node.hears_aws:
            item, boot = to_map(self.state), node.boot
            self.later.append((self.now + self.random.choice([0, 0, 200]), lambda: self._answer(node, boot, item)))

    def _answer(self, node: Node, boot: int, item: Any) -> None:
        if node.is_on and node.boot == boot:
            node.take_read(item)

    # --- what the controller does, as far as its rules let it -----------------------------------

    def control(self) -> None:
        state, chance = self.state, self.random.random()
        if state.transition is None and chance < 0.02:
            self._open()
        elif state.transition is not None and state.active is None:
            self._fence_and_grant()
        elif state.transition is not None and chance < 0.2:
            self.state = replace(state, transition=None)
        if chance > 0.99:
            self._redefine()

    def _definition(self) -> Any:
        return a_definition(policy=self.policy)

    def _open(self) -> None:
        fit = [name for name in self.state.nodes if self._is_fit(name)]
        if fit:
            target = self.random.choice(fit)
            view = ClusterView(self.state, self._definition(), self.now // 1000)
            self.state = opened(view, Opening(TransitionAction.FAILOVER, target, "any", why=""), "x")
            self.tell(f"opened epoch {self.state.epoch} to {target}")

    def _is_fit(self, name: str) -> bool:
        report = self.state.nodes[name]
        return report.heard_at is not None and is_known_to_holder(self.state, name)

    def _fence_and_grant(self) -> None:
        state = self.state
        assert isinstance(state.transition, Transition)
        power = PowerReading.UNKNOWN
        if state.previous is not None and self.random.random() < 0.01:
            self.switch_off(state.previous.node)
            power = PowerReading.STOPPED
        proof = find_proof(ClusterView(state, self._definition(), self.now // 1000), power)
        if proof is None:
            return
        target = self.random.choice([name for name in state.nodes if self._is_fit(name)] or [state.transition.target])
        if state.previous is not None and target == state.previous.node:
            return
        if not self._is_fit(target) and proof is not Proof.STOPPED:
            return
        ready = replace(fenced(state, proof), transition=replace(state.transition, target=target))
        self.state = granted(ready, self._definition(), proof)
        self.tell(f"granted epoch {self.state.epoch} to {target} by {proof}")

    def _redefine(self) -> None:
        state, spare = self.state, NAMES[SPARE]
        self.version += 1
        needed = {state.active, state.previous.node if state.previous else None}
        needed |= {state.transition.target} if state.transition else set()
        nodes = dict(state.nodes)
        if spare not in nodes:
            nodes[spare] = NodeReport(name=spare, ip=ADDRESSES[spare], joined=self.version)
        elif spare not in needed:
            del nodes[spare]
        self.policy = replace(self.policy, promise_s=self.random.choice([3, 4, 5]))
        terms = kept_terms(state, self._definition())
        self.state = replace(state, nodes=nodes, definition_version=self.version, terms=terms)
        self.tell(f"definition {self.version}: {', '.join(nodes)}")

    # --- what happens to them -------------------------------------------------------------------

    def switch_off(self, name: str) -> None:
        node = self.nodes[name]
        node.is_on = node.up = False
        node.down_at = None
        self.later.append((self.now + self.random.choice([1000, 20_000]), lambda: self._switch_on(node)))
        self.tell(f"{name} is off")

    def _switch_on(self, node: Node) -> None:
        if not node.is_on:
            node.is_on, node.boot, node.disk, node.inbox = True, node.boot + 1, Disk(), []
            node.clock_at_0 = -int(self.now * node.rate)
            node.start_agent()
            self.tell(f"{node.name} is on")

    def trouble(self) -> None:
        what, node = self.random.random(), self.random.choice(list(self.nodes.values()))
        if what < 0.004:
            node.hears_aws = not node.hears_aws
        elif what < 0.008:
            node.aws_hears = not node.aws_hears
        elif what < 0.012:  # all but one or two nodes lose AWS at once: what promises are for
            lucky = self.random.sample(NAMES, self.random.choice([0, 1, 1, 2, 4]))
            for each in self.nodes.values():
                each.hears_aws = each.aws_hears = each.name in lucky
            self.tell(f"AWS is reached by {', '.join(lucky) or 'nobody'}")
        elif what < 0.015:
            other = self.random.choice(NAMES)
            self.cut ^= {frozenset((node.name, other))}
        elif what < 0.017 and node.is_on:
            node.start_agent()
        elif what < 0.019 and node.is_on:
            self.switch_off(node.name)
        elif what < 0.03 and self.replayed:
            to, datagram = self.random.choice(self.replayed)
            self.nodes[to].inbox.append(datagram)

    def tell(self, what: str) -> None:
        self.story.append(f"{self.now / 1000:7.1f} {what}")

    def run(self) -> World:
        """Go on until the end. Raises TwoServeError with the story so far."""
        return self.go(self.until_ms - self.now)

    def go(self, for_ms: int) -> World:
        """Let so much time pass."""
        until_ms = self.now + for_ms
        while self.now < until_ms:
            self.now += STEP_MS
            due = [entry for entry in self.later if entry[0] <= self.now]
            self.later = [entry for entry in self.later if entry[0] > self.now]
            for _at, act in due:
                act()
            self.trouble()
            self.control()
            for node in self.nodes.values():
                if node.is_on:
                    before = node.up
                    node.tick()
                    if node.up != before:
                        self.tell(f"{node.name} {'serves' if node.up else 'is down'}")
            self._look()
        return self

    def _look(self) -> None:
        serving = [node for node in self.nodes.values() if node.up]
        if len(serving) > 1:
            names = ", ".join(node.name for node in serving)
            raise TwoServeError("\n".join([*self.story[-40:], f"{self.now / 1000:7.1f} {names} serve"]))
        for node in serving:
            end_ms = node.lease_view.lease_end_ms
            if end_ms is not None and node.now_ms() > end_ms:
                self.longest_without_lease_ms = max(self.longest_without_lease_ms, node.now_ms() - end_ms)


NAMES = ("i-0a", "i-0b", "i-0c", "i-0d")
ADDRESSES = {name: f"10.0.0.{number}" for number, name in enumerate(NAMES, 1)}
NAME_AT = {address: name for name, address in ADDRESSES.items()}
