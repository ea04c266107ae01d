"""The functions as they are deployed, handlers and wiring and all, on fakes instead of AWS."""

import importlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.builders import NODE_A, NOW, RECORD, SPECS, a_definition, a_state, record_sets
from tests.support.fakes.announcer import FakeAnnouncer
from tests.support.fakes.clock import VirtualClock
from tests.support.fakes.fleet import FakeFleet
from tests.support.fakes.launcher import FakeLauncher
from tests.support.fakes.ledger import FakeLedger
from tests.support.fakes.network import FakeNetwork
from tests.support.fakes.nodes import FakeNodes
from tests.support.fakes.notifier import FakeNotifier
from tests.support.fakes.parameters import FakeParameters
from tests.support.fakes.zone import FakeZone
from understudy import bootstrap, clients
from understudy.domain.cluster.state import ClusterState
from understudy.usecases.watch.records import RecordMonitor

STACK = "understudy"
ENVIRONMENT = {
    "TABLE_NAME": "clusters",
    "BUS_NAME": STACK,
    "PARAMETER_PREFIX": f"/understudy/{STACK}/",
    "STATE_MACHINE_ARN": f"arn:aws:states:us-east-1:123456789012:stateMachine:{STACK}-transition",
    "TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:people",
    "RUNBOOK_URL": "docs/on-call.md",
    "AWS_DEFAULT_REGION": "us-east-1",
    "POWERTOOLS_METRICS_NAMESPACE": "Understudy",
    "POWERTOOLS_SERVICE_NAME": STACK,
}


class Controller:
    """One cluster in the table, in service on node-a unless a test says otherwise, and every function."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, state: ClusterState | None = None) -> None:
        self.clock = VirtualClock(NOW)
        self.ledger = FakeLedger(state or a_state(), a_definition())
        self.launcher, self.announcer, self.notifier = FakeLauncher(), FakeAnnouncer(), FakeNotifier()
        self.zone, self.network, self.nodes = FakeZone(self.clock), FakeNetwork(), FakeNodes()
        self.parameters, self.fleet = FakeParameters(), FakeFleet(self.ledger)
        for spec in SPECS:
            self.nodes.launch_as(spec)
        for record_set in record_sets():
            self.zone.put(RECORD, record_set)
        for name, value in ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        for each in (*vars(clients).values(), *vars(bootstrap).values()):
            if hasattr(each, "cache_clear"):
                each.cache_clear()
        for name in ("ledger", "launcher", "announcer", "notifier", "zone", "network", "nodes", "parameters", "fleet"):
            monkeypatch.setattr(clients, name, partial(getattr, self, name))
        monkeypatch.setattr(clients, "clock", self.clock)
        monkeypatch.setattr(bootstrap, "zone_for_a_watch", lambda: self.zone)
        monkeypatch.setattr(clients, "zone", lambda: self.zone)
        monkeypatch.setattr(bootstrap, "monitor", lambda zone: self._monitor())

    def _monitor(self) -> RecordMonitor:
        return RecordMonitor(self.ledger, self.zone, self.announcer, self.clock, lambda gap_s: None, STACK)

    def call(self, function: str, event: Mapping[str, Any]) -> Any:
        """Invoke a function by the name of its folder."""
        context = SimpleNamespace(
            function_name=function,
            memory_limit_in_mb=256,
            invoked_function_arn=f"arn:aws:lambda:us-east-1:123456789012:function:{function}",
            aws_request_id="00000000-0000-4000-8000-000000000000",
        )
        return importlib.import_module(f"functions.{function}.app").handler(event, context)

    def beat(self, instance_id: str = NODE_A, number: int = 90_000_000, **detail: Any) -> Any:
        """A heartbeat that was taken in now."""
        said = {"cluster": "orders-db", "boot": "aaaaaaaa", "beat": number, "keeps_lease": True, "read_epoch": 1}
        event = {
            "source": f"arn:aws:ec2:us-east-1:123456789012:instance/{instance_id}",
            "ingested_at": datetime.fromtimestamp(int(self.clock()), UTC).isoformat(),
            "detail": {**said, "services": {"postgresql": "IN_SERVICE"}, "agent": "0.1.0", **detail},
        }
        return self.call("record_heartbeat", event)

    def put(self, text: str) -> Any:
        """Submit a definition, and deliver the event about it."""
        self.parameters.put("orders-db", text)
        return self.tell_of_definition()

    def tell_of_definition(self) -> Any:
        """Deliver the event about the definition that was submitted."""
        return self.call("register_cluster", {"detail": {"name": f"/understudy/{STACK}/clusters/orders-db"}})


def emitted(output: str) -> list[tuple[str, str, frozenset[tuple[str, str]], float]]:
    """The metrics in what functions have printed: namespace, name, dimensions and value."""
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{") and '"_aws"' in line]
    return [
        (directive["Namespace"], metric["Name"], frozenset((key, line[key]) for key in dimensions), value)
        for line in lines
        for directive in line["_aws"]["CloudWatchMetrics"]
        for dimensions in directive["Dimensions"]
        for metric in directive["Metrics"]
        for value in line[metric["Name"]]
    ]
