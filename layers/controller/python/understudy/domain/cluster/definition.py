"""An accepted cluster definition: every default filled in, every address read from EC2."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from understudy.domain.cluster.policy import Policy
from understudy.domain.cluster.tuning import Tuning

LAST_PRIORITY = 1001


class Role(StrEnum):
    """What a member is for."""

    SERVING = "serving"
    WITNESS = "witness"  # it beats, and never serves


@dataclass(frozen=True)
class NodeSpec:
    """One member. Priority 1 is taken first; a witness has LAST_PRIORITY, which nobody writes.

    `address`, `zone`, `interface_id`, `address_v6`, `subnet` and `zone_id` are what EC2 said when the definition was
    put: all of the primary network interface; `address_v6` is empty when that has none. `subnet` and `zone_id`,
    the zone's name in all accounts, are empty when an earlier version accepted the definition. `tag`: the value of the
    tag by which the instance was found; empty when it is named by its id.
    """

    name: str
    instance_id: str
    priority: int
    address: str
    zone: str
    alarms: tuple[str, ...] = ()
    interface_id: str = ""
    address_v6: str = ""
    role: Role = Role.SERVING
    subnet: str = ""
    zone_id: str = ""
    tag: str = ""


ZoneKey = tuple[str, str, str]
"""A hosted zone as it is reached: role ARN, zone id, external id; role and external id are empty for own zones."""


@dataclass(frozen=True)
class Record:
    """A protected Route 53 record. `name` is lower case without a trailing dot.

    A zone of another account is reached by the role `role_arn`, with `external_id` where that role asks for one.
    """

    hosted_zone_id: str
    name: str
    type: str = "A"
    role_arn: str = ""
    external_id: str = ""

    @property
    def label(self) -> str:
        """What the record is called in outcomes and in the history. The zone is in it: a name can be in several."""
        return f"{self.name} {self.type} {self.hosted_zone_id}"

    @property
    def zone(self) -> ZoneKey:
        """The zone that the record is in."""
        return (self.role_arn, self.hosted_zone_id, self.external_id)


@dataclass(frozen=True)
class Route:
    """A protected address outside the VPC: a route in each of these tables leads to the active node.

    `destination` is a CIDR block, for one address with /32 at its end.
    """

    destination: str
    route_table_ids: tuple[str, ...]

    @property
    def label(self) -> str:
        """What the route is called in outcomes and in the history."""
        return f"route {self.destination}"


@dataclass(frozen=True)
class ElasticIp:
    """A protected Elastic IP address, associated with the active node."""

    allocation_id: str

    @property
    def label(self) -> str:
        """What the address is called in outcomes and in the history."""
        return self.allocation_id


@dataclass(frozen=True)
class LoadBalancer:
    """A target group of a load balancer that asks the nodes themselves who serves: nobody moves it.

    `target_group_arn`: arn:<partition>:elasticloadbalancing:<region>:<account>:targetgroup/<name>/<id>.
    """

    target_group_arn: str

    @property
    def label(self) -> str:
        """What the target group is called in outcomes and in the history."""
        return f"target group {self.target_group_arn.split('/')[1]}"


@dataclass(frozen=True)
class ServiceSpec:
    """A service by name only: what it is, the agent's own file says."""

    name: str
    depends_on: tuple[str, ...] = ()


class QuorumMode(StrEnum):
    """What a node must have beside its health to take over."""

    NONE = "none"
    TCP_REMOTE = "tcp_remote"  # it reaches more than half of the hosts itself
    MAJORITY = "majority"  # more than half of the cluster's nodes, witnesses included, are heard


@dataclass(frozen=True)
class Quorum:
    """The quorum of a cluster. `hosts`: each as HOST:PORT, for TCP_REMOTE only; `timeout_s`: of one connection."""

    mode: QuorumMode = QuorumMode.NONE
    hosts: tuple[str, ...] = ()
    timeout_s: float = 2


@dataclass(frozen=True)
class ClientVpc:
    """A VPC in which clients resolve the protected name: a peered one, for example, also of another account."""

    vpc_id: str
    region: str


@dataclass(frozen=True)
class Definition:
    """What one cluster is. `version` grows with every accepted text; `digest` tells texts apart.

    `tuning_set`: the tunables that the text sets itself; `tuning`: those in force, with the stack's and the defaults.
    `dns_forwarder`: the operator states that on-premises clients reach the zone by a forwarder of their own.
    """

    cluster: str
    version: int
    nodes: tuple[NodeSpec, ...]
    records: tuple[Record, ...]
    routes: tuple[Route, ...] = ()
    elastic_ips: tuple[ElasticIp, ...] = ()
    load_balancers: tuple[LoadBalancer, ...] = ()
    services: tuple[ServiceSpec, ...] = ()
    policy: Policy = field(default_factory=Policy)
    tuning_set: Mapping[str, int] = field(default_factory=dict)
    tuning: Tuning = field(default_factory=Tuning)
    digest: str = ""
    client_vpcs: tuple[ClientVpc, ...] = ()
    dns_forwarder: bool = False
    quorum: Quorum = field(default_factory=Quorum)

    @cached_property
    def serving(self) -> tuple[NodeSpec, ...]:
        """The members that may serve: all but the witnesses, best priority first."""
        ranked = sorted(self.nodes, key=lambda node: (node.priority, node.name))
        return tuple(node for node in ranked if node.role is Role.SERVING)

    @cached_property
    def service_names(self) -> frozenset[str]:
        """What a serving member's beats must name."""
        return frozenset(service.name for service in self.services)

    def node(self, instance_id: str) -> NodeSpec | None:
        """The member with this instance id, or None."""
        for node in self.nodes:  # the most frequent question of all, so it is written out
            if node.instance_id == instance_id:
                return node
        return None

    def node_named(self, name: str) -> NodeSpec | None:
        """The member with this name, or None."""
        return next((node for node in self.nodes if node.name == name), None)

    def name_of(self, instance_id: str) -> str:
        """The member's name for people; the instance id itself when it is no member any more."""
        node = self.node(instance_id)
        return node.name if node else instance_id

    @property
    def preferred(self) -> NodeSpec:
        """The member of the best priority: the paper's primary. Every other one that may serve is a standby."""
        return self.serving[0]

    @property
    def labels(self) -> tuple[str, ...]:
        """What the cluster's addresses are called, in the order in which they are moved."""
        moved: tuple[Record | Route | ElasticIp, ...] = (*self.records, *self.routes, *self.elastic_ips)
        return tuple(each.label for each in (*moved, *self.load_balancers))

    @property
    def claims(self) -> Mapping[str, str]:
        """What this cluster alone may move: the label of each address by a key that is the same in every cluster.

        The records of one name have one key, as they have one guard; a route has one for each of its tables.
        """
        return {
            **{f"{each.hosted_zone_id} {each.name}": each.label for each in self.records},
            **{f"{table} {each.destination}": f"{each.label} in {table}" for each, table in self._tables()},
            **{each.allocation_id: each.label for each in self.elastic_ips},
            **{each.target_group_arn: each.label for each in self.load_balancers},
        }

    def leads_to(self, node: NodeSpec) -> Mapping[str, str]:
        """What each address that is moved carries when `node` is the active one: an IP address or an interface."""
        return {
            **{each.label: node.address_v6 if each.type == "AAAA" else node.address for each in self.records},
            **{f"{each.label} in {table}": node.interface_id for each, table in self._tables()},
            **{each.label: node.interface_id for each in self.elastic_ips},
        }

    def _tables(self) -> list[tuple[Route, str]]:
        return [(route, table) for route in self.routes for table in route.route_table_ids]
