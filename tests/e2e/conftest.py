"""One embedded AWS with the deployed stack for all tests of a worker; each test has a cluster of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Protocol

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from local.cluster import Cluster
from local.local_aws import LocalAws, local_aws
from local.sam import ROOT
from local.world import ZONE_NAME
from tests.e2e.bus import Bus
from tests.e2e.denials import denials

# As quick as the timings' own rules allow with some air for a busy machine.
POLICY = {
    "heartbeat_interval_s": 1,
    "lease_read_interval_s": 0.5,
    "kill_limit_s": 0.5,
    "lease_s": 5,
    "drift_margin_s": 2,
    "silence_limit_s": 8,
    "observer_lag_limit_s": 4,
}
TUNING = {"ROUTE53_TTL": 1, "ROUTE53_RECORD_INTERVAL": 1, "ROUTE53_CHANGEID_INTERVAL": 1}
CLUSTERS = 40
LANES = (
    ("test_upgrade.py", "test_postgresql.py", "test_up.py"),
    ("test_two_minutes", "test_demo.py", "test_postgresql_pair.py", "test_agent_bundle.py"),
)
"""Two thirds of these tests' time: what has stacks of its own, or waits for long. The rest shares one stack."""


class ByLane(LoadScopeScheduling):  # type: ignore[misc]
    """They wait most of the time: a worker for each lane and one for the rest, on two processors."""

    def _split_scope(self, nodeid: str) -> str:
        return next((lane[0] for lane in LANES if any(name in nodeid for name in lane)), "the rest")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByLane:
    return ByLane(config, log)


class MakeCluster(Protocol):
    def __call__(self, *node_names: str, **more: Any) -> Cluster: ...


@pytest.fixture(scope="session")
def aws(worker_id: str) -> Iterator[LocalAws]:
    """Its IAM lets nodes and functions do what their roles allow. At the end, none was refused anything."""
    names = [f"{name_of(number)}.{ZONE_NAME}" for number in range(CLUSTERS)]
    with local_aws(ROOT / "build" / "e2e" / worker_id, names, faulty=True, enforces_iam=True) as running:
        yield running
        assert denials(running.engine) == []


@pytest.fixture(scope="session")
def bus(aws: LocalAws) -> Bus:
    return Bus(aws)


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    return itertools.count()


@pytest.fixture
def make_cluster(aws: LocalAws, bus: Bus, numbers: Iterator[int]) -> Iterator[MakeCluster]:
    """Makes a cluster, registered and booted by nobody yet; its nodes are dead after the test."""
    made: list[Cluster] = []

    def make(*node_names: str, **more: Any) -> Cluster:
        cluster = Cluster(
            aws, name_of(next(numbers)), node_names or ("node-a", "node-b"), policy=POLICY, tuning=TUNING, **more
        )
        made.append(cluster)
        return cluster

    yield make
    for cluster in made:
        cluster.kill()


def name_of(number: int) -> str:
    """The name of a cluster; the zone has records of this many."""
    return f"cluster-{number:02d}"
