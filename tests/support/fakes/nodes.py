"""EC2 in memory."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from tests.support.fakes.faults import Faulty
from understudy.domain.cluster.definition import NodeSpec
from understudy.domain.cluster.errors import NodesUnreadableError
from understudy.domain.cluster.state import PowerReading
from understudy.domain.transition.stopping import StopAnswer, StopWord
from understudy.ports.nodes import InstanceFacts


class FakeNodes(Faulty):
    """Instances with power, address and zone. While `is_down`, EC2 cannot be read."""

    def __init__(self) -> None:
        super().__init__()
        self.powers: dict[str, PowerReading] = {}
        self.known: dict[str, InstanceFacts] = {}
        self.stops: list[str] = []
        self.answers: dict[str, StopAnswer] = {}
        self.is_down = False
        self.tags: dict[str, str] = {}
        """The tag understudy:member of an instance, by its id."""

    def launch(
        self, instance_id: str, address: str, zone: str, power: PowerReading = PowerReading.RUNNING, **facts: Any
    ) -> None:
        """Let EC2 know an instance. `facts`: what else InstanceFacts holds."""
        self.known[instance_id] = InstanceFacts(address, zone, **facts)
        self.powers[instance_id] = power

    def launch_as(self, spec: NodeSpec, **facts: Any) -> None:
        """Let EC2 know an instance that is just as a definition says, fit for every kind of address."""
        usual = {"address_v6": spec.address_v6, "interface_id": spec.interface_id, "vpc_id": "vpc-1"}
        self.launch(spec.instance_id, spec.address, spec.zone, **{"checks_source_dest": False, **usual, **facts})

    def power(self, instance_id: str) -> PowerReading:
        """As Nodes.power. It never raises: a fault that a test puts in is answered with UNKNOWN."""
        try:
            with self._called("power"):
                return PowerReading.UNKNOWN if self.is_down else self.powers.get(instance_id, PowerReading.UNKNOWN)
        except Exception:  # the port's promise: whatever goes wrong is not knowing
            return PowerReading.UNKNOWN

    def stop(self, instance_id: str) -> StopAnswer:
        """As Nodes.stop. An instance is `stopping` until a test says that it has stopped.

        `answers`: what EC2 says instead, by instance id; `stops`: every call.
        """
        with self._called("stop"):
            self.stops.append(instance_id)
            if self.is_down:
                return StopAnswer(StopWord.NOT_TAKEN, "EC2 is down")
            if instance_id in self.answers:
                return self.answers[instance_id]
            if instance_id not in self.powers:
                return StopAnswer(StopWord.NO_SUCH_INSTANCE, f"EC2 knows no instance {instance_id}")
            if not self.powers[instance_id].is_off:
                self.powers[instance_id] = PowerReading.STOPPING
            return StopAnswer(StopWord.ACCEPTED, str(self.powers[instance_id]))

    def facts(self, instance_ids: Iterable[str]) -> Mapping[str, InstanceFacts]:
        """As Nodes.facts."""
        with self._called("facts"):
            if self.is_down:
                raise NodesUnreadableError("EC2 is down")
            return {each: self._facts(each) for each in instance_ids if each in self.known}

    def tagged(self, tags: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """As Nodes.tagged."""
        with self._called("tagged"):
            if self.is_down:
                raise NodesUnreadableError("EC2 is down")
            gone = (PowerReading.TERMINATED, PowerReading.SHUTTING_DOWN)
            living = [each for each in sorted(self.tags) if self.powers.get(each) not in gone]
            found = {tag: tuple(each for each in living if self.tags[each] == tag) for tag in tags}
            return {tag: ids for tag, ids in found.items() if ids}

    def _facts(self, instance_id: str) -> InstanceFacts:
        known, power = self.known[instance_id], self.powers.get(instance_id, PowerReading.RUNNING)
        if power is PowerReading.TERMINATED:  # without its interface
            return InstanceFacts("", known.zone, power=power)
        return known if power is PowerReading.RUNNING else replace(known, power=power)
