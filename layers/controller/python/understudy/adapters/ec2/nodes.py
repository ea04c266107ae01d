"""What EC2 says of the nodes: Nodes."""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from understudy.adapters.aws_errors import NO_ANSWER, code_of, passes
from understudy.adapters.ec2.filters import filters
from understudy.domain.cluster.errors import NodesUnreadableError
from understudy.domain.cluster.state import PowerReading
from understudy.domain.cluster.tags import MEMBER_TAG
from understudy.domain.transition.stopping import StopAnswer, StopWord
from understudy.ports.nodes import InstanceFacts

UNKNOWN_INSTANCE = frozenset({"InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"})
SAID_LIMIT = 300
LIVING = ["pending", "running", "stopping", "stopped"]
NOT_IN_THIS_STATE = "IncorrectInstanceState"
"""It is booting, or on its way out: it can be stopped a little later, or is gone by itself."""
HIBERNATED = "Client.UserInitiatedHibernate"
"""EC2 calls it stopped too. Its memory is kept: started again, its services run on where they were."""
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
        """The instance's state.

        UNKNOWN when EC2 cannot be read, does not know the instance, or uses a word that we do not, and for an instance
        that was hibernated. Never raises.
        """
        try:
            return next((power_of(found) for found in self._instances([instance_id])), PowerReading.UNKNOWN)
        except Exception:  # whatever goes wrong, not knowing is the answer, and it never counts as off
            LOG.warning("EC2 cannot be read for %s", instance_id, exc_info=True)
            return PowerReading.UNKNOWN

    def stop(self, instance_id: str) -> StopAnswer:
        """StopInstances by force, past the operating system: what hangs does not shut down. Never raises.

        The skipping of the operating system is newer than the rest: a botocore that does not know it forces only.
        """
        try:
            known = self._client.meta.service_model.operation_model("StopInstances").input_shape.members
            past_the_system = {"SkipOsShutdown": True} if "SkipOsShutdown" in known else {}
            answer = self._client.stop_instances(InstanceIds=[instance_id], Force=True, **past_the_system)
        except NO_ANSWER as fault:
            return StopAnswer(StopWord.NOT_TAKEN, _short(fault))
        except ClientError as fault:
            return StopAnswer(_word(fault), _short(fault))
        words = [each["CurrentState"]["Name"] for each in answer["StoppingInstances"]]
        return StopAnswer(StopWord.ACCEPTED, ", ".join(words))

    def facts(self, instance_ids: Iterable[str]) -> Mapping[str, InstanceFacts]:
        """What EC2 says of each instance that it knows.

        One call for every FILTER_LIMIT instances. A terminated instance stays known to EC2 for an hour, but has no
        interface any more. Raises NodesUnreadableError.
        """
        try:
            found = list(self._instances(instance_ids))
        except (ClientError, *NO_ANSWER) as fault:
            raise NodesUnreadableError(str(fault)) from fault
        return {instance["InstanceId"]: _facts(instance, primary_interface(instance)) for instance in found}

    def tagged(self, tags: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """The living instances by their tag understudy:member. Raises NodesUnreadableError."""
        asked, living = {"Name": "instance-state-name", "Values": LIVING}, dict[str, list[str]]()
        try:
            for instance in self._found(f"tag:{MEMBER_TAG}", tags, asked):
                value = next(each["Value"] for each in instance["Tags"] if each["Key"] == MEMBER_TAG)
                living.setdefault(value, []).append(instance["InstanceId"])
        except (ClientError, *NO_ANSWER) as fault:
            raise NodesUnreadableError(str(fault)) from fault
        return {tag: tuple(sorted(ids)) for tag, ids in living.items()}

    def _instances(self, instance_ids: Iterable[str]) -> Iterator[Mapping[str, Any]]:
        return self._found("instance-id", instance_ids)

    def _found(self, name: str, values: Iterable[str], *more: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        for asked in filters(name, values):
            for page in self._client.get_paginator("describe_instances").paginate(Filters=[asked, *more]):
                for reservation in page["Reservations"]:
                    yield from reservation["Instances"]


def _word(fault: ClientError) -> StopWord:
    if code_of(fault) in UNKNOWN_INSTANCE:
        return StopWord.NO_SUCH_INSTANCE
    may_pass = passes(fault) or code_of(fault) == NOT_IN_THIS_STATE
    return StopWord.NOT_TAKEN if may_pass else StopWord.REFUSED


def _short(fault: Exception) -> str:
    """AWS's words, short enough for the history: an encoded authorisation message is long."""
    return str(fault)[:SAID_LIMIT]


def power_of(instance: Mapping[str, Any]) -> PowerReading:
    """UNKNOWN for a word that we do not know, and for one that hibernates."""
    word = instance["State"]["Name"]
    power = PowerReading(word) if word in list(PowerReading) else PowerReading.UNKNOWN
    is_asleep = instance.get("StateReason", {}).get("Code") == HIBERNATED
    return PowerReading.UNKNOWN if is_asleep and power is PowerReading.STOPPED else power


def primary_interface(instance: Mapping[str, Any]) -> Mapping[str, Any]:
    """The interface of device index 0 on network card 0; empty when none is attached.

    Each network card of an instance may have an interface of index 0.
    """
    for interface in instance.get("NetworkInterfaces", ()):
        attachment = interface.get("Attachment", {})
        place = (attachment.get("NetworkCardIndex", 0), attachment.get("DeviceIndex"))
        if place == (0, 0) and attachment.get("Status", "attached") == "attached":
            found: Mapping[str, Any] = interface
            return found
    return {}


def _facts(instance: Mapping[str, Any], interface: Mapping[str, Any]) -> InstanceFacts:
    return InstanceFacts(
        power=power_of(instance),
        address=interface.get("PrivateIpAddress", ""),
        zone=instance["Placement"]["AvailabilityZone"],
        address_v6=primary_v6(interface.get("Ipv6Addresses", ())),
        interface_id=interface.get("NetworkInterfaceId", ""),
        vpc_id=interface.get("VpcId", ""),
        checks_source_dest=interface.get("SourceDestCheck", True),
        subnet=interface.get("SubnetId", ""),
        zone_id=instance["Placement"].get("AvailabilityZoneId", ""),
    )


def primary_v6(addresses: Iterable[Mapping[str, Any]]) -> str:
    """The IPv6 address that EC2 marks as primary, else the first one; empty when there is none."""
    marked = sorted(addresses, key=lambda each: not each.get("IsPrimaryIpv6", False))
    return str(marked[0]["Ipv6Address"]) if marked else ""
