"""A world in memory: the real use cases, the real workflow definition, nodes with the real loop of the agent.

Time is virtual and passes second by second. `serving` is looked at in every second: more than one node that serves
at the same time is the thing that must never happen, so the world raises at once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.support.asl_definition import Definition as WorkflowDefinition
from tests.support.asl_runner import Clock, Execution, Status
from tests.support.builders import BOOTS, CLUSTER, NOW, RECORD, SPECS, a_definition
from tests.support.drills import a_drill_master
from tests.support.fakes.alarms import FakeAlarms
from tests.support.fakes.announcer import FakeAnnouncer
from tests.support.fakes.inspection import FakeReportBook
from tests.support.fakes.launcher import FakeLauncher
from tests.support.fakes.ledger import FakeLedger
from tests.support.fakes.network import FakeNetwork
from tests.support.fakes.nodes import FakeNodes
from tests.support.fakes.queue import FakeQuestions, FakeQueue, a_budget
from tests.support.fakes.scaling import FakeScalingGroups, a_releaser
from tests.support.fakes.zone import FakeZone
from tests.support.machine import Machine
from understudy.adapters.dynamodb.maps import to_map
from understudy.domain.batching.rate_limits import Purpose
from understudy.domain.cluster.state import ClusterState, NodeReport, PowerReading
from understudy.domain.events.event import Event
from understudy.domain.lease.terms import terms_of
from understudy.domain.observe.quorum import hosts_of
from understudy.ports.ledger import Read
from understudy.ports.parameters import ParameterText
from understudy.usecases.batching.group_commit import GroupCommit
from understudy.usecases.batching.shared_changes import SharedChanges
from understudy.usecases.observe.judge import Judge
from understudy.usecases.observe.receive_signal import EC2_STATE, receive_signal
from understudy.usecases.observe.record_heartbeat import record_heartbeat
from understudy.usecases.transition.ask_approval import ask_approval
from understudy.usecases.transition.await_service import await_service
from understudy.usecases.transition.check_change import check_change
from understudy.usecases.transition.close_transition import close_transition
from understudy.usecases.transition.fence_node import fence_node
from understudy.usecases.transition.follow_changes import ChangeFollower
from understudy.usecases.transition.grant_lease import grant_lease
from understudy.usecases.transition.move_address import move_address
from understudy.usecases.transition.network_movers import ElasticIpMover, LoadBalancerMover, RouteMover
from understudy.usecases.transition.open_transition import open_transition
from understudy.usecases.transition.record_mover import RecordMover
from understudy.usecases.watch.records import RecordMonitor
from understudy.usecases.watch.watch_clusters import ClusterWatch, WatchReport
from understudy_agent.udp import Datagram

WORKFLOW = WorkflowDefinition.load(Path("statemachine/transition.asl.json"))
ACCOUNT = "123456789012"


class TwoServeError(AssertionError):
    """More than one node serves at the same time."""


class WorldClock(Clock):
    """The runner's clock, which the use cases can ask as well."""

    def __call__(self) -> float:
        return self.now_s


@dataclass
class World:
    """One cluster of two or three nodes, in service on node-a unless a test says otherwise."""

    members: int = 2
    definition_changes: dict[str, Any] = field(default_factory=dict)
    clock: WorldClock = field(default_factory=lambda: WorldClock(NOW))
    executions: list[Execution] = field(default_factory=list)
    crash_after_steps: int | None = None
    steps: int = 0

    def __post_init__(self) -> None:
        self.definition = a_definition(self.members, **self.definition_changes)
        self.ledger = FakeLedger(definition=self.definition)
        self.zone = FakeZone(self.clock)
        self.ec2, self.network, self.alarms = FakeNodes(), FakeNetwork(), FakeAlarms()
        self.scaling = FakeScalingGroups()
        self.releaser = a_releaser(self.ledger, self.clock, self.scaling)
        self.queue = FakeQueue(self.ledger)
        group = GroupCommit(self.zone, self.queue, self.clock, lambda _: None, "understudy", a_budget(self.clock))
        network = self.network
        self.movers = (
            RecordMover(self.zone, group),
            RouteMover(network),
            ElasticIpMover(network),
            LoadBalancerMover(),
        )
        self.follower = ChangeFollower(
            self.zone,
            SharedChanges(self.zone, FakeQuestions(), self.clock, a_budget(self.clock, Purpose.POLLS)),
            self.zone,
            self.clock,
            "understudy",
        )
        self.launcher = FakeLauncher()
        self.announcer = FakeAnnouncer()
        self.judge = Judge(self.ledger, self.launcher, self.announcer, self.clock)
        self.reports = FakeReportBook()
        self.drills = a_drill_master(self.ledger, self.launcher, self.announcer, self.clock, reports=self.reports)
        self.machines = {
            spec.name: Machine(self, spec.instance_id, spec.address, BOOTS[spec.instance_id])
            for spec in SPECS[: self.members]
        }
        for spec in SPECS[: self.members]:
            self.ec2.launch_as(spec)
        self.ledger.put_state(
            ClusterState(
                cluster=CLUSTER,
                revision=1,
                epoch=0,
                definition_version=1,
                terms=terms_of(self.definition.policy),
                nodes={spec.instance_id: NodeReport(name=spec.name, ip=spec.address) for spec in SPECS[: self.members]},
                quorum=hosts_of(self.definition.quorum),
            )
        )
        self.handlers = self._handlers()

    def _handlers(self) -> dict[str, Callable[[Any], Any]]:
        ports: dict[str, Any] = {"ledger": self.ledger, "clock": self.clock}
        return {
            "open_transition": partial(open_transition, announcer=self.announcer, **ports),
            "ask_approval": partial(ask_approval, announcer=self.announcer, **ports),
            "fence_node": partial(fence_node, nodes=self.ec2, **ports),
            "move_address": partial(
                move_address, movers=self.movers, announcer=self.announcer, stack="understudy", **ports
            ),
            "grant_lease": partial(grant_lease, **ports),
            "await_service": partial(await_service, **ports),
            "check_change": partial(check_change, ledger=self.ledger, follower=self.follower),
            "close_transition": partial(close_transition, announcer=self.announcer, **ports),
        }

    # What a test looks at.

    @property
    def state(self) -> ClusterState:
        return self.ledger.state()

    @property
    def active(self) -> str | None:
        return self.state.nodes[self.state.active].name if self.state.active else None

    @property
    def serving(self) -> list[str]:
        return [name for name, machine in self.machines.items() if machine.serves]

    @property
    def in_service(self) -> list[str]:
        return [name for name, machine in self.machines.items() if machine.is_on and machine.status == "IN_SERVICE"]

    @property
    def dns(self) -> str | None:
        record = self.zone.read(RECORD).record
        return record.values[0] if record else None

    def history(self, epoch: int) -> Any:
        return self.ledger.history(CLUSTER, epoch)

    def told(self, kind: type[Event]) -> list[Any]:
        return self.announcer.details(kind)

    # What a test does.

    def start(self, **request: Any) -> Execution:
        """What an operator does: start an execution."""
        return self._execute(f"manual-{len(self.executions)}", {"cluster": CLUSTER, **request})

    def run(self, seconds: int) -> "World":
        """Let time pass."""
        for _ in range(seconds):
            self.clock.advance_to(self.clock.now_s + 1)
            self._second()
        return self

    def run_until(self, condition: Callable[["World"], bool], limit_s: int = 120) -> "World":
        """Let time pass until something is so. Fails when it is not so within the limit."""
        for _ in range(limit_s):
            if condition(self):
                return self
            self.run(1)
        raise AssertionError(f"not within {limit_s} s; state {self.state}; machines {self.machines}")

    def settle(self) -> "World":
        """From nothing to in service on node-a, change in sync, transition closed."""
        return self.run_until(
            lambda world: world.in_service == ["node-a"] and world.state.transition is None, limit_s=30
        )

    def watch(self) -> WatchReport:
        return ClusterWatch(
            ledger=self.ledger,
            beats=self.ledger,
            nodes=self.ec2,
            alarms=self.alarms,
            index=self.ledger,
            parameters=_NoParameters(),
            follower=self.follower,
            network=self.network,
            announcer=self.announcer,
            register=lambda text: None,
            judge=self.judge,
            drills=self.drills,
            monitor=RecordMonitor(
                self.ledger, self.zone, self.announcer, self.clock, lambda seconds: None, "understudy"
            ),
            clock=self.clock,
            replacing=(self.releaser.release_all, self.follow),
        ).run()

    def follow(self, clusters: list[Read]) -> None:
        """BoardEntry for successors. A test whose members are named by tags puts another one in its place."""

    def kill(self, name: str) -> None:
        """The machine dies as a whole, and EC2 says nothing."""
        self.machines[name].is_on = False

    def reboot(self, name: str) -> None:
        old = self.machines[name]
        self.machines[name] = Machine(self, old.instance_id, old.ip, old.boot + "x", knows_its_promises=False)
        self.machines[name].starts = old.starts

    def ec2_says(self, name: str, power: PowerReading) -> None:
        """EC2 changes its word, and tells the controller by an event."""
        instance_id = self.machines[name].instance_id
        self.ec2.powers[instance_id] = power
        self.aws_says(EC2_STATE, {"instance-id": instance_id, "state": str(power)})

    def aws_says(self, detail_type: str, detail: Mapping[str, Any], late_s: float = 0) -> None:
        """An event of AWS's arrives from the default bus, so many seconds after its time."""
        receive_signal(
            {"detail-type": detail_type, "time": _iso(self.clock.now_s - late_s), "detail": detail},
            beats=self.ledger,
            ledger=self.ledger,
            index=self.ledger,
            judge=self.judge,
            clock=self.clock,
            releaser=self.releaser,
        )

    # How the world goes on.

    def _second(self) -> None:
        for machine in self.machines.values():
            if machine.is_on:
                machine.live()
        for name, request in self.launcher.starts.items():
            if name not in {execution.name for execution in self.executions}:
                self._execute(name, request)
        for execution in self.executions:
            while execution.status is Status.RUNNING and execution.next_due_s <= self.clock.now_s:
                if self.crash_after_steps is not None and self.steps >= self.crash_after_steps:
                    break
                self.steps += 1
                execution.step()
                self._check()
        if int(self.clock.now_s) % 60 == 0:
            self.watch()
        self._check()

    # What the machines ask of it.

    @property
    def cluster(self) -> str:
        return CLUSTER

    def boottime_ms(self) -> int:
        """CLOCK_BOOTTIME of every machine: they have run for a day when the world begins."""
        return int((self.clock.now_s - NOW + 86_400) * 1000)

    def table_item(self) -> Mapping[str, Any]:
        """What one read of the table shows."""
        return to_map(self.state)

    def take_beat(self, instance_id: str, detail: Mapping[str, Any]) -> None:
        """A heartbeat arrives at the bus, and at the function behind it."""
        event = {
            "source": f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/{instance_id}",
            "ingested_at": _iso(self.clock.now_s),
            "detail": dict(detail),
        }
        record_heartbeat(event, beats=self.ledger, ledger=self.ledger, judge=self.judge, clock=self.clock)

    def carry(self, sender: Machine, data: bytes, address: tuple[str, int]) -> None:
        """A datagram from node to node; nobody hears of what is lost."""
        for there in self.machines.values():
            if there.ip == address[0] and there.is_on and there.hears and sender.is_heard:
                there.mailbox.waiting.append(Datagram(data, (sender.ip, address[1])))

    def _execute(self, name: str, request: Any) -> Execution:
        execution = Execution(WORKFLOW, self.handlers, request, clock=self.clock, name=name)
        self.executions.append(execution)
        return execution

    def crash(self) -> None:
        """Every execution under way is lost, as it stands."""
        for execution in self.executions:
            if execution.status is Status.RUNNING:
                execution.status = Status.TIMED_OUT
        self.crash_after_steps = None

    def _check(self) -> None:
        if len(self.serving) > 1:
            raise TwoServeError(f"at {self.clock.now_s}: {self.serving}; state {self.state}")


class _NoParameters:
    """A Parameter Store in which nothing has been put since registration."""

    def cluster_text(self, cluster: str) -> ParameterText | None:
        return None

    def tuning_text(self) -> ParameterText | None:
        return None

    def cluster_texts(self) -> Any:
        return iter(())


def _iso(at: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).isoformat()
