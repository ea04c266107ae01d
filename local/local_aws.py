"""Everything around the nodes at once: engine, world, deployed stack, DNS server."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from local import sam
from local.dns_server import ANY_PORTS, ZoneServer
from local.engine import Engine
from local.roles import bridge_gaps, function_roles
from local.stack import Stack
from local.workflow import bridge_timeouts
from local.world import ZONE_NAME, World


@dataclass(frozen=True)
class LocalAws:
    engine: Engine
    world: World
    stack: Stack
    dns: ZoneServer


@dataclass(frozen=True)
class Ports:
    """`dns`: tried in turn. `service`: on the addresses of the nodes; 0 is any that is free."""

    dns: Sequence[int] = ANY_PORTS
    service: int = 0


ANY = Ports()


@contextlib.contextmanager
def local_aws(
    directory: Path,
    names: Sequence[str],
    *,
    propagation_s: float = 0.0,
    enforces_iam: bool = False,
    faulty: bool = False,
    say: Callable[[str], None] = lambda _: None,
    ports: Ports = ANY,
) -> Iterator[LocalAws]:
    """Start, build, deploy; `names` are the host names that the stack may protect. Leaves nothing running.

    More than six parameters, since each is what only some runs have otherwise.
    """
    with Engine(directory, propagation_s, enforces_iam=enforces_iam, faulty=faulty) as engine:
        say("the embedded AWS answers")
        built = sam.build(engine)
        say("sam build: done" if built else "sam build: nothing has changed since the last one")
        world = World(engine, ports.service)
        sam.deploy(engine, [world.zone], names)
        say(f"sam deploy: stack {sam.STACK} is there")
        if enforces_iam:
            for role in function_roles(engine).values():
                bridge_gaps(engine, role)
        stack = Stack(engine)
        bridge_timeouts(engine, stack.machine)
        stack.warm_up()
        with ZoneServer(engine.proxy, world.zone, ZONE_NAME, ports.dns) as dns:
            yield LocalAws(engine, world, stack, dns)
