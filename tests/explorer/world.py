"""One cluster whose every step is a second: the real use cases, the real agents, and nothing by chance."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.explorer import properties
from tests.explorer.aws import Announcer, Bus, Ec2, Launcher, Table, Zone
from tests.explorer.controller import Controller
from tests.explorer.keys import Keys
from tests.explorer.node import Node
from tests.explorer.workflow import Run
from tests.support.builders import CLUSTER, NOW, RECORD, SPECS
from tests.support.fakes.parameters import FakeParameters
from understudy.adapters.dynamodb.maps import to_map
from understudy.domain.cluster.record import RecordSet
from understudy.domain.cluster.state import ClusterState, NodeReport, PowerReading

EVENTS_A_SECOND = 200
WATCH_EVERY_MS, WATCH_AT_MS = 60_000, 45_000


@dataclass(frozen=True)
class Setting:
    """What a cluster is like before anything deviates.

    `defined`: the services that the definition names; `services`: those of each node's own file. `runs`: where the
    services run before the first registration; `record`: to which node the record leads then.
    """

    name: str = "settled"
    policy: Mapping[str, Any] = field(default_factory=dict)
    defined: tuple[str, ...] = ("postgresql",)
    services: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    runs: tuple[str, ...] = ()
    record: str = ""
    shares_key: bool = False
    enabled: tuple[str, ...] = ()
    rates: Mapping[str, float] = field(default_factory=dict)
    replays: bool = False
    settle_s: int = 72
    """For how long nothing deviates before the exploration begins; 0: from the registration on."""
    members: int = 2
    has_moved: bool = False
    """Whether the service was switched over since the newest backup of the table."""
    is_moving: bool = False
    """Whether a person asks for a switchover just when the exploration begins."""


class World:
    """Build it, then let `second()` pass. `violation` tells what must not have been."""

    cluster = CLUSTER

    def __init__(self, setting: Setting, story: list[str] | None = None) -> None:
        self.setting = setting
        self.story = story
        self._said: dict[str, deque[str]] = {}
        self.ms = 0
        self.old_now_s: float | None = None
        self.violation: properties.Violation | None = None
        self.shares_key, self.replays = setting.shares_key, setting.replays
        self.weather: dict[tuple[str, str], tuple[int, int]] = {}
        """What blows where: until when (ms), and how hard."""
        self.lies: dict[str, dict[str, Any]] = {}
        self.step_fault = ""
        self.runs_under_way: list[Run] = []
        self.texts: dict[str, str] = {}
        self.versions: dict[int, str] = {}
        self.nonces = 0
        self.asked = 0
        self.backup: ClusterState | None = None
        self.watches = properties.Watches()
        self.unproven = False
        """Whether the policy or an operator has let a node be passed over without a proof."""
        self.is_restoring = False
        self.bus, self.table, self.zone = Bus(self), Table(self), Zone(self)
        self.ec2, self.launcher, self.announcer = Ec2(self), Launcher(self), Announcer(self)
        self.parameters = FakeParameters()
        self.controller = Controller(self)
        self.nodes = [
            Node(
                self,
                number,
                spec,
                setting.services.get(spec.name, setting.defined),
                setting.rates.get(spec.name, 1.0),
            )
            for number, spec in enumerate(SPECS[: setting.members])
        ]
        self.keys = Keys(self)
        self.is_settling = setting.settle_s > 0
        self._begin()
        self.is_settling = False

    def _begin(self) -> None:
        if self.setting.record:
            address = self.node(self.setting.record).spec.address
            self.zone.put(RECORD, RecordSet(RECORD.name, RECORD.type, 60, (address,)))
        for node in self.nodes:
            self.ec2.launch_as(node.spec)
            node.power_on()
            if node.name in self.setting.runs:
                node.start_by_hand()
        for name in self.setting.enabled:
            self.node(name).comes_up_by_itself = True
        if not self.setting.settle_s:
            for _ in range(3):
                self.second()  # the agents were there before the definition
        self.put_definition()
        for _ in range(self.setting.settle_s):
            self.second()
        self._prepare()

    def _prepare(self) -> None:
        """What comes before the exploration, and goes well."""
        if self.setting.has_moved:
            self.backup = self.state
            self.ask(action="switchover")
            for _ in range(self.setting.settle_s):
                self.second()
            self.asked = 0
        if self.setting.is_moving:
            self.ask(action="switchover")

    # --- what is asked of it ---------------------------------------------------------------------

    @property
    def now_s(self) -> float:
        return NOW + self.ms / 1000

    def clock(self) -> float:
        """The controller's clock; of a step that has stood still, as it was when it read."""
        return self.now_s if self.old_now_s is None else self.old_now_s

    def node(self, name: str) -> Node:
        return next(node for node in self.nodes if node.name == name)

    def node_of(self, instance_id: str) -> Node:
        return next(node for node in self.nodes if node.spec.instance_id == instance_id)

    @property
    def state(self) -> ClusterState | None:
        return self.table.items.get((CLUSTER, "state"))

    def parts(self) -> Any:
        """What the future depends on, for the key."""
        state = self.state
        epoch = state.epoch if state else 0
        facts = self.table.items.get((CLUSTER, f"history#{epoch:08d}"))
        return (
            state,
            facts,
            self.table.items.get((CLUSTER, "refusal")),
            self.zone.record_sets,
            self.ec2.powers,
            self.launcher.key(),
            [(at - self.ms, what, of) for at, what, of in self.bus.under_way],
            self.bus.sealed,
            [
                (each.task, each.epoch, each.failures, each.due_ms - self.ms, each.stalled, each.request)
                for each in self.runs_under_way
            ],
            sorted((key, until - self.ms, level) for key, (until, level) in self.weather.items()),
            self.lies,
            self.step_fault,
            self.backup,
            [self._of_node(node) for node in self.nodes],
            self.watches.key(self),
            self.unproven,
            self._past(),
        )

    def _of_node(self, node: Node) -> Any:
        now = self.ms
        times = (
            node.waits_since_ms,
            node.frozen_until_ms,
            node.hung_until_ms,
            node.excused_until_ms,
            node.agent_back_ms,
            node.on_again_ms,
        )
        relative = tuple(None if each is None else max(each - now, -21_000) for each in times)
        files = {name: json.loads(text) if text.startswith("{") else text for name, text in node.files.items()}
        agent = node.agent
        lines = [] if agent is None else [_line(each, now) for each in (agent._beats, agent._reads)]
        return (
            node.is_on,
            relative,
            now - node.fresh_since_ms < 13_000,
            node.read_at_ms >= node.fresh_since_ms,
            node.due_ms - now if node.is_on else 0,
            node.comes_up_by_itself,
            agent,
            files,
            node.processes,
            lines,
            node.mailbox,
        )

    def _past(self) -> Any:
        """Old states matter where somebody can still read them."""
        return () if not self.weather else [state for _, state in self.table.past]

    def tell(self, who: str, what: str) -> None:
        """A line of the story. What somebody has said just before is not said again."""
        if self.story is None:
            return
        said = self._said.setdefault(who, deque(maxlen=3))
        if what not in said:
            self.story.append(f"{self.ms // 1000:5} s  {who:11} {what[:170]}")
        said.append(what)

    def tell_of(self, before: ClusterState, after: ClusterState) -> None:
        if self.story is None:
            return
        if (before.epoch, before.active, before.previous) != (after.epoch, after.active, after.previous):
            holder = self.node_of(after.active).name if after.active else "nobody"
            self.tell("table", f"epoch {after.epoch}, active {holder}, previous {after.previous}")
        for key, report in after.nodes.items():
            was, now = (_said(each.nodes.get(key)) for each in (before, after))
            if was != now:
                self.tell("table", f"{report.name} says {now}")

    def violates(self, property_: str, found: str) -> None:
        if self.violation is None and not self.is_settling:
            self.violation = properties.Violation(property_, found)
            self.tell("VIOLATION", f"{property_}: {found}")

    # --- weather ----------------------------------------------------------------------------------

    def blow(self, kind: str, where: str, for_s: int, level: int = 1) -> None:
        self.weather[(kind, where)] = (self.ms + for_s * 1000, level)
        self.tell(where, f"{kind} for {for_s} s{f' ({level})' if level != 1 else ''}")

    def blows(self, kind: str, where: str) -> bool:
        return (kind, where) in self.weather

    def level(self, kind: str, where: str) -> int:
        found = self.weather.get((kind, where))
        return found[1] if found is not None else 0

    def can_send(self, node: Node) -> bool:
        return not any(self.blows(kind, node.name) for kind in ("no_send", "cut", "isolated")) and not self.blows(
            "aws_dead", ""
        )

    def can_read(self, node: Node) -> bool:
        return not any(self.blows(kind, node.name) for kind in ("no_read", "cut", "isolated")) and not self.blows(
            "aws_dead", ""
        )

    def table_seen_from(self, node: Node) -> Mapping[str, Any] | None:
        if not self.can_read(node):
            raise ConnectionError("DynamoDB does not answer")
        state = self.state
        ago_s = self.level("old_reads", node.name)
        if ago_s and self.ms - ago_s * 1000 >= node.fresh_since_ms:
            state = self.table.state_of(ago_s)
        return _map_of(state) if state is not None else None

    def take_step_fault(self) -> str:
        fault, self.step_fault = self.step_fault, ""
        return fault

    # --- what happens -----------------------------------------------------------------------------

    def second(self) -> None:
        """Let one second pass."""
        for key in [each for each, (until, _) in self.weather.items() if until <= self.ms]:
            del self.weather[key]
        self.launcher.forget()
        for node in self.nodes:
            node.second()
        if self.ms % WATCH_EVERY_MS == WATCH_AT_MS and not self.blows("aws_dead", ""):
            self.controller.watch()
        events = 0
        while self.violation is None and self._do_next():
            properties.always(self)
            events += 1
            if events > EVENTS_A_SECOND:
                self.violates("a_second_ends", f"more than {EVENTS_A_SECOND} things happen in one second")
        self.step_fault = ""
        self.ms += 1000
        properties.after_second(self)

    def _do_next(self) -> bool:
        """The next of what is due in this second; False when nothing is left."""
        if self.bus.is_due():
            self.bus.deliver()
            return True
        is_dead = self.blows("aws_dead", "")
        if not is_dead and (run := next((each for each in self.runs_under_way if each.due_ms <= self.ms), None)):
            run.step(self)
            return True
        if node := next((node for node in self.nodes if node.due_ms <= self.ms), None):
            node.tick()
            return True
        return False

    def arrives(self, what: str, of: Any) -> None:
        """Something that was under way is there."""
        if what == "beat":
            self.controller.heartbeat(of)
        elif what == "signal":
            self.tell("ec2", f"says {of['detail']}")
            self.controller.signal(of)
        elif what == "off":
            node = self.node_of(of)
            node.power_off()
            self.ec2.says(node, PowerReading.STOPPED)
        elif what == "datagram":
            node = self.node(of[0])
            if node.mailbox is not None:
                node.mailbox.waiting.append(of[1])
                node.wake(self.ms)

    def execute(self, name: str, request: Mapping[str, Any]) -> None:
        self.tell(name, f"starts: {dict(request)}")
        self.texts[name] = f"run {len(self.runs_under_way)}"
        self.runs_under_way.append(Run(name, request, self.ms))

    def ends(self, run: Run) -> None:
        self.tell(run.name, f"ends after {run.task}")
        self.runs_under_way.remove(run)
        self.texts[run.name] = "a run that has ended"

    def ask(self, **request: Any) -> None:
        """A person starts an execution."""
        self.asked += 1
        self.execute(f"manual-{self.asked}", {"cluster": CLUSTER, **request})

    def new_nonce(self) -> str:
        self.nonces += 1
        return f"{self.nonces:032x}"

    def note_boot(self, node: Node) -> None:
        self.texts[f"{node.name}-boot-{node.boots - 1}"] = f"{node.name}: an earlier boot"
        self.texts[node.boot] = f"{node.name}: this boot"

    def put_definition(self, **changes: Any) -> None:
        """What an operator does."""
        record = {"kind": "route53_record", "hosted_zone_id": RECORD.hosted_zone_id, "name": RECORD.name, "type": "A"}
        document = {
            "nodes": [
                {"name": node.name, "instance_id": node.spec.instance_id, "priority": node.number + 1}
                for node in self.nodes
            ],
            "addresses": [record],
            "services": [{"name": name} for name in self.setting.defined],
            "policy": {"max_failovers": {"count": 100, "window_s": 3600}, **self.setting.policy},
            **changes,
        }
        text = self.parameters.put(CLUSTER, json.dumps(document))
        outcome = self.controller.register(text)
        self.tell("operator", f"puts the definition: {outcome}")
        if self.state is not None:
            self.versions.setdefault(self.state.definition_version, f"version {len(self.versions)}")


_maps: tuple[ClusterState | None, dict[str, Any]] = (None, {})


def _map_of(state: ClusterState) -> Mapping[str, Any]:
    global _maps
    if _maps[0] is not state:
        _maps = (state, to_map(state))
    return _maps[1]


def _line(exchange: Any, now_ms: int) -> Any:
    line = exchange._caller
    ready_ms = line.waits_until()
    return None if ready_ms is None else (ready_ms - now_ms, line._begun_ms - now_ms)


def _said(report: NodeReport | None) -> str:
    if report is None:
        return ""
    return f"{report.service}, {'a' if report.keeps_lease else 'NO'} lease, read epoch {report.read_epoch}"
