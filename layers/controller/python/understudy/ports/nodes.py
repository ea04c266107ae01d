"""What the use cases need of EC2 and CloudWatch. Adapters and test fakes both keep to these."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from understudy.domain.cluster.state import Alarm, PowerReading
from understudy.domain.transition.stopping import StopAnswer


@dataclass(frozen=True)
class InstanceFacts:
    """What EC2 says of an instance: its zone, VPC and primary network interface, with that one's primary addresses.

    `address`: empty without a private IPv4 address, and when the instance is terminated. `zone_id`: the zone's name in
    all accounts (use1-az1).
    """

    address: str
    zone: str
    address_v6: str = ""
    interface_id: str = ""
    vpc_id: str = ""
    checks_source_dest: bool = True
    subnet: str = ""
    zone_id: str = ""
    power: PowerReading = PowerReading.RUNNING


class Nodes(Protocol):
    """EC2 as the controller sees it."""

    def power(self, instance_id: str) -> PowerReading:
        """The instance's state; UNKNOWN when it cannot be read or EC2 does not know the instance. Never raises."""
        ...

    def stop(self, instance_id: str) -> StopAnswer:
        """Stop the instance by force, without asking its operating system; what EC2 said to that. Never raises.

        Stopping what is stopped or being stopped already is ACCEPTED again.
        """
        ...

    def facts(self, instance_ids: Iterable[str]) -> Mapping[str, InstanceFacts]:
        """Each instance that EC2 knows, for an hour also one that is terminated.

        Raises NodesUnreadableError when EC2 cannot be read.
        """
        ...

    def tagged(self, tags: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """The ids of the living instances that have each of these values in the tag understudy:member.

        One that is terminated, or on its way there, does not live. Raises NodesUnreadableError.
        """
        ...


class Alarms(Protocol):
    """CloudWatch as the watch sees it."""

    def read(self, names: Collection[str]) -> Mapping[str, Alarm]:
        """Those of the alarms that CloudWatch knows, by name, each with the time of its last change (whole seconds).

        Raises UnreadableError when CloudWatch cannot be read.
        """
        ...


class ScalingGroups(Protocol):
    """EC2 Auto Scaling as the controller sees it."""

    def let_go(self, instance_id: str, group: str, hook: str) -> None:
        """Tell a group that its lifecycle hook need not wait for this instance any more.

        Harmless when it does not wait, or not any more. Raises NotLetGoError when the group was not told.
        """
        ...
