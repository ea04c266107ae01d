"""A definition as people write it. The JSON Schema for editors (`docs/cluster.schema.json`) is printed from here."""

from ipaddress import ip_network
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from understudy.domain.definition import LAST_PRIORITY
from understudy.domain.tuning import LIMITS

NAME = r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"
HOST = r"([A-Za-z0-9]([A-Za-z0-9.-]{0,90}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])"
DNS_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"


def _lower(value: Any) -> Any:
    """ASCII only: the lower case of some other letters, the Kelvin sign for one, is an ASCII letter."""
    return value.lower() if isinstance(value, str) and value.isascii() else value


def _no_truth(value: Any) -> Any:
    """YAML reads `yes` and `on` as true, and Python takes true for 1."""
    if isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004 - pydantic collects ValueErrors only
    return value


def _host_and_port(value: str) -> str:
    """HOST:PORT in lower case. Raises ValueError for a port that does not exist."""
    if not 1 <= int(value.rpartition(":")[2]) <= 65535:
        raise ValueError("must have a port from 1 to 65535")
    return value.lower()


def _block(value: str) -> str:
    """The CIDR block in Route's own notation. Raises ValueError for numbers above 255 and for bits beyond the mask."""
    return str(ip_network(value))


Name = Annotated[str, StringConstraints(pattern=NAME)]
InstanceId = Annotated[str, StringConstraints(pattern=r"^i-[0-9a-f]{8,17}$")]
ZoneId = Annotated[str, StringConstraints(pattern=r"^Z[A-Z0-9]{1,31}$")]
RecordName = Annotated[
    str,
    StringConstraints(max_length=240, pattern=rf"^({DNS_LABEL}\.)+{DNS_LABEL}\.?$"),
    BeforeValidator(_lower),
]
RoleArn = Annotated[
    str, StringConstraints(max_length=600, pattern=r"^(arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+)?$")
]
ExternalId = Annotated[str, StringConstraints(max_length=1224, pattern=r"^([A-Za-z0-9_+=,.@:/-]{2,})?$")]
RouteTableId = Annotated[str, StringConstraints(pattern=r"^rtb-[0-9a-f]{8,17}$")]
AllocationId = Annotated[str, StringConstraints(pattern=r"^eipalloc-[0-9a-f]{8,17}$")]
RouteBlock = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{1,3}(\.[0-9]{1,3}){3}(/(2[4-9]|3[0-2]))?$"), AfterValidator(_block)
]
VpcId = Annotated[str, StringConstraints(pattern=r"^vpc-[0-9a-f]{8,17}$")]
Region = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,4}(-[a-z]{1,12}){1,3}-[1-9]$")]
QuorumHost = Annotated[str, StringConstraints(pattern=rf"^{HOST}:[0-9]{{1,5}}$"), AfterValidator(_host_and_port)]
AlarmName = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")]
NoTruth = BeforeValidator(_no_truth)
Seconds = Annotated[float, Field(ge=0.1, le=3600), NoTruth]
QuorumSeconds = Annotated[float, Field(ge=0.1, le=60), NoTruth]
FenceSeconds = Annotated[float, Field(ge=1, le=600), NoTruth]
StartSeconds = Annotated[float, Field(ge=1, le=900), NoTruth]
DayHours = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$")]
Priority = Annotated[int, Field(ge=1, le=LAST_PRIORITY - 1), NoTruth]
PromiseSeconds = Annotated[
    Seconds | None, Field(description="How long a promise between agents lasts. null: as long as lease_s.")
]
OnIsolation = Annotated[
    Literal["stop", "keep"],
    Field(description="What the active node does when it can neither renew its lease nor get promises."),
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class NodeDocument(_Part):
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


class RecordDocument(_Part):
    """A Route 53 record that carries the active node's IP address."""

    kind: Literal["route53_record"]
    hosted_zone_id: ZoneId
    name: RecordName = Field(description="The protected host name.")
    type: Literal["A", "AAAA"] = "A"
    role_arn: RoleArn = Field("", description="The role to assume where the zone is another account's.")
    external_id: ExternalId = Field("", description="What that role asks for as external ID, if it does.")


class RouteDocument(_Part):
    """An address outside the VPC, to which routes in VPC route tables lead."""

    kind: Literal["route_table"]
    address: RouteBlock = Field(description="An IPv4 address, or a CIDR block of /24 or smaller, outside the VPC.")
    route_table_ids: tuple[RouteTableId, ...] = Field(min_length=1, max_length=16)


class ElasticIpDocument(_Part):
    """An Elastic IP address, associated with the active node."""

    kind: Literal["elastic_ip"]
    allocation_id: AllocationId


AddressDocument = Annotated[RecordDocument | RouteDocument | ElasticIpDocument, Field(discriminator="kind")]
"""What clients use and the controller moves."""


class ServiceDocument(_Part):
    """A service by name. What it is, the agent's own file on the node says."""

    name: Name
    depends_on: tuple[Name, ...] = ()


class BudgetDocument(_Part):
    """How many automatic failovers are allowed in a window of time."""

    count: Annotated[int, Field(ge=1, le=1000), NoTruth] = 3
    window_s: Annotated[int, Field(ge=60, le=604800), NoTruth] = 3600


class FencingDocument(_Part):
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


class FailbackDocument(_Part):
    """Whether the service goes back by itself to the node of the best priority."""

    mode: Literal["manual", "automatic"]
    stable_for_s: Annotated[int, Field(ge=60, le=604800), NoTruth] = Field(
        default=600, description="How long that node must have been fit without a break."
    )
    hours: DayHours = Field(
        default="", description="When it may go back, in UTC, for example 22:00-06:00. Always when empty."
    )
    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = Field(
        default=(), max_length=7, description="Days on which these hours begin. Every day when empty."
    )


def _spelled_out(value: Any) -> Any:
    """`failback: manual` is short for `failback: {mode: manual}`."""
    return {"mode": value} if isinstance(value, str) else value


class PolicyDocument(_Part):
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
    fencing: FencingDocument = FencingDocument()
    failback: Annotated[
        FailbackDocument,
        BeforeValidator(_spelled_out, json_schema_input_type=Literal["manual", "automatic"] | FailbackDocument),
    ] = FailbackDocument(mode="manual")
    max_failovers: BudgetDocument = BudgetDocument()


class QuorumDocument(_Part):
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


class TuningDocument(_Part):
    """The tunables of the Recovery Kit for Route 53. What is left out is the stack's, or the default shown here."""

    ROUTE53_TTL: Annotated[int, _within("ROUTE53_TTL"), NoTruth] = 10
    ROUTE53_RECORD_INTERVAL: Annotated[int, _within("ROUTE53_RECORD_INTERVAL"), NoTruth] = 2
    ROUTE53_RECORD_TRY_COUNT: Annotated[int, _within("ROUTE53_RECORD_TRY_COUNT"), NoTruth] = 3
    ROUTE53_CHANGEID_INTERVAL: Annotated[int, _within("ROUTE53_CHANGEID_INTERVAL"), NoTruth] = 20
    ROUTE53_CHANGEID_TRY_COUNT: Annotated[int, _within("ROUTE53_CHANGEID_TRY_COUNT"), NoTruth] = 5
    ROUTE53_RECORDCHECK_INTERVAL: Annotated[int, _within("ROUTE53_RECORDCHECK_INTERVAL"), NoTruth] = 2
    ROUTE53_RECORDCHECK_TRY_COUNT: Annotated[int, _within("ROUTE53_RECORDCHECK_TRY_COUNT"), NoTruth] = 4


class ClientVpcDocument(_Part):
    """A VPC whose clients resolve the protected name."""

    vpc_id: VpcId
    region: Region


class ClusterDocument(_Part):
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
