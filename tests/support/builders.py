"""Values with good defaults. A test names only what it is about.

The usual cluster: orders-db, settled under epoch 1, served by node-a, node-b standing by, all heard at NOW.
"""

from dataclasses import replace
from typing import Any

from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.definition import (
    LAST_PRIORITY,
    Definition,
    NodeSpec,
    Quorum,
    QuorumMode,
    Record,
    Role,
    ServiceSpec,
)
from understudy.domain.cluster.failed_start import FailedStart
from understudy.domain.cluster.policy import Policy
from understudy.domain.cluster.record import DesiredRecord, RecordSet, desired
from understudy.domain.cluster.service_names import digest_of
from understudy.domain.cluster.state import (
    ClusterState,
    Lease,
    NodeReport,
    PowerReading,
    ServiceStatus,
    Stage,
    Transition,
    TransitionAction,
)
from understudy.domain.lease.terms import terms_of
from understudy.domain.observe.heartbeat import Beat
from understudy.domain.observe.starts import tried_with

NOW = 1_800_000_000
CLUSTER = "orders-db"
NODE_A, NODE_B, NODE_C = "i-0aaaaaaaaaaaaaaa1", "i-0bbbbbbbbbbbbbbb2", "i-0ccccccccccccccc3"
ADDRESS_A, ADDRESS_B, ADDRESS_C = "10.0.1.10", "10.0.2.10", "10.0.3.10"
BOOTS = {
    NODE_A: "aaaaaaaa",
    NODE_B: "bbbbbbbb",
    NODE_C: "cccccccc",
}
RECORD = Record("Z0EXAMPLE", "orders-db.corp.example.com")
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:understudy-Transition:orders-db-2"
ENI_A, ENI_B, ENI_C = "eni-0aaaaaaaaaaaaaaa1", "eni-0bbbbbbbbbbbbbbb2", "eni-0ccccccccccccccc3"
SPECS = (
    NodeSpec("node-a", NODE_A, 1, ADDRESS_A, "us-east-1a", (), ENI_A, "2001:db8:1::a"),
    NodeSpec("node-b", NODE_B, 2, ADDRESS_B, "us-east-1b", (), ENI_B, "2001:db8:2::b"),
    NodeSpec("node-c", NODE_C, 3, ADDRESS_C, "us-east-1c", (), ENI_C, "2001:db8:3::c"),
)
WITNESS_C = replace(SPECS[2], priority=LAST_PRIORITY, role=Role.WITNESS)
HOSTS = ("quorum-1.corp.example.com:443", "quorum-2.corp.example.com:443", "192.0.2.53:53")
TCP_REMOTE, MAJORITY = Quorum(QuorumMode.TCP_REMOTE, HOSTS), Quorum(QuorumMode.MAJORITY)
NAMES = {spec.instance_id: spec.name for spec in SPECS}


def a_definition(members: int = 2, **changes: Any) -> Definition:
    """The definition of the usual cluster, version 1, with two nodes (or three)."""
    usual = Definition(
        cluster=CLUSTER,
        version=1,
        nodes=SPECS[:members],
        records=(RECORD,),
        services=(ServiceSpec("postgresql"),),
    )
    return replace(usual, **changes)


def a_report(instance_id: str = NODE_A, **changes: Any) -> NodeReport:
    """A node heard at NOW whose agent keeps a lease and obeys epoch 1; in service when it is node-a."""
    usual = NodeReport(
        name=NAMES.get(instance_id, "node-x"),
        beat=86_400_000,
        heard_at=NOW,
        heard_since=NOW - 3600,
        due_by=NOW + 9,
        boot=BOOTS.get(instance_id, "boot-x"),
        service=ServiceStatus.IN_SERVICE if instance_id == NODE_A else ServiceStatus.OUT_OF_SERVICE,
        keeps_lease=True,
        read_epoch=1,
        agent="0.1.0",
        named="" if instance_id == NODE_C else digest_of(["postgresql"]),  # node-c is the witness of many tests
    )
    return replace(usual, **changes)


def a_state(members: int = 2, **changes: Any) -> ClusterState:
    """The settled state of the usual cluster. `changes` may also name NODE_A.. reports as node_a, node_b, node_c."""
    reports = {spec.instance_id: a_report(spec.instance_id) for spec in SPECS[:members]}
    for key, instance_id in (("node_a", NODE_A), ("node_b", NODE_B), ("node_c", NODE_C)):
        if key in changes:
            reports[instance_id] = changes.pop(key)
    usual = ClusterState(
        cluster=CLUSTER,
        revision=7,
        epoch=1,
        definition_version=1,
        terms=terms_of(Policy()),
        nodes=reports,
        active=NODE_A,
        address=Address(AddressStatus.IN_SYNC, 1, ("C0000000000001",)),
    )
    return replace(usual, **changes)


def with_keys(state: ClusterState, **changes: Any) -> ClusterState:
    """The same, whose nodes know a key and answer each other. `node_b={"key": ...}` changes what one of them says."""
    addresses = {spec.instance_id: spec.address for spec in SPECS}
    names = {NODE_A: "node_a", NODE_B: "node_b", NODE_C: "node_c"}
    nodes = {
        each: replace(
            report, **{"ip": addresses.get(each, ADDRESS_A), "key": "a1b2c3+", **changes.get(names.get(each, ""), {})}
        )
        for each, report in state.nodes.items()
    }
    return replace(state, nodes=nodes)


def a_previous(**changes: Any) -> Lease:
    """node-a as the node that served before, its lease ended by epoch 2, nothing proven yet."""
    usual = Lease(node=NODE_A, renewed_at=NOW, lease_s=12, keeps_lease=True, ended_epoch=2)
    return replace(usual, **changes)


def a_transition(**changes: Any) -> Transition:
    """A failover from node-a to node-b, opened at NOW, being fenced."""
    usual = Transition(
        action=TransitionAction.FAILOVER,
        source=NODE_A,
        target=NODE_B,
        rule="active-is-silent",
        stage=Stage.FENCING,
        opened_at=NOW,
        deadline_at=NOW + 90,
        execution=EXECUTION,
    )
    return replace(usual, **changes)


def a_moving_state(members: int = 2, **changes: Any) -> ClusterState:
    """The usual cluster while a_transition is open under epoch 2: nobody holds the lease."""
    usual: dict[str, Any] = {
        "revision": 8,
        "epoch": 2,
        "active": None,
        "previous": a_previous(),
        "transition": a_transition(),
    }
    return a_state(members, **{**usual, **changes})


def a_failed_start(instance_id: str = NODE_B, **changes: Any) -> dict[str, FailedStart]:
    """That the service did not start on node-b, an hour ago, with the boot and the configuration of a_report."""
    usual = FailedStart(at=NOW - 3600, epoch=0, of=tried_with(a_report(instance_id)))
    return {instance_id: replace(usual, **changes)}


def a_beat(instance_id: str = NODE_A, **changes: Any) -> Beat:
    """The beat that follows a_report: four seconds on."""
    report = a_report(instance_id)
    usual = Beat(
        cluster=CLUSTER,
        instance_id=instance_id,
        heard_at=NOW + 4,
        boot=report.boot,
        beat=report.beat + 4000,
        keeps_lease=True,
        read_epoch=1,
        service=report.service,
        agent=report.agent,
        services=frozenset({"postgresql"}),
    )
    return replace(usual, **changes)


def an_off_report(instance_id: str = NODE_A, **changes: Any) -> NodeReport:
    """A node that EC2 says is stopped."""
    usual = {"power": PowerReading.STOPPED, "power_at": NOW, "power_boot": BOOTS.get(instance_id, "boot-x")}
    return a_report(instance_id, **{**usual, **changes})


def a_wish(**changes: Any) -> DesiredRecord:
    """That the record names node-a under epoch 1."""
    return replace(
        DesiredRecord(stack="understudy", cluster=CLUSTER, epoch=1, node="node-a", address=ADDRESS_A, ttl=10), **changes
    )


def record_sets(**changes: Any) -> tuple[RecordSet, RecordSet]:
    """The protected record and its guard as a_wish has them."""
    return desired(RECORD, a_wish(**changes))
