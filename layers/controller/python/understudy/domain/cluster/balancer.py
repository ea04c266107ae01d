"""Target groups of load balancers as AWS has them, and what their probing means for those who wait for it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network

from understudy.domain.cluster.definition import Definition, NodeSpec

HEALTHY, UNHEALTHY, DRAINING = "healthy", "unhealthy", "draining"
SERVING_PATH = "/serving"


@dataclass(frozen=True)
class Probing:
    """How a target group asks its targets. Times are seconds; `healthy` and `unhealthy` count answers in a row.

    `port`: a number, or `traffic-port` for the service's own. `codes`: the HTTP statuses that count as well, as AWS
    writes them.
    """

    protocol: str
    port: str
    path: str
    codes: str
    interval_s: int
    timeout_s: int
    healthy: int
    unhealthy: int

    @property
    def taken_in_s(self) -> int:
        """Within what a target that has begun to serve gets its first connection, at the most."""
        return self.interval_s * self.healthy

    @property
    def taken_out_s(self) -> int:
        """For how long after its last good answer a target that answers at once gets connections, at the most."""
        return self.interval_s * self.unhealthy

    @property
    def explained_s(self) -> int:
        """For how long target health may differ from the lease because nobody has asked yet."""
        return max(self.taken_in_s, self.taken_out_s + self.timeout_s)


@dataclass(frozen=True)
class Target:
    """A target: an instance id or an address, and its port. `state` is AWS's word, and so is `reason`."""

    id: str
    port: int
    state: str
    reason: str = ""


@dataclass(frozen=True)
class Balancer:
    """A load balancer. `kind`: `network` or `application`. `groups`: its security groups, which it need not have."""

    name: str
    kind: str
    zones: frozenset[str]
    subnets: tuple[str, ...]
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True)
class TargetGroup:
    """A target group, its targets, and the load balancers that use it.

    `kind`: of its targets, `instance` or `ip`, or one that cannot be a node. `is_cross_zone`: each of the balancer's
    addresses leads to targets in every zone. `ends_connections`: those to a target that is unhealthy are ended.
    `shows_clients`: the targets see the clients' own addresses.
    """

    kind: str
    protocol: str
    vpc_id: str
    probe: Probing
    targets: tuple[Target, ...]
    balancers: tuple[Balancer, ...]
    is_cross_zone: bool
    ends_connections: bool
    shows_clients: bool


@dataclass(frozen=True)
class Ingress:
    """A rule of a security group for TCP: from which groups and CIDR blocks these ports may be reached.

    `has_lists`: it also names lists of addresses, which are not looked at.
    """

    first_port: int
    last_port: int
    groups: frozenset[str]
    blocks: tuple[str, ...]
    has_lists: bool = False

    def is_of(self, port: int) -> bool:
        """Whether it is about this port."""
        return self.first_port <= port <= self.last_port


def admitted(rules: Iterable[Ingress], port: int, groups: frozenset[str], blocks: Iterable[str]) -> bool:
    """Whether whoever has one of the groups, or else comes from any of the blocks, reaches the port."""
    of_port = [each for each in rules if each.is_of(port)]
    if any(each.groups & groups for each in of_port):
        return True
    wide = [ip_network(block) for each in of_port for block in each.blocks]
    open_blocks = [each for each in wide if isinstance(each, IPv4Network)]
    asked = [IPv4Network(block) for block in blocks]
    return bool(asked) and all(any(block.subnet_of(each) for each in open_blocks) for block in asked)


def is_target(target: Target, node: NodeSpec) -> bool:
    """Whether a target is this node, by its id or by its address."""
    return target.id in (node.instance_id, node.address)


def differences(definition: Definition, active: str, label: str, targets: Iterable[Target]) -> Iterator[str]:
    """In what the health of a group's targets is not what the lease says, in words.

    `active`: the instance that holds the lease, and whose services are all in service.
    """
    listed = list(targets)
    holder = definition.node(active)
    if holder is not None and not any(is_target(each, holder) and each.state == HEALTHY for each in listed):
        found = next((each for each in listed if is_target(each, holder)), None)
        words = f"is {found.state}{f' ({found.reason})' if found.reason else ''}" if found else "is no target"
        yield f"{label}: {holder.name}, which is in service, {words}"
    for each in listed:
        if each.state == HEALTHY and not (holder is not None and is_target(each, holder)):
            name = next((node.name for node in definition.nodes if is_target(each, node)), each.id)
            yield f"{label}: {name} is healthy, and does not hold the lease"
