"""A node: a machine with a clock of its own rate, the real agent's loop on it, and one service.

The agent is ticked when it would find something to do, not five times a second: at the times that its own pacing and
its lease name, up to a tick late, and at every answer of AWS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import TYPE_CHECKING, Any

from tests.simulation import invariants
from tests.simulation.agent_parts import (
    AtOnce,
    KeptLease,
    KeptMajority,
    KeptPlaced,
    Line,
    NoNotifier,
    NoStatus,
    Reach,
    StoryLog,
)
from tests.simulation.network import ANOTHER_KEY, KEY, PORT, KeptPromises, Mailbox
from tests.simulation.workload import Process, Workload
from understudy.domain.definition import NodeSpec
from understudy_agent import lease, promise
from understudy_agent.exchange import Exchange
from understudy_agent.failsafe import Failsafe, Means
from understudy_agent.keys import KeyRing
from understudy_agent.lease import Order, Standing, Word
from understudy_agent.loop import TICK_MS, Agent
from understudy_agent.model import State
from understudy_agent.placed import Placed
from understudy_agent.ports import Self
from understudy_agent.prober import Prober

if TYPE_CHECKING:
    from tests.simulation.world import World

RATE_LEAST, RATE_MOST = 0.93, 1.07
"""How slow and how fast a node's clock goes. With the slowest, a lease of 14 s lasts 1.05 s too long; a tick that comes
late (0.2 s), an agent that hangs (0.8 s) and a kill that takes its time use up the rest of a drift margin of 2 s."""
RATE_WRONG_BY = 0.01
"""Where agents ask each other for promises: that is what `promise.DRIFT` allows for."""
HANGS_FOR_S = 0.8
ORDERLY_STOP_S = 5.0
THAWED_KILL_S = 1.2
"""How long a thawed machine may still serve once its agent has looked at the clock: kill_limit_s on a slow clock."""
IDLE_LIMIT_MS = 1000


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
        self.waits_since_s: float | None = None
        """Since when its agent has held the lease and started nothing."""
        self.process = Process()
        self.is_broken = {"start": False}
        self._lives = 0
        self._plans = 0
        self.agent_since_s = 0.0
        self._booted_at_s = 0.0
        self._lease_file, self._promise_file = KeptLease(), KeptPromises()
        self._placed_file, self._majority_file = KeptPlaced(), KeptMajority()
        self._ring: KeyRing | None = None
        self._log = StoryLog(world.story, self.name)

    # --- what others ask ------------------------------------------------------------------------

    @property
    def boot(self) -> str:
        return f"{self.name}-boot-{self.boots}"

    def now_ms(self) -> int:
        """CLOCK_BOOTTIME."""
        return int((self.world.clock.now_s - self._booted_at_s) * self.rate * 1000)

    def serves(self) -> bool:
        """Whether its service is up, or is coming up, or is not down yet. A frozen machine serves nobody."""
        return self.is_on and not self.is_frozen and self.process.is_up(self.now_ms())

    def reports_in_service(self) -> bool:
        return (
            self.is_on and isinstance(self.agent, Agent) and self.agent._report.services == {"postgresql": "IN_SERVICE"}
        )

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
        loses_answers = self._blows("cannot_read") or self._turned() is False or self._is_cut_off()
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
        faults = [
            each for each in self.world.weather.of("hosts_unreached") if each.node == self.number or each.pick % 2
        ]
        position = self.world.hosts.index(host)
        return not (self._blows("isolated") or any(each.pick // 2 % 8 >> position & 1 for each in faults))

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
        self.is_on, self.is_frozen, self.hung_until_s = True, False, 0.0
        self._booted_at_s = self.world.clock.now_s
        self.process, self._lease_file = Process(is_running=runs_already), KeptLease()
        self._promise_file, self._majority_file = KeptPromises(), KeptMajority()
        self.world.story.tell(self.name, f"boots ({self.boot}, clock rate {self.rate:.3f})")
        self.start_agent()

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
            self._lives += 1
            self.note_disturbance()

    def freeze(self) -> None:
        if self.is_on and not self.is_frozen:
            self.is_frozen = True
            self.note_disturbance()
            self.world.story.tell(self.name, "freezes; its boot clock goes on")

    def thaw(self) -> None:
        if self.is_on and self.is_frozen:
            looks_after_s = self.rng.uniform(0, TICK_MS / 1000)
            self.is_frozen = False
            self.note_disturbance()
            self.excused_until_s = self.world.clock.now_s + looks_after_s + THAWED_KILL_S
            self.world.story.tell(self.name, "thaws")
            self.world.clock.after(looks_after_s, self._look_after_thaw)

    def _look_after_thaw(self) -> None:
        self.tick()
        if self.agent is None:
            self._expire(self._lives)

    # --- the agent ------------------------------------------------------------------------------

    def start_agent(self) -> None:
        """What systemd does a second after the agent has ended."""
        if not self.is_on or self.agent is not None:
            return
        self._lives += 1
        self.agent_since_s = self.world.clock.now_s
        self.note_disturbance()
        reads = Exchange("read", Line(self, self._answer_s), self._log)
        beats = Exchange("beat", Line(self, self._answer_s), self._log)
        self.agent = Agent(
            who=Self(self.world.cluster, self.spec.instance_id, self.boot, ORDERLY_STOP_S),
            services=Workload(self.process, self.rng, self.is_broken, self._on_change),  # type: ignore[arg-type]
            transport=Reach(self),
            beats=beats,
            reads=reads,
            prober=Prober(lambda _: Line(self, self._answer_s), self._log, self.reaches, self._majority_file),  # type: ignore[arg-type]
            clock_ms=self.now_ms,
            lease_file=self._lease_file,  # type: ignore[arg-type]
            status=NoStatus(),  # type: ignore[arg-type]
            notifier=NoNotifier(),  # type: ignore[arg-type]
            log=self._log,
            failsafe=self._failsafe(),
            placed=Placed(self._placed_file, Exchange("placed_file", AtOnce(), self._log)),  # type: ignore[arg-type]
        )
        self.world.story.tell(self.name, "the agent starts")
        self.tick()

    def _failsafe(self) -> Failsafe:
        cluster, me, means = self.world.cluster, self.spec.instance_id, None
        if self.shares_key:
            self._ring = KeyRing(self._keys, Exchange("failsafe_key", Line(self, self._answer_s), self._log))
            self.mailbox = Mailbox(self)
            means = Means(self._ring, self.mailbox, PORT)
        return Failsafe(cluster, me, self._promise_file, self._log, means, self._nonce)  # type: ignore[arg-type]

    def _keys(self) -> tuple[bytes, ...]:
        """The key that all nodes share; where somebody has changed it, another one alone, or above it, or below it."""
        fault = self.world.weather.at_node("key_differs", self.number)
        if fault is None:
            return (KEY,)
        return ((ANOTHER_KEY,), (ANOTHER_KEY, KEY), (KEY, ANOTHER_KEY))[fault.pick % 3]

    def _nonce(self) -> str:
        return f"{self.rng.getrandbits(128):032x}"

    def _on_change(self, state: State) -> None:
        if state is State.OUT_OF_SERVICE:
            self.note_disturbance()  # until now it could promise nothing
        if state is State.STARTING:
            invariants.nothing_begins_without_a_majority(self.world, self)
            invariants.a_witness_starts_nothing(self.world, self)

    def note_disturbance(self) -> None:
        """From now on it may for a while be unable to give a promise, or to get one."""
        self.disturbed_s = self.world.clock.now_s

    def kill_agent(self, why: str) -> None:
        """The agent's process is gone; its service is not, and the lease that is written down is kept."""
        if self.agent is not None:
            self.world.story.tell(self.name, f"the agent is gone: {why}")
            self.agent, self.mailbox = None, None
            self._lives += 1
            self.note_disturbance()
            if self.shares_key and self.rng.random() < 0.2:
                self.world.story.tell(self.name, "its file of promises is lost")
                self._promise_file = KeptPromises()
            self._expire(self._lives)

    def _hang(self, agent: Agent) -> bool:
        """Whether the agent hangs, just when its lease asks for something: the worst moment that there is."""
        fault, now_ms = self.world.weather.at_node("agent_hangs", self.number), self.now_ms()
        if (
            fault is not None
            and any(at <= now_ms for at in _ends(agent._standing, None))
            and self.process.is_up(now_ms)
        ):
            self.world.weather.spend(fault)
            hangs_s = (0.4 + 0.6 * fault.level) * HANGS_FOR_S
            self.hung_until_s = self.world.clock.now_s + hangs_s
            self.note_disturbance()
            self.world.story.tell(self.name, f"the agent hangs for {hangs_s:.2f} s")
        return self.world.clock.now_s < self.hung_until_s

    def tick(self) -> None:
        """One round of the agent's loop, and the time of the next."""
        agent = self.agent
        if agent is None or not self.is_on or self.is_frozen:
            return
        if self._hang(agent):
            self._plan_tick(self.hung_until_s)
            return
        before = agent._order
        if self._ring is not None and self._ring.keys[:1] not in ((), (KEY,)):
            self.note_disturbance()  # nobody believes what it signs; a new key below the old one disturbs nothing
        self._look_at_hosts()
        agent.tick(self.now_ms())
        invariants.after_tick(self.world, self, agent, before)
        if agent.exit_status is not None:
            self.kill_agent(f"it was asked to stop, status {agent.exit_status}")
            if self.world.is_calm:
                self.world.clock.after(1, self.start_agent)
            return
        due_ms, late_s = self._next_tick(agent)
        self._plan_tick(self._world_time(due_ms) + late_s)

    def _look_at_hosts(self) -> None:
        """What its agent can know of the quorum hosts at most: an answer counts until the next one is missing."""
        hosts, now_s = self.world.hosts, self.world.clock.now_s
        if not hosts or self.agent is None:
            return
        self.reached_s.update({host: now_s for host in hosts if self.reaches(host)})
        counts_for_s = (self.agent._standing.terms.heartbeat_interval_s + 2 + 1) / RATE_LEAST + 2 * IDLE_LIMIT_MS / 1000
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
        ends = [*_ends(agent._standing, agent._services.due_ms()), *_promise_times(agent, now_ms)]  # type: ignore[attr-defined]
        bound = [at for at in ends if at > now_ms]
        due_ms = min([*paced, *bound, now_ms + IDLE_LIMIT_MS])
        late_s = self.rng.uniform(0, TICK_MS / 1000) if due_ms in bound else 0.001
        return max(due_ms, now_ms + 10), late_s

    def _world_time(self, local_ms: int) -> float:
        return self._booted_at_s + local_ms / 1000 / self.rate

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

    # --- what is left of an agent ---------------------------------------------------------------

    def _expire(self, life: int) -> None:
        """`understudy-agent expire`: see to it that the service ends with the lease, unless an agent takes over."""
        now_ms = self.now_ms()
        standing = self._lease_file.load(now_ms)
        if standing == Standing() and self.process.is_up(now_ms):
            standing = lease.woken(standing, self._placed_file.load(), now_ms)
        if life != self._lives or not self.is_on or self.is_frozen or standing == Standing():
            return
        order = lease.order(standing, now_ms, ORDERLY_STOP_S)
        if order is Order.KILL:
            self.process.end_by(now_ms + int(self.rng.uniform(0, 0.9) * standing.terms.kill_limit_s * 1000))
        elif order is Order.STOP:
            self.process.end_by(now_ms + self.rng.randrange(50, 20_000))
        if order is not Order.LEAVE_ALONE and not self.process.is_up(now_ms):
            self._lease_file.save(Standing())
            return
        due = [at for at in _ends(standing, self.process.gone_at_ms) if at > now_ms]
        self.world.clock.at(self._world_time(min([*due, now_ms + IDLE_LIMIT_MS])) + 0.1, lambda: self._expire(life))


def _ends(standing: Standing, other_ms: int | None) -> list[int]:
    ends = (lease.stop_at_ms(standing, ORDERLY_STOP_S), lease.kill_at_ms(standing), other_ms)
    return [at for at in ends if at is not None]


def _promise_times(agent: Agent, now_ms: int) -> Iterator[int]:
    """When promises are asked for next, and when one of its own has been waited out."""
    failsafe, standing = agent._failsafe, agent._standing
    waits_until = failsafe.waits_until(standing, now_ms)
    if waits_until is not None:
        yield waits_until
    if failsafe._means is None or standing.word is not Word.MINE or standing.lease_end_ms is None:
        return
    terms = standing.terms
    sent_ms = standing.lease_end_ms - int(terms.lease_s * 1000)
    wanted_ms = sent_ms + int((2 * terms.heartbeat_interval_s + terms.lease_read_interval_s / 2) * 1000)
    if standing.promised_until_ms is not None:
        wanted_ms = max(wanted_ms, standing.promised_until_ms - int(terms.promise_s * 1000) // 2)
    yield max(wanted_ms, (failsafe._asked.asked_ms or 0) + promise.ASK_EVERY_MS)
