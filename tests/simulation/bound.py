"""By when a cluster must be well again once nothing goes wrong any more, from its policy and tunables."""

from tests.support.builders import CLUSTER
from tests.support.fakes.ledger import FakeLedger
from understudy.domain.cluster.intervals import LONGEST_REPAIR_GAP_S, change_gaps_s
from understudy.domain.cluster.state import Stage
from understudy.domain.transition.steps import deadline
from understudy.usecases.step import definition_in_force

WATCH_S = 60
RETRIES_S = 2 + 4 + 3 * 35
"""What one task may lose: a function that hangs until its task gives it up, three times, and the gaps between."""
DELIVERY_S = 120 + 60
"""How late a signal can still be delivered that was on its way when the faults ended: two retries, and its delay."""
BOOT_AND_AGENT_S = 5


def quiet_bound_s(ledger: FakeLedger, members: int) -> float:
    """Seconds. The worst that a fault can leave behind, one after the other:

    a step that has just died holds its transition open until the longest deadline of a stage; the next beat notices
    and a new transition is opened, which may have to fence, to move and to start once for every node, with what one
    task may lose each time; a record that drifted is seen by the next watch and put right by a repair.

        bound = late signals + task retries + max(deadline of a stage)
              + silence_limit_s + heartbeat_interval_s
              + members * (fencing.limit_s + tries of the record + service_start_limit_s + promise_s)
              + watch + LONGEST_REPAIR_GAP_S + all waits for INSYNC, twice (the transition, and the repair after it)
    """
    state = ledger.state(CLUSTER)
    definition = definition_in_force(ledger, state)
    policy, tuning = definition.policy, definition.tuning
    longest_s = max(deadline(stage, definition, 0) for stage in Stage)
    record_s = tuning.ROUTE53_RECORD_INTERVAL * tuning.ROUTE53_RECORD_TRY_COUNT
    once_s = policy.fencing.limit_s + record_s + policy.service_start_limit_s + policy.promised_s
    return (
        DELIVERY_S
        + RETRIES_S
        + longest_s
        + BOOT_AND_AGENT_S
        + policy.silence_limit_s
        + policy.heartbeat_interval_s
        + members * once_s
        + WATCH_S
        + LONGEST_REPAIR_GAP_S
        + 2 * sum(change_gaps_s(tuning))
    )
