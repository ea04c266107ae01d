"""A node: a machine with a clock of its own rate, the real agent on it, and its services.

The agent is ticked when it would find something to do, not five times a second: at the times that its own pacing and
its lease name, up to a tick late, and at every answer of AWS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import TYPE_CHECKING, Any

from tests.simulation import answers, invariants, workload
from tests.simulation.agent_parts import Line, Reach, StoryLog
from tests.simulation.expiring import Expiring, MachineLock, ends_of
from tests.simulation.fitness import Data
from tests.simulation.network import ANOTHER_KEY, KEY, PORT, Mailbox
from tests.simulation.plan import Fault
from tests.simulation.workload import Workload
from tests.support.agent_disk import MemoryPath, MemorySlots
from tests.support.agent_parts import AtOnce, Guarded, NoNotifier, NoStatus
from understudy.domain.cluster.definition import NodeSpec, Role
from understudy_agent import pacing, promise
from understudy_agent.exchange import Exchange
from understudy_agent.failsafe import Failsafe, Means
from understudy_agent.files import AlreadyRunningError, LeaseFile, MajorityFile, PlacedFile, PromiseFile
from understudy_agent.keys import KeyRing
from understudy_agent.lease import UNBOUND, LeaseAnswer, LeaseView, Order
from understudy_agent.loop import TICK_MS, TICK_WHILE_MOVING_MS, Agent, AgentFiles, Channel, Host, Safeguards
from understudy_agent.placed import Placed
from understudy_agent.ports import Self
from understudy_agent.prober import Prober
from understudy_agent.services import Services
from understudy_agent.starts import FREEZE_MS
from understudy_agent.view import TermsView

if TYPE_CHECKING:
    from tests.simulation.world import World

RATE_LEAST, RATE_MOST = 0.93, 1.07
"""How slow and how fast a node's clock goes. With the slowest, a lease of 14 s lasts 1.05 s too long; a tick that comes
late (0.2 s), an agent that hangs (0.8 s) and a kill that takes its time use up the rest of a drift margin of 2 s."""
RATE_WRONG_BY = 0.01
"""Where agents ask each other for promises: that is what `promise.DRIFT` allows for."""
HANGS_FOR_S, HANGS_LONG_S = 0.8, 20.0
ORDERLY_STOP_S = 5.0
THAWED_KILL = 1.2
"""How long a thawed machine may still serve once its agent has looked, in kill_limit_s: its clock may be slow."""
IDLE_LIMIT_MS = 1000
UNNOTICED_S = (FREEZE_MS + 2 * TICK_MS) / 1000 / RATE_LEAST
"""A shorter freeze is not told from ticks that come late. The lease has been counted through it all the same."""


class Machine:
    """One node of the cluster, on or off."""

    def __init__(self, world: World, number: int, spec: NodeSpec, rng: Random) -> None:
        self.world, self.number, self.spec, self.rng = world, number, spec, rng
        self.name = spec.name
        self.shares_key = world.plan.setting.shares_key
        least, most = (1 - RATE_WRONG_BY, 1 + RATE_WRONG_BY) if self.shares_key else (RATE_LEAST, RATE_MOST)
        self.rate = rng.choice((1.0, least, least, most, rng.uniform(least, most)))
        self.is_on = False
        self.is_frozen = False
        self.frozen_s = 0.0
        self.excused_until_s = 0.0
        self.hung_until_s = 0.0
        self.boots = 0
        self.agent: Agent | None = None
        self.mailbox: Mailbox | None = None
        self.disturbed_s = 0.0
        """When something last happened to it that may keep it from giving or getting a promise."""
        self.reached_s: dict[str, float] = {}
        """When each quorum host could be reached for the last time."""
        self.majority_s = 0.0
        """Until when it can know of a majority of them, at most."""
        self.said_serving = 0.0, 0, 0
        """When /serving was 200 for the last time, and until when its lease bore that then, if nothing renewed it."""
        self.waits_since_s: float | None = None
        """Since when its agent has held the lease and started nothing."""
        names = () if spec.role is Role.WITNESS else world.services
        self.workload = Workload(self, names, rng, restart_tries=rng.choice((0, 2)))
        self.file: Mapping[str, str] = {name: name for name in names}
        """The services that its agent's file names, and what they really are."""
        self.plan: Mapping[str, str] = {}
        """What the newest agent of this boot has written down of what it is in charge of, by the names of then."""
        self.left: Mapping[str, str] = {}
        """That part of it which its file does not name so."""
        self.is_broken = {"start": False}
        self.kept_off: set[str] = set()
        """Why its agent is not to be started now."""
        self.is_poisoned = False
        """Whether a beat that was none of its agent's may have taken the numbers of this boot."""
        self.comes_up_by_itself = number in world.plan.before.enabled
        self.by_itself_s: float | None = None
        """Since when its services run that somebody else than an agent has started. None: they do not."""
        self.unnamed: set[str] = set()
        """Which of them no agent has been in charge of since, or no longer than until it looked: its file does not name
        them."""
        self.looked_s: dict[str, float] = {}
        """When the newest look at each service was begun."""
        self.sent_ms: int | None = None
        """The number of the newest beat that its agents have sent in this boot."""
        self.awake_since_s = 0.0
        """Since when its agent has run, without a freeze of the machine."""
        self.told_s = 0.0
        """When a beat was recorded for the first time that tells of what somebody else than an agent has started."""
        self.said_down_s = 0.0
        """When a beat of it was recorded for the last time that says that nothing runs here."""
        self.knows_placed_s: float | None = None
        """When an agent of it has read for the first time that its cluster, as it is registered now, was placed."""
        self._knew_epoch: Agent | None = None
        self._lives = 0
        self._plans = 0
        self._planned_for: Services | None = None
        """The services whose plan is written down, and has nothing in it of an agent before."""
        self._known_ends: tuple[LeaseView, list[int]] = (UNBOUND, [])
        self._waited_out: tuple[promise.Memory | None, TermsView | None, int] = (None, None, 0)
        self.agent_since_s = 0.0
        self.booted_at_s = 0.0
        self.runtime_dir = world.disk.path(self.name)
        self.lock = MachineLock(self)
        self._expiring: Expiring | None = None
        self._ring: KeyRing | None = None
        self.log = StoryLog(world.story, self.name)
        self.data = Data(world, Random(f"{world.plan.seed}/fitness/{self.name}"))

    # --- what others ask ------------------------------------------------------------------------

    @property
    def boot(self) -> str:
        return f"{self.name}-boot-{self.boots}"

    def now_ms(self) -> int:
        """CLOCK_BOOTTIME."""
        return int((self.world.clock.now_s - self.booted_at_s) * self.rate * 1000)

    def serves(self) -> bool:
        """Whether any service is up, or coming up, or not down yet. A frozen machine serves nobody."""
        return self.is_on and not self.is_frozen and self.workload.is_up_now()

    def goes_on_serving(self) -> bool:
        """Whether it serves, and nothing on it has begun to end that."""
        return self.serves() and self.agent is not None and "STOPPING" not in self.agent._report.services.values()

    def reports_in_service(self) -> bool:
        return self.is_on and self.agent is not None and set(self.agent._report.services.values()) == {"IN_SERVICE"}

    def is_well(self) -> bool:
        """Whether it would serve if it were let: its agent runs, reads, and does not report a failure."""
        if not self.is_on or self.is_frozen or self.agent is None or not self.can_read():
            return False
        return "FAILED" not in self.agent._report.services.values()

    def can_send(self) -> bool:
        """Whether its beats reach AWS."""
        return not (self.loses_its_beats() or self.world.weather.of("aws_dead"))

    def can_read(self) -> bool:
        """Whether AWS's answers reach it."""
        loses_answers = (
            self._blows("cannot_read") or self._turned() is False or self._is_cut_off() or self._has_no_name()
        )
        return not (loses_answers or self.world.weather.of("aws_dead"))

    def loses_its_beats(self) -> bool:
        """Whether its own beats are lost, and not everybody's."""
        return self._blows("cannot_send") or self._turned() is True or self._is_cut_off()

    def _is_cut_off(self) -> bool:
        return self._blows("partitioned") or self._blows("isolated")

    def is_parted(self, *, outwards: bool) -> bool:
        """Whether what it sends to other nodes, or what they send to it, is lost."""
        if self._blows("isolated"):
            return True
        fault = self.world.weather.at_node("nodes_parted", self.number)
        return fault is not None and fault.pick % 3 != (1 if outwards else 2)

    def reaches(self, host: str, _timeout_s: float = 0) -> bool:
        """Whether a quorum host accepts a connection from here."""
        if self._blows("isolated"):
            return False
        for fault in self.world.weather.of("hosts_unreached"):
            position = self.world.hosts.index(host)
            if (fault.node == self.number or fault.pick % 2) and fault.pick // 2 % 8 >> position & 1:
                return False
        return True

    def _has_no_name(self) -> bool:
        """Whether the table's name does not resolve, and no connection is left that its agent had before."""
        for fault in self.world.weather.of("names_unresolved"):
            begun_s = self.world.clock.now_s - (self.world.since_begin_s() - fault.at_s)
            lives_s = fault.level * fault.for_s * ((fault.pick * 31 + self.number * 487) % 1000) / 1000
            return self.agent_since_s > begun_s or self.world.clock.now_s > begun_s + lives_s
        return False

    def _blows(self, kind: str) -> bool:
        return self.world.weather.at_node(kind, self.number) is not None

    def _turned(self) -> bool | None:
        """A partition that turns: it cuts off the reads first (False), and later the beats (True)."""
        fault = self.world.weather.at_node("partition_turns", self.number)
        return None if fault is None else self.world.since_begin_s() > fault.at_s + fault.for_s / 2

    # --- the machine ----------------------------------------------------------------------------

    def power_on(self, *, runs_already: bool = False) -> None:
        """Boot. `runs_already`: the service is up before an agent has ever run here."""
        if self.is_on:
            return
        self.boots += 1
        self.is_on, self.is_frozen, self.hung_until_s, self.is_poisoned = True, False, 0.0, False
        self.sent_ms = None
        self.booted_at_s = self.world.clock.now_s
        self.plan, self.left = {}, {}
        self.world.disk.clear(self.name)
        self.world.story.tell(self.name, f"boots ({self.boot}, clock rate {self.rate:.3f})")
        if runs_already:
            self.run_by_itself("it ran before there was a cluster")
        if self.comes_up_by_itself and self.boots > 1:
            self._come_up(self.rng.choice((0, 0, self.rng.uniform(0, 10))))
        self.start_agent()

    def _come_up(self, after_s: float) -> None:
        if not after_s:
            self.run_by_itself("it is enabled, and comes up at boot")
            return
        boot = self.boot
        self.world.clock.after(
            after_s, lambda: self.run_by_itself("it is enabled, and comes up late") if boot == self.boot else None
        )

    def run_by_itself(self, why: str) -> None:
        """Somebody else than its agent starts all services here, if none of them runs."""
        if self.is_on and self.workload.processes and not self.workload.is_up(self.now_ms()):
            self.workload.run()
            self.by_itself_s = self.world.clock.now_s
            self.unnamed = set(self.workload.processes) - set(self.plan.values())
            self.note_disturbance()
            self.world.story.tell(self.name, f"the services run: {why}")

    def runs_by_itself(self) -> bool:
        """Whether what runs here was started by somebody else, and no lease has been read for it since."""
        if self.by_itself_s is not None and not (self.is_on and self.workload.is_up(self.now_ms())):
            self.by_itself_s = None
        return self.by_itself_s is not None

    def could_act_since_s(self) -> float | None:
        """Since when its agent could have ended what runs here by itself; None: it has had no chance yet."""
        if self.agent is None or self.is_frozen or self.knows_placed_s is None or self.by_itself_s is None:
            return None
        return max(self.by_itself_s, self.agent_since_s, self.knows_placed_s, self.disturbed_s)

    def runs_what_no_agent_names(self) -> bool:
        """Whether nothing runs here but what an agent does not know of."""
        now_ms = self.now_ms()
        return all(name in self.unnamed for name, each in self.workload.processes.items() if each.is_up(now_ms))

    def start(self) -> None:
        """Somebody starts the instance, if it is off: again and again while it is still being stopped."""
        if self.is_on:
            return
        if self.world.ec2.turn_on(self):
            self.power_on()
        else:
            self.world.clock.after(1, self.start)

    def power_off(self, why: str) -> None:
        if self.is_on:
            self.world.story.tell(self.name, f"goes off: {why}")
            self.is_on, self.agent, self.mailbox = False, None, None
            self.workload.lose()
            self.end_processes()
            self._lives += 1
            self.note_disturbance()

    def end_processes(self) -> None:
        """Whatever still keeps a lease here ends at once."""
        if self._expiring is not None:
            self._expiring.end()
        self._expiring, self.lock = None, MachineLock(self)

    def is_unstoppable(self, service: str) -> None:
        """Killing did not help: the agent, or what is left of one, reboots the machine."""
        boot = self.boot
        self.world.story.tell(self.name, f"{service} cannot be stopped")
        self.world.clock.after(
            0.02, lambda: self._reboot("its service cannot be stopped") if boot == self.boot else None
        )

    def _reboot(self, why: str) -> None:
        if self.is_on:
            self.power_off(why)
            self.world.clock.after(self.rng.uniform(5, 20), self.start)

    def freeze(self) -> None:
        if self.is_on and not self.is_frozen:
            self.is_frozen, self.frozen_s = True, self.world.clock.now_s
            self.note_disturbance()
            self.world.story.tell(self.name, "freezes; its boot clock goes on")

    def thaw(self) -> None:
        if self.is_on and self.is_frozen:
            looks_after_s = self.rng.uniform(0, TICK_MS / 1000)
            self.is_frozen = False
            if self.world.clock.now_s - self.frozen_s > UNNOTICED_S:
                self.awake_since_s = self.world.clock.now_s
            self.note_disturbance()
            self.excused_until_s = self.world.clock.now_s + looks_after_s + THAWED_KILL * self.kill_limit_s()
            self.world.story.tell(self.name, "thaws")
            self.world.clock.after(looks_after_s, self._look_after_thaw)

    def _look_after_thaw(self) -> None:
        self.tick()
        self._let_expire()

    # --- the agent ------------------------------------------------------------------------------

    def start_agent(self) -> None:
        """What systemd does a second after the agent has ended."""
        if not self.is_on or self.agent is not None or self.kept_off:
            return
        life = self._lives + 1
        try:
            self.lock.acquire_for(life)
        except AlreadyRunningError:
            self.world.clock.after(1, self.start_agent)
            return
        self._lives = life
        self.agent_since_s = self.awake_since_s = self.world.clock.now_s
        self.note_disturbance()
        try:
            self.agent = self._new_agent()
        except Exception as fault:
            raise invariants.broken(self, "the agent", fault) from fault
        self.world.story.tell(self.name, "the agent starts")
        self._let_expire()
        self.tick()

    def _new_agent(self) -> Agent:
        self.reads = Line(self, self._answer_s)
        reads = Exchange("read", self.reads, self.log)
        beats = Exchange("beat", Line(self, self._answer_s), self.log)
        return Agent(
            who=Self(self.world.cluster, self.spec.instance_id, self.boot, ORDERLY_STOP_S),
            services=self._supervised(),
            channel=Channel(
                transport=Reach(self),
                beats=beats,
                reads=reads,
            ),
            files=AgentFiles(
                lease=self.lease_file(),
                placed=Placed(self.placed_file(), Exchange("placed_file", AtOnce(), self.log)),
                status=NoStatus(),  # type: ignore[arg-type]
            ),
            safeguards=Safeguards(
                prober=Prober(lambda _: Line(self, self._answer_s), self.log, self.reaches, self._majority_file()),
                failsafe=self._failsafe(),
                keeper=Guarded(),
            ),
            host=Host(
                clock_ms=self.now_ms,
                notifier=NoNotifier(),  # type: ignore[arg-type]
                log=self.log,
                fitness=self.data.command(self.log) if self.world.setting.has_fitness else None,
            ),
        )

    def _supervised(self) -> Services:
        """By the plan of the agent before: what it had let go was in it no more."""
        self.left = {name: real for name, real in self.plan.items() if self.file.get(name) != real}
        self.plan = {**self.left, **self.file}
        self.unnamed -= set(self.plan.values())
        return self.workload.supervised(self.file, self.left, self.is_unstoppable)

    def _failsafe(self) -> Failsafe:
        cluster, me, means = self.world.cluster, self.spec.instance_id, None
        if self.shares_key:
            self._ring = KeyRing(self._keys, Exchange("failsafe_key", Line(self, self._answer_s), self.log))
            self.mailbox = Mailbox(self)
            means = Means(self._ring, self.mailbox, PORT, asks_peers=False)
        file = PromiseFile(self._promises, self.boot)  # type: ignore[arg-type]
        return Failsafe(cluster, me, file, self.log, means, self._nonce)

    def placed_file(self) -> PlacedFile:
        """It lies on the machine's disk: a boot does not take it away."""
        return PlacedFile(self.world.disk.path(f"{self.name}.placed/placed.json"))  # type: ignore[arg-type]

    def _majority_file(self) -> MajorityFile:
        return MajorityFile(self.runtime_dir / "quorum.json", self.boot)  # type: ignore[arg-type]

    def lease_file(self) -> LeaseFile:
        return LeaseFile(self.lease_path, self.boot, MemorySlots(self.lease_path))  # type: ignore[arg-type]

    @property
    def lease_path(self) -> MemoryPath:
        return self.runtime_dir / "lease.json"

    @property
    def _promises(self) -> MemoryPath:
        return self.runtime_dir / "promises.json"

    def _keys(self) -> tuple[bytes, ...]:
        """The key that registration made; where somebody has changed it, another one alone, or above it, or below it.

        Raises LookupError before that.
        """
        if self.world.cluster not in self.world.keys.made:
            raise LookupError("ParameterNotFound")
        fault = self.world.weather.at_node("key_differs", self.number)
        if fault is None:
            return (KEY,)
        return ((ANOTHER_KEY,), (ANOTHER_KEY, KEY), (KEY, ANOTHER_KEY))[fault.pick % 3]

    def _nonce(self) -> str:
        return f"{self.rng.getrandbits(128):032x}"

    # --- what the services ask ------------------------------------------------------------------

    def begins(self, service: str) -> None:
        """The command that starts a service begins."""
        self.runs_by_itself()  # what has ended is forgotten before something new runs
        invariants.at_a_start(self.world, self, service)

    def kill_limit_s(self) -> float:
        """By the newest that is known to whoever kills here."""
        lease_view = self.agent._lease_view if self.agent is not None else self.lease_file().load(self.now_ms())
        return lease_view.terms.kill_limit_s

    def trouble_with_looks(self) -> Fault | None:
        return self.world.weather.at_node("looks_fail", self.number)

    # --- the agent's rounds ---------------------------------------------------------------------

    def note_disturbance(self) -> None:
        """From now on it may for a while be unable to give a promise, or to get one."""
        self.disturbed_s = self.world.clock.now_s

    def kill_agent(self, why: str) -> None:
        """The agent's process is gone; its service is not, and the lease that is written down is kept."""
        if self.agent is not None:
            self.world.story.tell(self.name, f"the agent is gone: {why}")
            self.agent, self.mailbox = None, None
            self.note_disturbance()
            if self.shares_key and self.rng.random() < 0.2:
                self.world.story.tell(self.name, "its file of promises is lost")
                _take_away(self._promises)
            self.lock.release_by(self._lives)
            self._lives += 1
            self._let_expire()

    def _hang(self, agent: Agent) -> bool:
        """Whether the agent hangs, just when its lease asks for something: the worst moment that there is."""
        fault = self.world.weather.at_node("agent_hangs", self.number)
        if fault is not None and self._is_asked_by_its_lease(agent) and self.workload.is_up_now():
            self.world.weather.spend(fault)
            hangs_s = (0.4 + 0.6 * fault.level) * (HANGS_LONG_S if fault.pick % 2 else HANGS_FOR_S)
            self.hung_until_s = self.world.clock.now_s + hangs_s
            self.note_disturbance()
            self.world.story.tell(self.name, f"the agent hangs for {hangs_s:.2f} s")
        return self.world.clock.now_s < self.hung_until_s

    def _is_asked_by_its_lease(self, agent: Agent) -> bool:
        now_ms = self.now_ms()
        return any(at <= now_ms for at in self._ends(agent._lease_view))

    def tick(self) -> None:
        """One round of the agent's loop, and the time of the next."""
        agent = self.agent
        if agent is None or not self.is_on or self.is_frozen:
            return
        if self._hang(agent):
            self._plan_tick(self.hung_until_s)
            return
        before, was_down = agent._order, agent._services.all_down
        if self._ring is not None and self._ring.keys[:1] not in ((), (KEY,)):
            self.note_disturbance()  # nobody believes what it signs; a new key below the old one disturbs nothing
        self._look_at_hosts()
        try:
            agent.tick(self.now_ms())
        except Exception as fault:
            raise invariants.broken(self, "the agent", fault) from fault
        self._write_plan(agent._services)
        self._take_note(agent, was_down=was_down)
        invariants.after_tick(self.world, self, agent, before, was_down=was_down)
        answers.what_was_answered_holds(self.world, self, agent)
        if agent.exit_status is not None:
            self.kill_agent(f"it was asked to stop, status {agent.exit_status}")
            if self.world.is_calm:
                self.world.clock.after(1, self.start_agent)
            return
        due_ms, late_s = self._next_tick(agent)
        self._plan_tick(self._world_time(due_ms) + late_s)

    def _write_plan(self, services: Services) -> None:
        """What an agent has let go is in it no more."""
        if services is self._planned_for:
            return
        let_go = {real for name, real in self.left.items() if name not in services.former}
        self.unnamed |= {real for real in let_go if self._was_looked_at_too_early(real)}
        self.left = {name: real for name, real in self.left.items() if name in services.former}
        self.plan = {**self.left, **{name: self.plan[name] for name in services.names}}
        self._planned_for = None if self.left else services

    def _was_looked_at_too_early(self, service: str) -> bool:
        """Whether what somebody has started came up after this agent's last look at it was begun."""
        return self.by_itself_s is not None and self.agent_since_s <= self.looked_s.get(service, 0) < self.by_itself_s

    def _take_note(self, agent: Agent, *, was_down: bool) -> None:
        """Of what an agent has just come to know or to do."""
        if self.is_poisoned or (agent._services.all_down and not was_down):
            self.note_disturbance()  # no beat of it is recorded any more; or until now it could promise nothing
        lease_view = agent._lease_view
        if lease_view.epoch:
            self._knew_epoch = agent
            self.knows_placed_s = self.world.clock.now_s if self.knows_placed_s is None else self.knows_placed_s
        elif not lease_view.seen_epoch and self._knew_epoch is agent:
            self.knows_placed_s = None  # its cluster was registered anew: what runs is left alone until it is placed
        if agent._order is Order.SERVE and self.runs_by_itself():
            self.by_itself_s = None
            self.world.story.tell(self.name, "what runs here is its lease's now")

    def _look_at_hosts(self) -> None:
        """What its agent can know of the quorum hosts at most: an answer counts until the next one is missing."""
        hosts, now_s = self.world.hosts, self.world.clock.now_s
        if not hosts or self.agent is None:
            return
        self.reached_s.update({host: now_s for host in hosts if self.reaches(host)})
        counts_for_s = (
            self.agent._lease_view.terms.heartbeat_interval_s + 2 + 1
        ) / RATE_LEAST + 2 * IDLE_LIMIT_MS / 1000
        if 2 * sum(now_s - at_s <= counts_for_s for at_s in self.reached_s.values()) > len(hosts):
            self.majority_s = now_s

    def _plan_tick(self, at_s: float) -> None:
        self._plans += 1
        plan = self._plans
        self.world.clock.at(at_s, lambda: self.tick() if plan == self._plans else None)

    def _next_tick(self, agent: Agent) -> tuple[int, float]:
        now_ms = self.now_ms()
        paced = [agent._next_beat_ms()] if agent._beats.idle and agent._reads.calls.done_ms is not None else []
        paced += [agent._next_read_ms()] if agent._reads.idle else []
        services, kill_limit_s = agent._services, agent._lease_view.terms.kill_limit_s
        bound = [at for at in self._ends(agent._lease_view) if at > now_ms]
        bound += [at for at in self._promise_times(agent) if at > now_ms]
        bound += [at for at in workload.due_ms(services, kill_limit_s) if at > now_ms]
        silence = pacing.silence_of_active(agent._view, self.spec.instance_id, self.boot, now_ms)
        idle_ms = IDLE_LIMIT_MS if silence is None else TICK_MS
        due_ms = min([*paced, *bound, now_ms + idle_ms])
        late_s = 0.001
        if due_ms in bound:
            tick_ms = TICK_WHILE_MOVING_MS if workload.moves(services) else TICK_MS
            late_s = self.rng.uniform(0, tick_ms / 1000)
        return max(due_ms, now_ms + 10), late_s

    def _ends(self, lease_view: LeaseView) -> list[int]:
        """When its lease asks for something. A standing is asked about far more often than there is a new one."""
        if lease_view is not self._known_ends[0]:
            self._known_ends = (lease_view, ends_of(lease_view, ORDERLY_STOP_S))
        return self._known_ends[1]

    def _promise_times(self, agent: Agent) -> Iterator[int]:
        """When promises are asked for next, and when those that it has given have been waited out."""
        failsafe, lease_view = agent._failsafe, agent._lease_view
        memory, terms, until_ms = self._waited_out
        if memory is not failsafe.memory or terms is not lease_view.terms:
            until_ms = promise.start_ms(failsafe.memory, lease_view.terms)
            self._waited_out = (failsafe.memory, lease_view.terms, until_ms)
        yield until_ms
        if (
            failsafe._means is not None
            and lease_view.answer is LeaseAnswer.MINE
            and lease_view.lease_end_ms is not None
        ):
            yield _asks_at_ms(agent, lease_view.lease_end_ms)

    def _world_time(self, local_ms: int) -> float:
        return self.booted_at_s + local_ms / 1000 / self.rate

    def _answer_s(self, is_good: bool) -> float:
        return self.rng.uniform(0.005, 0.06) if is_good else self.rng.uniform(0.05, 2)

    def later(self, delay_s: float, action: Callable[[], Any]) -> None:
        """Something that this life of the agent does, once the machine runs."""
        life = self._lives

        def act() -> None:
            if life != self._lives or not self.is_on:
                return
            if self.is_frozen:
                self.world.clock.after(0.5, act)
            else:
                action()

        self.world.clock.after(delay_s, act)

    # --- what somebody does behind its back ------------------------------------------------------

    def put_file(self, file: Mapping[str, str], *, in_order: bool) -> None:
        """Somebody edits the agent's file and restarts the agent, in order or by killing it."""
        self.file = file
        self.world.story.tell(self.name, f"its file names {', '.join(file) or 'no service: it is a witness'}")
        if self.agent is not None and in_order:
            self.agent.ask_to_stop()
        else:
            self.kill_agent("it is restarted with another file")
        self.start_agent_when_ended()

    def start_agent_when_ended(self) -> None:
        """Start it, once the one that has been asked to stop has ended."""
        if self.agent is not None and self.agent.is_stopping:
            self.world.clock.after(1, self.start_agent_when_ended)
        else:
            self.start_agent()

    def break_a_file(self, pick: int) -> None:
        """One file of the agent's, or all that a boot keeps, is lost, or holds nonsense, or cannot be opened."""
        files = list(self.runtime_dir.iterdir())
        named = ("", "lease", "promises", files[pick // 4 % len(files)].name if files else "")[pick % 4]
        chosen = [each for each in files if each.name.startswith(named)]
        how = ("is lost", "holds nonsense", "is empty", "cannot be opened")[pick // 12 % 4]
        for each in chosen:
            self.world.story.tell(self.name, f"{each.name} {how}")
            content = each.read_text() if each.is_file() else ""
            _take_away(each)
            if how == "holds nonsense":
                each.write_text(content[: len(content) // 16])
            elif how == "is empty":
                each.write_text("")
            elif how == "cannot be opened":
                each.mkdir()

    def open_its_files(self) -> None:
        """What could not be opened is taken away."""
        for each in self.runtime_dir.iterdir():
            if each.is_dir():
                each.rmdir()

    # --- what is left of an agent ---------------------------------------------------------------

    def wakes(self, expiring: Expiring, after_s: float) -> None:
        """When a process of `expire` that sleeps goes on."""
        expiring.sleeps += 1
        sleep = expiring.sleeps

        def wake() -> None:
            if sleep == expiring.sleeps and not self.is_frozen:
                self._let_expire()

        self.world.clock.after(after_s / self.rate, wake)

    def _let_expire(self) -> None:
        """Whoever keeps the lease when the agent cannot looks once more; an agent starts it when it is not there."""
        if self._expiring is None and self.agent is not None:
            self._expiring = Expiring(self, ORDERLY_STOP_S)
        if self._expiring is None:
            return
        self._expiring.go_on()
        if self._expiring is not None and self._expiring.has_ended:
            self._expiring = None
            if self.agent is not None:
                self._let_expire()


def _take_away(path: MemoryPath) -> None:
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


def _asks_at_ms(agent: Agent, lease_end_ms: int) -> int:
    """When promises are asked for next (local ms)."""
    lease_view, terms = agent._lease_view, agent._lease_view.terms
    sent_ms = lease_end_ms - int(terms.lease_s * 1000)
    wanted_ms = sent_ms + int((2 * terms.heartbeat_interval_s + terms.lease_read_interval_s / 2) * 1000)
    if lease_view.promised_until_ms is not None:
        wanted_ms = max(wanted_ms, lease_view.promised_until_ms - int(terms.promise_s * 1000) // 2)
    return max(wanted_ms, (agent._failsafe._asked.asked_ms or 0) + promise.ASK_EVERY_MS)
