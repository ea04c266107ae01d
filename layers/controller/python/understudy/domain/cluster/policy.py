"""The policy of a cluster: timings, what proves an end, what moves by itself. All times are seconds."""

from dataclasses import dataclass, field
from enum import StrEnum

from understudy.domain.cluster.state import Proof, TransitionAction


class FailbackMode(StrEnum):
    """Who sends the service back to the node of the best priority."""

    MANUAL = "manual"  # a person
    AUTOMATIC = "automatic"  # the controller


class Otherwise(StrEnum):
    """What becomes of a move that has waited in vain, for a proof or for a person."""

    HOLD = "hold"  # nothing moves
    PROCEED = "proceed"  # it goes on all the same


@dataclass(frozen=True)
class FailoverBudget:
    """At most `count` automatic failovers in any `window_s` seconds."""

    count: int = 3
    window_s: int = 3600


@dataclass(frozen=True)
class Fencing:
    """How the node before is kept from serving, and what is taken as proof.

    `stop_instance`: a failed node is stopped through EC2. `accept`: the proofs that suffice. `limit_s`: how long a
    proof is waited for; then the transition ends without one (`unproven: hold`), or goes on all the same (`proceed`).
    """

    stop_instance: bool = False
    accept: tuple[Proof, ...] = (Proof.RELEASED, Proof.LEASE_EXPIRED, Proof.STOPPED)
    limit_s: float = 60
    unproven: str = "hold"

    @property
    def proceeds(self) -> bool:
        """Whether the policy lets a transition go on without a proof at the limit."""
        return self.unproven == Otherwise.PROCEED


@dataclass(frozen=True)
class FailbackPolicy:
    """Whether the service goes back by itself to the node of the best priority.

    `stable_for_s`: how long that node must have been fit. `hours`: "HH:MM-HH:MM" in UTC, empty for the whole day;
    `days`: of the week on which those hours begin (`mon`), empty for all.
    """

    mode: str = "manual"
    stable_for_s: int = 600
    hours: str = ""
    days: tuple[str, ...] = ()

    @property
    def is_automatic(self) -> bool:
        """Whether nobody needs to ask for it."""
        return self.mode == FailbackMode.AUTOMATIC


@dataclass(frozen=True)
class ApprovalPolicy:
    """Which moves wait for a person's consent before they are opened.

    `wait_s`: how long an answer is waited for; then nothing moves (`on_timeout: hold`), or it goes on (`proceed`).
    """

    actions: tuple[TransitionAction, ...] = ()
    wait_s: int = 600
    on_timeout: str = "hold"

    @property
    def proceeds(self) -> bool:
        """Whether the move goes on when nobody has answered."""
        return self.on_timeout == Otherwise.PROCEED

    @property
    def longest_s(self) -> int:
        """How long an execution may wait for a person at the most (seconds)."""
        return self.wait_s if self.actions else 0


@dataclass(frozen=True)
class DrillPolicy:
    """Planned drills: every `every_days` days, within `hours` ("HH:MM-HH:MM" in UTC) that begin on `days`.

    `back_after_s`: how long after it was begun the service is brought back.
    """

    every_days: int
    hours: str
    days: tuple[str, ...] = ()
    back_after_s: int = 300


@dataclass(frozen=True)
class FitnessPolicy:
    """What the nodes' own words on how fit they are do to the choice among them.

    `required`: whether one that says no word takes nothing over. `margin`: by how much a node must be fitter to go
    before one of better priority, in the unit of the nodes' numbers.
    """

    required: bool = False
    margin: int = 0


@dataclass(frozen=True)
class Policy:
    """Timings and choices of one cluster. All times are seconds.

    `outage_budget_s`: how long a planned move or a failover may take the service out; None: nobody said. `promise_s`:
    see `promised_s`. `on_isolation`: what a holder does that can neither renew its lease nor get promises: `stop`, or
    `keep` on serving, and then LEASE_EXPIRED is no proof against it. `retry_failed_start`: whether a failover goes to a
    node on which the service did not start, when no other is left.
    """

    heartbeat_interval_s: float = 4
    lease_read_interval_s: float = 2
    lease_s: float = 12
    kill_limit_s: float = 1
    drift_margin_s: float = 2
    silence_limit_s: float = 15
    observer_lag_limit_s: float = 5
    service_start_limit_s: float = 120
    promise_s: float | None = None
    on_isolation: str = "stop"
    outage_budget_s: float | None = None
    retry_failed_start: bool = True
    fencing: Fencing = field(default_factory=Fencing)
    failback: FailbackPolicy = field(default_factory=FailbackPolicy)
    max_failovers: FailoverBudget = field(default_factory=FailoverBudget)
    fitness: FitnessPolicy = field(default_factory=FitnessPolicy)
    approval: ApprovalPolicy = field(default_factory=ApprovalPolicy)
    drill: DrillPolicy | None = None

    @property
    def promised_s(self) -> float:
        """How long a promise between agents lasts: as long as the lease, unless the definition says otherwise."""
        return self.lease_s if self.promise_s is None else self.promise_s

    @property
    def hearing_s(self) -> float:
        """Within what a node must be heard again for the way of its beats to count as open: a beat and the lag.

        An outage of all beats that is not noticed by this is too short to make any node look silent: the timings are
        refused unless 2 x heartbeat_interval_s + observer_lag_limit_s + 1 is within silence_limit_s.
        """
        return self.heartbeat_interval_s + self.observer_lag_limit_s
