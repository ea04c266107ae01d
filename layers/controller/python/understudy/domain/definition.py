"""An accepted cluster definition: every default filled in, every address read from EC2."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from understudy.domain.tuning import Tuning


@dataclass(frozen=True)
class NodeSpec:
    """One member. Priority 1 is taken first. `address` and `zone`: what EC2 said when the definition was put (S3)."""

    name: str
    instance_id: str
    priority: int
    address: str
    zone: str
    alarms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Record:
    """The protected Route 53 record (S4). `name` is lower case without a trailing dot."""

    hosted_zone_id: str
    name: str
    type: str = "A"


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
    """Timings and choices of one cluster. All times are seconds."""

    heartbeat_interval_s: float = 4
    lease_read_interval_s: float = 2
    lease_s: float = 12
    kill_limit_s: float = 1
    drift_margin_s: float = 2
    silence_limit_s: float = 15
    observer_lag_limit_s: float = 5
    fence_limit_s: float = 60
    service_start_limit_s: float = 120
    failback: str = "manual"
    max_failovers: FailoverBudget = field(default_factory=FailoverBudget)


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
    record: Record
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
