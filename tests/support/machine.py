"""A node of the world in memory: the real agent's loop, with a service and a network that do what a test wants.

The agent is ticked once a second, and again while a call of it has been answered. Times of the agent are milliseconds
of its CLOCK_BOOTTIME, which is the world's clock: every machine has run for a day when the world begins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tests.support.agent_disk import Disk, MemoryPath, MemorySlots, files_in_memory
from tests.support.agent_parts import AtOnce, Guarded, NoNotifier, NoStatus
from understudy_agent.exchange import Exchange
from understudy_agent.failsafe import Failsafe, Means
from understudy_agent.files import LeaseFile, MajorityFile, PlacedFile, PromiseFile
from understudy_agent.fitness import FitCommand, FitSettings
from understudy_agent.keys import KeyRing
from understudy_agent.loop import Agent, AgentFiles, Channel, Host, Safeguards
from understudy_agent.model import ServiceSettings
from understudy_agent.placed import Placed
from understudy_agent.ports import Self
from understudy_agent.prober import Prober
from understudy_agent.promise import Memory
from understudy_agent.remains import Remains
from understudy_agent.services import Services
from understudy_agent.tasks import FinishedTask, Judge, Outcome, Task, judged
from understudy_agent.udp import Datagram

if TYPE_CHECKING:
    from tests.support.world import World

SERVICE = "postgresql"
ASKED = FitSettings(SERVICE, ("how-fit",), interval_s=5, limit_s=4)
KEY = b"the nodes of this world share this key"
PORT = 7946
BEAT_EVERY_S = 4
"""How often a shell loop beats that stands in for an agent."""
FOR_EVER_S = 1_000_000
"""The limits of a start and a stop: how long they take is for the test to say."""
TICKS_MOST = 20
TICK_MS = 10
"""Between two ticks of the same second: a call has been answered."""


class NoLog:
    """Nobody reads the agent's log."""

    def info(self, what: str, why: str, **facts: object) -> None:
        """It is lost."""

    warning = info
    error = info


class Due:
    """A task that ends at a time of its own."""

    why = ""

    def __init__(self, machine: Machine, due_s: float, end: Callable[[], Outcome]) -> None:
        self._machine, self._due_s, self._end = machine, due_s, end

    def poll(self) -> Outcome | None:
        return self._end() if self._machine.now_s >= self._due_s else None

    def abort(self) -> None:
        """The command is killed; what it has brought about goes on."""


class Daemon:
    """The service of a machine, as it really runs. It outlives its agent."""

    slow_to_show = False
    confirms_start = True

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.is_up = False
        self._ready_s = 0.0
        self._ends_s: float | None = None

    def run_by_hand(self) -> None:
        """Somebody else than the agent starts it."""
        self.is_up, self._ready_s, self._ends_s = True, self._machine.now_s, None

    def start(self) -> Task:
        self.is_up, self._ready_s, self._ends_s = True, self._machine.now_s + self._machine.start_s, None
        return Due(self._machine, self._ready_s, self._has_started)

    def _has_started(self) -> Outcome:
        self.is_up = self.is_up and self._machine.starts
        return Outcome.DONE if self.is_up else Outcome.FAILED

    def stop(self) -> Task:
        ends_s = self._machine.now_s + self._machine.stop_s
        self._ends_s = ends_s if self._ends_s is None else min(self._ends_s, ends_s)
        return Due(self._machine, self._ends_s, self.end)

    def end(self) -> Outcome:
        """It is gone."""
        self.is_up = False
        return Outcome.DONE

    def kill(self) -> Task:
        return FinishedTask(self.end())

    def look(self) -> Task:
        if not self.is_up:
            return FinishedTask(Outcome.DOWN)
        is_serving = self._machine.now_s >= self._ready_s and self._ends_s is None
        return FinishedTask(Outcome.SERVING if is_serving else Outcome.RUNNING)

    def remains(self) -> Remains:
        return Remains()


class Mailbox:
    """The socket of an agent: see `understudy_agent.udp.UdpTransport`. Datagrams arrive in the same second."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.waiting: list[Datagram] = []

    def send(self, data: bytes, address: tuple[str, int]) -> None:
        self._machine.world.carry(self._machine, data, address)

    def received(self) -> list[Datagram]:
        taken, self.waiting = self.waiting, []
        return taken


class Machine:
    """One node. What is off, or cannot be reached, is for the test to say; all else is the agent's doing."""

    def __init__(self, world: World, instance_id: str, ip: str, boot: str, *, knows_its_promises: bool = True) -> None:
        """`knows_its_promises`: its agent has run for long, or has a file of one that did, and has promised nothing."""
        self.world, self.instance_id, self.ip, self.boot = world, instance_id, ip, boot
        self.is_on = True
        self.hears = True  # whether the table's answers, and what other nodes send, reach it
        self.is_heard = True  # whether its beats, and what it sends to other nodes, arrive
        self.keeps_lease = True  # else a shell loop beats in the agent's place, and the service runs
        self.starts = True  # whether its service can be started
        self.start_s, self.stop_s = 2, 0
        self.reaches = 99  # how many of the quorum hosts accept its connections
        self.fit: int | bool | None = None  # what its fit command answers: a number, False, or None: nothing useful
        self.daemon = Daemon(self)
        self._disk = Disk()
        self._beaten_s = 0.0
        self._ticks = 0
        if knows_its_promises:
            with files_in_memory():
                self._promise_file().save(Memory())
        self.start_agent()

    # --- what others ask ------------------------------------------------------------------------

    @property
    def now_s(self) -> float:
        return self.world.clock.now_s

    def now_ms(self) -> int:
        return self.world.boottime_ms() + self._ticks * TICK_MS

    @property
    def serves(self) -> bool:
        """Whether its service is up, or coming up, or not down yet."""
        return self.is_on and self.daemon.is_up

    @property
    def status(self) -> str:
        """What its beats say of its service."""
        return self.agent._report.services.get(SERVICE, "") if self.keeps_lease else "IN_SERVICE"

    # --- what a test does -----------------------------------------------------------------------

    def crash_service(self) -> None:
        """The service ends by itself."""
        self.daemon.end()

    def start_agent(self, *, forgets: bool = False) -> None:
        """Start the agent anew. `forgets`: somebody removes `placed.json` first: the cluster was made anew."""
        if forgets:
            self._path("placed.json").unlink(missing_ok=True)
        self._callers: list[AtOnce] = []
        self.mailbox = Mailbox(self)
        with files_in_memory():
            self.agent = self._new_agent()

    def _new_agent(self) -> Agent:
        log = NoLog()
        settings = ServiceSettings(SERVICE, (), FOR_EVER_S, FOR_EVER_S, check_interval_s=1, restart_tries=0)
        ring = KeyRing(lambda: (KEY,), Exchange("failsafe_key", self._caller(), log))
        lease_path = self._path("lease.json")
        placed = PlacedFile(self._path("placed.json"))  # type: ignore[arg-type]
        majority = MajorityFile(self._path("quorum.json"), self.boot)  # type: ignore[arg-type]
        return Agent(
            who=Self(self.world.cluster, self.instance_id, self.boot, orderly_stop_s=0),
            services=Services({SERVICE: self.daemon}, [settings], self._cannot_be_stopped),
            channel=Channel(self, Exchange("beat", self._caller(), log), Exchange("read", self._caller(), log)),
            files=AgentFiles(
                lease=LeaseFile(lease_path, self.boot, MemorySlots(lease_path)),  # type: ignore[arg-type]
                placed=Placed(placed, Exchange("placed_file", self._caller(), log)),
                status=NoStatus(),  # type: ignore[arg-type]
            ),
            safeguards=Safeguards(
                prober=Prober(lambda _: self._caller(), log, self._accepts, majority),
                failsafe=Failsafe(
                    self.world.cluster, self.instance_id, self._promise_file(), log, Means(ring, self.mailbox, PORT)
                ),
                keeper=Guarded(),
            ),
            host=Host(
                clock_ms=self.now_ms,
                notifier=NoNotifier(),  # type: ignore[arg-type]
                log=log,
                fitness=FitCommand(ASKED, log, self._say_how_fit),
            ),
        )

    def _caller(self) -> AtOnce:
        self._callers.append(AtOnce())
        return self._callers[-1]

    def _path(self, name: str) -> MemoryPath:
        return self._disk.path(name)

    def _promise_file(self) -> PromiseFile:
        return PromiseFile(self._path("promises.json"), self.boot)  # type: ignore[arg-type]

    def _say_how_fit(self, argv: Sequence[str], judge: Judge, *, capture: bool) -> Task:
        """What the fit command of this machine answers, at once."""
        is_number = self.fit is not None and self.fit is not False
        status = 0 if is_number else 1 if self.fit is False else 2
        return FinishedTask(*judged(judge, status, f"{self.fit}" if is_number else ""))

    def _cannot_be_stopped(self, service: str) -> None:
        raise AssertionError(f"{service} of {self.instance_id} cannot be stopped")

    def _accepts(self, host: str, _timeout_s: float) -> bool:
        """The first `reaches` of the quorum hosts accept."""
        probes = self.world.state.quorum
        return [f"{each}" for each in probes.hosts].index(host) < self.reaches if probes else False

    # --- how it goes on -------------------------------------------------------------------------

    def live(self) -> None:
        """One second of it."""
        if not self.keeps_lease:
            self._beat_plainly()
            return
        with files_in_memory():
            for self._ticks in range(TICKS_MOST):
                self.agent.tick(self.now_ms())
                if not any(caller.has_ended for caller in self._callers) and not self.mailbox.waiting:
                    return

    def _beat_plainly(self) -> None:
        self.daemon.is_up = True
        if self.now_s - self._beaten_s < BEAT_EVERY_S or not self.is_heard:
            return
        self._beaten_s = self.now_s
        self.put_beat(
            {
                "cluster": self.world.cluster,
                "boot": self.boot,
                "beat": self.now_ms(),
                "keeps_lease": False,
                "read_epoch": self.world.state.epoch,
                "services": {SERVICE: "IN_SERVICE"},
                "agent": "0.1.0",
            }
        )

    def put_beat(self, detail: Mapping[str, Any]) -> None:
        """One of the two calls of an agent."""
        if not self.is_heard:
            raise ConnectionError("its beats do not arrive")
        self.world.take_beat(self.instance_id, detail)

    def read_state(self) -> Mapping[str, Any] | None:
        """The other one."""
        if not self.hears:
            raise ConnectionError("no answer reaches it")
        return self.world.table_item()
