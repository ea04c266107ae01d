"""Puts the parts together and runs them: the only place that knows all of them."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from . import config, guardian, identity
from .aws import Aws, KeyParameter
from .clock import boot_name, boottime_ms
from .config import WATCHDOG_DEVICE, BadConfigError, Config
from .dropins import DropIns
from .endpoint import Endpoint
from .exchange import Exchange
from .expire import Expiry, Left, keep_the_lease
from .failsafe import Failsafe, Means
from .files import LeaseFile, Lock, MajorityFile, PlacedFile, PromiseFile, StatusFile
from .fitness import FitCommand
from .former import Former, text_with
from .guardian import Guardian, Handover
from .identity import Identity, Whoami
from .keys import FILE_PACE, KeyRing, parameter_pace, read_key_file
from .last_resort import Ender, stay_in_memory
from .log import JsonLog, Log
from .loop import Agent, AgentFiles, Channel, Host, Safeguards
from .pages import Pages
from .placed import Placed
from .plan import PlanFile
from .ports import Self
from .power import TakeDown
from .prober import Prober
from .remains import RemainsFile
from .scopes import SystemPaths, own_unit
from .services import Services
from .succession import Succession
from .systemd import SdNotifier
from .tries import TriesFile
from .udp import UdpSocket
from .watchdog import Demand, Feeder, LinuxWatchdog, WatchdogFiles, disarm_what_is_left
from .worker import Worker

STACK_BYTES = 256 * 1024
"""Of each thread of the process that stays in memory."""


def run(settings: Config) -> int:
    """Run the agent until it is asked to stop. Raises AlreadyRunningError."""
    log = JsonLog(settings.cluster)
    settings.runtime_dir.mkdir(parents=True, exist_ok=True)
    lock = Lock(settings.runtime_dir / "lock")
    lock.acquire_soon()
    identity.reach_metadata_directly(os.environ)
    wake = threading.Event()
    notifier = SdNotifier()
    agent = _agent(settings, log, notifier, wake)
    signal.signal(signal.SIGTERM, lambda *_: agent.ask_to_stop())
    signal.signal(signal.SIGINT, lambda *_: agent.ask_to_stop())
    drop_ins = _drop_ins(settings, log)
    _answer_http(settings, agent, log)
    notified_ready = notified_stopping = False
    while agent.exit_status is None:
        wake.clear()
        agent.tick(boottime_ms())
        drop_ins.tick(boottime_ms(), is_placed=agent.is_placed)
        if not notified_ready:
            notifier.ready()  # it obeys the lease that it found, whether or not anybody tells who this node is
            notified_ready = True
        if agent.is_stopping and not notified_stopping:
            notifier.stopping()
            notified_stopping = True
        wake.wait(agent.pause_ms(boottime_ms()) / 1000)
    return agent.exit_status


def _agent(settings: Config, log: Log, notifier: SdNotifier, wake: threading.Event) -> Agent:
    boot = boot_name(settings.boot)
    log.info("agent_started", "the configuration is good", boot=boot)
    myself = Self(settings.cluster, "", boot, settings.orderly_stop_s, settings.fingerprint)

    def introduce(found: Identity) -> None:
        myself.instance = failsafe.me = found.instance
        log.info("identity_known", "the machine has told who it is", instance=found.instance)

    who = Whoami(partial(identity.find, settings.instance_arn), introduce)
    failsafe = _failsafe(settings, log, wake, who, boot)
    if settings.instance_arn:
        who()
    plan = PlanFile(settings.runtime_dir / "plan.ini", log)
    former = plan.left_of_before(settings.text)
    return Agent(
        who=myself,
        services=_services(settings, boot, former, log),
        channel=_channel(settings, log, wake, who),
        files=AgentFiles(
            lease=_lease_file(settings.runtime_dir, boot),
            placed=Placed(_placed_file(settings), Exchange("placed_file", Worker("placed", wake.set), log)),
            status=StatusFile(settings.status_file),
        ),
        safeguards=Safeguards(
            prober=Prober(
                lambda name: Worker(name, wake.set), log, file=MajorityFile(settings.runtime_dir / "quorum.json", boot)
            ),
            failsafe=failsafe,
            keeper=_guardian(settings, plan, former, log),
        ),
        host=Host(clock_ms=boottime_ms, notifier=notifier, log=log, fitness=FitCommand(settings.fit, log)),
    )


def _answer_http(settings: Config, agent: Agent, log: Log) -> None:
    if settings.http is not None:
        pages = Pages(agent.who, lambda: agent.snapshot, boottime_ms, settings.http.interval_s, log)
        Endpoint(settings.http.address, pages.page, log).start()


def _channel(settings: Config, log: Log, wake: threading.Event, who: Whoami) -> Channel:
    return Channel(
        transport=Aws(
            who=who,
            region=settings.region,
            table=settings.table,
            bus=settings.bus,
            cluster=settings.cluster,
            call_timeout_s=settings.call_timeout_s,
        ),
        beats=Exchange("beat", Worker("beats", wake.set), log),
        reads=Exchange("read", Worker("reads", wake.set), log),
    )


def _services(settings: Config, boot: str, former: Mapping[str, str], log: Log) -> Services:
    take_down, tries = TakeDown(settings.on_stop_failure, log), _tries_file(settings, boot, log)
    return Services(settings.kinds, settings.specs, take_down, tries, _former(settings, former, log))


def _former(settings: Config, sections: Mapping[str, str], log: Log) -> tuple[Former, ...]:
    """What was another agent's before this one. What cannot be understood is unknown, and takes the node down."""
    try:
        return config.parse(text_with(settings.text, sections, sections), is_plan=True).former
    except BadConfigError as bad:
        log.warning("plan_not_read", str(bad))
        return ()


def _guardian(settings: Config, plan: PlanFile, former: Mapping[str, str], log: Log) -> Guardian:
    own, remains = own_unit(SystemPaths().own_group), _remains_file(settings, log)

    def start(beside: int | None) -> subprocess.Popen[bytes]:
        followed = "" if beside is None else own_unit(Path(f"/proc/{beside}/cgroup"))
        return guardian.start(guardian.command(plan.path, settings.cluster, own, beside=followed))

    watchdog = None if settings.watchdog is None else Demand(WatchdogFiles(settings.runtime_dir, log))
    handover = Handover(plan, remains, settings.text, former)
    return Guardian(Succession(settings.runtime_dir), start, handover, log, watchdog)


def _failsafe(settings: Config, log: Log, wake: threading.Event, who: Whoami, boot: str) -> Failsafe:
    file = PromiseFile(settings.runtime_dir / "promises.json", boot)
    wanted = settings.failsafe
    if wanted is None:
        return Failsafe(settings.cluster, "", file, log)
    read: Callable[[], tuple[bytes, ...]]
    if wanted.key_file is not None:
        read, pace = partial(read_key_file, wanted.key_file), FILE_PACE
    else:
        region = partial(_region, settings, who)
        read = KeyParameter(wanted.key_parameter, region, settings.call_timeout_s).read
        pace = parameter_pace(random.random())  # noqa: S311 - it spreads calls
    ring = KeyRing(read, Exchange("failsafe_key", Worker("keys", wake.set), log), pace)
    means = Means(ring, UdpSocket(wanted.bind, wanted.port, wake.set, log), wanted.port)
    return Failsafe(settings.cluster, "", file, log, means)


def _region(settings: Config, who: Whoami) -> str:
    return settings.region or who().region


def expire(settings: Config, path: Path) -> int:
    """Keep the lease of the agent of this cluster while it cannot. `path`: of the plan. The exit status.

    Raises AlreadyRunningError.
    """
    threading.stack_size(STACK_BYTES)
    log = JsonLog(settings.cluster)
    if not settings.runtime_dir.is_dir():
        log.info("nothing_to_expire", f"there is no {settings.runtime_dir}")
        return 0
    succession, plan = Succession(settings.runtime_dir), PlanFile(path, log, settings.text)
    remains, boot = _remains_file(settings, log), _boot_name(settings, log)
    tries, take_down = _tries_file(settings, boot, log), TakeDown(settings.on_stop_failure, log)

    def cannot_be_stopped(service: str) -> None:
        expiry.cannot_be_stopped(service)

    left = Left(
        _lease_file(settings.runtime_dir, boot),
        _placed_file(settings),
        Lock(settings.runtime_dir / "lock"),
        lambda: Services(settings.kinds, settings.specs, cannot_be_stopped, former=settings.former),
        settings.orderly_stop_s,
        tries.load,
        take_down,
    )
    ender = Ender(lambda: [*remains.load(), *expiry.services.remains().values()], log)
    files = WatchdogFiles(settings.runtime_dir, log)
    feeder = None if settings.watchdog is None else Feeder(LinuxWatchdog(settings.watchdog), files, log)
    expiry = Expiry(left, ender, lambda: plan.has_changed() and succession.is_followed(), log, feeder)
    stay_in_memory(log)
    succession.follow(plan.mark)  # from here on it could take the place of the one before at any moment
    signal.signal(signal.SIGTERM, lambda *_: expiry.ask_to_end())
    signal.signal(signal.SIGINT, lambda *_: expiry.ask_to_end())
    if feeder is None:
        disarm_what_is_left(LinuxWatchdog(WATCHDOG_DEVICE), files, log)
    return keep_the_lease(expiry, boottime_ms)


def _boot_name(settings: Config, log: Log) -> str:
    try:
        return boot_name(settings.boot)
    except OSError as fault:
        log.warning("boot_unknown", f"a lease that is found is taken for one that has run out: {fault}")
        return ""


def _remains_file(settings: Config, log: Log) -> RemainsFile:
    return RemainsFile(settings.runtime_dir / "remains.json", log)


def _drop_ins(settings: Config, log: Log) -> DropIns:
    exchange = Exchange("drop_ins", Worker("drop-ins", lambda: None), log)
    return DropIns(settings.units, settings.cluster, own_unit(SystemPaths().own_group), exchange, log)


def _tries_file(settings: Config, boot: str, log: Log) -> TriesFile:
    return TriesFile(settings.runtime_dir / "tries.json", boot, settings.runtime_dir / "lease.json", log)


def _placed_file(settings: Config) -> PlacedFile:
    return PlacedFile(settings.state_dir / "placed.json")


def _lease_file(runtime_dir: Path, boot: str) -> LeaseFile:
    return LeaseFile(runtime_dir / "lease.json", boot)
