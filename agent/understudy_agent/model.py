"""What a service of a node is, and what a beat can say of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """What a beat says of a service."""

    OUT_OF_SERVICE = "OUT_OF_SERVICE"
    STARTING = "STARTING"
    IN_SERVICE = "IN_SERVICE"
    STOPPING = "STOPPING"
    FAILED = "FAILED"


class ServiceStep(Enum):
    """What is under way inside a state of a service."""

    REST = "REST"
    LOOK = "LOOK"
    CHECK = "CHECK"  # before a start: does it run already?
    START = "START"
    CONFIRM_START = "CONFIRM_START"
    STOP = "STOP"
    CONFIRM_STOP = "CONFIRM_STOP"
    KILL = "KILL"
    CONFIRM_KILL = "CONFIRM_KILL"


AT_REST = (ServiceStep.REST, ServiceStep.LOOK)
STARTS = (ServiceStep.CHECK, ServiceStep.START, ServiceStep.CONFIRM_START)
STOPS, KILLS = (ServiceStep.STOP, ServiceStep.CONFIRM_STOP), (ServiceStep.KILL, ServiceStep.CONFIRM_KILL)
LOOKS = (
    ServiceStep.LOOK,
    ServiceStep.CHECK,
    ServiceStep.CONFIRM_START,
    ServiceStep.CONFIRM_STOP,
    ServiceStep.CONFIRM_KILL,
)


@dataclass(frozen=True)
class ServiceSettings:
    """A service's name, what it depends on, its limits in seconds, and how often it is restarted on its node.

    `look_limit_s`: a look that takes longer is cut off, and has no answer.
    `restart_tries`: that many restarts within `restart_window_s`, before it is called FAILED; 0: none. From the
    second one on there is a pause before each: `restart_pause_s`, twice as long each time.
    """

    name: str
    depends_on: tuple[str, ...] = ()
    start_limit_s: float = 60.0
    stop_limit_s: float = 30.0
    check_interval_s: float = 5.0
    restart_tries: int = 2
    restart_window_s: float = 300.0
    restart_pause_s: float = 2.0
    look_limit_s: float = 5.0


@dataclass(frozen=True)
class StateChange:
    """A service changed its state, or there is news of it, and why."""

    service: str
    old: State | None
    new: State
    why: str
