"""What `make chaos` demands at the end of a run, and how it tells what it found."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from bench.chaos import FAULTS, TARGETS, Cause, Run, wrong_now
from bench.reliability import document

GOOD = Run("", "none", "switchover", 0, ("IN_SERVICE",), 0, 1.25, 2.5, ())


def a_cluster(active="node-b", serving=("node-b",), served="10.0.2.10"):
    addresses = {"node-a": "10.0.1.10", "node-b": "10.0.2.10"}
    nodes = {
        name: SimpleNamespace(
            name=name,
            instance=SimpleNamespace(address=address),
            programs=[SimpleNamespace(name="app")],
            pids_of=lambda _, name=name: [1] if name in serving else [],
        )
        for name, address in addresses.items()
    }
    return SimpleNamespace(
        active=lambda: active, nodes=list(nodes.values()), node=nodes.get, served_address=lambda: served
    )


def test_a_service_that_runs_once_and_where_the_record_leads_is_right():
    assert wrong_now(a_cluster(), "node-a", made=1) == []


@pytest.mark.parametrize(
    ("cluster", "made", "words"),
    [
        (a_cluster(), 0, "the call was never made"),
        (a_cluster(active="node-a", serving=("node-a",), served="10.0.1.10"), 1, "still on node-a"),
        (a_cluster(serving=("node-a", "node-b")), 1, "runs on ['node-a', 'node-b']"),
        (a_cluster(serving=()), 1, "runs on []"),
        (a_cluster(served="10.0.1.10"), 1, "the record leads to 10.0.1.10"),
        (a_cluster(served=""), 1, "the record leads to nothing"),
    ],
)
def test_everything_else_is_named(cluster, made, words):
    (said,) = wrong_now(cluster, "node-a", made)
    assert words in said


def test_the_document_has_a_cell_for_every_call_and_fault_and_shouts_what_went_wrong():
    bare = [replace(GOOD, cause=cause.value) for cause in Cause]
    runs = [replace(GOOD, call=target.title, fault=fault, made=3) for target in TARGETS for fault in FAULTS]
    runs[0] = replace(runs[0], outcomes=("SUPERSEDED", "IN_SERVICE"), wrong=("it runs twice",))
    text = document([*bare, *runs])
    assert text.count("3 / 0") == len(TARGETS) * len(FAULTS)
    assert "SUPERSEDED, IN_SERVICE 3 / 0 **WRONG: it runs twice**" in text
    assert text.count("1.2 s, 2.5 s") == len(TARGETS) * (len(FAULTS) + 1)
