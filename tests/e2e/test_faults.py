"""AWS refuses calls in the middle of a move, or their answers are lost, and it ends right. `make chaos` tries all."""

from __future__ import annotations

import pytest

from bench.chaos import TARGETS, Cause, run
from local.client import Client
from local.waiting import wait_for
from tests.e2e.placing import place

CASES = (
    ("ChangeResourceRecordSets", "done, answer lost"),
    ("TransactWriteItems", "done, answer lost"),
    ("GetItem", "throttled"),
    ("PutEvents", "unavailable"),
)
# That a move begins is told in one attempt, so that nobody waits for it; that it has ended, in three at most.
LEAST_MET = {"done, answer lost": 1, "throttled": 5, "unavailable": 2}


@pytest.fixture
def clustered(aws, make_cluster):
    cluster = make_cluster()
    place(cluster)
    with Client(aws.dns.port, cluster.record, cluster.port) as client:
        wait_for("node-a answers", lambda: client.served_by("node-a"), 10)
        yield cluster, client


# B1 B2 S6 S10
def test_a_switchover_ends_right_when_its_calls_are_refused_or_their_answers_lost(clustered):
    cluster, client = clustered
    targets = {target.operation: target for target in TARGETS}
    for operation, fault in CASES:
        done = run(cluster, client, Cause.SWITCHOVER, targets[operation], fault)
        assert done.wrong == (), done
        assert done.outcomes == ("IN_SERVICE",), done
        assert done.made >= LEAST_MET[fault], done
        assert done.outage_s > 0, done
