"""What must always hold, each as a function with a name. A violation ends the run, whatever code it happens in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.support.asl_runner import Status
from understudy.domain.address import AddressStatus
from understudy.domain.model import ClusterState, TransitionAction
from understudy.domain.opening import MANUAL_RULE
from understudy.domain.record import Change, ChangeVerb, guard_epoch

if TYPE_CHECKING:
    from tests.simulation.world import World

FINISHING = (TransitionAction.REPAIR, TransitionAction.PLACE)
BY_SILENCE = ("active-is-silent", "overdue-and-active-is-silent")


class Violation(BaseException):
    """Something that must never be has been."""

    def __init__(self, invariant: str, found: str) -> None:
        super().__init__(f"{invariant}: {found}")
        self.invariant = invariant


def at_most_one_node_serves(world: World) -> None:
    """B4. Where a lease counts as proof, a node that thaws is excused until it can have killed what it runs.

    This is the gap that leases cannot close. `world.excuses_thaw` is False for a policy that accepts STOPPED alone.
    """
    serving = [machine for machine in world.machines if machine.serves()]
    if len(serving) > 1 and world.excuses_thaw:
        serving = [machine for machine in serving if world.clock.now_s >= machine.excused_until_s]
    if len(serving) > 1:
        raise Violation(
            "at_most_one_node_serves", f"{' and '.join(each.name for each in serving)} serve at the same moment"
        )


def epochs_never_fall(before: ClusterState, after: ClusterState) -> None:
    """B1, in the table."""
    if after.epoch < before.epoch:
        raise Violation("epochs_never_fall", f"the table goes from epoch {before.epoch} to {after.epoch}")


def no_lease_without_proof(before: ClusterState, after: ClusterState) -> None:
    """B4. The lease goes to a node only when the one before is proved harmless in the table, or is that node itself."""
    if after.active in (None, before.active):
        return
    if before.active is not None:
        raise Violation("no_lease_without_proof", f"the lease goes from {before.active} to {after.active} in one write")
    previous = before.previous
    if previous is not None and previous.node != after.active and previous.proof is None:
        raise Violation(
            "no_lease_without_proof", f"{after.active} gets the lease; nothing proves that {previous} ended"
        )


def record_obeys_the_newest_epoch(accepted: int, batch: Sequence[Change]) -> int:
    """B1, in Route 53: the epoch of this batch, which may not be below one that was accepted before."""
    written = [guard_epoch(change.record_set) for change in batch if change.verb is not ChangeVerb.DELETE]
    epoch = max(written, default=0)
    if epoch < accepted:
        raise Violation(
            "record_obeys_the_newest_epoch", f"a batch of epoch {epoch} is accepted after one of {accepted}"
        )
    return epoch


def no_failover_for_the_pipelines_sake(world: World, before: ClusterState, after: ClusterState) -> None:
    """B3. A node that is well and beats is not left because nobody at all could be heard.

    It may have stopped its service meanwhile, as its lease ran out: it takes it up again when it is heard.
    """
    opened = after.transition
    if after.epoch == before.epoch or opened is None or opened.action is not TransitionAction.FAILOVER:
        return
    if opened.rule not in BY_SILENCE or before.active is None:
        return
    machine = world.machine_of(before.active)
    if machine.is_well() and world.bus.only_the_pipeline_failed(machine, before.terms.heartbeat_interval_s):
        raise Violation(
            "no_failover_for_the_pipelines_sake",
            f"{machine.name} is well and beats; its beats were lost because nobody's could arrive",
        )


def nothing_begins_while_held(before: ClusterState, after: ClusterState, now_s: float) -> None:
    """B6. Under a hold nothing is opened that no operator asked for.

    What was begun before is carried through: its own execution tries the next node, or, once it is dead, what it left
    is finished; but a failover is not begun for that.
    """
    opened, left, hold = after.transition, before.transition, before.hold
    # Not Hold.is_on: what is tested here is not asked.
    is_held = hold is not None and (hold.until is None or now_s < hold.until)
    if after.epoch == before.epoch or opened is None or not is_held or opened.rule == MANUAL_RULE:
        return
    is_next_try = left is not None and left.execution == opened.execution
    is_left_over = left is not None and now_s >= left.deadline_at and opened.action in FINISHING
    if not (is_next_try or is_left_over):
        raise Violation("nothing_begins_while_held", f"{opened.action} is opened by {opened.rule} under {hold}")


def every_execution_ends(world: World) -> None:
    """B7, when the faults have stopped and the bound has passed."""
    running = [execution for execution in world.executions if execution.status is Status.RUNNING]
    if running:
        found = ", ".join(f"{each.name} in {each.state}" for each in running)
        raise Violation("every_execution_ends", f"still running: {found}")


def in_service_on_one_node(world: World) -> list[str]:
    """What is missing for the cluster to be well; empty when nothing is."""
    state, serving = world.ledger.state(), [machine for machine in world.machines if machine.serves()]
    missing = []
    if [machine.spec.instance_id for machine in serving] != [state.active]:
        missing.append(f"{[machine.name for machine in serving]} serves, and the table has {state.active}")
    elif not serving[0].reports_in_service():
        missing.append(f"{serving[0].name} is not in service yet")
    elif world.record_value() != serving[0].spec.address:
        missing.append(f"the record leads to {world.record_value()}, not to {serving[0].name}")
    if state.transition is not None:
        missing.append(f"a transition is open: {state.transition}")
    if state.hold is not None:
        missing.append(f"the cluster is held: {state.hold}")
    if state.address is None or state.address.status not in (AddressStatus.IN_SYNC, AddressStatus.UNCONFIRMED):
        missing.append(f"the address is {state.address}")
    return missing
