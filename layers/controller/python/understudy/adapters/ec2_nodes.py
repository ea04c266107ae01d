"""What EC2 says of the nodes: Nodes."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from understudy.adapters.aws_errors import NO_ANSWER
from understudy.domain.errors import NodesUnreadableError
from understudy.domain.model import PowerReading
from understudy.ports import InstanceFacts

LOG = logging.getLogger(__name__)


class Ec2Nodes:
    """EC2, by a function that makes a boto3 client when one is needed: EC2's is slow to make, and rarely is.

    Instances are asked for by filter: one that EC2 does not know is then left out, where asking by id fails for all.
    """

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect

    @cached_property
    def _client(self) -> Any:
        return self._connect()

    def power(self, instance_id: str) -> PowerReading:
        """The instance's state (B3, B4).

        UNKNOWN when EC2 cannot be read, does not know the instance, or uses a word that we do not. Never raises.
        """
        try:
            return next((_power(found) for found in self._instances([instance_id])), PowerReading.UNKNOWN)
        except Exception:  # whatever goes wrong, not knowing is the answer, and it never counts as off
            LOG.warning("EC2 cannot be read for %s", instance_id, exc_info=True)
            return PowerReading.UNKNOWN

    def facts(self, instance_ids: Iterable[str]) -> Mapping[str, InstanceFacts]:
        """Address and zone of each instance that EC2 knows and that has a primary network interface (S3).

        A terminated instance stays known to EC2 for an hour, but has none any more. Raises NodesUnreadableError.
        """
        try:
            found = list(self._instances(list(instance_ids)))
        except (ClientError, NO_ANSWER) as fault:
            raise NodesUnreadableError(str(fault)) from fault
        addresses = {instance["InstanceId"]: (_address(instance), instance) for instance in found}
        return {
            instance_id: InstanceFacts(address, instance["Placement"]["AvailabilityZone"])
            for instance_id, (address, instance) in addresses.items()
            if address is not None
        }

    def _instances(self, instance_ids: list[str]) -> Iterator[Mapping[str, Any]]:
        if not instance_ids:
            return
        asked = [{"Name": "instance-id", "Values": instance_ids}]
        for page in self._client.get_paginator("describe_instances").paginate(Filters=asked):
            for reservation in page["Reservations"]:
                yield from reservation["Instances"]


def _power(instance: Mapping[str, Any]) -> PowerReading:
    return PowerReading(instance["State"]["Name"])


def _address(instance: Mapping[str, Any]) -> str | None:
    for interface in instance.get("NetworkInterfaces", ()):
        if interface.get("Attachment", {}).get("DeviceIndex") == 0:
            address: str | None = interface.get("PrivateIpAddress")
            return address
    return None
