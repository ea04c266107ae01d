"""A definition as people write it. The JSON Schema for editors (`docs/cluster.schema.json`) is printed from here."""

from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    StrictBool,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from understudy.document_parts import (
    AlarmName,
    AllocationId,
    ApprovalSeconds,
    Day,
    DayHours,
    ExternalId,
    FenceSeconds,
    InstanceId,
    Name,
    NoTruth,
    OnIsolation,
    OutageSeconds,
    Part,
    Priority,
    PromiseSeconds,
    QuorumHost,
    QuorumSeconds,
    RecordName,
    Region,
    RoleArn,
    RouteBlock,
    RouteTableId,
    Seconds,
    StartSeconds,
    VpcId,
    ZoneId,
)
from understudy.domain.tuning import LIMITS


class NodeDocument(Part):
    """An EC2 instance that can run the service, or a witness, which only beats."""

    name: Name = Field(description="What people call the node.")
    instance_id: InstanceId
    role: Literal["serving", "witness"] = Field(
        "serving", description="A witness beats, counts for a majority, and never serves."
    )
    priority: Priority | None = Field(
        None,
        validate_default=True,
        description="The fit node with the lowest number is taken first. Every node needs one but a witness.",
    )
    alarms: tuple[AlarmName, ...] = Field(
        (), max_length=10, description="CloudWatch alarms that mean: this node failed."
    )

    @field_validator("priority")
    @classmethod
    def _only_of_serving(cls, value: int | None, info: ValidationInfo) -> int | None:
        is_witness = info.data.get("role") == "witness"
        if value is None and not is_witness:
            raise PydanticCustomError("missing", "Field required")
        if value is not None and is_witness:
            raise ValueError("a witness never serves and has no priority")
        return value


class RecordDocument(Part):
    """A Route 53 record that carries the active node's IP address."""

    kind: Literal["route53_record"]
    hosted_zone_id: ZoneId
    name: RecordName = Field(description="The protected host name.")
    type: Literal["A", "AAAA"] = "A"
    role_arn: RoleArn = Field("", description="The role to assume where the zone is another account's.")
    external_id: ExternalId = Field("", description="What that role asks for as external ID, if it does.")


class RouteDocument(Part):
    """An address outside the VPC, to which routes in VPC route tables lead."""

    kind: Literal["route_table"]
    address: RouteBlock = Field(description="An IPv4 address, or a CIDR block of /24 or smaller, outside the VPC.")
    route_table_ids: tuple[RouteTableId, ...] = Field(min_length=1, max_length=16)


class ElasticIpDocument(Part):
    """An Elastic IP address, associated with the active node."""

    kind: Literal["elastic_ip"]
    allocation_id: AllocationId


AddressDocument = Annotated[RecordDocument | RouteDocument | ElasticIpDocument, Field(discriminator="kind")]
"""What clients use and the controller moves."""


class ServiceDocument(Part):
    """A service by name. What it is, the agent's own file on the node says."""

    name: Name
    depends_on: tuple[Name, ...] = ()


class BudgetDocument(Part):
    """How many automatic failovers are allowed in a window of time."""

    count: Annotated[int, Field(ge=1, le=1000), NoTruth] = 3
    window_s: Annotated[int, Field(ge=60, le=604800), NoTruth] = 3600


class FencingDocument(Part):
    """How the node before is kept from serving, and what is taken as proof that it does not."""

    stop_instance: StrictBool = Field(
        default=False,
        description="true: a failed node is stopped through EC2. The stack's AllowStopInstances must be true.",
    )
    accept: tuple[Literal["released", "lease_expired", "stopped"], ...] = Field(
        default=("released", "lease_expired", "stopped"),
        min_length=1,
        max_length=3,
        description="The proofs that suffice.",
    )
    limit_s: FenceSeconds = Field(default=60, description="How long a proof is waited for.")
    unproven: Literal["hold", "proceed"] = Field(
        default="hold",
        description="At the limit without a proof. hold: nothing moves. proceed: the new node starts; two may serve.",
    )


class FailbackDocument(Part):
    """Whether the service goes back by itself to the node of the best priority."""

    mode: Literal["manual", "automatic"]
    stable_for_s: Annotated[int, Field(ge=60, le=604800), NoTruth] = Field(
        default=600, description="How long that node must have been fit without a break."
    )
    hours: DayHours = Field(
        default="", description="When it may go back, in UTC, for example 22:00-06:00. Always when empty."
    )
    days: tuple[Day, ...] = Field(
        default=(), max_length=7, description="Days on which these hours begin. Every day when empty."
    )


class ApprovalDocument(Part):
    """Moves that wait for a person's consent before they are opened."""

    actions: tuple[Literal["failover", "switchover", "failback"], ...] = Field(
        default=(),
        alias="for",
        max_length=3,
        description="Which moves; none when empty. The outage of a failover grows by the wait.",
    )
    wait_s: ApprovalSeconds = Field(default=600, description="How long an answer is waited for.")
    on_timeout: Literal["proceed", "hold"] = Field(
        default="hold",
        description="When nobody has answered. hold: nothing moves. proceed: it goes on as if it had been approved.",
    )


class DrillDocument(Part):
    """Planned drills: the service is switched over and back within these hours, when nothing speaks against it."""

    every_days: Annotated[int, Field(ge=1, le=366), NoTruth]
    hours: DayHours = Field(description="When a drill may move the service, in UTC, for example 02:00-04:00.")
    days: tuple[Day, ...] = Field(default=(), max_length=7, description="Days on which these hours begin.")
    back_after_s: Annotated[int, Field(ge=120, le=21600), NoTruth] = Field(
        default=300, description="How long after its begin a drill comes back."
    )


def _spelled_out(value: Any) -> Any:
    """`failback: manual` is short for `failback: {mode: manual}`."""
    return {"mode": value} if isinstance(value, str) else value


class PolicyDocument(Part):
    """Timings in seconds, and choices. The timings must agree with each other."""

    heartbeat_interval_s: Seconds = 4
    lease_read_interval_s: Seconds = 2
    lease_s: Seconds = 12
    kill_limit_s: Seconds = 1
    drift_margin_s: Seconds = 2
    silence_limit_s: Seconds = 15
    observer_lag_limit_s: Seconds = 5
    service_start_limit_s: StartSeconds = 120
    promise_s: PromiseSeconds = None
    on_isolation: OnIsolation = "stop"
    outage_budget_s: OutageSeconds = None
    fencing: FencingDocument = FencingDocument()
    failback: Annotated[
        FailbackDocument,
        BeforeValidator(_spelled_out, json_schema_input_type=Literal["manual", "automatic"] | FailbackDocument),
    ] = FailbackDocument(mode="manual")
    max_failovers: BudgetDocument = BudgetDocument()
    approval: ApprovalDocument = ApprovalDocument()
    drill: DrillDocument | None = None


class QuorumDocument(Part):
    """What a node must have beside its health to take over.

    tcp_remote: it reaches more than half of the hosts itself. majority: more than half of all nodes are heard.
    """

    mode: Literal["none", "tcp_remote", "majority"] = "none"
    hosts: tuple[QuorumHost, ...] = Field(
        default=(), max_length=7, description="HOST:PORT of services outside the cluster that accept TCP connections."
    )
    timeout_s: QuorumSeconds = Field(default=2, description="So long may one connection take.")


def _within(name: str) -> Any:
    least, most = LIMITS[name]
    return Field(ge=least, le=most)


class TuningDocument(Part):
    """The tunables of the Recovery Kit for Route 53. What is left out is the stack's, or the default shown here."""

    ROUTE53_TTL: Annotated[int, _within("ROUTE53_TTL"), NoTruth] = 10
    ROUTE53_RECORD_INTERVAL: Annotated[int, _within("ROUTE53_RECORD_INTERVAL"), NoTruth] = 2
    ROUTE53_RECORD_TRY_COUNT: Annotated[int, _within("ROUTE53_RECORD_TRY_COUNT"), NoTruth] = 3
    ROUTE53_CHANGEID_INTERVAL: Annotated[int, _within("ROUTE53_CHANGEID_INTERVAL"), NoTruth] = 20
    ROUTE53_CHANGEID_TRY_COUNT: Annotated[int, _within("ROUTE53_CHANGEID_TRY_COUNT"), NoTruth] = 5
    ROUTE53_RECORDCHECK_INTERVAL: Annotated[int, _within("ROUTE53_RECORDCHECK_INTERVAL"), NoTruth] = 2
    ROUTE53_RECORDCHECK_TRY_COUNT: Annotated[int, _within("ROUTE53_RECORDCHECK_TRY_COUNT"), NoTruth] = 4


class ClientVpcDocument(Part):
    """A VPC whose clients resolve the protected name."""

    vpc_id: VpcId
    region: Region


class ClusterDocument(Part):
    """One protected service group: its nodes, its addresses, its services and its policy."""

    nodes: tuple[NodeDocument, ...] = Field(min_length=2, max_length=10)
    addresses: tuple[AddressDocument, ...] = Field(min_length=1, max_length=10)
    services: tuple[ServiceDocument, ...] = Field((), max_length=64)
    policy: PolicyDocument = PolicyDocument()
    quorum: QuorumDocument = QuorumDocument()
    tuning: TuningDocument = TuningDocument()
    client_vpcs: tuple[ClientVpcDocument, ...] = Field(
        (),
        max_length=50,
        description="Further VPCs with clients, for example peered ones. A private zone must know them.",
    )
    dns_forwarder: StrictBool = Field(
        False,
        description="true: on-premises clients reach a private zone by a DNS forwarder that is no inbound endpoint.",
    )
