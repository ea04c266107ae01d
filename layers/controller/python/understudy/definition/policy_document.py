"""The policy of a definition as people write it. A test holds fields and defaults to those of the domain."""

from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    StrictBool,
)

from understudy.definition.parts import (
    ApprovalSeconds,
    Day,
    DayHours,
    FenceSeconds,
    NoTruth,
    OnIsolation,
    OutageSeconds,
    Part,
    PromiseSeconds,
    Seconds,
    StartSeconds,
)
from understudy.domain.cluster.fitness import MARGIN_LIMIT
from understudy.domain.lease.paces import PACES, timings_of
from understudy.domain.lease.terms import LATE_S


class BudgetDocument(Part):
    """How many automatic failovers are allowed in a window of time."""

    count: Annotated[int, Field(ge=1, le=1000), NoTruth] = 3
    window_s: Annotated[int, Field(ge=60, le=604800), NoTruth] = 3600


class FencingDocument(Part):
    """How the node before is kept from serving, and what is taken as proof that it does not."""

    stop_instance: StrictBool = Field(
        default=False,
        description="true: a failed node is stopped through EC2. The stack's AllowStopInstances must be true.",
    )
    accept: tuple[Literal["released", "lease_expired", "stopped"], ...] = Field(
        default=("released", "lease_expired", "stopped"),
        min_length=1,
        max_length=3,
        description="The proofs that suffice.",
    )
    limit_s: FenceSeconds = Field(default=60, description="How long a proof is waited for.")
    unproven: Literal["hold", "proceed"] = Field(
        default="hold",
        description="At the limit without a proof. hold: nothing moves. proceed: the new node starts; two may serve.",
    )


class FailbackDocument(Part):
    """Whether the service goes back by itself to the node of the best priority."""

    mode: Literal["manual", "automatic"]
    stable_for_s: Annotated[int, Field(ge=60, le=604800), NoTruth] = Field(
        default=600, description="How long that node must have been fit without a break."
    )
    hours: DayHours = Field(
        default="", description="When it may go back, in UTC, for example 22:00-06:00. Always when empty."
    )
    days: tuple[Day, ...] = Field(
        default=(), max_length=7, description="Days on which these hours begin. Every day when empty."
    )


class FitnessDocument(Part):
    """What the nodes' own words on how fit their data is (`fit` in the agent's file) do to the choice among them."""

    required: StrictBool = Field(
        default=False,
        description="true: a node that does not say how fit it is takes nothing over. One that says that it is not fit "
        "never does.",
    )
    margin: Annotated[int, Field(ge=0, le=MARGIN_LIMIT), NoTruth] = Field(
        default=0,
        description="By how much a node must be fitter to go before one of better priority, in the unit of the nodes' "
        "numbers.",
    )


class ApprovalDocument(Part):
    """Moves that wait for a person's consent before they are opened."""

    actions: tuple[Literal["failover", "switchover", "failback"], ...] = Field(
        default=(),
        alias="for",
        max_length=3,
        description="Which moves; none when empty. The outage of a failover grows by the wait.",
    )
    wait_s: ApprovalSeconds = Field(default=600, description="How long an answer is waited for.")
    on_timeout: Literal["proceed", "hold"] = Field(
        default="hold",
        description="When nobody has answered. hold: nothing moves. proceed: it goes on as if it had been approved.",
    )


class DrillDocument(Part):
    """Planned drills: the service is switched over and back within these hours, when nothing speaks against it."""

    every_days: Annotated[int, Field(ge=1, le=366), NoTruth]
    hours: DayHours = Field(description="When a drill may move the service, in UTC, for example 02:00-04:00.")
    days: tuple[Day, ...] = Field(default=(), max_length=7, description="Days on which these hours begin.")
    back_after_s: Annotated[int, Field(ge=120, le=21600), NoTruth] = Field(
        default=300, description="How long after its begin a drill comes back."
    )


def _spelled_out(value: Any) -> Any:
    """`failback: manual` is short for `failback: {mode: manual}`."""
    return {"mode": value} if isinstance(value, str) else value


def _paced(name: str, meaning: str = "", **more: Any) -> Any:
    """A timing that the pace chooses unless it is written: the schema shows what each pace chooses, and no default."""

    def shown(schema: dict[str, Any]) -> None:
        schema.pop("default", None)
        schema.update(more)

    chosen = ", ".join(f"{pace} {timings_of(pace)[name]:g}" for pace in PACES)
    return Field(
        default=timings_of("normal")[name],
        description=f"{meaning} By the pace: {chosen}.".strip(),
        json_schema_extra=shown,
    )


class PolicyDocument(Part):
    """Timings in seconds, and choices. The timings must agree with each other."""

    pace: Literal["calm", "normal", "fast", "fastest"] = Field(
        default="normal",
        description="Chooses the timings from heartbeat_interval_s to observer_lag_limit_s that are not written.",
    )
    heartbeat_interval_s: Seconds = _paced("heartbeat_interval_s")
    lease_read_interval_s: Seconds = _paced("lease_read_interval_s")
    lease_s: Seconds = _paced("lease_s")
    kill_limit_s: Seconds = _paced("kill_limit_s")
    drift_margin_s: Seconds = _paced(
        "drift_margin_s",
        f"What is added to a lease before it counts as over. Below {LATE_S} it is refused: an agent that hangs needs "
        "as long.",
        minimum=LATE_S,
    )
    silence_limit_s: Seconds = _paced("silence_limit_s")
    observer_lag_limit_s: Seconds = _paced("observer_lag_limit_s")
    service_start_limit_s: StartSeconds = 120
    promise_s: PromiseSeconds = None
    on_isolation: OnIsolation = "stop"
    outage_budget_s: OutageSeconds = None
    retry_failed_start: StrictBool = Field(
        default=True,
        description="Whether a failover goes to a node on which the service did not start, when no other is left. "
        "false: it then calls a person instead.",
    )
    fencing: FencingDocument = FencingDocument()
    failback: Annotated[
        FailbackDocument,
        BeforeValidator(_spelled_out, json_schema_input_type=Literal["manual", "automatic"] | FailbackDocument),
    ] = FailbackDocument(mode="manual")
    max_failovers: BudgetDocument = BudgetDocument()
    fitness: FitnessDocument = FitnessDocument()
    approval: ApprovalDocument = ApprovalDocument()
    drill: DrillDocument | None = None
