"""Puts the parts together and runs them: the only place that knows all of them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from . import identity
from .aws import Aws, KeyParameter
from .clock import boot_name, boottime_ms
from .config import Config
from .dropins import DropIns
from .exchange import Exchange
from .expire import keep_the_lease
from .failsafe import Failsafe, Means
from .files import LeaseFile, Lock, MajorityFile, PlacedFile, PromiseFile, StatusFile
from .keys import KeyRing, read_key_file
from .log import JsonLog, Log
from .loop import Agent
from .placed import Placed
from .ports import Self
from .post import UdpPost
from .power import TakeDown
from .prober import Prober
from .scopes import Machine, own_unit
from .services import Services
from .systemd import Notifier
from .tries import TriesFile
from .worker import Worker


def run(settings: Config) -> int:
    """Run the agent until it is asked to stop. Raises AlreadyRunningError and NoIdentityError."""
    log = JsonLog(settings.cluster)
    settings.runtime_dir.mkdir(parents=True, exist_ok=True)
    lock = Lock(settings.runtime_dir / "lock")
    lock.acquire()
    wake = threading.Event()
    notifier = Notifier()
    agent = _agent(settings, log, notifier, wake)
    signal.signal(signal.SIGTERM, lambda *_: agent.ask_to_stop())
    signal.signal(signal.SIGINT, lambda *_: agent.ask_to_stop())
    notifier.ready()
    drop_ins = _drop_ins(settings, log)
    told_stopping = False
    while agent.exit_status is None:
        wake.clear()
        agent.tick(boottime_ms())
        drop_ins.tick(boottime_ms(), is_placed=agent.is_placed)
        if agent.is_stopping and not told_stopping:
            notifier.stopping()
            told_stopping = True
        wake.wait(agent.pause_ms(boottime_ms()) / 1000)
    return agent.exit_status


def _agent(settings: Config, log: Log, notifier: Notifier, wake: threading.Event) -> Agent:
    node = identity.from_arn(settings.instance_arn) if settings.instance_arn else identity.from_metadata()
    boot = boot_name(settings.boot)
    log.info("agent_started", "the configuration is good", instance=node.instance, boot=boot)
    return Agent(
        who=Self(settings.cluster, node.instance, boot, settings.orderly_stop_s),
        services=_services(settings, log, _tries_file(settings, boot, log)),
        transport=Aws(
            region=settings.region or node.region,
            table=settings.table,
            bus=settings.bus,
            cluster=settings.cluster,
            instance_arn=node.arn,
            call_timeout_s=settings.call_timeout_s,
        ),
        beats=Exchange("beat", Worker("beats", wake.set), log),
        reads=Exchange("read", Worker("reads", wake.set), log),
        prober=Prober(
            lambda name: Worker(name, wake.set), log, file=MajorityFile(settings.runtime_dir / "quorum.json", boot)
        ),
        clock_ms=boottime_ms,
        lease_file=_lease_file(settings.runtime_dir, boot),
        status=StatusFile(settings.status_file),
        notifier=notifier,
        log=log,
        failsafe=_failsafe(settings, log, wake, node, boot),
        placed=Placed(_placed_file(settings), Exchange("placed_file", Worker("placed", wake.set), log)),
    )


def _failsafe(settings: Config, log: Log, wake: threading.Event, node: identity.Identity, boot: str) -> Failsafe:
    file = PromiseFile(settings.runtime_dir / "promises.json", boot)
    wanted = settings.failsafe
    if wanted is None:
        return Failsafe(settings.cluster, node.instance, file, log)
    read: Callable[[], tuple[bytes, ...]]
    if wanted.key_file is not None:
        read = partial(read_key_file, wanted.key_file)
    else:
        read = KeyParameter(wanted.key_parameter, settings.region or node.region, settings.call_timeout_s).read
    ring = KeyRing(read, Exchange("failsafe_key", Worker("keys", wake.set), log))
    means = Means(ring, UdpPost(wanted.bind, wanted.port, wake.set, log), wanted.port)
    return Failsafe(settings.cluster, node.instance, file, log, means)


def expire(settings: Config) -> int:
    """Keep the lease of an agent that has died. The exit status."""
    log = JsonLog(settings.cluster)
    try:
        boot = boot_name(settings.boot)
    except OSError as fault:
        log.warning("boot_unknown", f"a lease that is found is taken for one that has run out: {fault}")
        boot = ""
    return keep_the_lease(
        _lease_file(settings.runtime_dir, boot),
        _placed_file(settings),
        Lock(settings.runtime_dir / "lock"),
        _services(settings, log),
        settings.orderly_stop_s,
        log,
        boottime_ms,
    )


def _services(settings: Config, log: Log, tries: TriesFile | None = None) -> Services:
    return Services(settings.kinds, settings.specs, TakeDown(settings.on_stop_failure, log), tries)


def _drop_ins(settings: Config, log: Log) -> DropIns:
    exchange = Exchange("drop_ins", Worker("drop-ins", lambda: None), log)
    return DropIns(settings.units, settings.cluster, own_unit(Machine().own_group), exchange, log)


def _tries_file(settings: Config, boot: str, log: Log) -> TriesFile:
    return TriesFile(settings.runtime_dir / "tries.json", boot, settings.runtime_dir / "lease.json", log)


def _placed_file(settings: Config) -> PlacedFile:
    return PlacedFile(settings.state_dir / "placed.json")


def _lease_file(runtime_dir: Path, boot: str) -> LeaseFile:
    return LeaseFile(runtime_dir / "lease.json", boot)
