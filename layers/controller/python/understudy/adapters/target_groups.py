"""Target groups of Elastic Load Balancing: TargetHealth for the watch, TargetGroupReader for the readiness check."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from understudy.adapters.aws_errors import code_of
from understudy.adapters.unreadable import unreadable
from understudy.domain.cluster.balancer import Balancer, Probing, Target, TargetGroup

NO_GROUP = "TargetGroupNotFound"
CROSS_ZONE = "load_balancing.cross_zone.enabled"
ENDS_CONNECTIONS = "target_health_state.unhealthy.connection_termination.enabled"
SHOWS_CLIENTS = "preserve_client_ip.enabled"
TRUE = "true"
OF_BALANCER = "use_load_balancer_configuration"


class TargetGroups:
    """Elastic Load Balancing, by a function that makes a boto3 client when one is needed."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect

    @cached_property
    def _client(self) -> Any:
        return self._connect()

    def targets(self, arn: str) -> tuple[Target, ...]:
        """See TargetHealth.targets."""
        with unreadable(f"the targets of {arn}"):
            found = self._client.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        return tuple(_target(each) for each in found)

    def probe(self, arn: str) -> Probing:
        """See TargetHealth.probe."""
        with unreadable(arn):
            (group,) = self._client.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
        return _probe(group)


class TargetGroupReadings:
    """The same for the readiness check, which looks at everything that belongs to a group."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect

    @cached_property
    def _client(self) -> Any:
        return self._connect()

    def target_group(self, arn: str) -> TargetGroup | None:
        """See TargetGroupReader.target_group."""
        with unreadable(arn):
            try:
                (group,) = self._client.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
            except ClientError as fault:
                if code_of(fault) == NO_GROUP:
                    return None
                raise
            return self._whole(arn, group)

    def _whole(self, arn: str, group: Mapping[str, Any]) -> TargetGroup:
        own = _attributes(self._client.describe_target_group_attributes(TargetGroupArn=arn))
        arns = group.get("LoadBalancerArns", [])
        found = self._client.describe_load_balancers(LoadBalancerArns=arns)["LoadBalancers"] if arns else []
        return TargetGroup(
            kind=group["TargetType"],
            protocol=group.get("Protocol", ""),
            vpc_id=group.get("VpcId", ""),
            probe=_probe(group),
            targets=TargetGroups(lambda: self._client).targets(arn),
            balancers=tuple(_balancer(each) for each in found),
            is_cross_zone=self._is_cross_zone(own.get(CROSS_ZONE, OF_BALANCER), arns),
            ends_connections=own.get(ENDS_CONNECTIONS, TRUE) == TRUE,
            shows_clients=own.get(SHOWS_CLIENTS) == TRUE,
        )

    def _is_cross_zone(self, own: str, arns: list[str]) -> bool:
        """By the group's own word, or else by that of every load balancer that uses it."""
        if own != OF_BALANCER:
            return own == TRUE
        every = [_attributes(self._client.describe_load_balancer_attributes(LoadBalancerArn=each)) for each in arns]
        return all(each.get(CROSS_ZONE) == TRUE for each in every)


def _attributes(answer: Mapping[str, Any]) -> Mapping[str, str]:
    return {each["Key"]: each.get("Value", "") for each in answer["Attributes"]}


def _target(answer: Mapping[str, Any]) -> Target:
    target, health = answer["Target"], answer["TargetHealth"]
    return Target(target["Id"], int(target.get("Port", 0)), health["State"], health.get("Reason", ""))


def _probe(group: Mapping[str, Any]) -> Probing:
    return Probing(
        protocol=group.get("HealthCheckProtocol", ""),
        port=str(group.get("HealthCheckPort", "")),
        path=group.get("HealthCheckPath", ""),
        codes=group.get("Matcher", {}).get("HttpCode", ""),
        interval_s=int(group["HealthCheckIntervalSeconds"]),
        timeout_s=int(group["HealthCheckTimeoutSeconds"]),
        healthy=int(group["HealthyThresholdCount"]),
        unhealthy=int(group["UnhealthyThresholdCount"]),
    )


def _balancer(answer: Mapping[str, Any]) -> Balancer:
    zones = answer.get("AvailabilityZones", ())
    return Balancer(
        name=answer["LoadBalancerName"],
        kind=answer["Type"],
        zones=frozenset(each["ZoneName"] for each in zones),
        subnets=tuple(each["SubnetId"] for each in zones if each.get("SubnetId")),
        groups=frozenset(answer.get("SecurityGroups", ())),
    )
