"""By when every cluster of a crowd must have its record right, or its refusal, once nothing goes wrong any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.crowd_plan import LEFT_BEHIND_S
from tests.support.builders import a_definition
from understudy.domain.batching.group_commit import QUEUE_GAP_S, QUEUE_LIMIT_S, TURN_S
from understudy.domain.batching.rate_limits import A_SECOND, Bucket
from understudy.domain.cluster.intervals import LONGEST_REPAIR_GAP_S, change_gaps_s
from understudy.domain.cluster.state import Stage
from understudy.domain.transition.steps import STAGE_SLACK_S, TRY_LIMIT_S, deadline

if TYPE_CHECKING:
    from tests.simulation.crowd import Crowd

UNITS_OF_A_RECORD = 4
READS_OF_A_TURN = 2
TASK_S = 3 * 35 + 2 + 4
"""What one task may lose: a function that hangs until its task gives it up, three times, and the gaps between."""
WATCH_S, LOOK_S = 60, 2


def crowd_bound_s(crowd: Crowd) -> float:
    """Seconds. The worst that a fault can leave behind, one after the other:

    what is still on its way arrives; a writer that has just died keeps its zone for a turn; an execution that has just
    died keeps its transition until its deadline, which a wait may have put off; what is owed is left alone for the
    longest gap; then the move queues up, and each cluster of the crowd is paid for out of the share, alone in its batch
    and in its turn; then its change is waited for, and the watch asks for it.

        bound = left behind + TURN_S + task retries + max(deadline of a stage) + a try put off
              + LONGEST_REPAIR_GAP_S + QUEUE_LIMIT_S
              + clusters * (units of two records + requests of a turn, each at the share's rate, + a look)
              + all waits for INSYNC + two watches
    """
    definition = a_definition(3)
    longest_s = max(deadline(stage, definition, 0) for stage in Stage)
    put_off_s = QUEUE_GAP_S + TRY_LIMIT_S + STAGE_SLACK_S
    share = crowd.plan.share
    units_s = 2 * UNITS_OF_A_RECORD / (A_SECOND[Bucket.UNITS] * share)
    requests_s = READS_OF_A_TURN / (A_SECOND[Bucket.READS] * share) + 1 / (A_SECOND[Bucket.CHANGES] * share)
    return (
        LEFT_BEHIND_S
        + TURN_S
        + TASK_S
        + longest_s
        + put_off_s
        + LONGEST_REPAIR_GAP_S
        + QUEUE_LIMIT_S
        + len(crowd.names) * (units_s + requests_s + QUEUE_GAP_S + LOOK_S)
        + sum(change_gaps_s(definition.tuning))
        + 2 * WATCH_S
    )
