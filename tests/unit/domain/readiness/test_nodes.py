"""Readiness of the nodes: what each check says when all is well, when it is not, and when it cannot be read."""

from dataclasses import replace

import pytest

from tests.support.builders import (
    ENI_A,
    NODE_A,
    NODE_B,
    NOW,
    RECORD,
    SPECS,
    TCP_REMOTE,
    WITNESS_C,
    a_definition,
    a_failed_start,
    a_report,
    a_state,
)
from tests.support.readiness import UNREAD, facts, instances, of_all_kinds, says
from understudy.domain.cluster.fitness import Fitness
from understudy.domain.cluster.policy import FitnessPolicy, Policy
from understudy.domain.cluster.reach import Reach
from understudy.domain.cluster.service_names import NO_NAMES, digest_of
from understudy.domain.cluster.state import PowerReading, ServiceStatus
from understudy.domain.readiness import agents, fencing, network, nodes
from understudy.domain.readiness.facts import Verdict

PASS, WARN, FAIL, UNKNOWN = Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.UNKNOWN


ONLY_A = {NODE_A: instances()[NODE_A]}


@pytest.mark.parametrize(
    "look",
    [
        nodes.instances_run,
        nodes.zones_differ,
        nodes.standbys_apart,
        nodes.addresses_real,
    ],
)
def test_an_ec2_that_cannot_be_read_speaks_neither_for_nor_against_a_node(look):  # S1 B3
    says(look, UNKNOWN, "AccessDenied", instances=UNREAD)
    assert look(facts()).verdict is PASS


@pytest.mark.parametrize(
    ("power", "verdict"),
    [
        (PowerReading.RUNNING, PASS),
        (PowerReading.PENDING, WARN),
        (PowerReading.STOPPING, FAIL),
        (PowerReading.STOPPED, FAIL),
        (PowerReading.SHUTTING_DOWN, FAIL),
        (PowerReading.TERMINATED, FAIL),
        (PowerReading.UNKNOWN, UNKNOWN),
    ],
)
def test_a_node_that_does_not_run_can_take_nothing_over(power, verdict):  # S1
    says(nodes.instances_run, verdict, "node-b", instances=instances(node_b={"power": power}))


def test_a_node_that_ec2_does_not_know_is_named_with_its_id():  # S1
    says(nodes.instances_run, FAIL, f"node-b: EC2 knows no instance {NODE_B}", instances=ONLY_A)


def test_the_worst_of_several_nodes_counts_and_only_what_is_wrong_is_told():
    finding = nodes.instances_run(facts(instances=instances(node_b={"power": PowerReading.STOPPED})))
    assert finding.found == "node-b is stopped"


def test_two_subnets_in_one_zone_are_not_enough():  # S1
    same = instances(node_b={"zone": "us-east-1a"})
    says(nodes.zones_differ, FAIL, "subnet-a in us-east-1a, subnet-b in us-east-1a", instances=same)
    says(nodes.zones_differ, FAIL, "no instance", instances={})
    says(nodes.zones_differ, PASS, "subnet-a in us-east-1a, subnet-b in us-east-1b")


def test_a_standby_in_the_zone_of_the_primary_goes_down_with_it():  # S1
    same = instances(3, node_c={"zone": "us-east-1a"})
    says(nodes.standbys_apart, FAIL, "node-a and node-c are both in us-east-1a", members=3, instances=same)
    standbys_together = instances(3, node_c={"zone": "us-east-1b"})
    says(nodes.standbys_apart, PASS, "node-c in us-east-1b", members=3, instances=standbys_together)


@pytest.mark.parametrize(("known", "name"), [(NODE_A, "node-b"), (NODE_B, "node-a")])
def test_the_zone_of_a_node_that_ec2_does_not_know_is_unknown(known, name):
    says(nodes.standbys_apart, UNKNOWN, f"the zone of {name} is not known", instances={known: instances()[known]})


def test_an_address_that_the_instance_no_longer_has_is_found():  # S1 S3
    moved = instances(node_a={"address": "10.0.1.99"})
    says(nodes.addresses_real, FAIL, "node-a: registered with 10.0.1.10, EC2 says 10.0.1.99", instances=moved)
    detached = instances(node_a={"address": None, "forwards": None})
    says(nodes.addresses_real, FAIL, "node-a has no attached primary network interface", instances=detached)
    says(nodes.addresses_real, UNKNOWN, "node-b: EC2 knows no instance", instances=ONLY_A)
    says(nodes.addresses_real, PASS, "node-b has 10.0.2.10")


V6 = a_definition(records=(RECORD, replace(RECORD, type="AAAA")))


@pytest.mark.parametrize(
    ("definition", "change", "words"),
    [
        (V6, {"address_v6": "2001:db8:1::99"}, "registered with 2001:db8:1::a, EC2 says 2001:db8:1::99"),
        (V6, {"address_v6": ""}, "registered with 2001:db8:1::a, EC2 says none"),
        (of_all_kinds(), {"interface_id": "eni-9"}, f"registered with {ENI_A}, EC2 says eni-9"),
        (of_all_kinds(routes=()), {"interface_id": "eni-9"}, f"registered with {ENI_A}, EC2 says eni-9"),
    ],
    ids=["another IPv6 address", "no IPv6 address", "another interface, routes", "another interface, Elastic IP"],
)
def test_what_an_address_leads_to_is_compared_where_there_is_such_an_address(definition, change, words):  # S3 S14 S15
    changed = instances(node_a=change)
    says(nodes.addresses_real, FAIL, f"node-a: {words}", definition=definition, instances=changed)
    says(nodes.addresses_real, PASS, "node-a has 10.0.1.10", instances=changed)  # an A record leads to neither


def test_a_node_whose_fault_the_watch_has_noted_is_named_with_it():  # S3
    faulty = a_state(node_b=a_report(NODE_B, fault="its address is 10.0.2.99, not 10.0.2.10"))
    says(nodes.no_fault_noted, FAIL, "node-b: its address is 10.0.2.99, not 10.0.2.10", state=faulty)
    unfit = a_state(node_b=a_report(NODE_B, unfit="/run is full"))
    says(nodes.no_fault_noted, FAIL, "node-b says that it could not take over: /run is full", state=unfit)
    says(nodes.no_fault_noted, UNKNOWN, "node-b is not in the state", state=a_state(1))
    says(nodes.no_fault_noted, PASS, "node-b is as defined")


def test_a_node_on_which_the_service_did_not_start_is_named_with_since_when():  # B20
    failed = a_state(failed_starts=a_failed_start(epoch=7))
    says(nodes.starts_known, FAIL, "the service did not start on node-b 3604 s ago (epoch 7)", state=failed)
    says(nodes.starts_known, PASS, "no start of node-b is known to have failed")


@pytest.mark.parametrize(("age_s", "verdict"), [(-1, PASS), (0, PASS), (15, PASS), (16, FAIL), (86_400, FAIL)])
def test_a_standby_that_is_silent_can_take_nothing_over(age_s, verdict):  # S11
    silent = a_state(node_b=a_report(NODE_B, heard_at=NOW))
    says(nodes.nodes_heard, verdict, f"node-b was heard {max(0, age_s)} s ago", state=silent, now=NOW + age_s)


def test_a_node_that_was_never_heard_is_not_known_to_be_silent():  # S11 B3
    says(nodes.nodes_heard, UNKNOWN, "node-b was never heard", state=a_state(node_b=a_report(NODE_B, heard_at=None)))
    says(nodes.nodes_heard, UNKNOWN, "node-b was never heard", state=a_state(1))


def test_the_primary_is_the_node_of_the_best_priority_wherever_the_service_is():  # S1
    reversed_ = a_definition(3, nodes=tuple(reversed(SPECS)))
    same = instances(3, node_c={"zone": "us-east-1b"})
    says(nodes.standbys_apart, PASS, "node-a in us-east-1a", members=3, definition=reversed_, instances=same)


def test_a_witness_needs_no_address_no_zone_of_its_own_and_no_quorum_host():  # S12
    definition = a_definition(nodes=(*SPECS[:2], WITNESS_C), quorum=TCP_REMOTE)
    good = a_report(quorum=Reach(3, 3))
    seen = facts(
        3,
        definition=definition,
        state=a_state(3, node_a=good, node_b=good),
        instances=instances(3, node_c={"zone": "us-east-1a", "address": None, "forwards": None, "scaling_group": "g"}),
        stop_protected={NODE_A: False, NODE_B: False},
        route_tables=(),
    )
    looks = (
        nodes.zones_differ,
        nodes.standbys_apart,
        nodes.addresses_real,
        fencing.stop_protection,
        fencing.auto_recovery,
        network.source_dest_check,
        agents.quorum_reachable,
    )
    assert [look.name for look in looks if look(seen).verdict is not PASS] == []
    only_by_witness = instances(3, node_b={"zone": "us-east-1a", "subnet_id": "subnet-a"})
    assert nodes.zones_differ(facts(3, definition=definition, instances=only_by_witness)).verdict is FAIL


def test_a_node_that_names_other_services_is_found_on_a_sunny_day():  # B4
    right, wrong = digest_of(["postgresql"]), digest_of(["data"])
    says(nodes.services_named_alike, PASS, "node-a names the same", state=named(right, right))
    says(nodes.services_named_alike, FAIL, "node-b lacks postgresql", state=named(right, wrong, "lacks postgresql"))
    says(nodes.services_named_alike, FAIL, "node-b names other services", state=named(right, NO_NAMES))
    says(nodes.services_named_alike, UNKNOWN, "node-b has not named its services yet", state=named(right, ""))


def named(of_a, of_b, misnamed=""):
    return a_state(node_a=a_report(named=of_a), node_b=a_report(NODE_B, named=of_b, misnamed=misnamed))


def test_a_second_server_fails_readiness():  # B4
    says(nodes.one_serves, PASS, "no node serves without the lease")
    second = a_state(node_b=a_report(NODE_B, service=ServiceStatus.IN_SERVICE, keeps_lease=False))
    says(nodes.one_serves, FAIL, "node-b says that it serves, and does not hold the lease", state=second)


# B20 S1
@pytest.mark.parametrize(
    ("a", "b", "required", "verdict", "found"),
    [
        (None, None, False, PASS, "no node says how fit it is, and none need"),
        (Fitness(0), Fitness(-4), False, PASS, "node-b says -4"),
        (Fitness(0), Fitness(None), False, FAIL, "node-b: it says that it is not fit to take over"),
        (Fitness(0), None, True, FAIL, "node-b: it does not say how fit it is, and policy.fitness.required is true"),
        (Fitness(0), None, False, WARN, "node-b does not say how fit it is"),
        (Fitness(None), Fitness(0), False, WARN, "node-a: it says that it is not fit to take over"),
        (None, Fitness(0), True, WARN, "node-a: it does not say how fit it is, and policy.fitness.required is true"),
    ],
)
def test_a_standby_that_is_not_known_to_be_fit_is_told_of_before_it_is_needed(a, b, required, verdict, found):
    state = a_state(node_a=a_report(NODE_A, fitness=a), node_b=a_report(NODE_B, fitness=b))
    definition = a_definition(policy=Policy(fitness=FitnessPolicy(required)))
    says(nodes.fitness_known, verdict, found, state=state, definition=definition)
