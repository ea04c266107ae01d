"""The failover of the white paper, by a script of ours, on the same emulator and behind the same kind of proxy.

As the Route 53 Recovery Kit's manual has it: read the record, UPSERT, GetChange at once and then every 20 s, five
times in all, read the record again; only then start the service. All of that happens here, in real time. What does not
is noticing that the node is dead: LifeKeeper's default, 3 heartbeats 5 s apart that are missed, is added as a number.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from typing import Any

import boto3
from botocore.credentials import Credentials

from bench.route53_model import Route53Model
from bench.virtual_time import VirtualTime
from local.aws_proxy import AwsProxy
from local.client import Client, outages
from local.dns_server import ZoneServer
from local.engine import ACCOUNT, REGION, Engine
from local.processes import Child, start
from local.sam import ROOT
from local.waiting import wait_for
from local.world import AZS, World
from understudy.domain.cluster.tuning import Tuning

HEARTBEAT_S, MISSED_HEARTBEATS = 5.0, 3
DETECTION_S = HEARTBEAT_S * MISSED_HEARTBEATS
"""Assumed, not measured."""
PROPAGATIONS_S = (0.0, 5.0, 30.0, 60.0)
"""Route 53's, for which the product and the paper are compared."""
CLIENT_LIMIT_S = 60.0
_SECRET = "local"
Clock = Callable[[], float]


class NeverInSync(Exception):  # noqa: N818  (it reads as the sentence that the operator gets)
    """The change was still PENDING at the last poll: the kit reports that the resource cannot be brought in service."""


@dataclass(frozen=True)
class Move:
    """When what was reached, in seconds of the clock that was handed in, and how often GetChange was asked."""

    accepted: float
    in_sync: float
    in_service: float
    polls: int


def move(
    route53: Any,
    zone: str,
    record: dict[str, Any],
    serve: Callable[[], object],
    clock: Clock,
    sleep: Callable[[float], object],
) -> Move:
    """Move the record, wait until it is in sync, then `serve`. Raises NeverInSync, and then nothing serves."""
    seen = {"HostedZoneId": zone, "StartRecordName": record["Name"], "StartRecordType": record["Type"], "MaxItems": "1"}
    route53.list_resource_record_sets(**seen)
    batch = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}
    answer = route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)
    accepted = clock()
    polls = _poll(route53, answer["ChangeInfo"]["Id"].removeprefix("/change/"), sleep)
    in_sync = clock()
    route53.list_resource_record_sets(**seen)
    serve()
    return Move(accepted, in_sync, clock(), polls)


def _poll(route53: Any, change_id: str, sleep: Callable[[float], object]) -> int:
    """How many polls it took."""
    tries, interval_s = Tuning().ROUTE53_CHANGEID_TRY_COUNT, Tuning().ROUTE53_CHANGEID_INTERVAL
    for number in range(1, tries + 1):
        if route53.get_change(Id=change_id)["ChangeInfo"]["Status"] == "INSYNC":
            return number
        if number < tries:
            sleep(interval_s)
    raise NeverInSync(f"PENDING at the last of {tries} polls, {interval_s} s apart: the service is not started")


def waits(propagations_s: Sequence[float]) -> list[dict[str, Any]]:
    """What the polls alone cost, in virtual time: the same on every machine."""
    found = []
    for propagation_s in propagations_s:
        polls = _moved_in_virtual_time(propagation_s).polls
        waited_s = (polls - 1) * Tuning().ROUTE53_CHANGEID_INTERVAL
        found.append({"propagation_s": propagation_s, "polls": polls, "waited_s": waited_s})
    return found


def _moved_in_virtual_time(propagation_s: float) -> Move:
    clock, moves = VirtualTime(), list[Move]()
    route53 = Route53Model(clock, Random(0), (propagation_s, 0.0))
    record = {"Name": "a.example.com", "Type": "A", "TTL": 10, "ResourceRecords": [{"Value": "10.0.2.10"}]}
    clock.start(0, lambda: moves.append(move(route53, "Z0", record, lambda: None, clock, clock.sleep)))
    clock.run()
    return moves[0]


def measure(engine: Engine, world: World, propagations_s: Sequence[float], ttl_s: int) -> list[dict[str, Any]]:
    """One failover for each propagation, all at once: each has its zone, proxy, name server, nodes and client.

    They mostly wait, so they do not disturb each other; one after the other would take minutes.
    """
    cases = [_Case(engine, world, propagation_s, ttl_s) for propagation_s in propagations_s]
    with ThreadPoolExecutor(len(cases)) as pool:
        return list(pool.map(_Case.run, cases))


class _Case:
    """Two nodes with the demo's service, and a record of their own."""

    def __init__(self, engine: Engine, world: World, propagation_s: float, ttl_s: int) -> None:
        self._engine, self._port, self._propagation_s = engine, world.port, propagation_s
        word = f"paper-{propagation_s:g}"
        self._directory = f"nodes/{word}"
        self._zone_name = f"{word}.example.com"
        self._name, self._ttl_s = f"orders-db.{self._zone_name}", ttl_s
        made = engine.client("route53").create_hosted_zone(Name=self._zone_name, CallerReference=f"{engine.run}-{word}")
        self._zone = str(made["HostedZone"]["Id"]).rpartition("/")[2]
        self._nodes = [world.launch(f"{word}-{letter}", az) for letter, az in zip("ab", AZS, strict=True)]
        batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": self._record(self._nodes[0].address)}]}
        engine.client("route53").change_resource_record_sets(HostedZoneId=self._zone, ChangeBatch=batch)

    def run(self) -> dict[str, Any]:
        """Called in a thread of its own, which outlives the services that it starts."""
        with contextlib.ExitStack() as undo:
            keys = Credentials(ACCOUNT, _SECRET)
            proxy = undo.enter_context(AwsProxy(self._engine.port, self._propagation_s, keys))
            dns = undo.enter_context(ZoneServer(proxy, self._zone, self._zone_name))
            old, heir = self._nodes
            serving = self._serve(old, undo)
            client = undo.enter_context(Client(dns.port, self._name, self._port))
            wait_for(f"{old.name} answers", lambda: client.served_by(old.name), CLIENT_LIMIT_S, why=serving.tail)
            killed = time.monotonic()
            serving.stop(0)
            route53, record = self._route53(proxy), self._record(heir.address)
            moved = move(route53, self._zone, record, lambda: self._serve(heir, undo), time.monotonic, time.sleep)
            wait_for(f"{heir.name} answers", lambda: client.served_by(heir.name), CLIENT_LIMIT_S)
            outage = next(o for o in outages(list(client.attempts)) if o.ended > killed and o.to_node == heir.name)
        return figures(self._propagation_s, moved, outage.began, outage.ended)

    def _serve(self, node: Any, undo: contextlib.ExitStack) -> Child:
        program = [sys.executable, "-m", "local.service", node.name, node.address, str(self._port)]
        env = self._engine.environment(self._directory) | {"PYTHONPATH": str(ROOT)}
        log = self._engine.directory / self._directory / f"{node.name}.log"
        child = start(f"service of {node.name}", program, env=env, log=log, cwd=ROOT)
        undo.callback(child.stop, 0)
        wait_for(f"{node.name} listens", lambda: _listens(node.address, self._port), CLIENT_LIMIT_S, why=child.tail)
        return child

    def _record(self, address: str) -> dict[str, Any]:
        return {"Name": self._name, "Type": "A", "TTL": self._ttl_s, "ResourceRecords": [{"Value": address}]}

    def _route53(self, proxy: AwsProxy) -> Any:
        """A session of its own: boto3's default one is not for several threads."""
        session = boto3.session.Session(aws_access_key_id=ACCOUNT, aws_secret_access_key=_SECRET, region_name=REGION)
        return session.client("route53", endpoint_url=proxy.url)


def _listens(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True


def figures(propagation_s: float, moved: Move, began: float, ended: float) -> dict[str, Any]:
    """Seconds after the client's last answer, with the detection that was assumed added to each."""
    marks = {"accepted": moved.accepted, "in_sync": moved.in_sync, "in_service": moved.in_service, "client": ended}
    at_s = {"noticed": DETECTION_S} | {name: round(DETECTION_S + at - began, 3) for name, at in marks.items()}
    return {"way": "paper", "propagation_s": propagation_s, "at_s": at_s, "polls": moved.polls, "assumed": ["noticed"]}
