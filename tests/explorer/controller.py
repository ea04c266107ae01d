"""The controller's real use cases, on the fakes of one world."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from tests.explorer.snapshots import never_changes
from tests.support.drills import a_drill_master
from tests.support.fakes.alarms import FakeAlarms
from tests.support.fakes.keys import FakeKeys
from tests.support.fakes.network import FakeNetwork
from tests.support.fakes.queue import FakeQuestions, FakeQueue, a_budget
from tests.support.fakes.scaling import a_releaser
from understudy.definition import read_definition
from understudy.domain.batching.rate_limits import Purpose
from understudy.ports.parameters import ParameterText
from understudy.usecases.batching.group_commit import GroupCommit
from understudy.usecases.batching.shared_changes import SharedChanges
from understudy.usecases.observe.judge import Judge
from understudy.usecases.observe.receive_signal import receive_signal
from understudy.usecases.observe.record_heartbeat import record_heartbeat
from understudy.usecases.register.cluster import Registrar
from understudy.usecases.transition.await_service import await_service
from understudy.usecases.transition.check_change import check_change
from understudy.usecases.transition.close_transition import close_transition
from understudy.usecases.transition.fence_node import fence_node
from understudy.usecases.transition.follow_changes import ChangeFollower
from understudy.usecases.transition.grant_lease import grant_lease
from understudy.usecases.transition.move_address import move_address
from understudy.usecases.transition.open_transition import open_transition
from understudy.usecases.transition.record_mover import RecordMover
from understudy.usecases.watch.records import RecordMonitor
from understudy.usecases.watch.watch_clusters import ClusterWatch

if TYPE_CHECKING:
    from tests.explorer.world import World

STACK = "understudy"


@never_changes
class Controller:
    """The functions, wired once. What they remember is in the table, and in nothing of this."""

    def __init__(self, world: World) -> None:
        self.world = world
        table, zone, clock, announcer = world.table, world.zone, world.clock, world.announcer
        self.judge = Judge(table, world.launcher, announcer, clock)
        network = FakeNetwork()
        group = GroupCommit(zone, FakeQueue(table), clock, _no_pause, STACK, a_budget(clock))
        shared = SharedChanges(zone, FakeQuestions(), clock, a_budget(clock, Purpose.POLLS))
        follower = ChangeFollower(zone, shared, zone, clock, STACK)
        self._register = Registrar(
            registry=table,
            records=zone,
            zones=zone,
            network=network,
            power=world.ec2.power,
            keys=FakeKeys(),
            read_definition=cache(lambda text, version: read_definition(text, version, world.ec2)),
            announcer=announcer,
            clock=clock,
            stack=STACK,
            may_stop=True,
        ).register
        step: dict[str, Any] = {"ledger": table, "clock": clock}
        self.handlers: Mapping[str, Callable[[Any], Any]] = {
            "open_transition": partial(open_transition, announcer=announcer, **step),
            "fence_node": partial(fence_node, nodes=world.ec2, **step),
            "move_address": partial(
                move_address, movers=(RecordMover(zone, group),), announcer=announcer, stack=STACK, **step
            ),
            "grant_lease": partial(grant_lease, **step),
            "await_service": partial(await_service, **step),
            "check_change": partial(check_change, ledger=table, follower=follower),
            "close_transition": partial(close_transition, announcer=announcer, **step),
        }
        self._watch = ClusterWatch(
            ledger=table,
            beats=table,
            nodes=world.ec2,
            alarms=FakeAlarms(),
            index=table,
            parameters=world.parameters,
            follower=follower,
            network=network,
            announcer=announcer,
            register=self.register,
            judge=self.judge,
            drills=a_drill_master(table, world.launcher, announcer, clock),
            monitor=RecordMonitor(table, zone, announcer, clock, _no_pause, STACK),
            clock=clock,
        ).run

    def register(self, text: ParameterText) -> str:
        """What an event of a parameter does."""
        return str(self._call("register_cluster", lambda: self._register(text)))

    def heartbeat(self, event: Mapping[str, Any]) -> None:
        """What an event of a beat does."""
        ports: dict[str, Any] = {"beats": self.world.table, "ledger": self.world.table, "judge": self.judge}
        self._call("record_heartbeat", lambda: record_heartbeat(event, clock=self.world.clock, **ports))

    def signal(self, event: Mapping[str, Any]) -> None:
        """What an event of EC2 does."""
        table = self.world.table
        ports: dict[str, Any] = {"beats": table, "ledger": table, "index": table, "judge": self.judge}
        ports["releaser"] = a_releaser(table, self.world.clock)
        self._call("receive_signal", lambda: receive_signal(event, clock=self.world.clock, **ports))

    def watch(self) -> None:
        """What every minute does."""
        self._call("watch_clusters", self._watch)

    def _call(self, function: str, work: Callable[[], object]) -> object:
        """Nothing here is out of reach, so no function has a reason to break."""
        try:
            return work()
        except Exception as fault:
            self.world.violates("no_function_breaks", f"{function} raises {type(fault).__name__}: {fault}")
            return None


def _no_pause(seconds: float) -> None:
    """Nothing here is ever crowded."""
