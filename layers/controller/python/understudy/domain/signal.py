"""What EC2 and CloudWatch say of a node (S11)."""

from dataclasses import dataclass

from understudy.domain.model import PowerReading


@dataclass(frozen=True)
class PowerSignal:
    """EC2's word on an instance, with the time of its event (whole seconds)."""

    instance_id: str
    power: PowerReading
    at: int


@dataclass(frozen=True)
class AlarmSignal:
    """CloudWatch's word on an alarm that a definition names for a node, with the time of its event (whole seconds)."""

    instance_id: str
    alarm: str
    on: bool
    at: int


@dataclass(frozen=True)
class FaultSignal:
    """In what an instance is not as this version of the definition has it (S3); empty `fault`: it is, again."""

    instance_id: str
    fault: str
    definition_version: int


Signal = PowerSignal | AlarmSignal | FaultSignal
