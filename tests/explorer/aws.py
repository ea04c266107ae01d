"""AWS as the cluster meets it: table, Route 53, EC2, the bus, and who starts executions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.explorer import properties
from tests.support.fakes.launcher import FakeLauncher
from tests.support.fakes.ledger import FakeLedger, _plain
from tests.support.fakes.nodes import FakeNodes
from tests.support.fakes.zone import FakeZone, _apply
from understudy.domain.cluster.definition import Record
from understudy.domain.cluster.errors import LedgerConflictError
from understudy.domain.cluster.record import Change
from understudy.domain.cluster.state import ClusterState, PowerReading
from understudy.domain.events.alerts import OperatorCalled
from understudy.domain.events.event import Event
from understudy.domain.transition.stopping import StopAnswer
from understudy.usecases.observe.receive_signal import EC2_STATE
from understudy_agent.udp import Datagram

if TYPE_CHECKING:
    from tests.explorer.node import Node
    from tests.explorer.world import World

KEPT_FACTS = {"outcome", "reasons", "stop", "proof", "lifted_from"}
"""Of a history, what a later step asks for."""
STOPS_IN_MS = 6000
PAST_S = 12


def iso(at_s: float) -> str:
    """A time as events carry it: whole seconds, cut off."""
    return datetime.fromtimestamp(int(at_s), UTC).isoformat()


class CrashError(Exception):
    """The function dies in the middle of its work."""


class Quiet:
    """A fake that keeps no list of its calls: that would make every state a new one."""

    @contextmanager
    def _called(self, method: str) -> Iterator[None]:
        yield


class Table(Quiet, FakeLedger):
    """The table. A step can be made to go on from what it read some seconds ago, and to die after its first write."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.old: ClusterState | None = None
        self.dies_after_write = False
        self.past: list[tuple[int, ClusterState]] = []

    def read(self, cluster: str) -> ClusterState | None:
        old, self.old = self.old, None
        return old if old is not None else super().read(cluster)

    def commit(self, before: ClusterState, after: ClusterState, **how: Any) -> ClusterState:
        try:
            written = super().commit(before, after, **how)
        except LedgerConflictError:
            self.world.old_now_s = None  # it reads again, and looks at its clock again
            raise
        if self.dies_after_write:
            self.dies_after_write = False
            raise CrashError("after its first write")
        return written

    def put_state(self, state: ClusterState) -> None:
        before: ClusterState | None = self.items.get((state.cluster, "state"))
        super().put_state(state)
        self.past.append((self.world.ms, state))
        while len(self.past) > 1 and self.past[1][0] < self.world.ms - PAST_S * 1000:
            del self.past[0]
        if before is not None:
            self.world.tell_of(before, state)
            properties.at_write(self.world, before, state)

    def state_of(self, ago_s: int) -> ClusterState | None:
        """The state as it stood so many seconds ago."""
        at_ms = self.world.ms - ago_s * 1000
        older = [state for when, state in self.past if when <= at_ms]
        return older[-1] if older else (self.past[0][1] if self.past else None)

    def _set_facts(self, cluster: str, epoch: int, facts: Mapping[str, Any]) -> None:
        kept = {key: facts[key] for key in facts if key in KEPT_FACTS}
        item = self.items.setdefault((cluster, f"history#{epoch:08d}"), {})
        item.update(_plain(kept))


class Zone(Quiet, FakeZone):
    """Route 53, in sync at once."""

    def __init__(self, world: World) -> None:
        super().__init__(world.clock)
        self.world = world
        self.accepted = 0

    def submit(self, record: Record, batch: tuple[Change, ...], comment: str, *, tries_again: bool = True) -> str:
        draft = dict(self.record_sets)
        for change in batch:
            _apply(change, record, draft)
        self.record_sets.clear()
        self.record_sets.update(draft)
        self.accepted += 1
        change_id = f"C{self.accepted:013d}"
        self._accepted_at[change_id] = 0
        self.world.tell("route53", f"accepts '{comment}'")
        properties.at_batch(self.world, batch)
        return change_id


class Ec2(Quiet, FakeNodes):
    """EC2. What it stops is off some seconds later, unless its word is late."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def stop(self, instance_id: str) -> StopAnswer:
        was = self.powers[instance_id]
        answer = super().stop(instance_id)
        self.stops.clear()
        self.world.tell("ec2", f"is asked to stop {self.world.node_of(instance_id).name}: {answer.word}")
        if not was.is_leaving:
            self.world.bus.later(STOPS_IN_MS, "off", instance_id)
        return answer

    def says(self, node: Node, power: PowerReading) -> None:
        """EC2's word changes; an event tells of it."""
        self.powers[node.spec.instance_id] = power
        detail = {"instance-id": node.spec.instance_id, "state": str(power)}
        event = {"detail-type": EC2_STATE, "time": iso(self.world.now_s), "detail": detail}
        if not self.world.blows("ec2_word_lost", node.name):
            self.world.bus.later(self.world.level("ec2_word_late", node.name) * 1000, "signal", event)


class Bus:
    """What is under way: beats, words of EC2, datagrams. Everything is data, so that a snapshot has it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.under_way: list[tuple[int, str, Any]] = []
        self.sealed: list[tuple[str, str, bytes]] = []
        """Datagrams that somebody could send again: (from, to, what)."""

    def later(self, after_ms: int, what: str, of: Any) -> None:
        self.under_way.append((self.world.ms + after_ms, what, of))

    def is_due(self) -> bool:
        return any(each[0] <= self.world.ms for each in self.under_way)

    def deliver(self) -> None:
        """What is due, oldest first."""
        due = [each for each in self.under_way if each[0] <= self.world.ms]
        for each in sorted(due, key=lambda each: each[0]):
            self.under_way.remove(each)
            self.world.arrives(each[1], each[2])

    def take_beat(self, node: Node, detail: Mapping[str, Any]) -> None:
        """Raises when the node cannot reach it. What it has taken can still be lost."""
        world, name = self.world, node.name
        if not world.can_send(node):
            raise ConnectionError("EventBridge does not answer")
        if world.blows("beats_lost", name):
            world.tell(name, "a beat is lost")
            return
        detail = {**detail, **world.lies.get(name, {})}
        late_in_s = world.level("beats_ingested_late", name)
        event = {
            "source": f"arn:aws:ec2:us-east-1:123456789012:instance/{node.spec.instance_id}",
            "ingested_at": iso(world.now_s + late_in_s),
            "detail": detail,
        }
        late_s = late_in_s + world.level("beats_late", name)
        if late_s:
            self.later(late_s * 1000, "beat", event)
        else:
            world.arrives("beat", event)
        again_s = world.level("beats_doubled", name)
        if again_s:
            self.later(again_s * 1000, "beat", event)

    def take_datagram(self, sender: Node, data: bytes, address: str) -> None:
        world = self.world
        there = next(node for node in world.nodes if node.spec.address == address)
        if world.blows("messages_lost", sender.name) or world.blows("isolated", sender.name):
            return
        if world.replays:
            self.sealed = [*self.sealed[-3:], (sender.name, there.name, data)]
        late_s = world.level("messages_late", sender.name)
        self.later(late_s * 1000, "datagram", (there.name, Datagram(data, (sender.spec.address, 7946))))

    def send_again(self, sender: str, there: str, data: bytes) -> None:
        """Somebody who listened sends a datagram again."""
        self.later(0, "datagram", (there, Datagram(data, (self.world.node(sender).spec.address, 7946))))


class Launcher(Quiet, FakeLauncher):
    """Step Functions: what is started runs."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.started_ms: dict[str, int] = {}

    def start(self, name: str, request: Mapping[str, Any]) -> bool:
        if name in self.starts:
            return False
        self.starts[name] = {}
        self.started_ms[name] = self.world.ms
        self.world.execute(name, request)
        return True

    def forget(self) -> None:
        """Names that nobody asks for again: they carry the time."""
        for name in [each for each, at_ms in self.started_ms.items() if at_ms < self.world.ms - 60_000]:
            del self.starts[name], self.started_ms[name]

    def key(self) -> Any:
        return tuple(sorted(at_ms - self.world.ms for at_ms in self.started_ms.values()))


class Announcer:
    """The bus on which the controller tells what it does: what people were called for, and when."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.called_ms = -1

    def announce(self, event: Event) -> None:
        world = self.world
        if world.story is not None:
            detail = event.detail()
            said = {key: detail[key] for key in ("rule", "outcome", "reasons", "faults") if key in detail}
            world.tell("told", f"{event.detail_type} {said}")
        if isinstance(event, OperatorCalled):
            self.called_ms = world.ms
