"""An accepted cluster definition: every default filled in, every address read from EC2."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from understudy.domain.tuning import Tuning


@dataclass(frozen=True)
class NodeSpec:
    """One member. Priority 1 is taken first.

    `address`, `zone`, `interface_id` and `address_v6` are what EC2 said when the definition was put (S3): all of the
    primary network interface; `address_v6` is empty when that has none.
    """

    name: str
    instance_id: str
    priority: int
    address: str
    zone: str
    alarms: tuple[str, ...] = ()
    interface_id: str = ""
    address_v6: str = ""


@dataclass(frozen=True)
class Record:
    """A protected Route 53 record (S4). `name` is lower case without a trailing dot.

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


@dataclass(frozen=True)
class Route:
    """A protected address outside the VPC: a route in each of these tables leads to the active node (S14).

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
    """A protected Elastic IP address, associated with the active node (S15)."""

    allocation_id: str

    @property
    def label(self) -> str:
        """What the address is called in outcomes and in the history."""
        return self.allocation_id


@dataclass(frozen=True)
class ServiceSpec:
    """A service by name only: what it is, the agent's own file says (B10)."""

    name: str
    depends_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class FailoverBudget:
    """At most `count` automatic failovers in any `window_s` seconds (B6)."""

    count: int = 3
    window_s: int = 3600


@dataclass(frozen=True)
class Policy:
    """Timings and choices of one cluster. All times are seconds.

    `promise_s`: see `promised_s`. `on_isolation`: what a holder does that can neither renew its
    lease nor get promises: `stop`, or `keep` on serving, and then LEASE_EXPIRED is no proof against it (B11).
    """

    heartbeat_interval_s: float = 4
    lease_read_interval_s: float = 2
    lease_s: float = 12
    kill_limit_s: float = 1
    drift_margin_s: float = 2
    silence_limit_s: float = 15
    observer_lag_limit_s: float = 5
    fence_limit_s: float = 60
    service_start_limit_s: float = 120
    promise_s: float | None = None
    on_isolation: str = "stop"
    failback: str = "manual"
    max_failovers: FailoverBudget = field(default_factory=FailoverBudget)

    @property
    def promised_s(self) -> float:
        """How long a promise between agents lasts: as long as the lease, unless the definition says otherwise."""
        return self.lease_s if self.promise_s is None else self.promise_s


@dataclass(frozen=True)
class ClientVpc:
    """A VPC in which clients resolve the protected name: a peered one, for example, also of another account (S2)."""

    vpc_id: str
    region: str


@dataclass(frozen=True)
class Definition:
    """What one cluster is. `version` grows with every accepted text; `digest` tells texts apart.

    `tuning_set`: the tunables that the text sets itself; `tuning`: those in force, with the stack's and the defaults.
    `dns_forwarder`: the operator states that on-premises clients reach the zone by a forwarder of their own (S2).
    """

    cluster: str
    version: int
    nodes: tuple[NodeSpec, ...]
    records: tuple[Record, ...]
    routes: tuple[Route, ...] = ()
    elastic_ips: tuple[ElasticIp, ...] = ()
    services: tuple[ServiceSpec, ...] = ()
    policy: Policy = field(default_factory=Policy)
    tuning_set: Mapping[str, int] = field(default_factory=dict)
    tuning: Tuning = field(default_factory=Tuning)
    digest: str = ""
    client_vpcs: tuple[ClientVpc, ...] = ()
    dns_forwarder: bool = False

    def node(self, instance_id: str) -> NodeSpec | None:
        """The member with this instance id, or None."""
        return next((node for node in self.nodes if node.instance_id == instance_id), None)

    def node_named(self, name: str) -> NodeSpec | None:
        """The member with this name, or None."""
        return next((node for node in self.nodes if node.name == name), None)

    def name_of(self, instance_id: str) -> str:
        """The member's name for people; the instance id itself when it is no member any more."""
        node = self.node(instance_id)
        return node.name if node else instance_id

    @property
    def labels(self) -> tuple[str, ...]:
        """What the cluster's addresses are called, in the order in which they are moved."""
        every: tuple[Record | Route | ElasticIp, ...] = (*self.records, *self.routes, *self.elastic_ips)
        return tuple(each.label for each in every)

    def leads_to(self, node: NodeSpec) -> Mapping[str, str]:
        """What each address, by its label, carries when `node` is the active one: an IP address or an interface."""
        return {
            **{each.label: node.address_v6 if each.type == "AAAA" else node.address for each in self.records},
            **{f"{each.label} in {table}": node.interface_id for each in self.routes for table in each.route_table_ids},
            **{each.label: node.interface_id for each in self.elastic_ips},
        }
