"""The one process that owns engine, nodes, name server and board, from `make up` to `make down`.

`python -m local.up.resident FOLDER FIRST_PORT LOCK`: LOCK is the descriptor of the lock, which it inherits.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from local.board_server import BoardServer
from local.cluster import Cluster
from local.cut import Cut
from local.engine import DirectoryInUse
from local.interrupts import Interrupted, raise_on_signals
from local.link import Link
from local.local_aws import LocalAws, Ports, local_aws
from local.sam import ROOT, SamFailed
from local.stack import FunctionFailed
from local.up.control import Answer, Control, Request
from local.up.place import Place
from local.up.playground import AWS_ACTIONS, NODE_ACTIONS, BoardFunctions, Playground, Refused
from local.up.ports import PortBlock
from local.up.shell import script, variables, write_programs
from local.up.state import Reporter
from local.waiting import NotInTime, wait_for
from local.world import ZONE_NAME

CLUSTER = "orders-db"
NODES = ("node-a", "node-b")
# Route 53 takes 3 s here to bring a change to its servers (AWS: generally within 60). All else is as by default.
PROPAGATION_S = 3.0
PLACED_LIMIT_S = 90.0
ANSWERED_LIMIT_S = 30.0


@dataclass(frozen=True)
class Stack:
    """Everything that is up."""

    aws: LocalAws
    ports: PortBlock
    place: Place
    playground: Playground
    reporter: Reporter

    def answer(self, request: Request) -> Answer:
        try:
            return Answer(done=True, said=self._lines(request))
        except Refused as refused:
            return Answer(done=False, said=[str(refused)])
        except (NotInTime, FunctionFailed, BotoCoreError, ClientError, OSError) as failure:
            return Answer(done=False, said=[f"{request.do} failed: {failure}", f"Logs are in {self.place.folder}."])

    def _lines(self, request: Request) -> list[str]:
        if request.do == "state":
            return self.reporter.lines()
        if request.do == "port":
            return [str(self.ports.first)]
        if request.do == "env":
            return script(self._variables(), self.place.programs)
        if request.do in (*NODE_ACTIONS, *AWS_ACTIONS):
            _say(f"make {request.do} {request.node}".rstrip())
            return [self.playground.do(request.do, request.node)]
        known = ", ".join(("state", "env", *NODE_ACTIONS, *AWS_ACTIONS))
        raise Refused(f"There is no {request.do}. There are {known}.")

    def _variables(self) -> dict[str, str]:
        named = {"TABLE": self.aws.stack.table, "MACHINE": self.aws.stack.machine}
        return variables(self.ports, self.aws.engine.endpoints) | named


@contextlib.contextmanager
def stack(place: Place, ports: PortBlock) -> Iterator[Stack]:
    """Everything, up and in service. Nothing is left when the block is."""
    names, fixed = [f"{CLUSTER}.{ZONE_NAME}"], Ports(dns=(ports.dns,), service=ports.service)
    with contextlib.ExitStack() as undo:
        aws = undo.enter_context(
            local_aws(place.aws, names, propagation_s=PROPAGATION_S, say=_say, ports=fixed),
        )
        engine = aws.engine
        inner_to_outer = ((engine.port, ports.aws), (engine.ec2_port, ports.ec2), (engine.proxy.port, ports.route53))
        entries = [undo.enter_context(Link(inner, outer)) for inner, outer in inner_to_outer]
        cluster = undo.enter_context(Cluster(aws, CLUSTER, NODES))
        cut = undo.enter_context(Cut(aws, cluster, ports.promises))
        playground = undo.enter_context(Playground(cluster, cut, entries))
        undo.enter_context(BoardServer(BoardFunctions(aws.stack, playground), ports.board))
        write_programs(place.programs, ports)
        _place_service(cluster)
        yield Stack(aws, ports, place, playground, Reporter(place, ports, cluster, playground))


def _place_service(cluster: Cluster) -> None:
    first, second = NODES
    _say(f"cluster {cluster.name}: its definition is submitted, {first} and {second} boot")
    cluster.register()
    cluster.boot()
    cluster.wait_settled(first, PLACED_LIMIT_S)
    _say(f"{first} is in service")
    cluster.wait_standby(second, PLACED_LIMIT_S)
    address = cluster.node(first).instance.address
    wait_for("DNS leads to it", lambda: cluster.served_address() == address, ANSWERED_LIMIT_S, why=cluster.summary)
    wait_for("the nodes answer each other", cluster.answer_each_other, PLACED_LIMIT_S, why=cluster.summary)
    _say(f"{second} stands by, and DNS leads to {first}")


def main(folder: str, first_port: str, lock: str) -> int:
    place, ports = Place(Path(folder)), PortBlock(int(first_port))
    raise_on_signals()
    os.set_inheritable(int(lock), False)
    place.sign(int(lock))
    _say("an AWS on this machine is started, and the stack deployed into it")
    with _kept(place, int(lock)):
        try:
            with stack(place, ports) as up, Control(place) as control:
                control.serve(up.answer)
        except Interrupted as signal:
            _say(f"stopped by {signal}; nothing is left running")
            return signal.exit_status
        except (DirectoryInUse, NotInTime, SamFailed, FunctionFailed, BotoCoreError, ClientError) as failure:
            _say(f"it did not start, or had to end: {failure}")
    return 1


@contextlib.contextmanager
def _kept(place: Place, lock: int) -> Iterator[None]:
    """However this process ends from now on, its keeper has the lock until nothing is left."""
    hears, held = os.pipe()
    program = [sys.executable, "-m", "local.up.keeper", str(place.folder), str(lock)]
    subprocess.Popen(program, cwd=ROOT, stdin=hears, pass_fds=(lock,), start_new_session=True)
    os.close(hears)
    try:
        yield
    finally:
        os.close(held)


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
