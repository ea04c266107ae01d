"""A fleet in virtual time, of which many nodes fall silent at once: who moves when, and what it costs (B15).

Beats, judgements, openings and watches are the product's own. A cluster that has opened its move is taken for moved at
once: what comes after the opening is shown elsewhere. Clusters that are whole beat without a call, for speed.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from tests.support.builders import NOW, SPECS, a_definition, a_report, a_state
from tests.support.drills import a_drill_master
from tests.support.fakes import (
    FakeAlarms,
    FakeAnnouncer,
    FakeFleet,
    FakeLauncher,
    FakeLedger,
    FakeNetwork,
    FakeNodes,
    FakeParameters,
    FakeZone,
    VirtualClock,
)
from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.policy import Policy
from understudy.domain.cluster.state import PowerReading, ServiceStatus
from understudy.domain.decide.silence import Limits
from understudy.domain.decide.situation import Observer, observer_by_clock
from understudy.domain.events.nodes import SilenceDoubted
from understudy.domain.lease.terms import terms_of
from understudy.domain.observe.heartbeat import Beat
from understudy.domain.observe.signal import PowerSignal
from understudy.usecases.observe.doubting import Doubter
from understudy.usecases.observe.judge import Judge
from understudy.usecases.transition.follow_changes import ChangeFollower
from understudy.usecases.transition.open_transition import open_transition
from understudy.usecases.watch.fleet import FleetKeeper
from understudy.usecases.watch.records import RecordMonitor
from understudy.usecases.watch.watch_clusters import ClusterWatch

ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
ZONE_IDS = {"us-east-1a": "use1-az4", "us-east-1b": "use1-az6", "us-east-1c": "use1-az1"}
BEAT_S, WATCH_S = 4, 60


@dataclass
class FleetWorld:
    """So many pairs of nodes, half of them served in the first zone. `doubts`: whether silence is doubted at all."""

    clusters: int
    doubts: bool = True
    limits: Limits = field(default_factory=Limits)
    policy: Policy = field(default_factory=Policy)

    def __post_init__(self) -> None:
        self.clock = VirtualClock(NOW)
        self.ledger, self.launcher, self.announcer = FakeLedger(), FakeLauncher(), FakeAnnouncer()
        self.fleet, self.ec2 = FakeFleet(self.ledger), FakeNodes()
        self.judge = Judge(self.ledger, self.launcher, self.announcer, self.clock)
        self.doubter = Doubter(self.fleet, self.limits) if self.doubts else None
        self.keeper = FleetKeeper(self.fleet, self.limits, self.ledger, self.announcer) if self.doubts else None
        self.silent: set[str] = set()
        self.opened_at_s: dict[str, int] = {}
        self.outcomes: Counter[str] = Counter()
        self.calls_of_openings: list[int] = []
        self.asked = 0
        self.definitions = [self._cluster(number) for number in range(self.clusters)]
        self.watch()

    def _cluster(self, number: int) -> Definition:
        """The first of its nodes is active, in the first zone for every second cluster."""
        home = 0 if number % 2 == 0 else 1 + number // 2 % 2
        away = (home + 1 + number // 4 % 2) % len(ZONES)
        specs = tuple(
            replace(
                spec,
                instance_id=f"i-{place}{number:05d}",
                address=f"10.{place}.{number // 256}.{number % 256}",
                zone=ZONES[zone],
                zone_id=ZONE_IDS[ZONES[zone]],
                subnet=f"subnet-{ZONES[zone][-1]}{number % 3}",
            )
            for place, (spec, zone) in enumerate(zip(SPECS[:2], (home, away), strict=True))
        )
        definition = replace(
            a_definition(cluster=f"c{number:05d}", records=(), nodes=specs), policy=self.policy, digest=str(number)
        )
        reports = {
            each.instance_id: replace(a_report(usual.instance_id), name=each.name)
            for each, usual in zip(specs, SPECS, strict=False)
        }
        for each in specs:
            self.ec2.launch_as(each)
        self.ledger.put_definition(definition)
        self.ledger.put_state(
            a_state(
                cluster=definition.cluster,
                nodes=reports,
                active=specs[0].instance_id,
                address=None,
                terms=terms_of(self.policy),
            )
        )
        return definition

    # What a test does.

    def fall_silent(self, nodes: Iterable[str]) -> None:
        """From now on nothing is heard of these nodes (instance ids)."""
        self.silent |= set(nodes)

    def in_zone(self, zone: str) -> set[str]:
        """All nodes in a zone."""
        return {node.instance_id for each in self.definitions for node in each.nodes if node.zone == zone}

    def at_random(self, share: float, zones: Iterable[str] = ZONES, seed: int = 0) -> set[str]:
        """Of this share of the clusters that are served in these zones, the active node."""
        actives = [each.nodes[0] for each in self.definitions]
        there = [node.instance_id for node in actives if node.zone in zones]
        return set(Random(seed).sample(there, round(share * len(there))))

    def run(self, seconds: int) -> "FleetWorld":
        """Let time pass, a second at a time."""
        for _ in range(seconds):
            self.clock.now_s += 1
            now = int(self.clock.now_s)
            for number, definition in enumerate(self.definitions):
                self._beats(number, definition, now)
            if now % WATCH_S == 0:
                self.watch()
            self._executions(now)
        return self

    def watch(self) -> None:
        """One watch, as it is each minute."""
        zone = FakeZone(self.clock)
        ClusterWatch(
            ledger=self.ledger,
            beats=self.ledger,
            nodes=self.ec2,
            alarms=FakeAlarms(),
            index=self.ledger,
            parameters=FakeParameters(),
            follower=ChangeFollower(zone, zone, zone, self.clock, "understudy"),
            network=FakeNetwork(),
            announcer=self.announcer,
            register=lambda text: None,
            judge=self.judge,
            drills=a_drill_master(self.ledger, self.launcher, self.announcer, self.clock),
            monitor=RecordMonitor(self.ledger, zone, self.announcer, self.clock, lambda gap_s: None, "understudy"),
            clock=self.clock,
            keeper=self.keeper,
        ).run()

    def ec2_says(self, cluster: str, power: PowerReading) -> None:
        """EC2's word on the active node of a cluster, as receive_signal takes it."""
        now = int(self.clock.now_s)
        active = str(self.ledger.state(cluster).active)
        state: Any = self.ledger.record_signal(cluster, PowerSignal(active, power, now))
        self.judge.judge(state, now, observer_by_clock(state, self.policy, now))

    def person_asks(self, cluster: str) -> str:
        """What became of a failover that a person asked for."""
        request = {"cluster": cluster, "action": "failover", "reason": "it is dead"}
        return str(self._open("by-hand", request)["outcome"])

    # What a test looks at.

    @property
    def told(self) -> list[Any]:
        """What people were told of silence."""
        return self.announcer.details(SilenceDoubted)

    def doubted(self) -> set[str]:
        """The clusters whose moves are put off."""
        return {each.cluster for each in self.definitions if self.ledger.state(each.cluster).doubt}

    def served_in(self, *zones: str) -> set[str]:
        """The clusters whose first node is in one of these zones."""
        return {each.cluster for each in self.definitions if each.nodes[0].zone in zones}

    def clusters_of(self, nodes: Iterable[str]) -> set[str]:
        """The clusters that were served by one of these nodes."""
        wanted = set(nodes)
        return {each.cluster for each in self.definitions if each.nodes[0].instance_id in wanted}

    # How it goes.

    def _beats(self, number: int, definition: Definition, now: int) -> None:
        for place, node in enumerate(definition.nodes):
            if (now + number + 2 * place) % BEAT_S or node.instance_id in self.silent:
                continue
            state = self.ledger.state(definition.cluster)
            report = state.nodes[node.instance_id]
            if state.active in self.silent:
                self._real_beat(definition, node.instance_id, report.boot, now)
                continue
            heard = replace(report, heard_at=now, due_by=now + state.terms.hearing_s, beat=report.beat + 4000)
            self.ledger.put_state(replace(state, nodes={**state.nodes, node.instance_id: heard}, doubt=state.doubt))
            if state.doubt is not None:
                self.judge.judge(self.ledger.state(definition.cluster), now, Observer.TRUSTED)

    def _real_beat(self, definition: Definition, instance_id: str, boot: str, now: int) -> None:
        report = self.ledger.state(definition.cluster).nodes[instance_id]
        beat = Beat(
            cluster=definition.cluster,
            instance_id=instance_id,
            heard_at=now,
            boot=boot,
            beat=report.beat + 4000,
            keeps_lease=True,
            read_epoch=1,
            service=report.service,
            agent=report.agent,
            services=frozenset({"postgresql"}),
        )
        recorded: Any = self.ledger.record_beat(beat)
        self.judge.judge(recorded, now, Observer.TRUSTED)

    def _executions(self, now: int) -> None:
        """Open what was asked for since."""
        started = list(self.launcher.starts.items())[self.asked :]
        self.asked += len(started)
        for name, request in started:
            self._open(name, request)

    def _open(self, name: str, request: Any) -> Any:
        payload = {"request": request, "execution": f"arn:aws:states:us-east-1:123456789012:execution:t:{name}"}
        before = len(self.fleet.calls)
        outcome = open_transition(
            payload, ledger=self.ledger, announcer=self.announcer, clock=self.clock, doubter=self.doubter
        )
        self.calls_of_openings.append(len(self.fleet.calls) - before)
        self.outcomes[outcome["outcome"]] += 1
        if outcome["outcome"] == "OPENED":
            self._moved(request["cluster"])
        return outcome

    def _moved(self, cluster: str) -> None:
        """It is served by the other node now."""
        state = self.ledger.state(cluster)
        assert state.transition is not None
        target = state.transition.target
        serving = replace(state.nodes[target], service=ServiceStatus.IN_SERVICE, read_epoch=state.epoch)
        nodes = {**state.nodes, target: serving}
        self.ledger.put_state(replace(state, active=target, previous=None, transition=None, nodes=nodes))
        self.opened_at_s[cluster] = int(self.clock.now_s) - NOW
