"""Registration: putting the parameter is all there is to it."""

import json
from collections import Counter
from dataclasses import replace
from functools import partial

import pytest

from tests.support.builders import (
    ADDRESS_A,
    ADDRESS_B,
    CLUSTER,
    NODE_A,
    NODE_B,
    NODE_C,
    NOW,
    RECORD,
    SPECS,
    a_transition,
)
from tests.support.fakes.announcer import FakeAnnouncer
from tests.support.fakes.clock import VirtualClock
from tests.support.fakes.keys import FakeKeys
from tests.support.fakes.ledger import FakeLedger
from tests.support.fakes.network import FakeNetwork
from tests.support.fakes.nodes import FakeNodes
from tests.support.fakes.parameters import FakeParameters
from tests.support.fakes.zone import FakeZone
from understudy.definition import read_definition
from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.errors import (
    AddressUnreadableError,
    KeyNotMadeError,
    LedgerConflictError,
    UnreadableError,
)
from understudy.domain.cluster.hold import Hold
from understudy.domain.cluster.reach import QuorumHosts
from understudy.domain.cluster.record import RecordSet, guard_name
from understudy.domain.cluster.state import PowerReading
from understudy.domain.events.definitions import DefinitionPutOff, DefinitionRefused
from understudy.domain.observe.signal import PowerSignal
from understudy.domain.readiness.facts import HostedZone
from understudy.usecases.register.cluster import RegisterOutcome, Registrar, register_changed
from understudy.usecases.register.follow_tags import follow_tags, follow_terminated
from understudy.usecases.register.names import survey_names

NODE_D = "i-0ddddddddddddddd4"


def a_document(**changes):
    return {
        "nodes": [
            {"name": "node-a", "instance_id": NODE_A, "priority": 1},
            {"name": "node-b", "instance_id": NODE_B, "priority": 2},
        ],
        "addresses": [
            {"kind": "route53_record", "hosted_zone_id": "Z0EXAMPLE", "name": "orders-db.corp.example.com", "type": "A"}
        ],
        "services": [{"name": "postgresql"}],
        **changes,
    }


class Office:
    def __init__(self, may_stop=False):
        self.may_stop = may_stop
        self.forgotten = []
        self.ledger, self.zone, self.ec2 = FakeLedger(), FakeZone(), FakeNodes()
        self.parameters, self.announcer, self.clock = FakeParameters(), FakeAnnouncer(), VirtualClock(NOW)
        self.network, self.keys = FakeNetwork(), FakeKeys()
        for spec in SPECS:
            self.ec2.launch_as(spec)

    def put(self, document, cluster=CLUSTER):
        return self.register(self.parameters.put(cluster, json.dumps(document)))

    def register(self, text, **how):
        return Registrar(
            registry=self.ledger,
            records=self.zone,
            zones=self.zone,
            network=self.network,
            power=self.ec2.power,
            keys=self.keys,
            read_definition=partial(read_definition, nodes=self.ec2),
            announcer=self.announcer,
            clock=self.clock,
            stack="understudy",
            may_stop=self.may_stop,
        ).register(text, **how)

    def record_carries(self, address):
        self.zone.put(RECORD, RecordSet(RECORD.name, "A", 60, (address,)))

    def guard_says(self, text):
        self.zone.put(RECORD, RecordSet(guard_name(RECORD), "TXT", 60, (f'"{text}"',)))


def test_a_new_cluster_has_no_holder_and_the_addresses_that_ec2_gave():  # S3
    office = Office()
    assert office.put(a_document()) is RegisterOutcome.ACCEPTED
    state = office.ledger.state()
    assert (state.epoch, state.active, state.previous, state.definition_version) == (0, None, None, NOW)
    definition = office.ledger.definition(CLUSTER, NOW)
    assert [node.address for node in definition.nodes] == [ADDRESS_A, ADDRESS_B]
    assert {node.zone for node in definition.nodes} == {"us-east-1a", "us-east-1b"}


def test_a_cluster_with_a_name_that_no_beat_could_carry_is_refused():
    office = Office()
    text = office.parameters.put("Orders_DB/x", json.dumps(a_document()))
    assert office.register(text) is RegisterOutcome.REFUSED
    assert "the cluster's name is 'Orders_DB/x'" in office.announcer.details(DefinitionRefused)[0]["faults"][0]


def test_the_member_whose_address_the_record_carries_counts_as_the_last_holder_and_is_unproven():  # B4
    office = Office()
    office.record_carries(ADDRESS_B)
    office.put(a_document())
    previous = office.ledger.state().previous
    assert (previous.node, previous.keeps_lease, previous.proof) == (NODE_B, False, None)


def test_the_epoch_goes_on_from_a_guard_of_an_earlier_life():  # B1
    office = Office()
    office.guard_says("understudy stack=understudy cluster=orders-db epoch=41 node=node-a")
    office.put(a_document())
    assert office.ledger.state().epoch == 41


def test_the_node_that_a_guard_of_an_earlier_life_names_may_be_serving():  # B4
    office = Office()
    office.guard_says("understudy stack=understudy cluster=orders-db epoch=41 node=node-b")
    office.put(a_document())
    assert office.ledger.state().previous.node == NODE_B


def test_a_new_cluster_without_the_node_that_a_guard_of_an_earlier_life_names_is_refused():  # B4
    office = Office()
    office.guard_says("understudy stack=understudy cluster=orders-db epoch=41 node=node-x")
    assert office.put(a_document()) is RegisterOutcome.REFUSED
    assert office.announcer.details(DefinitionRefused)[0]["faults"] == [
        "nodes: 'node-x' had the addresses last, says a guard beside them, and is no member that serves: it may be "
        "serving. Name it, or stop its service and delete the guard"
    ]


def test_a_guard_and_a_record_that_name_different_nodes_are_refused_for_a_person_to_look_at():  # B4
    office = Office()
    office.guard_says("understudy stack=understudy cluster=orders-db epoch=41 node=node-b")
    office.record_carries(ADDRESS_A)
    assert office.put(a_document()) is RegisterOutcome.REFUSED
    assert "name several nodes (node-a, node-b)" in office.announcer.details(DefinitionRefused)[0]["faults"][0]


def test_registering_again_lifts_no_epoch_for_the_node_that_the_guard_names_is_not_fenced_by_it():  # B1 B4
    """The table was put back, the guard remembers node-b under epoch 41, and node-a is the holder in the table."""
    office = Office()
    office.put(a_document())
    state = office.ledger.state()
    office.ledger.put_state(replace(state, active=NODE_A, epoch=5))
    office.guard_says("understudy stack=understudy cluster=orders-db epoch=41 node=node-b")
    assert office.put(a_document(tuning={"ROUTE53_TTL": 20})) is RegisterOutcome.ACCEPTED
    assert (office.ledger.state().epoch, office.ledger.state().active) == (5, NODE_A)


def test_a_record_that_another_cluster_protects_is_refused():  # B1
    office = Office()
    office.guard_says("understudy stack=understudy cluster=other epoch=41 node=node-a")
    assert office.put(a_document()) is RegisterOutcome.REFUSED
    assert "protected by another cluster or stack" in office.announcer.details(DefinitionRefused)[0]["faults"][0]


def test_a_guard_whose_epoch_no_cluster_reaches_is_refused_in_words():  # B1
    """One with a clock for an epoch would take the cluster to an epoch that no beat may have read."""
    office = Office()
    office.guard_says("understudy stack=understudy cluster=orders-db epoch=1000000000000000 node=node-a")
    assert office.put(a_document()) is RegisterOutcome.REFUSED
    (fault,) = office.announcer.details(DefinitionRefused)[0]["faults"]
    assert "the guard's epoch is 1000000000000000, and every one in a guard is below 500000000" in fault


def test_a_bad_definition_is_refused_with_every_fault_and_the_last_good_one_stays():
    office = Office()
    office.put(a_document())
    before = office.ledger.state()
    bad = a_document(nodes=[{"name": "node-a", "instance_id": "i-1", "priority": 0}], colour="red")
    assert office.put(bad) is RegisterOutcome.REFUSED
    faults = office.announcer.details(DefinitionRefused)[0]["faults"]
    assert {fault.partition(":")[0] for fault in faults} == {
        "nodes[0].instance_id",
        "nodes[0].priority",
        "colour",
    }
    assert office.ledger.state() == before


def test_what_was_refused_is_told_once_and_judged_again_when_the_same_text_is_put_again():
    """EC2 may not know an instance yet that has just been launched."""
    office = Office()
    del office.ec2.known[NODE_B]
    text = office.parameters.put(CLUSTER, json.dumps(a_document()))
    assert [office.register(text) for _ in range(2)] == [RegisterOutcome.REFUSED, RegisterOutcome.UNCHANGED]
    assert len(office.announcer.details(DefinitionRefused)) == 1
    office.ec2.launch_as(SPECS[1])
    assert office.register(text) is RegisterOutcome.UNCHANGED
    assert office.put(a_document()) is RegisterOutcome.ACCEPTED


@pytest.mark.parametrize(
    ("stack", "changes"),
    [
        ({}, {"tuning": {"ROUTE53_CHANGEID_INTERVAL": 300, "ROUTE53_CHANGEID_TRY_COUNT": 9}}),
        ({"ROUTE53_CHANGEID_INTERVAL": 300}, {"policy": {"service_start_limit_s": 900}}),
        ({"ROUTE53_RECORD_INTERVAL": 300}, {"tuning": {"ROUTE53_RECORD_TRY_COUNT": 10}}),
    ],
    ids=["tuning", "policy", "both"],
)
def test_waits_that_outlast_an_execution_are_refused_with_the_numbers_of_the_stack_as_they_are(stack, changes):  # S8
    office = Office()
    office.ledger.put_tuning(stack, "digest")
    assert office.put(a_document(**changes)) is RegisterOutcome.REFUSED
    (fault,) = office.announcer.details(DefinitionRefused)[0]["faults"]
    assert fault.startswith("policy and tuning: ")
    assert "allowed: 2700 s" in fault
    office.ledger.put_tuning({}, "other")
    usual = {key: value for key, value in changes.items() if key == "policy"}
    assert office.put(a_document(**usual, dns_forwarder=True)) is RegisterOutcome.ACCEPTED


def test_the_operator_is_told_once_of_a_bad_text_however_often_the_watch_sees_it():
    office = Office()
    text = office.parameters.put(CLUSTER, "nodes: []")
    assert [office.register(text) for _ in range(3)] == [
        RegisterOutcome.REFUSED,
        RegisterOutcome.UNCHANGED,
        RegisterOutcome.UNCHANGED,
    ]
    assert len(office.announcer.details(DefinitionRefused)) == 1


def test_putting_the_same_text_again_changes_nothing():
    office = Office()
    office.put(a_document())
    before = office.ledger.state()
    assert office.put(a_document()) is RegisterOutcome.UNCHANGED
    assert office.ledger.state() == before


def test_a_parameter_that_was_deleted_and_put_anew_is_a_new_definition_though_its_version_starts_again():
    office = Office()
    office.put(a_document())
    office.parameters.delete(CLUSTER)
    assert office.put(a_document(services=[])) is RegisterOutcome.ACCEPTED
    assert office.ledger.state().definition_version == NOW + 1


@pytest.mark.parametrize("fault", ["ec2", "route53", "conflict"])
def test_what_cannot_be_judged_now_is_deferred_and_accepted_later(fault):  # B3
    office = Office()
    text = office.parameters.put(CLUSTER, json.dumps(a_document()))
    office.ec2.is_down = fault == "ec2"
    if fault == "route53":
        office.zone.fail_next("read", AddressUnreadableError("down"))
    if fault == "conflict":
        office.ledger.fail_next("register", LedgerConflictError("somebody else"))
    assert office.register(text) is RegisterOutcome.DEFERRED
    office.ec2.is_down = False
    assert office.register(text) is RegisterOutcome.ACCEPTED


def serving(office, instance_id=NODE_A):
    office.put(a_document())
    office.ledger.put_state(replace(office.ledger.state(), active=instance_id, epoch=1))


def test_a_node_in_service_cannot_be_taken_out_of_the_definition():
    office = Office()
    serving(office)
    nodes = [{"name": "node-c", "instance_id": NODE_C, "priority": 1}, a_document()["nodes"][1]]
    assert office.put(a_document(nodes=nodes)) is RegisterOutcome.REFUSED
    assert "node-a) is in service" in office.announcer.details(DefinitionRefused)[0]["faults"][0]


def test_a_standby_can_be_replaced_while_the_service_runs():
    office = Office()
    serving(office)
    nodes = [a_document()["nodes"][0], {"name": "node-b", "instance_id": NODE_C, "priority": 2}]
    assert office.put(a_document(nodes=nodes)) is RegisterOutcome.ACCEPTED
    state = office.ledger.state()
    assert set(state.nodes) == {NODE_A, NODE_C}
    assert state.nodes[NODE_C].heard_at is None
    assert state.active == NODE_A
    assert (state.nodes[NODE_A].joined, state.nodes[NODE_C].joined) == (0, state.definition_version)


def test_the_nodes_of_the_state_have_the_addresses_at_which_they_ask_each_other():  # B11
    office = Office()
    serving(office)
    assert [node.ip for node in office.ledger.state().nodes.values()] == [ADDRESS_A, ADDRESS_B]
    moved = replace(SPECS[1], address="10.0.2.77")
    office.ec2.launch_as(moved)
    office.put(a_document(policy={"promise_s": 10}))
    assert office.ledger.state().nodes[NODE_B].ip == "10.0.2.77"
    assert office.ledger.state().nodes[NODE_B].joined == 0


def test_a_shorter_lease_waits_for_the_next_grant_a_longer_one_does_not():  # B4
    office = Office()
    serving(office)
    office.put(a_document(policy={"lease_s": 8, "heartbeat_interval_s": 1}))
    assert office.ledger.state().terms.lease_s == 12
    assert office.ledger.state().terms.heartbeat_interval_s == 1
    office.put(a_document(policy={"lease_s": 20, "silence_limit_s": 30}))
    assert office.ledger.state().terms.lease_s == 20


def test_another_protected_name_is_owed_at_once():  # S4
    office = Office()
    serving(office)
    address = {**a_document()["addresses"][0], "name": "orders.corp.example.com"}
    office.put(a_document(addresses=[address]))
    assert office.ledger.state().address.status is AddressStatus.OWED
    assert office.ledger.state().address.retry_at == NOW


def an_event(name, operation="Update"):
    return {"detail-type": "Parameter Store Change", "detail": {"name": name, "operation": operation}}


def test_a_change_event_registers_the_text_as_it_stands_now():
    office = Office()
    office.parameters.put(CLUSTER, json.dumps(a_document()))
    event = an_event(f"/understudy/understudy/clusters/{CLUSTER}")
    assert (
        register_changed(event, parameters=office.parameters, register=office.register, forget=office.forgotten.append)
        is RegisterOutcome.ACCEPTED
    )


def test_a_text_that_was_refused_is_forgotten_when_a_good_one_is_in_force_or_its_parameter_is_deleted():
    office = Office()
    office.put(a_document())
    office.put(a_document(nodes=[]))
    assert office.ledger.unaccepted(CLUSTER).is_refused
    assert office.put(a_document()) is RegisterOutcome.UNCHANGED
    assert office.ledger.unaccepted(CLUSTER) is None
    office.put(a_document(nodes=[]))
    assert office.put(a_document(services=[])) is RegisterOutcome.ACCEPTED
    assert office.ledger.unaccepted(CLUSTER) is None
    office.parameters.delete(CLUSTER)
    event = an_event(f"/understudy/understudy/clusters/{CLUSTER}", "Delete")
    register_changed(event, parameters=office.parameters, register=office.register, forget=office.forgotten.append)
    assert office.forgotten == [CLUSTER]


# S1: what waiting cannot mend is refused, at once and all of it
def test_a_zone_that_does_not_exist_is_refused_and_not_put_off():
    office = Office()
    office.zone.hosted["Z0EXAMPLE"] = None
    assert office.put(a_document()) is RegisterOutcome.REFUSED
    assert office.announcer.details(DefinitionRefused)[0]["faults"] == [
        "addresses: orders-db.corp.example.com A Z0EXAMPLE: there is no hosted zone Z0EXAMPLE"
    ]


def test_a_name_that_its_zone_does_not_own_is_refused():  # S1
    office = Office()
    office.zone.hosted["Z0EXAMPLE"] = HostedZone("corp.example.org", False, {})
    assert office.put(a_document()) is RegisterOutcome.REFUSED
    (fault,) = office.announcer.details(DefinitionRefused)[0]["faults"]
    assert fault.endswith("Z0EXAMPLE is corp.example.org, which does not own orders-db.corp.example.com")


@pytest.mark.parametrize("name", ["orders-db.corp.example.com", "corp.example.com"])
def test_a_name_below_a_delegated_subdomain_is_refused(name):  # S1
    office = Office()
    office.zone.hosted["Z0EXAMPLE"] = HostedZone("example.com", False, {})
    office.zone.put(RECORD, RecordSet(name, "NS", 300, ("ns-1.example.org.",)))
    assert office.put(a_document()) is RegisterOutcome.REFUSED
    (fault,) = office.announcer.details(DefinitionRefused)[0]["faults"]
    assert f"{name} NS in Z0EXAMPLE delegates orders-db.corp.example.com to another zone" in fault


def test_what_two_records_of_a_name_have_in_common_is_asked_for_once():  # S4
    zone = FakeZone()
    names = survey_names([RECORD, replace(RECORD, type="AAAA")], zone)
    assert len(names.fit) == 2
    assert Counter(zone.calls) == {"hosted_zone": 1, "found_records": 2}  # the name, and its guard


@pytest.mark.parametrize("at", [RECORD.name, guard_name(RECORD)])
@pytest.mark.parametrize("kind", ["CNAME", "foreign"])
def test_what_cannot_be_moved_in_the_place_of_record_or_guard_is_refused(kind, at):  # S4
    office = Office()
    if kind == "CNAME":
        office.zone.put(RECORD, RecordSet(at, "CNAME", 300, ("x.example.org",)))
    else:
        office.zone.obstacles[("Z0EXAMPLE", at, "A" if at == RECORD.name else "TXT")] = "it is an alias of lb"
    assert office.put(a_document()) is RegisterOutcome.REFUSED
    (fault,) = office.announcer.details(DefinitionRefused)[0]["faults"]
    assert ("no other record can stand beside it" if kind == "CNAME" else "it is an alias of lb") in fault


def test_every_fault_of_text_nodes_names_and_other_clusters_is_told_in_one_round():  # S1
    office = Office()
    office.zone.hosted["Z0NONE"] = None
    del office.ec2.known[NODE_B]
    name = {**a_document()["addresses"][0], "hosted_zone_id": "Z0NONE"}
    office.put(a_document(addresses=[name], policy={"lease_s": 12, "silence_limit_s": 5}, colour="red"))
    faults = office.announcer.details(DefinitionRefused)[0]["faults"]
    assert {fault.partition(":")[0] for fault in faults} == {"colour", "nodes[1].instance_id", "addresses"}


@pytest.mark.parametrize("unread", ["ec2", "route53"])
def test_a_fault_is_told_although_something_else_cannot_be_read(unread):  # S1
    office = Office()
    office.ec2.is_down = unread == "ec2"
    if unread == "route53":
        office.zone.fail_next("hosted_zone", UnreadableError("AccessDenied"))
    assert office.put(a_document(colour="red")) is RegisterOutcome.REFUSED


# C17: what is put off is told
def put_off_for(office, seconds, text):
    outcomes = set()
    for _ in range(0, seconds, 60):
        office.zone.fail_next("hosted_zone", UnreadableError("hosted zone Z0EXAMPLE cannot be read: AccessDenied"))
        outcomes.add(office.register(text))
        office.clock.advance(60)
    return outcomes


def test_a_definition_that_cannot_be_judged_is_told_of_within_three_minutes_once_and_accepted_when_it_can():  # B3
    office = Office()
    text = office.parameters.put(CLUSTER, json.dumps(a_document()))
    assert put_off_for(office, 120, text) == {RegisterOutcome.DEFERRED}
    assert office.announcer.details(DefinitionPutOff) == []
    put_off_for(office, 600, text)
    assert office.announcer.details(DefinitionPutOff) == [
        {
            "cluster": CLUSTER,
            "parameter_version": 1,
            "since": NOW,
            "why": "hosted zone Z0EXAMPLE cannot be read: AccessDenied",
        }
    ]
    assert office.ledger.unaccepted(CLUSTER).since == NOW
    assert office.register(text) is RegisterOutcome.ACCEPTED
    assert office.ledger.unaccepted(CLUSTER) is None


def test_another_text_is_put_off_anew():
    office = Office()
    put_off_for(office, 180, office.parameters.put(CLUSTER, json.dumps(a_document())))
    put_off_for(office, 120, office.parameters.put(CLUSTER, json.dumps(a_document(services=[]))))
    assert len(office.announcer.details(DefinitionPutOff)) == 1


# B17: an instance that EC2 says is terminated
REPLACED = [
    {"name": "node-a", "instance_id": NODE_C, "priority": 1},
    {"name": "node-b", "instance_id": NODE_D, "priority": 2},
]


def replaced(office):
    for spec, instance_id in zip(SPECS, (NODE_C, NODE_D), strict=False):
        office.ec2.launch_as(replace(spec, instance_id=instance_id))
    return office.put(a_document(nodes=REPLACED))


@pytest.mark.parametrize("is_remembered", [False, True])
def test_a_cluster_whose_instances_were_all_replaced_comes_back_by_its_definition(is_remembered):
    """EC2 forgets a terminated instance after an hour; what it said of it stays in the state."""
    office = Office()
    serving(office)
    office.ec2.powers |= dict.fromkeys((NODE_A, NODE_B), PowerReading.TERMINATED)
    if is_remembered:
        office.ledger.record_signal(CLUSTER, PowerSignal(NODE_A, PowerReading.TERMINATED, NOW))
        office.ec2.powers.clear()
    assert replaced(office) is RegisterOutcome.ACCEPTED
    state = office.ledger.state()
    assert (state.active, state.previous, set(state.nodes), state.epoch) == (None, None, {NODE_C, NODE_D}, 1)


def test_a_last_holder_that_is_terminated_may_be_left_out_as_well():
    office = Office()
    office.record_carries(ADDRESS_A)
    office.put(a_document())
    assert office.ledger.state().previous.node == NODE_A
    office.ec2.powers[NODE_A] = PowerReading.TERMINATED
    assert replaced(office) is RegisterOutcome.ACCEPTED
    assert office.ledger.state().previous is None


@pytest.mark.parametrize("power", [each for each in PowerReading if each is not PowerReading.TERMINATED])
def test_nothing_but_terminated_lets_the_holder_be_left_out(power):  # B4
    office = Office()
    serving(office)
    office.ec2.powers[NODE_A] = power
    assert replaced(office) is RegisterOutcome.REFUSED


TAGGED = [
    {"name": "node-a", "instance": {"tag": "orders-db/node-a"}, "priority": 1},
    {"name": "node-b", "instance": {"tag": "orders-db/node-b"}, "priority": 2},
]


def a_tagged_office():
    office = Office()
    office.ec2.tags |= {NODE_A: "orders-db/node-a", NODE_B: "orders-db/node-b"}
    office.put(a_document(nodes=TAGGED))
    office.ledger.put_state(replace(office.ledger.state(), active=NODE_B, epoch=1))
    return office


def launch_a_successor(office):
    office.ec2.launch_as(replace(SPECS[0], instance_id=NODE_C))
    office.ec2.tags[NODE_C] = "orders-db/node-a"


def follow(office):
    state = office.ledger.state()
    seen = [(state, office.ledger.definition(CLUSTER, state.definition_version))]
    follow_tags(
        seen,
        nodes=office.ec2,
        register_anew=lambda cluster: office.register(office.parameters.cluster_text(cluster), anew=True),
    )
    return set(office.ledger.state().nodes)


def test_a_terminated_member_is_followed_by_the_instance_that_has_its_tag_now():
    office = a_tagged_office()
    launch_a_successor(office)
    office.ec2.powers[NODE_A] = PowerReading.TERMINATED
    assert follow(office) == {NODE_A, NODE_B}, "nobody has written down yet that EC2 has said so"
    office.ledger.record_signal(CLUSTER, PowerSignal(NODE_A, PowerReading.TERMINATED, NOW))
    assert follow(office) == {NODE_B, NODE_C}
    state = office.ledger.state()
    assert (state.active, state.nodes[NODE_C].heard_at, state.nodes[NODE_C].joined) == (
        NODE_B,
        None,
        state.definition_version,
    )
    version = state.definition_version
    follow(office)
    assert office.ledger.state().definition_version == version


def ec2_says(office, power, instance_id=NODE_A):
    """EC2's event, before the judge has written it down."""

    def look(seen):
        follow_tags(
            seen,
            nodes=office.ec2,
            register_anew=lambda cluster: office.register(office.parameters.cluster_text(cluster), anew=True),
        )

    detail = {"instance-id": instance_id, "state": power}
    return follow_terminated({"detail": detail}, index=office.ledger, ledger=office.ledger, follow=look)


def test_at_ec2s_event_the_successor_takes_its_place_at_once():
    office = a_tagged_office()
    launch_a_successor(office)
    office.ec2.powers[NODE_A] = PowerReading.TERMINATED
    assert ec2_says(office, "terminated") == [CLUSTER]
    assert set(office.ledger.state().nodes) == {NODE_B, NODE_C}


@pytest.mark.parametrize(("power", "instance_id"), [("stopped", NODE_A), ("nonsense", NODE_A), ("terminated", NODE_D)])
def test_an_event_that_ends_no_member_changes_none(power, instance_id):
    office = a_tagged_office()
    launch_a_successor(office)
    assert ec2_says(office, power, instance_id) == []
    assert set(office.ledger.state().nodes) == {NODE_A, NODE_B}


def test_at_ec2s_event_too_a_holder_is_failed_over_first():  # B4
    office = a_tagged_office()
    launch_a_successor(office)
    office.ec2.powers[NODE_A] = PowerReading.TERMINATED
    office.ledger.put_state(replace(office.ledger.state(), active=NODE_A))
    assert ec2_says(office, "terminated") == [CLUSTER]
    assert set(office.ledger.state().nodes) == {NODE_A, NODE_B}


@pytest.mark.parametrize("power", [PowerReading.STOPPED, PowerReading.RUNNING])
def test_as_long_as_the_old_instance_may_come_back_it_is_the_member(power):
    office = a_tagged_office()
    launch_a_successor(office)
    office.ledger.record_signal(CLUSTER, PowerSignal(NODE_A, power, NOW))
    assert follow(office) == {NODE_A, NODE_B}


def test_a_holder_is_failed_over_before_its_successor_is_taken_in():  # B4
    """The successor has none of its data, and would be placed by its priority."""
    office = a_tagged_office()
    launch_a_successor(office)
    office.ec2.powers[NODE_A] = PowerReading.TERMINATED
    office.ledger.record_signal(CLUSTER, PowerSignal(NODE_A, PowerReading.TERMINATED, NOW))
    office.ledger.put_state(replace(office.ledger.state(), active=NODE_A))
    assert follow(office) == {NODE_A, NODE_B}
    office.ledger.put_state(replace(office.ledger.state(), active=NODE_B, epoch=2))
    assert follow(office) == {NODE_B, NODE_C}


def test_where_nobody_is_left_the_successor_of_the_holder_is_taken_in():
    office = a_tagged_office()
    launch_a_successor(office)
    office.ec2.launch_as(replace(SPECS[1], instance_id=NODE_D))
    office.ec2.tags[NODE_D] = "orders-db/node-b"
    for each in (NODE_A, NODE_B):
        office.ec2.powers[each] = PowerReading.TERMINATED
        office.ledger.record_signal(CLUSTER, PowerSignal(each, PowerReading.TERMINATED, NOW))
    assert follow(office) == {NODE_C, NODE_D}
    assert office.ledger.state().active is None


def test_one_cluster_that_cannot_be_followed_hides_no_other():
    office = a_tagged_office()
    asked = []

    def register_anew(cluster):
        asked.append(cluster)
        raise UnreadableError(cluster)

    state = office.ledger.state()
    gone = replace(state.nodes[NODE_A], power=PowerReading.TERMINATED, power_at=NOW)
    definition = office.ledger.definition(CLUSTER, state.definition_version)
    seen = [
        (replace(state, cluster=name, nodes={**state.nodes, NODE_A: gone}), definition)
        for name in ("billing", "orders")
    ]
    with pytest.raises(UnreadableError, match="billing"):
        follow_tags(seen, nodes=office.ec2, register_anew=register_anew)
    assert asked == ["billing", "orders"]


def test_of_two_that_would_succeed_none_does_and_that_is_told_once_until_one_is_left():
    office = a_tagged_office()
    launch_a_successor(office)
    office.ec2.launch_as(replace(SPECS[0], instance_id=NODE_D))
    office.ec2.tags[NODE_D] = "orders-db/node-a"
    office.ec2.powers[NODE_A] = PowerReading.TERMINATED
    office.ledger.record_signal(CLUSTER, PowerSignal(NODE_A, PowerReading.TERMINATED, NOW))
    for _ in range(3):
        assert follow(office) == {NODE_A, NODE_B}
    (told,) = office.announcer.details(DefinitionRefused)
    assert "2 living instances have it" in told["faults"][0]
    del office.ec2.tags[NODE_D]
    assert follow(office) == {NODE_B, NODE_C}


def test_ec2_is_asked_for_tags_only_when_somebody_is_gone():  # B9
    office = a_tagged_office()
    before = office.ec2.calls.count("tagged")
    follow(office)
    assert office.ec2.calls.count("tagged") == before


def test_a_move_that_is_about_a_node_that_goes_is_waited_for():
    office = Office()
    serving(office)
    moving = a_transition(source=NODE_B, target=NODE_A)
    office.ledger.put_state(replace(office.ledger.state(), active=None, transition=moving))
    office.ec2.powers[NODE_A] = PowerReading.TERMINATED
    assert replaced(office) is RegisterOutcome.DEFERRED


def test_a_deleted_parameter_takes_no_protection_away():
    office = Office()
    office.put(a_document())
    office.parameters.delete(CLUSTER)
    event = an_event(f"/understudy/understudy/clusters/{CLUSTER}", "Delete")
    assert (
        register_changed(event, parameters=office.parameters, register=office.register, forget=office.forgotten.append)
        is RegisterOutcome.DELETED
    )
    assert office.ledger.state().definition_version == NOW


def test_a_parameter_that_is_no_cluster_is_left_alone():
    office = Office()
    event = an_event("/understudy/understudy/notes")
    assert (
        register_changed(event, parameters=office.parameters, register=office.register, forget=office.forgotten.append)
        is RegisterOutcome.IGNORED
    )


def with_witness(name, **changes):
    nodes = [{**each, "role": "serving"} for each in a_document()["nodes"]]
    nodes.append({"name": "node-c", "instance_id": NODE_C, "priority": 3, "role": "serving"})
    for each in nodes:
        if each["name"] == name:
            del each["priority"]
            each["role"] = "witness"
    return a_document(nodes=nodes, **changes)


def test_the_agents_are_told_of_the_quorum_hosts_and_of_every_change_of_them():  # S12
    office = Office()
    hosts = ["192.0.2.1:53", "192.0.2.2:53", "192.0.2.3:53"]
    office.put(a_document(quorum={"mode": "tcp_remote", "hosts": hosts}))
    assert office.ledger.state().quorum == QuorumHosts(tuple(hosts), 2)
    office.put(a_document(quorum={"mode": "tcp_remote", "hosts": hosts, "timeout_s": 1}))
    assert office.ledger.state().quorum == QuorumHosts(tuple(hosts), 1)
    office.put(a_document())
    assert office.ledger.state().quorum is None


def test_a_record_that_leads_to_a_witness_is_refused_for_it_may_be_serving():  # S12 B4
    office = Office()
    office.record_carries(ADDRESS_B)
    assert office.put(with_witness("node-b")) is RegisterOutcome.REFUSED
    (refused,) = office.announcer.details(DefinitionRefused)
    assert refused["faults"] == [
        "addresses: orders-db.corp.example.com A Z0EXAMPLE: leads to node-b, a witness, which never serves"
    ]


def test_a_node_that_serves_or_may_still_serve_is_not_made_a_witness():  # S12 B4
    office = Office()
    office.put(a_document())
    office.ledger.put_state(replace(office.ledger.state(), epoch=1, active=NODE_A))
    assert office.put(with_witness("node-a")) is RegisterOutcome.REFUSED
    assert "cannot be taken out or made a witness" in office.announcer.details(DefinitionRefused)[0]["faults"][0]
    assert office.put(with_witness("node-b")) is RegisterOutcome.ACCEPTED


@pytest.mark.parametrize(("may_stop", "outcome"), [(False, RegisterOutcome.REFUSED), (True, RegisterOutcome.ACCEPTED)])
def test_a_definition_that_wants_instances_stopped_needs_a_stack_that_may_stop_them(may_stop, outcome):  # S12
    office = Office(may_stop)
    assert office.put(a_document(policy={"fencing": {"stop_instance": True}})) is outcome
    refused = office.announcer.details(DefinitionRefused)
    assert ["AllowStopInstances=true" in detail["faults"][0] for detail in refused] == ([] if may_stop else [True])


def test_another_definition_begins_the_time_of_the_preferred_node_anew_and_keeps_the_hold():  # B6
    office = Office()
    office.put(a_document())
    hold = Hold(NOW, reason="patching")
    office.ledger.put_state(replace(office.ledger.state(), preferred_since=NOW - 3600, hold=hold))
    turned = [{**node, "priority": 3 - node["priority"]} for node in a_document()["nodes"]]
    assert office.put(a_document(nodes=turned)) is RegisterOutcome.ACCEPTED
    assert (office.ledger.state().preferred_since, office.ledger.state().hold) == (None, hold)


# B13
def test_a_cluster_has_a_key_before_it_is_registered_and_keeps_it():
    office = Office()
    office.ledger.before_next("register", lambda: office.keys.calls.append("registered"))
    office.put(a_document())
    office.put(a_document(services=[]))
    assert office.keys.calls == ["make", "registered", "make"]
    assert office.keys.made == {CLUSTER: 1}


def test_a_definition_that_is_refused_makes_no_key():
    office = Office()
    assert office.put(a_document(nodes=[])) is RegisterOutcome.REFUSED
    assert office.keys.made == {}


def test_a_key_that_cannot_be_made_keeps_no_cluster_from_being_protected():  # B13
    office = Office()
    office.keys.fail_next("make", KeyNotMadeError("ThrottlingException"))
    assert office.put(a_document()) is RegisterOutcome.ACCEPTED
