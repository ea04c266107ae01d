"""A node: a machine with a boot clock, the real agent on it, its files, and its services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.explorer import properties
from tests.explorer.keys import ACCEPTED_STEP, BOOT_STEP, CLOCK_STEP
from tests.explorer.parts import (
    KEY,
    KILL_MS,
    PORT,
    STOP_MS,
    Line,
    Mailbox,
    MemoryKind,
    MemoryPath,
    MemorySlots,
    NodeLog,
    Process,
    Reach,
)
from tests.support.agent_parts import Guarded, NoNotifier, NoStatus
from understudy.domain.cluster.definition import NodeSpec
from understudy_agent import lease
from understudy_agent.exchange import Exchange
from understudy_agent.failsafe import Failsafe, Means
from understudy_agent.files import LeaseFile, PlacedFile, PromiseFile
from understudy_agent.keys import KeyRing
from understudy_agent.lease import LeaseView, Order
from understudy_agent.loop import Agent, AgentFiles, Channel, Host, Safeguards
from understudy_agent.model import ServiceSettings
from understudy_agent.placed import Placed
from understudy_agent.ports import Self
from understudy_agent.prober import Prober
from understudy_agent.services import Services
from understudy_agent.tries import TriesFile

if TYPE_CHECKING:
    from tests.explorer.world import World

ORDERLY_STOP_S = 5.0
CHECK_S = 4.0
"""As long as between two beats, so that a cluster that is well comes back to the same state after four seconds."""
RESTART_MS = 1000
RUN, STATE = "run", "state"
FAR_MS = 10**9
TICKS_A_SECOND = 6


class Node:
    """One node of the cluster, on or off. World times are `world.ms`; `now_ms` is the node's boot clock."""

    def __init__(self, world: World, number: int, spec: NodeSpec, services: tuple[str, ...], rate: float = 1.0) -> None:
        self.world, self.number, self.spec, self.name = world, number, spec, spec.name
        self.services, self.rate = services, rate
        self.is_on = False
        self.boots = 0
        self.booted_ms = 0
        self.frozen_until_ms: int | None = None
        self.hung_until_ms = 0
        self.excused_until_ms = 0
        self.fresh_since_ms = 0
        """Since when its agent may count on what it has read: the newest start, thaw or end of a hang."""
        self.read_at_ms = -1
        """When the newest read that its agent has taken up was begun."""
        self.waits_since_ms: int | None = None
        """Since when its agent has held the lease, and started nothing."""
        self.agent_back_ms: int | None = None
        self.on_again_ms: int | None = None
        self.comes_up_by_itself = False
        """Whether its services are enabled, so that a boot starts them."""
        self.due_ms = 0
        self.ticks = 0
        self.agent: Agent | None = None
        self.mailbox: Mailbox | None = None
        self.files: dict[str, str] = {}
        self.processes = {name: Process() for name in services}
        self.log = NodeLog(self)

    # --- what others ask -----------------------------------------------------------------------

    @property
    def boot(self) -> str:
        return f"{self.name}-boot-{self.boots}"

    def clock_base_ms(self) -> int:
        return (self.number + 1) * CLOCK_STEP + self.boots * BOOT_STEP

    def accepted_base(self) -> int:
        """From where its agents count the beats that were taken in."""
        return (self.number + 1) * ACCEPTED_STEP

    def now_ms(self) -> int:
        """CLOCK_BOOTTIME, which does not begin at 0 here: so that a key can tell whose it is."""
        return self.clock_base_ms() + int((self.world.ms - self.booted_ms) * self.rate)

    def runs(self) -> bool:
        """Whether anything of its services is up, or coming up, or not down yet, on a machine that is on."""
        if not self.is_on:
            return False
        now_ms = self.now_ms()
        return any(each.is_up(now_ms) for each in self.processes.values())

    def serves(self) -> bool:
        """As `runs`; a frozen machine serves nobody."""
        return self.frozen_until_ms is None and self.runs()

    def serves_for_product(self) -> bool:
        """Whether it serves what the product has started, or keeps."""
        return self.serves() and any(each.is_products for each in self.processes.values())

    def answer_late_ms(self, of: str) -> int:
        return self.world.level(f"{of}_late", self.name) * 1000

    def tell(self, what: str) -> None:
        self.world.tell(self.name, what)

    # --- time ----------------------------------------------------------------------------------

    def wake(self, at_ms: int) -> None:
        """Have the agent look at that time (world) at the latest."""
        self.due_ms = min(self.due_ms, at_ms)

    def wake_at_local(self, local_ms: int) -> None:
        self.wake(self._world_ms(local_ms))

    def _world_ms(self, local_ms: int) -> int:
        return self.booted_ms + int((local_ms - self.clock_base_ms()) / self.rate) + (self.rate != 1.0)

    def second(self) -> None:
        """What changes at the beginning of a second."""
        now, self.ticks = self.world.ms, 0
        if self.on_again_ms is not None and now >= self.on_again_ms:
            self.on_again_ms = None
            self.power_on()
        if self.frozen_until_ms is not None and now >= self.frozen_until_ms:
            self._thaw()
        if self.agent_back_ms is not None and now >= self.agent_back_ms:
            self.agent_back_ms = None
            self.start_agent()
        if self.is_on and self.frozen_until_ms is None and self.agent is None:
            self._expire()

    # --- the machine ---------------------------------------------------------------------------

    def power_on(self) -> None:
        self.boots += 1
        self.is_on, self.frozen_until_ms, self.hung_until_ms = True, None, 0
        self.booted_ms = self.world.ms
        self.world.note_boot(self)
        for name in [each for each in self.files if each.startswith(RUN)]:
            del self.files[name]
        for process in self.processes.values():
            process.__init__()  # type: ignore[misc]
        self.tell(f"boots ({self.boot})")
        if self.comes_up_by_itself:
            self.start_by_hand()
        self.start_agent()

    def start_by_hand(self) -> None:
        """Somebody who is not the product starts the services here: systemd at boot, or a person."""
        now_ms = self.now_ms()
        for process in self.processes.values():
            if not process.is_up(now_ms):
                process.is_running, process.is_products, process.ends_ms = True, False, None
                process.since_ms = process.ready_ms = now_ms
        self.tell("its services come up, and the product has not started them")

    def forget(self) -> None:
        """Its disk is another: nothing is known of what has been before."""
        self.files.clear()

    def power_off(self, again_after_ms: int | None = None) -> None:
        self.is_on, self.agent, self.mailbox, self.frozen_until_ms = False, None, None, None
        self.agent_back_ms = None
        self.on_again_ms = None if again_after_ms is None else self.world.ms + again_after_ms
        self.due_ms = FAR_MS
        self.tell("goes off")

    def freeze(self, for_ms: int) -> None:
        self.frozen_until_ms = self.world.ms + for_ms
        self.tell(f"freezes for {for_ms / 1000:g} s")

    def _thaw(self) -> None:
        self.frozen_until_ms = None
        self.fresh_since_ms = self.world.ms
        self.excused_until_ms = self.world.ms + 2000
        self.due_ms = self.world.ms
        self.tell("thaws")

    def hang(self, for_ms: int) -> None:
        """The agent hangs; the machine goes on."""
        self.hung_until_ms = self.world.ms + for_ms
        self.tell(f"the agent hangs for {for_ms / 1000:g} s")

    # --- the agent -----------------------------------------------------------------------------

    def start_agent(self) -> None:
        if not self.is_on or self.agent is not None:
            return
        self.fresh_since_ms = self.world.ms
        self.due_ms = FAR_MS
        try:
            self.agent = self._new_agent()
        except OSError as fault:
            self.agent_back_ms = self.world.ms + RESTART_MS
            self.tell(f"the agent does not start: {type(fault).__name__} {fault}")
            return
        self.tell("the agent starts")
        self.due_ms = self.world.ms

    def _new_agent(self) -> Agent:
        log = self.log
        kinds = {name: MemoryKind(self, name) for name in self.services}
        specs = [ServiceSettings(name, check_interval_s=CHECK_S) for name in self.services]
        agent = Agent(
            who=Self(self.world.cluster, self.spec.instance_id, self.boot, ORDERLY_STOP_S),
            services=Services(kinds, specs, self._unstoppable, self._tries_file()),
            channel=Channel(
                transport=Reach(self),
                beats=Exchange("beat", Line(self, "beat"), log),
                reads=Exchange("read", Line(self, "read"), log),
            ),
            files=AgentFiles(
                lease=self._lease_file(),
                placed=Placed(self._placed_file(), Exchange("placed_file", Line(self, "disk"), log)),
                status=NoStatus(),  # type: ignore[arg-type]
            ),
            safeguards=Safeguards(
                prober=Prober(self._no_hosts, log),
                failsafe=self._failsafe(),
                keeper=Guarded(),
            ),
            host=Host(clock_ms=self.now_ms, notifier=NoNotifier(), log=log),  # type: ignore[arg-type]
        )
        agent._sent.accepted = self.accepted_base()
        return agent

    def _lease_file(self) -> LeaseFile:
        path = self._path("lease.json")
        return LeaseFile(path, self.boot, MemorySlots(path))

    def _placed_file(self) -> PlacedFile:
        return PlacedFile(MemoryPath(self.files, f"{STATE}/placed.json"))  # type: ignore[arg-type]

    def _tries_file(self) -> TriesFile:
        return TriesFile(self._path("tries.json"), self.boot, self._path("lease.json"), self.log)

    def _path(self, name: str) -> Any:
        return MemoryPath(self.files, f"{RUN}/{name}")

    def _no_hosts(self, name: str) -> Line:
        return Line(self, name)

    def _unstoppable(self, service: str) -> None:
        self.tell(f"{service} cannot be stopped")

    def _failsafe(self) -> Failsafe:
        means = None
        if self.world.shares_key:
            ring = KeyRing(_read_key, Exchange("failsafe_key", Line(self, "key"), self.log))
            self.mailbox = Mailbox(self)
            means = Means(ring, self.mailbox, PORT, asks_peers=False)
        file = PromiseFile(self._path("promises.json"), self.boot)
        return Failsafe(self.world.cluster, self.spec.instance_id, file, self.log, means, self.world.new_nonce)

    def kill_agent(self, back_after_ms: int = RESTART_MS) -> None:
        """The agent's process is gone; its services are not."""
        self.agent, self.mailbox, self.due_ms = None, None, FAR_MS
        self.agent_back_ms = self.world.ms + back_after_ms
        self.tell(f"the agent dies, and is back after {back_after_ms / 1000:g} s")

    def tick(self) -> None:
        """One round of the agent's loop, and the time of the next."""
        agent, world = self.agent, self.world
        if agent is None or self.frozen_until_ms is not None:
            self.due_ms = FAR_MS
            return
        if world.ms < self.hung_until_ms:
            self.due_ms = self.hung_until_ms
            return
        self.due_ms = FAR_MS
        agent.tick(self.now_ms())
        if agent._order is Order.SERVE:
            self._keep()
        properties.after_tick(world, self, agent)
        if agent.exit_status is not None:
            self.kill_agent()
            return
        self.ticks += 1
        self.wake(self._next_tick(agent))
        if self.ticks >= TICKS_A_SECOND:
            self.due_ms = world.ms + 1000

    def _keep(self) -> None:
        """What runs under a lease is the product's from here on."""
        now_ms = self.now_ms()
        for process in self.processes.values():
            if process.is_up(now_ms):
                process.is_products = True

    def _next_tick(self, agent: Agent) -> int:
        due = [self._world_ms(each) for each in self._local_times(agent)]
        beats, reads = agent._beats, agent._reads
        if beats.idle and reads.calls.done_ms is not None:
            due.append(self._world_ms(agent._next_beat_ms()))
        if reads.idle:
            due.append(self._world_ms(agent._next_read_ms()))
        for exchange in (beats, reads):
            ready_ms = exchange._caller.waits_until()  # type: ignore[attr-defined]
            if ready_ms is not None:
                due.append(max(ready_ms, self.world.ms))
        for service in agent._services._services:
            task = service._task
            if task is not None:
                due.append(self._world_ms(task.due_ms))  # type: ignore[attr-defined]
            elif service._next_look_ms > 0:
                due.append(self._world_ms(service._next_look_ms))
        return min([*due, self.world.ms + 1000])

    def _local_times(self, agent: Agent) -> list[int]:
        now_ms = self.now_ms()
        times = _ends(agent._lease_view)
        failsafe = agent._failsafe
        waits_until = failsafe.waits_until(agent._lease_view, now_ms)
        if waits_until is not None:
            times.append(waits_until)
        if failsafe._means is not None and failsafe._asked.asked_ms is not None:
            times.append(failsafe._asked.asked_ms + 500)
        return [each for each in times if each > now_ms]

    # --- what is left of an agent --------------------------------------------------------------

    def _expire(self) -> None:
        """`understudy-agent expire`, looked at once a second: see `understudy_agent.expire`."""
        now_ms = self.now_ms()
        lease_view = self._lease_file().load(now_ms)
        if lease_view == LeaseView():
            lease_view = lease.woken(lease_view, self._placed_file().load(), now_ms)
        if lease_view == LeaseView() or lease_view.terms.keeps_on or not self.runs():
            return
        order = lease.order(lease_view, now_ms, ORDERLY_STOP_S)
        if order is not Order.LEAVE_ALONE:
            ends_ms = now_ms + (KILL_MS if order is Order.KILL else STOP_MS)
            for process in self.processes.values():
                process.ends_ms = ends_ms if process.ends_ms is None else min(process.ends_ms, ends_ms)


def _read_key() -> tuple[bytes, ...]:
    return (KEY,)


def _ends(lease_view: LeaseView) -> list[int]:
    ends = (lease.stop_at_ms(lease_view, ORDERLY_STOP_S), lease.kill_at_ms(lease_view))
    return [at for at in ends if at is not None]
