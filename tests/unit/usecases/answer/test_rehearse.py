"""A rehearsal reads the real world, runs the real movers, and writes nothing at all (B7)."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.support.balancers import (
    ARN,
    BALANCER_GROUP,
    HTTP_PORT,
    LOAD_BALANCER,
    NODES_GROUP,
    SERVICE_PORT,
    a_group,
    a_rule,
)
from tests.support.builders import (
    CLUSTER,
    ENI_B,
    MAJORITY,
    NODE_A,
    NODE_B,
    NOW,
    RECORD,
    a_definition,
    a_report,
    a_state,
    record_sets,
    with_keys,
)
from tests.support.fakes import FakeAnnouncer, FakeLedger, FakeZone, VirtualClock
from tests.support.readiness import a_gatherer, an_instance, instances, of_all_kinds, readings
from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.definition import Quorum, QuorumMode
from understudy.domain.cluster.errors import AddressUnreadableError
from understudy.domain.cluster.hold import Hold
from understudy.domain.cluster.policy import Fencing, Policy
from understudy.domain.cluster.state import PowerReading, Proof
from understudy.domain.events.drills import RehearsalFinished
from understudy.usecases.answer.advise import advise
from understudy.usecases.answer.rehearse import Rehearsals
from understudy.usecases.answer.rehearsed_writes import RehearsedGroup
from understudy.usecases.transition.move_address import move_address
from understudy.usecases.transition.record_mover import RecordMover

REHEARSE = {"cluster": CLUSTER, "action": "rehearse"}
WRITES = {
    "ledger": ("commit", "note", "register", "record_beat", "record_signal", "put_tuning", "note_unaccepted"),
    "zone": ("submit",),
    "aws": ("put_route", "associate"),
}
STAGES = {"opened_at": NOW - 900, "fenced_at": NOW - 896, "granted_at": NOW - 895, "in_service_at": NOW - 890.5}


def forbidden(method: str) -> Callable[..., Any]:
    def write(*args: Any, **named: Any) -> Any:
        raise AssertionError(f"a rehearsal wrote: {method}")

    return write


class Scene:
    """The usual cluster and an AWS without a fault, in which every write is an error."""

    def __init__(self, state=None, definition=None) -> None:
        self.ledger = FakeLedger(state or with_keys(a_state()), definition or a_definition())
        self.aws = readings()
        self.zone = FakeZone()
        for each in record_sets():
            self.zone.put(RECORD, each)
        self.announcer = FakeAnnouncer()
        self.clock = VirtualClock()
        self.may_stop = False

    def rehearse(self, **request: Any) -> dict[str, Any]:
        for name, methods in WRITES.items():
            for method in methods:
                setattr(getattr(self, name), method, forbidden(method))
        before = dict(self.ledger.items)
        rehearser = Rehearsals(
            ledger=self.ledger,
            gatherer=a_gatherer(self.ledger, self.aws, self.clock, may_stop=self.may_stop),
            records=self.zone,
            announcer=self.announcer,
            clock=self.clock,
        )
        payload = {"request": {**REHEARSE, **request}}
        answer = advise(payload, ledger=self.ledger, rehearser=rehearser, clock=self.clock)
        assert self.ledger.items == before
        json.dumps(answer)
        return answer


def test_a_rehearsal_of_a_ready_cluster_shows_the_plan_and_writes_nothing():  # B7
    scene = Scene()
    answer = scene.rehearse()
    assert (answer["outcome"], answer["verdict"]) == ("ADVISED", "READY"), answer["text"]
    assert (answer["source"], answer["target"], answer["reasons"], answer["warnings"]) == ("node-a", "node-b", [], [])
    assert answer["text"][0] == "READY: orders-db from node-a to node-b"
    (detail,) = scene.announcer.details(RehearsalFinished)
    assert (detail["cluster"], detail["verdict"], detail["target"]) == (CLUSTER, "READY", "node-b")


def test_the_change_batch_is_the_one_that_a_move_would_hand_in():  # B1 B7
    scene = Scene()
    (lines,) = scene.rehearse()["writes"].values()
    assert lines == [
        'DELETE _understudy.orders-db.corp.example.com TXT TTL 10: "understudy stack=understudy cluster=orders-db '
        'epoch=1 node=node-a"',
        'CREATE _understudy.orders-db.corp.example.com TXT TTL 10: "understudy stack=understudy cluster=orders-db '
        'epoch=2 node=node-b"',
        "UPSERT orders-db.corp.example.com A TTL 10: 10.0.2.10",
    ]
    real = Scene()
    moving = a_state(epoch=2, active=NODE_B)
    real.ledger.put_state(moving)
    move_address(
        {"cluster": CLUSTER, "epoch": 2},
        ledger=real.ledger,
        movers=(RecordMover(real.zone, RehearsedGroup()),),
        announcer=FakeAnnouncer(),
        clock=real.clock,
        stack="understudy",
    )
    (batch,) = real.zone.batches
    assert [line.split()[:3] for line in lines] == [[c.verb, c.record_set.name, c.record_set.type] for c in batch]


def test_routes_and_elastic_ips_are_planned_and_shown_as_they_would_then_be():  # S14 S15 B7
    answer = Scene(definition=of_all_kinds()).rehearse()
    assert answer["writes"]["route table rtb-1"] == [f"ReplaceRoute 192.0.2.10/32 to {ENI_B}"]
    assert answer["writes"]["Elastic IP eipalloc-1"] == [f"AssociateAddress to {ENI_B}, 10.0.2.10"]
    assert {each["status"] for each in answer["addresses"].values()} == {"PROPAGATING", "IN_SYNC"}
    assert not [each for each in answer["reasons"] if "address" in each]


def test_a_route_that_is_not_there_yet_would_be_created():  # S14 B7
    scene = Scene(definition=of_all_kinds())
    table = scene.aws.tables["rtb-1"]
    scene.aws.tables["rtb-1"] = replace(table, routes={})
    assert scene.rehearse()["writes"]["route table rtb-1"] == [f"CreateRoute 192.0.2.10/32 to {ENI_B}"]


def test_a_failed_check_makes_it_not_ready():  # S1 B7
    scene = Scene()
    scene.aws.known[NODE_B] = an_instance(NODE_B, power=PowerReading.STOPPED)
    answer = scene.rehearse()
    assert (answer["verdict"], answer["reasons"]) == ("NOT_READY", ["instances-run: node-b is stopped"])


@pytest.mark.parametrize(
    ("state", "definition", "request_", "word"),
    [
        (a_state(node_b=a_report(NODE_B, heard_at=NOW - 60)), {}, {}, "node-b is SILENT"),
        (a_state(), {}, {"to": "node-z"}, "which is no node of orders-db"),
        (a_state(), {}, {"to": "node-a"}, "node-a is in service already"),
        (a_state(3, node_b=a_report(NODE_B, heard_at=None)), {"members": 3}, {"to": "node-b"}, "node-b is UNKNOWN"),
        (
            a_state(3, node_a=a_report(NODE_A, heard_at=NOW - 60), node_b=a_report(NODE_B, heard_at=NOW - 60)),
            {"members": 3, "quorum": MAJORITY},
            {"to": "node-c"},
            "without a majority",
        ),
    ],
)
def test_a_move_that_would_be_refused_is_not_ready_and_nothing_is_planned(state, definition, request_, word):  # B7
    answer = Scene(state, a_definition(**definition)).rehearse(**request_)
    assert answer["verdict"] == "NOT_READY"
    assert any(word in reason for reason in answer["reasons"])
    assert (answer["writes"], answer["target"]) == ({}, None)


def test_another_clusters_guard_keeps_the_address_and_is_named():  # B1 B7
    scene = Scene()
    scene.zone.put(RECORD, record_sets(cluster="billing")[1])
    answer = scene.rehearse()
    assert answer["verdict"] == "NOT_READY"
    assert any("is another cluster's" in reason for reason in answer["reasons"])


def test_a_newer_guard_means_that_somebody_else_is_in_charge():  # B1 B7
    scene = Scene()
    scene.zone.put(RECORD, record_sets(epoch=9)[1])
    answer = scene.rehearse()
    assert any(reason.startswith("somebody newer is in charge") for reason in answer["reasons"])


def test_a_move_that_comes_in_between_is_not_planned_over():  # B7
    scene = Scene(definition=of_all_kinds())
    put_state = scene.ledger.put_state
    scene.zone.before_next("read", lambda: put_state(a_state(epoch=2)))
    before = scene.ledger.items
    rehearser = Rehearsals(
        ledger=scene.ledger,
        gatherer=a_gatherer(scene.ledger, scene.aws, scene.clock),
        records=scene.zone,
        announcer=scene.announcer,
        clock=scene.clock,
    )
    answer = advise({"request": REHEARSE}, ledger=scene.ledger, rehearser=rehearser, clock=scene.clock)
    assert answer["verdict"] == "NOT_READY"
    assert any("has been superseded" in reason for reason in answer["reasons"])
    assert before is scene.ledger.items


def test_a_zone_that_cannot_be_read_now_is_a_warning_and_no_plan():  # B3 B7
    scene = Scene()
    scene.zone.fail_next("read", AddressUnreadableError("Route 53 does not answer"))
    answer = scene.rehearse()
    assert (answer["verdict"], answer["writes"]) == ("READY_WITH_WARNINGS", {})
    assert any("could not be moved just now: Route 53 does not answer" in each for each in answer["warnings"])


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"hold": Hold(NOW - 5)}, "the cluster is held"),
        ({"failover_times": (NOW - 1, NOW - 2, NOW - 3)}, "max_failovers are used up"),
        ({"address": Address(AddressStatus.OWED, 1)}, "an address is owed now"),
        (
            {"node_a": a_report(NODE_A, heard_since=NOW), "node_b": a_report(NODE_B, heard_since=NOW)},
            "the observer is doubted",
        ),
    ],
)
def test_what_would_keep_a_failover_from_beginning_by_itself_is_a_warning(changes, word):  # B3 B6 B7
    answer = Scene(a_state(**changes)).rehearse()
    assert answer["verdict"] == "READY_WITH_WARNINGS", answer["reasons"]
    assert any(word in each for each in answer["warnings"])


def test_who_would_be_fenced_and_how_is_said_with_the_time_of_the_lease():  # B4 B7
    proofs = {each["proof"]: each for each in Scene().rehearse()["proofs"]}
    assert proofs["LEASE_EXPIRED"]["how"] == "its lease has certainly ended 15 s after its last recorded beat"
    assert (proofs["RELEASED"]["comes_alive"], proofs["RELEASED"]["comes_dead"]) == (True, False)
    assert (proofs["STOPPED"]["comes_dead"], proofs["STOPPED"]["is_accepted"]) == (False, True)


@pytest.mark.parametrize("may_stop", [True, False])
def test_a_stop_is_a_proof_only_where_the_stack_may_stop(may_stop):  # S12 B7
    policy = Policy(fencing=Fencing(stop_instance=True, accept=(Proof.STOPPED,)))
    scene = Scene(definition=a_definition(policy=policy))
    scene.may_stop = may_stop
    answer = scene.rehearse()
    ends = [each for each in answer["reasons"] if "a failover would end HELD" in each]
    assert bool(ends) is not may_stop


def test_a_policy_that_proceeds_without_a_proof_is_a_warning_that_two_may_serve():  # B4 B7
    policy = Policy(fencing=Fencing(accept=(Proof.STOPPED,), unproven="proceed"))
    answer = Scene(definition=a_definition(policy=policy)).rehearse()
    assert any("two nodes could serve" in each for each in answer["warnings"])
    assert not any("HELD" in each for each in answer["reasons"])


def test_the_outage_is_foretold_from_policy_and_from_what_this_cluster_has_measured():  # B7
    scene = Scene()
    by_policy = scene.rehearse()["outage"]
    assert {phase["measured"] for each in by_policy for phase in each["phases"]} == {0}
    scene = Scene()
    scene.ledger.note(CLUSTER, 1, {"action": "switchover", **{f"stages.{k}": v for k, v in STAGES.items()}})
    switchover, failover = scene.rehearse()["outage"]
    assert [(p["name"], p["usual_s"], p["measured"]) for p in switchover["phases"]] == [
        ("fencing", 4, 1),
        ("moving the addresses, granting the lease", 1, 1),
        ("starting the services", 4.5, 1),
    ]
    assert (switchover["total"]["usual_s"], switchover["total"]["measured"]) == (9.5, 1)
    assert [p["measured"] for p in failover["phases"]] == [0, 0, 0, 1, 1]


def test_an_outage_above_the_budget_is_a_warning():  # B7
    answer = Scene(definition=a_definition(policy=Policy(outage_budget_s=10))).rehearse()
    assert [each for each in answer["warnings"] if "outage_budget_s" in each] == [
        "a failover usually takes 22 s, above outage_budget_s 10"
    ]
    assert answer["verdict"] == "READY_WITH_WARNINGS"


def test_a_cluster_that_nobody_serves_is_rehearsed_as_well():  # B7
    answer = Scene(a_state(active=None, address=None)).rehearse()
    assert (answer["source"], answer["proofs"]) == (None, [])
    assert answer["target"] == "node-a"


def test_a_rehearsal_says_what_each_pace_would_bring_this_cluster():  # B22 B7
    answer = Scene().rehearse()
    paces = {each["pace"]: each for each in answer["paces"]}
    noticed = {pace: (each["noticing"]["least_s"], each["noticing"]["usual_s"]) for pace, each in paces.items()}
    assert noticed == {"calm": (27, 35), "normal": (11, 15), "fast": (8, 10), "fastest": (6, 7)}
    assert [pace for pace, each in paces.items() if each["is_now"]] == ["normal"]
    assert all((each["refused"], each["needs"]) == ([], []) for each in paces.values())
    (failover,) = (each["total"] for each in answer["outage"] if each["action"] == "failover")
    assert paces["normal"]["failover"] == failover
    assert paces["fastest"]["failover"]["usual_s"] == failover["usual_s"] - 8 - 3  # silence, and the beat that says so
    assert any(line.strip().startswith("normal (now): noticed after 11 / 15 / 75 s") for line in answer["text"])


def test_what_was_measured_here_counts_at_every_pace():  # B22 B7
    scene = Scene()
    scene.ledger.note(CLUSTER, 1, {"action": "switchover", **{f"stages.{k}": v for k, v in STAGES.items()}})
    starts = {each["failover"]["usual_s"] - each["noticing"]["usual_s"] for each in scene.rehearse()["paces"]}
    assert starts == {1 + 0 + 1 + 4.5}


def test_a_pace_that_the_rest_of_the_definition_contradicts_is_told_with_the_numbers():  # B22
    policy = Policy(fencing=Fencing(limit_s=20), promise_s=8, lease_s=11)
    hosts = ("a.example.com:1", "b.example.com:1", "c.example.com:1")
    definition = a_definition(policy=policy, quorum=Quorum(QuorumMode.TCP_REMOTE, hosts, 1.5))
    paces = {each["pace"]: each for each in Scene(definition=definition).rehearse()["paces"]}
    assert not any(each["is_now"] for each in paces.values())
    assert paces["calm"]["refused"] == [
        "fencing.limit_s 20 is below lease_s 30 + 1 + drift_margin_s 4: fencing would give up before the lease has run "
        "out"
    ]
    assert paces["fast"]["refused"] == [
        "promise_s 8 is above lease_s 7: a node that waits a promise out would be taken for idle"
    ]
    assert "quorum.timeout_s 1.5 is above 1, the most that its beats allow" in paces["fastest"]["refused"]


def test_a_limit_for_probes_that_follows_the_beat_follows_the_pace():  # B22
    hosts = ("a.example.com:1", "b.example.com:1", "c.example.com:1")
    definition = a_definition(quorum=Quorum(QuorumMode.TCP_REMOTE, hosts, 2))
    assert [each["refused"] for each in Scene(definition=definition).rehearse()["paces"]] == [[], [], [], []]


def test_a_pace_that_demands_a_key_names_the_node_without_one():  # B22
    answer = Scene(with_keys(a_state(), node_b={"key": "-"})).rehearse()
    assert {each["pace"]: each["needs"] for each in answer["paces"] if each["needs"]} == {
        "fastest": ["node-b knows no key"]
    }
    assert any("fastest: " in line and "needs a key: node-b knows no key" in line for line in answer["text"])


def test_with_a_load_balancer_alone_nothing_would_be_written_and_its_probing_is_foretold():  # B7 B21
    scene = Scene(definition=a_definition(records=(), load_balancers=(LOAD_BALANCER,)))
    scene.aws.balanced[ARN] = a_group()
    scene.aws.known = instances(node_a={"groups": {NODES_GROUP}}, node_b={"groups": {NODES_GROUP}})
    scene.aws.rules = {NODES_GROUP: (a_rule(HTTP_PORT, BALANCER_GROUP), a_rule(SERVICE_PORT, BALANCER_GROUP))}
    scene.aws.subnets = {"subnet-a": "10.0.1.0/24", "subnet-b": "10.0.2.0/24"}
    answer = scene.rehearse()
    assert (answer["verdict"], answer["reasons"], answer["warnings"]) == ("READY", [], [])
    assert answer["writes"] == {}
    assert answer["addresses"] == {"target group orders-db": {"status": "IN_SYNC", "why": ""}}
    for each in answer["outage"]:
        assert each["clients"] is None
        assert (each["balanced"]["least_s"], each["balanced"]["usual_s"], each["balanced"]["most_s"]) == (5, 7.5, 10)
    assert "  clients of the load balancer, after that: 5 / 7.5 / 10 s (by policy)" in answer["text"]
