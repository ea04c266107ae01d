"""Registering a cluster, and changing its members while it runs (S9, S11)."""

from dataclasses import replace

import pytest

from tests.support.balancers import LOAD_BALANCER
from tests.support.builders import (
    CLUSTER,
    NODE_A,
    NODE_B,
    NODE_C,
    NOW,
    RECORD,
    SPECS,
    a_beat,
    a_definition,
    a_report,
    a_state,
)
from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.definition import ElasticIp, Route
from understudy.domain.cluster.errors import LedgerConflictError, TooManyEntriesError
from understudy.domain.cluster.mismatch import Mismatch
from understudy.domain.cluster.policy import FailbackPolicy, FailoverBudget, Policy
from understudy.domain.cluster.state import Alarm, NodeReport
from understudy.domain.cluster.tuning import Tuning
from understudy.domain.cluster.unaccepted import Unaccepted
from understudy.domain.lease.terms import terms_of
from understudy.domain.observe.signal import AlarmSignal, FaultSignal


def with_alarms(*alarms: str, version: int = 1):
    return a_definition(version=version, nodes=(replace(SPECS[0], alarms=alarms), SPECS[1]))


def test_a_new_cluster_has_its_state_its_definition_and_its_look_ups(empty_ledger):
    definition = with_alarms("disk", "cpu")
    empty_ledger.register(None, a_state(), definition)
    assert empty_ledger.read(CLUSTER) == a_state(revision=1)
    assert empty_ledger.definition(CLUSTER, 1) == definition
    assert list(empty_ledger.clusters()) == [CLUSTER]
    assert list(empty_ledger.clusters_of_instance(NODE_A)) == [CLUSTER]
    assert list(empty_ledger.nodes_of_alarm("disk")) == [(CLUSTER, NODE_A)]


def test_nobody_is_found_under_names_that_no_definition_has(ledger):
    assert list(ledger.clusters_of_instance(NODE_C)) == []
    assert list(ledger.nodes_of_alarm("disk")) == []
    with pytest.raises(KeyError):
        ledger.definition(CLUSTER, 2)
    with pytest.raises(KeyError):
        ledger.definition("nobodys", 1)


def test_every_setting_of_a_definition_comes_back_as_it_was_put(empty_ledger):
    policy = Policy(
        lease_s=20.5,
        silence_limit_s=30,
        failback=FailbackPolicy("automatic", 900, "22:00-06:00", ("sat",)),
        max_failovers=FailoverBudget(5, 60),
    )
    definition = a_definition(3, policy=policy, tuning=Tuning(ROUTE53_TTL=60), services=())
    empty_ledger.register(None, a_state(3), definition)
    assert empty_ledger.definition(CLUSTER, 1) == definition


def test_a_cluster_can_only_be_new_once(ledger):
    before = ledger.read(CLUSTER)
    with pytest.raises(LedgerConflictError):
        ledger.register(None, a_state(epoch=9), a_definition())
    assert ledger.read(CLUSTER) == before


def test_a_registration_on_an_old_reading_changes_nothing_at_all(ledger):
    before = ledger.read(CLUSTER)
    ledger.commit(before, replace(before, alert="told"))
    with pytest.raises(LedgerConflictError):
        ledger.register(before, replace(before, definition_version=2), a_definition(3, version=2))
    assert ledger.read(CLUSTER).definition_version == 1
    assert list(ledger.clusters_of_instance(NODE_C)) == []
    with pytest.raises(KeyError):
        ledger.definition(CLUSTER, 2)


def test_a_version_never_changes_its_content(ledger):
    before = ledger.read(CLUSTER)
    with pytest.raises(LedgerConflictError):
        ledger.register(before, before, a_definition(services=()))
    ledger.register(before, before, a_definition())
    assert ledger.read(CLUSTER).revision == before.revision + 1


def test_members_come_go_and_are_renamed_and_the_beats_of_those_that_stay_are_kept(ledger):
    before = ledger.read(CLUSTER)
    ledger.record_beat(a_beat(NODE_B))
    renamed = replace(SPECS[1], name="node-two")
    definition = a_definition(version=2, nodes=(renamed, SPECS[2]))
    terms = terms_of(Policy(lease_s=10))
    after = replace(
        before,
        definition_version=2,
        terms=terms,
        nodes={
            NODE_B: a_report(NODE_B, name="node-two", ip="10.0.2.77"),
            NODE_C: NodeReport(name="node-c", ip="10.0.3.10", joined=2),
        },
    )
    ledger.register(before, after, definition)
    state = ledger.read(CLUSTER)
    assert (state.definition_version, state.terms, state.revision) == (2, terms, before.revision + 1)
    assert set(state.nodes) == {NODE_B, NODE_C}
    assert state.nodes[NODE_B] == a_report(
        NODE_B,
        name="node-two",
        ip="10.0.2.77",
        beat=a_beat(NODE_B).beat,
        heard_at=NOW + 4,
        due_by=NOW + 4 + 9,
        named=a_beat(NODE_B).named,
    )
    assert state.nodes[NODE_C] == NodeReport(name="node-c", ip="10.0.3.10", joined=2)
    assert list(ledger.clusters_of_instance(NODE_A)) == []
    assert list(ledger.clusters_of_instance(NODE_C)) == [CLUSTER]
    assert (ledger.definition(CLUSTER, 1), ledger.definition(CLUSTER, 2)) == (a_definition(), definition)


def test_a_new_member_is_heard_and_signalled_like_any_other(ledger):
    before = ledger.read(CLUSTER)
    after = replace(before, definition_version=2, nodes={**before.nodes, NODE_C: NodeReport(name="node-c")})
    ledger.register(before, after, a_definition(3, version=2))
    ledger.record_signal(CLUSTER, AlarmSignal(NODE_C, "disk", True, NOW))
    ledger.record_beat(a_beat(NODE_C))
    assert ledger.read(CLUSTER).nodes[NODE_C] == a_report(
        NODE_C,
        beat=a_beat(NODE_C).beat,
        heard_at=NOW + 4,
        heard_since=NOW + 4,
        due_by=NOW + 4 + 9,
        named=a_beat(NODE_C).named,
        alarms={"disk": Alarm(True, NOW)},
    )


def test_an_alarm_that_is_named_no_more_is_forgotten_and_the_others_are_kept(empty_ledger):
    empty_ledger.register(None, a_state(), with_alarms("disk", "cpu"))
    before = empty_ledger.read(CLUSTER)
    for alarm in ("disk", "cpu"):
        empty_ledger.record_signal(CLUSTER, AlarmSignal(NODE_A, alarm, True, NOW))
    empty_ledger.register(before, replace(before, definition_version=2), with_alarms("cpu", version=2))
    assert empty_ledger.read(CLUSTER).nodes[NODE_A].alarms == {"cpu": Alarm(True, NOW)}
    assert list(empty_ledger.nodes_of_alarm("disk")) == []
    assert list(empty_ledger.nodes_of_alarm("cpu")) == [(CLUSTER, NODE_A)]


def test_an_instance_and_an_alarm_can_belong_to_several_clusters(empty_ledger):
    for name in ("orders-db", "billing"):
        definition = replace(with_alarms("disk"), cluster=name, records=(replace(RECORD, name=f"{name}.example.com"),))
        empty_ledger.register(None, a_state(cluster=name), definition)
    assert sorted(empty_ledger.clusters()) == ["billing", "orders-db"]
    assert sorted(empty_ledger.clusters_of_instance(NODE_A)) == ["billing", "orders-db"]
    assert sorted(empty_ledger.nodes_of_alarm("disk")) == [("billing", NODE_A), ("orders-db", NODE_A)]


def test_the_text_that_was_refused_last_is_remembered_without_touching_the_state(ledger):
    before = ledger.read(CLUSTER)
    assert ledger.unaccepted(CLUSTER) is None
    refused = Unaccepted("first 1", ("nodes: there is none", "policy.lease_s: is above silence_limit_s"))
    waits = Unaccepted("second 2", since=1_790_000_000, why="EC2 is down", is_told=True)
    for text in (refused, waits, refused):
        ledger.note_unaccepted(CLUSTER, text)
        assert ledger.unaccepted(CLUSTER) == text
    ledger.forget_unaccepted(CLUSTER)
    ledger.forget_unaccepted(CLUSTER)
    assert ledger.unaccepted(CLUSTER) is None
    assert ledger.read(CLUSTER) == before


def test_a_refusal_registers_nothing(empty_ledger):
    empty_ledger.note_unaccepted(CLUSTER, Unaccepted("first 1", ("nodes: there is none",)))
    assert empty_ledger.read(CLUSTER) is None
    assert list(empty_ledger.clusters()) == []


def test_a_new_version_has_the_nodes_as_ec2_says_that_they_are_now(ledger):  # S3
    ledger.record_signal(CLUSTER, FaultSignal(NODE_B, "its address is 10.0.2.99", 1))
    before = ledger.read(CLUSTER)
    ledger.register(before, replace(before, definition_version=2), a_definition(version=2))
    assert ledger.read(CLUSTER).nodes[NODE_B].fault == ""


def test_addresses_of_every_kind_come_back_as_they_were_put(empty_ledger):  # S14 S15
    definition = a_definition(
        records=(replace(RECORD, type="AAAA", role_arn="arn:aws:iam::210987654321:role/zones", external_id="x1"),),
        routes=(Route("192.0.2.10/32", ("rtb-1", "rtb-2")),),
        elastic_ips=(ElasticIp("eipalloc-1"),),
        load_balancers=(LOAD_BALANCER,),
    )
    empty_ledger.register(None, a_state(), definition)
    assert empty_ledger.definition(CLUSTER, 1) == definition


def test_what_is_known_of_each_address_comes_back(ledger):
    before = ledger.read(CLUSTER)
    parts = {"orders-db.corp.example.com A Z1": AddressStatus.PROPAGATING, "route 192.0.2.10/32": AddressStatus.OWED}
    address = Address(AddressStatus.OWED, 1, ("C1",), retry_at=NOW, parts=parts)
    assert ledger.commit(before, replace(before, address=address)).address == address
    assert ledger.read(CLUSTER).address == address


def test_that_load_balancers_differ_is_remembered_until_they_agree(ledger):  # B21
    before = ledger.read(CLUSTER)
    noted = ledger.commit(before, replace(before, mismatch=Mismatch(NOW, epoch=1, is_told=True)))
    assert ledger.read(CLUSTER).mismatch == Mismatch(NOW, epoch=1, is_told=True)
    ledger.commit(noted, replace(noted, mismatch=None))
    assert ledger.read(CLUSTER).mismatch is None


def of(cluster: str, version: int = 1, **changes):
    """A definition of the usual nodes, of a cluster that names nothing but what `changes` says."""
    return replace(a_definition(version=version, records=()), cluster=cluster, **changes)


CLAIMED = [
    ({"records": (RECORD,)}, {"records": (replace(RECORD, type="AAAA"),)}, RECORD.label.replace(" A ", " AAAA ")),
    (
        {"routes": (Route("192.0.2.10/32", ("rtb-1", "rtb-2")),)},
        {"routes": (Route("192.0.2.10/32", ("rtb-2", "rtb-3")),)},
        "route 192.0.2.10/32 in rtb-2",
    ),
    ({"elastic_ips": (ElasticIp("eipalloc-1"),)}, {"elastic_ips": (ElasticIp("eipalloc-1"),)}, "eipalloc-1"),
    ({"load_balancers": (LOAD_BALANCER,)}, {"load_balancers": (LOAD_BALANCER,)}, LOAD_BALANCER.label),
]


@pytest.mark.parametrize(
    ("first", "second", "label"), CLAIMED, ids=["one name", "one table", "one Elastic IP", "one group"]
)
def test_an_address_belongs_to_the_cluster_that_registered_it_first(empty_ledger, first, second, label):  # S4 S14 S15
    empty_ledger.register(None, a_state(cluster="billing"), of("billing", **first))
    other = of("orders-db", **second)
    assert empty_ledger.claimed(other) == {label: "billing"}
    with pytest.raises(LedgerConflictError):
        empty_ledger.register(None, a_state(), other)
    assert empty_ledger.read(CLUSTER) is None
    assert list(empty_ledger.clusters_of_instance(NODE_A)) == ["billing"]


def test_the_same_destination_in_other_tables_and_the_same_name_in_another_zone_are_other_addresses(empty_ledger):
    routes, records = (Route("192.0.2.10/32", ("rtb-1",)),), (RECORD,)
    empty_ledger.register(None, a_state(cluster="billing"), of("billing", routes=routes, records=records))
    elsewhere = of(
        "orders-db",
        routes=(Route("192.0.2.10/32", ("rtb-2",)),),
        records=(replace(RECORD, hosted_zone_id="Z0OTHER"),),
    )
    assert empty_ledger.claimed(elsewhere) == {}
    empty_ledger.register(None, a_state(), elsewhere)


def test_an_address_is_free_again_when_a_later_version_of_its_cluster_drops_it(empty_ledger):  # S15
    eip = (ElasticIp("eipalloc-1"),)
    empty_ledger.register(None, a_state(cluster="billing"), of("billing", elastic_ips=eip, records=(RECORD,)))
    before = empty_ledger.read("billing")
    empty_ledger.register(before, replace(before, definition_version=2), of("billing", 2, records=(RECORD,)))
    assert empty_ledger.claimed(of("orders-db", elastic_ips=eip, records=(RECORD,))) == {RECORD.label: "billing"}
    empty_ledger.register(None, a_state(), of("orders-db", elastic_ips=eip))
    assert empty_ledger.claimed(of("billing", elastic_ips=eip)) == {"eipalloc-1": CLUSTER}


def test_a_new_version_that_takes_another_clusters_address_changes_nothing_at_all(empty_ledger):  # S15
    eip = (ElasticIp("eipalloc-1"),)
    empty_ledger.register(None, a_state(cluster="billing"), of("billing", elastic_ips=eip))
    empty_ledger.register(None, a_state(), a_definition())
    before = empty_ledger.read(CLUSTER)
    with pytest.raises(LedgerConflictError):
        empty_ledger.register(before, replace(before, definition_version=2), a_definition(version=2, elastic_ips=eip))
    assert empty_ledger.read(CLUSTER) == before
    assert empty_ledger.claimed(of("third", records=(RECORD,))) == {RECORD.label: CLUSTER}


def test_more_entries_than_one_transaction_takes_are_refused_and_nothing_is_written(empty_ledger):  # B2
    nodes = tuple(
        replace(SPECS[0], instance_id=f"i-{n}", alarms=tuple(f"a{n}{m}" for m in range(10))) for n in range(9)
    )
    with pytest.raises(TooManyEntriesError, match=r"100 .*allowed: 98"):
        empty_ledger.register(None, a_state(), a_definition(nodes=nodes))
    assert empty_ledger.read(CLUSTER) is None
    fewer = (replace(nodes[0], alarms=nodes[0].alarms[:8]), *nodes[1:])
    empty_ledger.register(None, a_state(), a_definition(nodes=fewer))
    before = empty_ledger.read(CLUSTER)
    after = replace(before, definition_version=2)
    empty_ledger.register(before, after, a_definition(version=2, nodes=fewer, elastic_ips=(ElasticIp("eipalloc-1"),)))
