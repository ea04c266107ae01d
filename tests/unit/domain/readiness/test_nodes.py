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
from tests.support.readiness import UNREAD, facts, instances, of_all_kinds
from understudy.domain.cluster.policy import ApprovalPolicy, Fencing, Policy
from understudy.domain.cluster.reach import Reach
from understudy.domain.cluster.service_names import NO_NAMES, digest_of
from understudy.domain.cluster.state import PowerReading, Proof, ServiceStatus, TransitionAction
from understudy.domain.readiness import fencing as readiness_fencing
from understudy.domain.readiness import nodes
from understudy.domain.readiness.facts import Verdict

PASS, WARN, FAIL, UNKNOWN = Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.UNKNOWN
ONLY_A = {NODE_A: instances()[NODE_A]}


def fencing(**changes):
    return a_definition(policy=Policy(fencing=Fencing(**changes)))


def says(look, verdict, words, **changes):
    finding = look(facts(**changes))
    assert (finding.verdict, words in finding.found) == (verdict, True), finding


@pytest.mark.parametrize(
    "look",
    [
        nodes.instances_run,
        nodes.zones_differ,
        nodes.standbys_apart,
        nodes.addresses_real,
        nodes.auto_recovery,
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


def test_an_instance_that_refuses_to_be_stopped_is_warned_about():  # S12
    says(
        readiness_fencing.stop_protection,
        WARN,
        "node-b has DisableApiStop on",
        stop_protected={NODE_A: False, NODE_B: True},
    )
    says(
        readiness_fencing.stop_protection,
        UNKNOWN,
        "node-b: AccessDenied",
        stop_protected={NODE_A: False, NODE_B: UNREAD},
    )
    says(readiness_fencing.stop_protection, UNKNOWN, "node-b: ", stop_protected={NODE_A: False})
    says(readiness_fencing.stop_protection, PASS, "node-a can be stopped")


def test_where_only_stopped_is_accepted_an_instance_that_refuses_to_be_stopped_breaks_the_failover():  # S12
    protected = {NODE_A: False, NODE_B: True}
    only = fencing(accept=(Proof.STOPPED,))
    says(
        readiness_fencing.stop_protection,
        FAIL,
        "node-b has DisableApiStop on",
        stop_protected=protected,
        definition=only,
    )


def test_a_stop_that_iam_would_deny_is_found_before_it_is_needed():  # S12
    stops, only = fencing(stop_instance=True), fencing(stop_instance=True, accept=(Proof.STOPPED,))
    tagged = instances(node_a={"stack": "understudy"}, node_b={"stack": "understudy"})
    half = instances(node_a={"stack": "understudy"}, node_b={"stack": "other"})
    says(readiness_fencing.stop_allowed, PASS, "stops no instance")
    says(readiness_fencing.stop_allowed, WARN, "AllowStopInstances is false", definition=stops, instances=tagged)
    says(readiness_fencing.stop_allowed, FAIL, "AllowStopInstances is false", definition=only, instances=tagged)
    says(readiness_fencing.stop_allowed, PASS, "node-a has the tag", definition=only, instances=tagged, may_stop=True)
    says(
        readiness_fencing.stop_allowed,
        FAIL,
        "node-b: tag understudy:stack is other",
        definition=only,
        instances=half,
        may_stop=True,
    )
    says(readiness_fencing.stop_allowed, WARN, "is missing", definition=stops, may_stop=True)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ({"is_one_time": True}, "node-b is a one-time Spot Instance"),
        ({"root_device": "instance-store"}, "node-b has its root device in the instance store"),
    ],
)
def test_an_instance_of_a_kind_that_ec2_cannot_stop_is_found_before_it_is_needed(kind, words):  # S12
    stops, only = fencing(stop_instance=True), fencing(stop_instance=True, accept=(Proof.STOPPED,))
    says(readiness_fencing.stop_possible, PASS, "stops no instance", instances=instances(node_b=kind))
    says(readiness_fencing.stop_possible, WARN, words, definition=stops, instances=instances(node_b=kind))
    says(readiness_fencing.stop_possible, FAIL, words, definition=only, instances=instances(node_b=kind))
    says(readiness_fencing.stop_possible, PASS, "node-b is of a kind", definition=only)


def test_a_node_whose_death_nobody_could_prove_without_a_person_is_warned_about():  # B4
    says(readiness_fencing.death_provable, PASS, "the end of a lease is accepted")
    says(
        readiness_fencing.death_provable,
        PASS,
        "is stopped",
        definition=fencing(stop_instance=True, accept=(Proof.STOPPED,)),
    )
    says(
        readiness_fencing.death_provable,
        WARN,
        "lease_expired is not accepted",
        definition=fencing(accept=(Proof.STOPPED,)),
    )
    unleased = a_state(node_b=a_report(NODE_B, keeps_lease=False))
    says(readiness_fencing.death_provable, WARN, "node-b: keeps no lease", state=unleased)
    says(
        readiness_fencing.death_provable,
        UNKNOWN,
        "node-b: never heard",
        state=a_state(node_b=a_report(NODE_B, heard_at=None)),
    )


def test_a_node_that_ec2_brings_back_must_keep_a_lease():  # B4
    without_lease = a_state(node_b=a_report(NODE_B, keeps_lease=False))
    says(nodes.auto_recovery, WARN, "node-b is recovered by EC2 and keeps no lease", state=without_lease)
    says(nodes.auto_recovery, PASS, "node-b is recovered by EC2 and keeps a lease")
    never_heard = a_state(node_b=a_report(NODE_B, heard_at=None))
    says(nodes.auto_recovery, UNKNOWN, "node-b is recovered by EC2, and was never heard", state=never_heard)
    only_a = a_state(1)
    says(nodes.auto_recovery, UNKNOWN, "node-b is recovered by EC2, and was never heard", state=only_a)
    off = instances(node_b={"recovers": False})
    says(nodes.auto_recovery, PASS, "node-b is not recovered", instances=off, state=without_lease)
    silent = instances(node_b={"recovers": None})
    says(nodes.auto_recovery, UNKNOWN, "node-b: EC2 does not say", instances=silent)


def test_packets_for_the_moved_address_are_taken_only_without_the_source_and_destination_check():  # S14
    with_route = of_all_kinds()
    says(nodes.forwarding, PASS, "no address of kind route_table", instances=UNREAD)
    says(nodes.forwarding, FAIL, "node-a has its source/destination check on", definition=with_route)
    says(nodes.forwarding, UNKNOWN, "AccessDenied", definition=with_route, instances=UNREAD)
    off = instances(node_a={"forwards": True}, node_b={"forwards": True})
    says(nodes.forwarding, PASS, "node-a takes packets", definition=with_route, instances=off)


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


@pytest.mark.parametrize(
    ("version", "verdict"),
    [("0.1.0", PASS), ("0.1.1", WARN), ("0.2.0", WARN), ("", FAIL), ("1.0.0", FAIL)],
)
def test_agents_of_different_versions_are_reported_and_of_different_kinds_fail(version, verdict):  # S17
    state = a_state(node_b=a_report(NODE_B, agent=version))
    says(nodes.agents_alike, verdict, f"node-b has {version or 'no agent'}", state=state)


def test_a_node_that_was_never_heard_has_no_version_yet():  # S17
    says(nodes.agents_alike, UNKNOWN, "node-b was never heard", state=a_state(node_b=a_report(NODE_B, heard_at=None)))
    says(nodes.agents_alike, UNKNOWN, "node-b was never heard", state=a_state(1))
    differing = a_state(
        3, node_b=a_report(NODE_B, agent="0.2.0"), node_c=a_report("i-0ccccccccccccccc3", heard_at=None)
    )
    says(nodes.agents_alike, WARN, "node-c was never heard", members=3, state=differing)


def test_the_primary_is_the_node_of_the_best_priority_wherever_the_service_is():  # S1
    reversed_ = a_definition(3, nodes=tuple(reversed(SPECS)))
    same = instances(3, node_c={"zone": "us-east-1b"})
    says(nodes.standbys_apart, PASS, "node-a in us-east-1a", members=3, definition=reversed_, instances=same)


def reaches(reach, verdict, words):
    state = a_state(node_a=a_report(quorum=Reach(3, 3)), node_b=a_report(NODE_B, quorum=reach))
    says(nodes.quorum_reachable, verdict, words, definition=a_definition(quorum=TCP_REMOTE), state=state)


def test_a_node_that_reaches_no_majority_of_the_quorum_hosts_could_take_nothing_over():  # S12
    reaches(Reach(3, 3), PASS, "node-a reaches 3 of 3 quorum hosts; node-b reaches 3 of 3 quorum hosts")
    reaches(Reach(2, 3), WARN, "node-b reaches 2 of 3 quorum hosts")
    reaches(Reach(1, 3), FAIL, "node-b: it reaches 1 of 3 quorum hosts")
    reaches(Reach(5, 5), UNKNOWN, "node-b: it speaks of 5 quorum hosts, and the definition names 3")
    reaches(None, UNKNOWN, "node-b: it does not say how many of the 3 quorum hosts it reaches")
    says(nodes.quorum_reachable, PASS, "no quorum hosts are named")


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
        readiness_fencing.stop_protection,
        nodes.auto_recovery,
        nodes.forwarding,
        nodes.quorum_reachable,
    )
    assert [look.__name__ for look in looks if look(seen).verdict is not PASS] == []
    only_by_witness = instances(3, node_b={"zone": "us-east-1a", "subnet_id": "subnet-a"})
    assert nodes.zones_differ(facts(3, definition=definition, instances=only_by_witness)).verdict is FAIL


# B4
def test_a_failover_that_waits_for_a_person_is_warned_about_with_the_number():
    def under(approval):
        return a_definition(policy=Policy(approval=approval))

    says(readiness_fencing.failover_unattended, PASS, "no failover waits")
    planned = under(ApprovalPolicy((TransitionAction.SWITCHOVER,), 300))
    says(readiness_fencing.failover_unattended, PASS, "no failover waits", definition=planned)
    holds = under(ApprovalPolicy((TransitionAction.FAILOVER,), 300))
    says(readiness_fencing.failover_unattended, WARN, "up to 300 s, and does not go ahead", definition=holds)
    proceeds = under(ApprovalPolicy((TransitionAction.FAILOVER,), 300, "proceed"))
    says(readiness_fencing.failover_unattended, WARN, "up to 300 s, then goes ahead", definition=proceeds)


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
