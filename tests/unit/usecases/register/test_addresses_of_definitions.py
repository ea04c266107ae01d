"""What a definition's addresses must be like to be accepted, and who holds them already (S1, S14, S15)."""

from dataclasses import replace

import pytest

from tests.support.builders import ADDRESS_A, CLUSTER, ENI_A, ENI_B, ENI_C, NODE_A, NODE_B, NODE_C, RECORD, SPECS
from tests.unit.usecases.register.test_cluster import Office, a_document, serving
from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.definition import Record
from understudy.domain.cluster.errors import AddressUnreadableError
from understudy.domain.cluster.record import RecordSet, guard_name
from understudy.domain.events.definitions import DefinitionRefused
from understudy.ports.network import RouteTarget
from understudy.ports.nodes import InstanceFacts
from understudy.usecases.register.cluster import RegisterOutcome

A = a_document()["addresses"][0]
AAAA = {**A, "type": "AAAA"}
ROUTE = {"kind": "route_table", "address": "192.0.2.10", "route_table_ids": ["rtb-00000001", "rtb-00000002"]}
EIP = {"kind": "elastic_ip", "allocation_id": "eipalloc-00000001"}
FAR = "192.0.2.10/32"


def an_office(stack="understudy"):
    office = Office()
    for table in ROUTE["route_table_ids"]:
        office.network.add_table(table, stack=stack)
    office.network.add_elastic_ip(EIP["allocation_id"], stack=stack)
    return office


def faults(office, *addresses, **changes):
    assert office.put(a_document(addresses=list(addresses), **changes)) is RegisterOutcome.REFUSED
    return office.announcer.details(DefinitionRefused)[-1]["faults"]


def test_several_addresses_of_all_kinds_are_accepted():  # S4 S14 S15
    office = an_office()
    assert office.put(a_document(addresses=[A, AAAA, ROUTE, EIP])) is RegisterOutcome.ACCEPTED
    definition = office.ledger.definition(CLUSTER, office.ledger.state().definition_version)
    assert definition.labels == (
        "orders-db.corp.example.com A Z0EXAMPLE",
        "orders-db.corp.example.com AAAA Z0EXAMPLE",
        "route 192.0.2.10/32",
        "eipalloc-00000001",
    )
    assert definition.leads_to(definition.nodes[0]) == {
        "orders-db.corp.example.com A Z0EXAMPLE": ADDRESS_A,
        "orders-db.corp.example.com AAAA Z0EXAMPLE": "2001:db8:1::a",
        "route 192.0.2.10/32 in rtb-00000001": ENI_A,
        "route 192.0.2.10/32 in rtb-00000002": ENI_A,
        "eipalloc-00000001": ENI_A,
    }
    assert office.ledger.state().previous is None


def test_addresses_that_lead_nowhere_leave_a_new_cluster_without_a_holder_and_records_ask_ec2_nothing():  # B9
    office = an_office()
    office.put(a_document())
    assert office.network.calls == []


def test_the_member_that_a_route_leads_to_counts_as_the_last_holder_and_is_unproven():  # B4 S14
    office = an_office()
    office.network.lead("rtb-00000002", FAR, ENI_B)
    office.put(a_document(addresses=[ROUTE]))
    assert (office.ledger.state().previous.node, office.ledger.state().previous.proof) == (NODE_B, None)


def test_the_member_that_has_the_elastic_ip_counts_as_the_last_holder():  # B4 S15
    office = an_office()
    office.network.associate(EIP["allocation_id"], ENI_A, ADDRESS_A)
    office.put(a_document(addresses=[A, EIP]))
    assert office.ledger.state().previous.node == NODE_A


def test_a_new_cluster_whose_addresses_lead_to_several_nodes_is_refused():  # B4
    office = an_office()
    office.record_carries(ADDRESS_A)
    office.network.lead("rtb-00000001", FAR, ENI_B)
    assert faults(office, A, ROUTE) == [
        "addresses: they and the guards beside them name several nodes (node-a, node-b); allowed: one, or none. Find "
        "out which one serves, and let the others name it, or delete their guards"
    ]


def test_the_epoch_goes_on_from_the_highest_guard():  # B1
    office = an_office()
    other = Record("Z0OTHER", RECORD.name)
    for record, epoch in ((RECORD, 7), (other, 41)):
        text = f'"understudy stack=understudy cluster=orders-db epoch={epoch} node=node-a"'
        office.zone.put(record, RecordSet(guard_name(record), "TXT", 60, (text,)))
    office.put(a_document(addresses=[A, {**A, "hosted_zone_id": "Z0OTHER"}]))
    assert office.ledger.state().epoch == 41


@pytest.mark.parametrize(
    ("scene", "address", "words"),
    [
        (lambda n: n.tables.pop("rtb-00000001"), ROUTE, "rtb-00000001 is no route table that EC2 knows here"),
        (lambda n: n.add_table("rtb-00000001", stack=""), ROUTE, "rtb-00000001 has the tag understudy:stack ''"),
        (
            lambda n: n.add_table("rtb-00000001", "10.0.0.0/16", "192.0.2.0/24"),
            ROUTE,
            "rtb-00000001 is in a VPC of 192.0.2.0/24; allowed: an address outside",
        ),
        (
            lambda n: n.add_table("rtb-00000001", "10.0.1.0/24"),
            ROUTE,
            "rtb-00000001 is in another VPC than node-b (10.0.2.10)",
        ),
        (
            lambda n: n.lead("rtb-00000001", FAR, "nat-1"),
            ROUTE,
            "rtb-00000001 leads to nat-1, which is no member's",
        ),
        (lambda n: n.addresses.clear(), EIP, "eipalloc-00000001: is no Elastic IP that EC2 knows here"),
        (
            lambda n: n.add_elastic_ip("eipalloc-00000001", stack="other"),
            EIP,
            "eipalloc-00000001: has the tag understudy:stack 'other'; allowed: 'understudy'",
        ),
        (
            lambda n: n.associate("eipalloc-00000001", "eni-9", "10.0.9.9"),
            EIP,
            "eipalloc-00000001: is associated with eni-9, which is no member's",
        ),
    ],
    ids=["no table", "untagged", "inside the VPC", "other VPC", "foreign route", "no address", "not ours", "taken"],
)
def test_an_address_that_could_not_be_moved_is_refused_when_it_is_put_and_not_at_the_failover(
    scene, address, words
):  # S1 S14 S15
    office = an_office()
    scene(office.network)
    found = faults(office, address)
    assert len(found) == 1
    assert words in found[0]


def test_a_route_to_an_interface_that_is_gone_may_be_taken_over():  # S14
    office = an_office()
    office.network.lead("rtb-00000001", FAR, "eni-gone", is_live=False)
    assert office.put(a_document(addresses=[ROUTE])) is RegisterOutcome.ACCEPTED


def test_while_ec2_cannot_be_read_routes_are_not_judged():  # B3
    office = an_office()
    office.network.fail_next("route_tables", AddressUnreadableError("RequestLimitExceeded"))
    assert office.put(a_document(addresses=[ROUTE])) is RegisterOutcome.DEFERRED
    assert office.put(a_document(addresses=[ROUTE])) is RegisterOutcome.ACCEPTED


@pytest.mark.parametrize(
    ("facts", "address", "words"),
    [
        ({"address_v6": ""}, AAAA, "has no IPv6 address on its primary network interface"),
        ({"checks_source_dest": True}, ROUTE, "has the source/destination check on"),
        (
            {"vpc_id": "vpc-2"},
            ROUTE,
            "nodes: are in vpc-1, vpc-2; allowed with a route_table address",
        ),
    ],
    ids=["no IPv6", "source/destination check", "two VPCs"],
)
def test_a_node_that_could_not_use_an_address_is_refused_by_name(facts, address, words):  # S1 S3 S14
    office = an_office()
    office.ec2.launch_as(SPECS[1], **facts)
    (found,) = faults(office, address)
    assert words in found
    assert office.put(a_document()) is RegisterOutcome.ACCEPTED  # for an A record it is well enough


@pytest.mark.parametrize(
    ("addresses", "words"),
    [
        ([A, A], "addresses[1]: found orders-db.corp.example.com A in Z0EXAMPLE, which addresses[0] has already"),
        ([EIP, EIP], "addresses[1]: found eipalloc-00000001, which addresses[0] has already"),
        (
            [{**ROUTE, "route_table_ids": ["rtb-00000001"] * 2}],
            "found 192.0.2.10/32 in rtb-00000001",
        ),
        (
            [ROUTE, {**ROUTE, "route_table_ids": ["rtb-00000003"]}],
            "addresses[1]: found 192.0.2.10/32, which addresses[0] has already",
        ),
        (
            [A, {**AAAA, "role_arn": "arn:aws:iam::210987654321:role/zones"}],
            "addresses[1].role_arn: found 'arn:aws:iam::210987654321:role/zones'; allowed: the same role",
        ),
        ([{**A, "external_id": "x1"}], "addresses[0].external_id: found 'x1' without role_arn"),
        ([{**ROUTE, "address": "0.0.0.0/0"}], "addresses[0].address: found '0.0.0.0/0'"),
        ([{**ROUTE, "address": "192.0.2.300"}], "addresses[0].address: found '192.0.2.300'"),
        ([{**ROUTE, "address": "192.0.2.10/28"}], "has host bits set"),
        ([{**ROUTE, "route_table_ids": []}], "addresses[0].route_table_ids: found []"),
        ([{**EIP, "allocation_id": "203.0.113.9"}], "addresses[0].allocation_id: found '203.0.113.9'"),
        ([{**A, "role_arn": "zones"}], "addresses[0].role_arn: found 'zones'"),
        (
            [{"kind": "virtual_ip"}],
            "found 'virtual_ip'; allowed: route53_record, route_table, elastic_ip",
        ),
        ([{"name": "orders-db.corp.example.com"}], "addresses[0].kind: is missing"),
        ([{"kind": "elastic_ip"}], "addresses[0].allocation_id: is missing"),
        ([{**EIP, "name": "x"}], "addresses[0].name: is not a key of a definition"),
    ],
)
def test_addresses_that_contradict_each_other_or_are_ill_formed_are_named_by_path(addresses, words):
    assert any(words in fault for fault in faults(an_office(), *addresses))


OTHERS = [
    (A, "orders-db.corp.example.com A Z0EXAMPLE"),
    (ROUTE, "route 192.0.2.10/32 in rtb-00000001"),
    (EIP, "eipalloc-00000001"),
]


@pytest.mark.parametrize(("address", "label"), OTHERS, ids=["record", "route", "elastic ip"])
def test_an_address_of_another_cluster_is_refused_with_its_label_and_that_clusters_name(address, label):  # S4 S14 S15
    office = an_office()
    assert office.put(a_document(addresses=[address]), "billing") is RegisterOutcome.ACCEPTED
    found = faults(office, address)
    assert found[0] == (
        f"addresses: {label}: belongs to cluster billing; allowed: an address that no other cluster of this stack names"
    )
    assert office.ledger.read(CLUSTER) is None


def test_without_the_claim_two_clusters_of_the_same_nodes_would_take_a_route_from_each_other():  # S14
    office = an_office()
    office.put(a_document(addresses=[ROUTE]), "billing")
    for claim in [key for key in office.ledger.items if key[1] == "claim"]:
        del office.ledger.items[claim]
    assert office.put(a_document(addresses=[ROUTE])) is RegisterOutcome.ACCEPTED


@pytest.mark.parametrize("address", [A, ROUTE, EIP], ids=["record", "route", "elastic ip"])
def test_of_two_registrations_at_once_one_wins_and_the_other_is_refused_when_it_is_judged_again(address):  # S14 S15
    office = an_office()
    document = a_document(addresses=[address])
    office.ledger.before_next("register", lambda: office.put(document, "billing"))
    assert office.put(document) is RegisterOutcome.DEFERRED
    assert (office.ledger.read(CLUSTER), office.ledger.state("billing").epoch) == (None, 0)
    assert office.put(document) is RegisterOutcome.REFUSED
    assert "belongs to cluster billing" in office.announcer.details(DefinitionRefused)[-1]["faults"][0]


def test_an_address_that_its_cluster_has_dropped_can_be_another_clusters():  # S15
    office = an_office()
    office.put(a_document(addresses=[ROUTE, EIP]), "billing")
    office.put(a_document(addresses=[ROUTE]), "billing")
    assert office.put(a_document(addresses=[EIP])) is RegisterOutcome.ACCEPTED


def test_a_definition_of_more_entries_than_the_table_takes_at_once_is_refused_with_the_numbers():
    office = an_office()
    tables = [f"rtb-{n:08x}" for n in range(100)]
    for table in tables:
        office.network.add_table(table)
    routes = [{**ROUTE, "address": f"192.0.2.{n}", "route_table_ids": tables[16 * n : 16 * n + 16]} for n in range(6)]
    (found,) = faults(office, *routes, {**ROUTE, "route_table_ids": tables[96:]})
    assert "102 entries at once; allowed: 98" in found
    assert office.put(a_document(addresses=routes)) is RegisterOutcome.ACCEPTED


def test_a_further_address_of_a_running_cluster_is_owed_at_once():  # S4 S15
    office = an_office()
    serving(office)
    office.put(a_document(addresses=[A, EIP]))
    assert office.ledger.state().address.status is AddressStatus.OWED


def test_the_same_addresses_in_other_words_are_not_owed():
    office = an_office()
    serving(office)
    before = office.ledger.state().address
    office.put(a_document(services=[]))
    assert office.ledger.state().address == before


def test_an_active_node_that_has_got_another_address_is_owed_its_record_when_the_definition_is_put_again():  # S3
    office = an_office()
    serving(office)
    office.ec2.launch_as(replace(SPECS[0], address="10.0.1.99"))
    office.put(a_document(services=[]))
    assert office.ledger.definition(CLUSTER, office.ledger.state().definition_version).nodes[0].address == "10.0.1.99"
    assert office.ledger.state().address.status is AddressStatus.OWED


def test_targets_of_routes_are_told_apart_from_their_state():
    assert RouteTarget("eni-1") != RouteTarget("eni-1", is_live=False)


WITNESS = {"name": "node-c", "instance_id": NODE_C, "role": "witness"}


def test_a_witness_needs_nothing_that_an_address_asks_of_a_node():  # S12 S14
    office = an_office()
    bare = InstanceFacts("172.31.0.9", "us-east-1a", interface_id=ENI_C, vpc_id="vpc-9", checks_source_dest=True)
    office.ec2.known[NODE_C] = bare
    nodes = [*a_document()["nodes"], WITNESS]
    assert office.put(a_document(nodes=nodes, addresses=[A, AAAA, ROUTE, EIP])) is RegisterOutcome.ACCEPTED


def test_a_route_or_an_elastic_ip_that_leads_to_a_witness_is_refused():  # S12 B4
    office = an_office()
    office.network.lead("rtb-00000001", FAR, ENI_C)
    nodes = [*a_document()["nodes"], WITNESS]
    assert faults(office, ROUTE, nodes=nodes) == [
        "addresses: route 192.0.2.10/32: rtb-00000001 leads to eni-0ccccccccccccccc3, which is no member's that "
        "serves; allowed: no such route, or one to such a one"
    ]
