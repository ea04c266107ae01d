"""What a test plays the controller with: state items that it writes, and the beats that nodes have sent.

It answers the two calls of an agent, DynamoDB's GetItem and EventBridge's PutEvents, at the hub. A beat is recorded as
the controller does it, unless the test wants otherwise.
"""

from __future__ import annotations

import datetime
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from http.server import BaseHTTPRequestHandler
from typing import Any

from boto3.dynamodb.types import TypeSerializer

from local.helper import LoopbackServer
from local.waiting import wait_for
from tests.nodes.machine import Machine
from tests.nodes.metadata import Server
from tests.nodes.networks import HUB_ADDRESS, Hub

PORT = 4566
TERMS: Mapping[str, Any] = {
    "heartbeat_interval_s": 1,
    "lease_read_interval_s": Decimal("0.5"),
    "kill_limit_s": Decimal("0.5"),
    "lease_s": 8,
    "silence_limit_s": 11,
}
"""As short as the rules for timings allow, but for the lease: a hung agent is followed by another within one."""
SHORT_LEASE: Mapping[str, Any] = {"lease_s": 5, "silence_limit_s": 8}
DRIFT_MARGIN_S = 2.0
LIMIT_S = 30.0
SIGNED_LIMIT_S = 300
Item = dict[str, Any]


def boottime_s() -> float:
    """The clock that every node shares with this machine."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True)
class Beat:
    """One beat, `at` the seconds of CLOCK_BOOTTIME when it came in. `said` is its detail."""

    at: float
    source: str
    said: Mapping[str, Any]

    @property
    def services(self) -> Mapping[str, str]:
        services: Mapping[str, str] = self.said["services"]
        return services

    @property
    def reached(self) -> int | None:
        """How many quorum hosts its node reaches; None: it does not say."""
        quorum = self.said.get("quorum")
        return None if quorum is None else int(quorum["reached"])

    @property
    def unfit(self) -> str:
        return str(self.said.get("unfit", ""))

    def says_down(self, epoch: int) -> bool:
        """Whether it proves that its node has released the lease: it has read the epoch, and all is out of service."""
        down = all(state == "OUT_OF_SERVICE" for state in self.services.values())
        return bool(down and self.said["keeps_lease"] and self.said["read_epoch"] >= epoch)


class Leases(LoopbackServer):
    """`records`: whether beats that come in are recorded; `reads`: whether state items can be read."""

    def __init__(self, hub: Hub) -> None:
        self.records = self.reads = True
        self.beats: list[Beat] = []
        self._items: dict[str, Item] = {}
        self._lock = threading.Lock()
        leases = self

        class Handler(_Handler):
            owner = leases

        made: Callable[[], Server] = lambda: Server((HUB_ADDRESS, PORT), Handler)  # noqa: E731
        super().__init__("leases", hub.inside(made))

    @property
    def url(self) -> str:
        return f"http://{HUB_ADDRESS}:{PORT}"

    # --- the controller's part

    def register(self, cluster: str, *machines: Machine, **terms: Any) -> None:
        """A cluster that was never placed."""
        nodes = {machine.metadata.instance.instance_id: _node(machine) for machine in machines}
        with self._lock:
            self._items[cluster] = {
                "pk": cluster,
                "sk": "state",
                "epoch": 0,
                "definition_version": 1,
                "terms": {**TERMS, **terms},
                "nodes": nodes,
            }

    def register_more(self, cluster: str, machine: Machine) -> None:
        """One more node of a cluster that is registered."""
        with self._lock:
            self._items[cluster]["nodes"][machine.metadata.instance.instance_id] = _node(machine)

    def name_hosts(self, cluster: str, hosts: list[str], timeout_s: int) -> None:
        """Quorum hosts, as HOST:PORT, from each agent's next read on."""
        with self._lock:
            self._items[cluster]["quorum"] = {"hosts": hosts, "timeout_s": timeout_s}

    def set_terms(self, cluster: str, **terms: Any) -> None:
        """Other timings, from each agent's next read on."""
        with self._lock:
            self._items[cluster]["terms"] |= terms

    def grant(self, cluster: str, machine: Machine) -> int:
        """The lease is this node's, under a higher epoch: which one."""
        with self._lock:
            item = self._items[cluster]
            item.pop("transition", None)
            item["active"], item["epoch"] = machine.metadata.instance.instance_id, item["epoch"] + 1
            return int(item["epoch"])

    def end(self, cluster: str) -> int:
        """A transition is opened: nobody holds the lease, under a higher epoch: which one."""
        with self._lock:
            item = self._items[cluster]
            lost = item.pop("active")
            item["previous"] = {"node": lost, "ended_epoch": item["epoch"], "lease_s": item["terms"]["lease_s"]}
            item["transition"], item["epoch"] = {"action": "switchover"}, item["epoch"] + 1
            return int(item["epoch"])

    # --- what is known of a node

    def beats_of(self, machine: Machine, cluster: str, since: float = 0.0) -> Iterator[Beat]:
        """Those that came in after `since`, oldest first."""
        arn = machine.metadata.instance.arn
        return (b for b in list(self.beats) if b.source == arn and b.at > since and b.said["cluster"] == cluster)

    def wait_beat(
        self, machine: Machine, cluster: str, what: str, fits: Callable[[Beat], bool], limit_s: float = LIMIT_S
    ) -> Beat:
        """The first beat from now on that fits."""
        since = boottime_s()

        def found() -> Beat | None:
            return next((beat for beat in self.beats_of(machine, cluster, since) if fits(beat)), None)

        return wait_for(f"a beat of {machine.name} {what}", found, limit_s, interval_s=0.02, why=machine.tail)

    def wait_state(self, machine: Machine, cluster: str, service: str, state: str, limit_s: float = LIMIT_S) -> Beat:
        """The first beat from now on that calls a service so."""
        return self.wait_beat(
            machine, cluster, f"says {service} {state}", lambda beat: beat.services.get(service) == state, limit_s
        )

    def wait_serving(self, machine: Machine, cluster: str, *services: str) -> None:
        """Until all of them are in service, and the lease has been renewed since."""

        def fits(beat: Beat) -> bool:
            return all(beat.services.get(service) == "IN_SERVICE" for service in services)

        for _ in range(3):  # what the agent knows of a beat's record is one read old
            self.wait_beat(machine, cluster, f"says {', '.join(services)} IN_SERVICE", fits)

    def lease_end(self, machine: Machine, cluster: str) -> float:
        """When the lease ends that the newest recorded beat renewed, in seconds of CLOCK_BOOTTIME."""
        with self._lock:
            item = self._items[cluster]
            beat = float(item["nodes"][machine.metadata.instance.instance_id]["beat"])
            return beat / 1000 + float(item["terms"]["lease_s"])

    # --- what agents ask

    def answer(self, operation: str, asked: Mapping[str, Any]) -> tuple[int, Item]:
        if operation == "GetItem":
            if not self.reads:
                return 500, {"__type": "InternalServerError"}
            with self._lock:
                item = self._items.get(asked["Key"]["pk"]["S"])
                return 200, {} if item is None else {
                    "Item": {k: TypeSerializer().serialize(v) for k, v in item.items()}
                }
        for entry in asked["Entries"]:
            beat = Beat(boottime_s(), entry["Source"], json.loads(entry["Detail"]))
            self.beats.append(beat)
            if self.records:
                self._record(beat)
        return 200, {"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _ in asked["Entries"]]}

    def _record(self, beat: Beat) -> None:
        with self._lock:
            nodes = self._items.get(beat.said["cluster"], {}).get("nodes", {})
            node = nodes.get(beat.source.rpartition("/")[2])
            if node is None or (node.get("boot") == beat.said["boot"] and node["beat"] >= beat.said["beat"]):
                return
            down = all(state == "OUT_OF_SERVICE" for state in beat.services.values())
            node |= {"beat": beat.said["beat"], "boot": beat.said["boot"], "heard_at": int(time.time())}
            node["knows"] = beat.said["knows"]
            node |= {"read_epoch": beat.said["read_epoch"], "service": "OUT_OF_SERVICE" if down else "IN_SERVICE"}


def _node(machine: Machine) -> Item:
    return {"name": machine.name, "beat": 0, "ip": machine.address}


class _Handler(BaseHTTPRequestHandler):
    owner: Leases
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, told = self._refused() or self.owner.answer(self.headers["X-Amz-Target"].rpartition(".")[2], asked)
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _refused(self) -> tuple[int, Item] | None:
        """As AWS does it with what is not signed within five minutes of its own time."""
        signed = self.headers["X-Amz-Date"]
        at = datetime.datetime.strptime(signed, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC).timestamp()
        if abs(at - time.time()) <= SIGNED_LIMIT_S:
            return None
        said = f"Signature expired: {signed}" if at < time.time() else f"Signature not yet current: {signed}"
        return 400, {"__type": "com.amazon.coral.service#InvalidSignatureException", "message": said}

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""
