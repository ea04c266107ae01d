"""A definition as people write it. The JSON Schema for editors (`docs/cluster.schema.json`) is printed from here."""

from dataclasses import fields
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    StrictBool,
    ValidationInfo,
    create_model,
    field_validator,
)
from pydantic_core import PydanticCustomError

from understudy.definition.parts import (
    AlarmName,
    AllocationId,
    ExternalId,
    InstanceId,
    MemberTag,
    Name,
    NoTruth,
    Part,
    Priority,
    QuorumHost,
    QuorumSeconds,
    RecordName,
    Region,
    RoleArn,
    RouteBlock,
    RouteTableId,
    TargetGroupArn,
    VpcId,
    ZoneId,
)
from understudy.definition.policy_document import PolicyDocument
from understudy.domain.cluster.tuning import LIMITS, Tuning
from understudy.domain.lease.paces import PROBE_S


class InstanceDocument(Part):
    """An EC2 instance by what it is tagged with: its successor takes its place when it is terminated."""

    tag: MemberTag = Field(description="The value of its tag understudy:member, which one living instance has.")


class NodeDocument(Part):
    """An EC2 instance that can run the service, or a witness, which only beats. It is named by its id or by its tag."""

    name: Name = Field(description="What people call the node.")
    instance: InstanceDocument | None = None
    instance_id: InstanceId | None = Field(None, validate_default=True)
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

    @field_validator("instance_id")
    @classmethod
    def _by_one_of_two(cls, value: str | None, info: ValidationInfo) -> str | None:
        if "instance" not in info.data:  # that has a fault of its own
            return value
        if value is None and info.data["instance"] is None:
            raise PydanticCustomError("missing", "Field required")
        if value is not None and info.data["instance"] is not None:
            raise ValueError("a node is named by instance_id or by instance, not by both")
        return value

    @property
    def tag(self) -> str:
        """Its tag; empty when it is named by its id."""
        return self.instance.tag if self.instance else ""

    @property
    def known_id(self) -> str:
        """Its id; empty as long as nobody has looked up its tag."""
        return self.instance_id or ""

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


class LoadBalancerDocument(Part):
    """A target group of a Network or Application Load Balancer that probes /serving of the nodes' agents."""

    kind: Literal["load_balancer"]
    target_group_arn: TargetGroupArn = Field(description="Its targets are the nodes that serve, and nothing else.")


AddressDocument = Annotated[
    RecordDocument | RouteDocument | ElasticIpDocument | LoadBalancerDocument, Field(discriminator="kind")
]
"""What clients use: the controller moves it, but for a load balancer, which follows the nodes' own word."""


class ServiceDocument(Part):
    """A service by name. What it is, the agent's own file on the node says."""

    name: Name
    depends_on: tuple[Name, ...] = ()


class QuorumDocument(Part):
    """What a node must have beside its health to take over.

    tcp_remote: it reaches more than half of the hosts itself. majority: more than half of all nodes are heard.
    """

    mode: Literal["none", "tcp_remote", "majority"] = "none"
    hosts: tuple[QuorumHost, ...] = Field(
        default=(), max_length=7, description="HOST:PORT of services outside the cluster that accept TCP connections."
    )
    timeout_s: QuorumSeconds = Field(
        default=PROBE_S,
        description="So long may one connection take. When it is not written: less where beats come more often.",
    )


def _tunables() -> dict[str, Any]:
    """A field for each of the domain's."""
    written = {}
    for each in fields(Tuning):
        least, most = LIMITS[each.name]
        bounds = Field(ge=least, le=most, description=each.metadata["meaning"])
        written[each.name] = (Annotated[int, bounds, NoTruth], each.default)
    return written


class TuningDocument(create_model("Tunables", __base__=Part, **_tunables())):  # type: ignore[misc]
    """The tunables of the Recovery Kit for Route 53. What is left out is the stack's, or the default shown here."""


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
