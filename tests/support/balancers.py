"""A load balancer of the usual cluster, set up as the documents say. A test names only what it is about."""

from dataclasses import replace
from typing import Any

from tests.support.builders import NODE_A, NODE_B
from tests.support.readiness import VPC
from understudy.domain.cluster.balancer import Balancer, Ingress, Probing, Target, TargetGroup
from understudy.domain.cluster.definition import LoadBalancer

ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/orders-db/73e2d6bc24d8a067"
LOAD_BALANCER = LoadBalancer(ARN)
SERVICE_PORT, HTTP_PORT = 5432, 7412
BALANCER_GROUP, NODES_GROUP = "sg-balancer", "sg-nodes"


def a_probe(**changes: Any) -> Probing:
    """The quickest that AWS has."""
    usual = Probing("HTTP", str(HTTP_PORT), "/serving", "200", interval_s=5, timeout_s=2, healthy=2, unhealthy=2)
    return replace(usual, **changes)


def a_balancer(**changes: Any) -> Balancer:
    """A Network Load Balancer in the zones of the nodes, with a security group of its own."""
    zones = frozenset({"us-east-1a", "us-east-1b"})
    usual = Balancer("orders", "network", zones, ("subnet-a", "subnet-b"), frozenset({BALANCER_GROUP}))
    return replace(usual, **changes)


def targets(a: str = "healthy", b: str = "unhealthy", reason: str = "Target.FailedHealthChecks") -> tuple[Target, ...]:
    """node-a and node-b, with their states."""
    return tuple(
        Target(each, SERVICE_PORT, state, "" if state == "healthy" else reason)
        for each, state in ((NODE_A, a), (NODE_B, b))
    )


def a_group(**changes: Any) -> TargetGroup:
    """A target group that follows the lease: node-a is healthy."""
    usual = TargetGroup(
        kind="instance",
        protocol="TCP",
        vpc_id=VPC,
        probe=a_probe(),
        targets=targets(),
        balancers=(a_balancer(),),
        is_cross_zone=True,
        ends_connections=True,
        shows_clients=True,
    )
    return replace(usual, **changes)


def a_rule(port: int, *groups: str, blocks: tuple[str, ...] = (), has_lists: bool = False) -> Ingress:
    """That a security group lets in on one port."""
    return Ingress(port, port, frozenset(groups), blocks, has_lists)
