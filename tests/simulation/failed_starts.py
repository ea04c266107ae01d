"""A start that failed is not forgotten (B20): what the world remembers of it, beside the state of the cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.simulation.fitness import TAKES_BACK, sound
from tests.simulation.invariants import Violation
from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.state import ClusterState, NodeReport, ServiceStatus, TransitionAction
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.situation import Candidate, Observer, survey

if TYPE_CHECKING:
    from tests.simulation.world import World


@dataclass(frozen=True)
class Start:
    """A start that failed: under which lease, and what it was made with."""

    epoch: int
    boot: str
    definition_version: int


def after_a_commit(world: World, definition: Definition, before: ClusterState, written: ClusterState) -> None:
    """What holds of every write but beats. `before` is what its writer had read."""
    _a_failed_start_is_the_last_choice(world, definition, before, written)
    _remember(world, before, written)
    forget_what_is_over(world, written)
    _a_failed_start_is_remembered(world, definition, written)


def forget_what_is_over(world: World, state: ClusterState) -> None:
    """What need not be remembered any more, by the state as it stands now."""
    for instance_id, start in list(world.failed_starts.items()):
        report = state.nodes.get(instance_id)
        if report is None or _is_over(instance_id, report, start, state):
            del world.failed_starts[instance_id]


def _is_over(instance_id: str, report: NodeReport, start: Start, state: ClusterState) -> bool:
    is_another = report.boot != start.boot or state.definition_version != start.definition_version
    is_under_lease = report.read_epoch == start.epoch or (
        instance_id == state.active and (report.read_epoch == state.epoch or not report.keeps_lease)
    )
    return is_another or (report.service is ServiceStatus.IN_SERVICE and is_under_lease)


def _remember(world: World, before: ClusterState, after: ClusterState) -> None:
    """Who says under its lease that its service has failed, and loses the lease by this write."""
    report = before.nodes.get(before.active or "")
    if before.active is None or report is None or after.active == before.active or after.epoch == before.epoch:
        return
    is_said = report.service is ServiceStatus.FAILED and report.keeps_lease and report.read_epoch == before.epoch
    names = world.names_by_beat.get((before.active, report.boot, report.beat))
    if is_said and names == frozenset(world.services):
        world.failed_starts[before.active] = Start(before.epoch, report.boot, before.definition_version)


def _a_failed_start_is_the_last_choice(
    world: World, definition: Definition, before: ClusterState, after: ClusterState
) -> None:
    """No lease is opened for a node on which the service did not start while another one is fit, as was read."""
    opened = after.transition
    if opened is None or after.epoch == before.epoch or opened.action is TransitionAction.REPAIR:
        return
    if opened.target not in world.failed_starts or opened.target == before.active or opened.rule in TAKES_BACK:
        return
    others = [each for each in sound(world, definition, before, opened.opened_at) if each not in opened.tried]
    if others:
        found = (
            f"{opened.target} is to take over by {opened.rule}, and the service did not start there; {others} are fit"
        )
        raise Violation("a_failed_start_is_the_last_choice", found)


def _a_failed_start_is_remembered(world: World, definition: Definition, state: ClusterState) -> None:
    """It stands in the state, and a cluster that has no other standby is not told as well."""
    forgotten = world.failed_starts.keys() - state.failed_starts.keys()
    if forgotten:
        raise Violation("a_failed_start_is_remembered", f"{sorted(forgotten)} failed to start; the state has forgotten")
    standbys = {node.instance_id for node in definition.serving} - {state.active}
    if standbys and standbys <= world.failed_starts.keys():
        situation = survey(ClusterView(state, definition, int(world.clock.now_s)), Observer.TRUSTED)
        if situation.candidate is Candidate.FIT:
            raise Violation("a_failed_start_is_not_told_as_well", f"the service started on none of {sorted(standbys)}")
