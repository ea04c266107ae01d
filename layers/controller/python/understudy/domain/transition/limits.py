"""How long one execution of the workflow may take, and how its waits keep within."""

from dataclasses import replace

from understudy.domain.cluster.intervals import change_gaps_s
from understudy.domain.cluster.policy import Policy
from understudy.domain.cluster.state import ClusterState, Stage, Transition
from understudy.domain.cluster.tuning import Tuning
from understudy.domain.transition.steps import STAGE_SLACK_S, TRY_LIMIT_S

EXECUTION_LIMIT_S = 2700
"""When Step Functions ends an execution, as the workflow's definition says it."""


def kept_open(state: ClusterState, wait_s: int, now: int) -> ClusterState:
    """The state with a deadline that leaves time to wait for `wait_s` from `now` (seconds) on and to try once more.

    The deadline was set by the tunables as they were then. Unchanged when it is late enough already.
    """
    least = now + wait_s + TRY_LIMIT_S + STAGE_SLACK_S
    if state.transition is None or state.transition.deadline_at >= least:
        return state
    return replace(state, transition=replace(state.transition, deadline_at=least))


def has_time_to_wait(transition: Transition | None, policy: Policy, wait_s: int, now: int) -> bool:
    """Whether the execution can wait for `wait_s`, try at Route 53 once more, and still do the stages that follow.

    Tunables of the stack and policies of clusters are put one by one, so together they can ask for more than
    EXECUTION_LIMIT_S. Then the tries at Route 53 end early: what is not moved is owed, what is not in sync propagates.
    """
    if transition is None:
        return True
    # The execution began some time before it asked or opened anything: one slack is for that.
    last_moment = transition.execution_begun_at + EXECUTION_LIMIT_S - STAGE_SLACK_S
    return now + wait_s + TRY_LIMIT_S + _still_to_come_s(transition.stage, policy) <= last_moment


def _still_to_come_s(stage: Stage, policy: Policy) -> float:
    """Close; after moving also grant the lease, start the service, and look at the change once."""
    if stage is Stage.CONFIRMING:
        return STAGE_SLACK_S
    return policy.service_start_limit_s + TRY_LIMIT_S + 4 * STAGE_SLACK_S


def exceeding_execution_limit(policy: Policy, tuning: Tuning) -> list[str]:
    """That the waits are together longer than an execution may last, in words with the numbers. Empty when they fit."""
    moving_s = tuning.ROUTE53_RECORD_INTERVAL * (tuning.ROUTE53_RECORD_TRY_COUNT - 1)
    polling_s = sum(change_gaps_s(tuning))
    slack_s = len(Stage) * STAGE_SLACK_S
    asking_s = policy.approval.longest_s
    total_s = asking_s + policy.fencing.limit_s + moving_s + policy.service_start_limit_s + polling_s + slack_s
    if total_s <= EXECUTION_LIMIT_S:
        return []
    asking = f"approval.wait_s {asking_s} + " if asking_s else ""
    return [
        f"{asking}{moving_s} s between updates (ROUTE53_RECORD_INTERVAL {tuning.ROUTE53_RECORD_INTERVAL}, "
        f"ROUTE53_RECORD_TRY_COUNT {tuning.ROUTE53_RECORD_TRY_COUNT}) + {polling_s} s between polls "
        f"(ROUTE53_CHANGEID_INTERVAL {tuning.ROUTE53_CHANGEID_INTERVAL}, ROUTE53_CHANGEID_TRY_COUNT "
        f"{tuning.ROUTE53_CHANGEID_TRY_COUNT}, and the doubling waits before) + "
        f"fencing.limit_s {policy.fencing.limit_s:g} "
        f"+ service_start_limit_s {policy.service_start_limit_s:g} + {slack_s} s for the steps is {total_s:g} s; "
        f"allowed: {EXECUTION_LIMIT_S} s, then the workflow ends. Lower an interval, a count or a limit"
    ]
