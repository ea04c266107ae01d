"""What must always hold, looked at after everything that happens. A violation is noted, and ends the branch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from understudy.domain.cluster.record import Change, ChangeVerb, guard_epoch
from understudy.domain.cluster.state import ClusterState, NodeReport, Proof, ServiceStatus, Stage
from understudy_agent.lease import LeaseAnswer, Order
from understudy_agent.loop import Agent

if TYPE_CHECKING:
    from tests.explorer.node import Node
    from tests.explorer.world import World

PAIR_TOLD_MS = 45_000
LOOKED_AT_MS = 15_000
"""Within what an agent has looked at its services, and has said what it found."""
WAITS_MS = 20_000
HEARD_S = 15
STOPPED = Proof.STOPPED
UNSERVED_MS, LIED_TO_MS = 100_000, 40_000


@dataclass(frozen=True)
class Violation:
    """Something that must never be has been."""

    property: str
    found: str


@dataclass
class Watches:
    """What the properties remember from one moment to the next."""

    pair_since_ms: int | None = None
    unserved_since_ms: int | None = None
    guard: int = 0
    liar: str = ""
    serves_ms: int = 0

    def key(self, world: World) -> Any:
        def ago(at_ms: int | None) -> int | None:
            return None if at_ms is None else max(at_ms - world.ms, -130_000)

        told = self.pair_since_ms is not None and world.announcer.called_ms >= self.pair_since_ms
        return (ago(self.pair_since_ms), told, ago(self.unserved_since_ms), self.guard, self.liar)


def always(world: World) -> None:
    """At most one node serves what the product has started or keeps. A machine that thaws is excused for an instant."""
    serving = [node for node in world.nodes if node.serves_for_product()]
    if len(serving) > 1:
        serving = [node for node in serving if world.ms >= node.excused_until_ms]
        if len(serving) > 1 and not world.unproven:
            world.violates("at_most_one_node_serves", " and ".join(node.name for node in serving) + " serve")


def _beside(world: World, node: Node) -> list[str]:
    """Who serves for the product beside this node, and is not excused."""
    if world.unproven:
        return []
    others = [each for each in world.nodes if each is not node and each.serves_for_product()]
    return [each.name for each in others if world.ms >= each.excused_until_ms]


def at_start(world: World, node: Node, service: str) -> None:
    """Just before a service is started by the product."""
    agent = node.agent
    for other in _beside(world, node):
        world.violates("nothing_starts_beside_a_server", f"{node.name} starts {service}, {other} serves")
    if agent is None:
        world.violates("nothing_starts_without_a_lease", f"{node.name} starts {service} without an agent")
        return
    lease_view, now_ms = agent._lease_view, node.now_ms()
    if lease_view.answer is not LeaseAnswer.MINE or lease_view.end_ms is None or now_ms >= lease_view.end_ms:
        world.violates("nothing_starts_without_a_lease", f"{node.name} starts {service} under {lease_view}")
    elif node.read_at_ms < node.fresh_since_ms:
        world.violates("nothing_starts_unread", f"{node.name} starts {service} by a read from before it stood still")


def after_tick(world: World, node: Node, agent: Agent) -> None:
    """No lease outlasts what the newest beat that was sent could have renewed."""
    lease_view, now_ms = agent._lease_view, node.now_ms()
    longest_ms = int(lease_view.terms.lease_s * 1000)
    if lease_view.lease_end_ms is not None and lease_view.lease_end_ms > now_ms + longest_ms:
        ahead_s = (lease_view.lease_end_ms - now_ms) / 1000
        world.violates("no_lease_outlasts_its_term", f"{node.name} counts on its lease for {ahead_s:g} s more")
    if agent._order is not Order.WAIT:
        node.waits_since_ms = None
    elif node.waits_since_ms is None:
        node.waits_since_ms = world.ms
    elif world.ms - node.waits_since_ms > WAITS_MS:
        found = f"{node.name} holds the lease and has waited for {WAITS_MS / 1000:g} s"
        world.violates("a_grant_waits_for_one_promise", found)


def at_write(world: World, before: ClusterState, after: ClusterState) -> None:
    """Every write of the state."""
    if after.epoch < before.epoch and not world.is_restoring:
        world.violates("epochs_never_fall", f"the table goes from epoch {before.epoch} to {after.epoch}")
    if after.definition_version != before.definition_version and after.epoch > before.epoch and not world.is_restoring:
        found = f"epoch {before.epoch} becomes {after.epoch}, and {after.active or 'nobody'} holds the lease"
        world.violates("registration_lifts_no_epoch", found)
    _proof(world, before, after)
    if after.active is not None and after.active != before.active and not world.is_restoring:
        _grant(world, before, after)
    opened, was = after.transition, before.transition
    if opened is not None and opened.stage is Stage.CONFIRMING and (was is None or was.stage is not Stage.CONFIRMING):
        _in_service(world, after)


def _proof(world: World, before: ClusterState, after: ClusterState) -> None:
    """A proof that is written down is true."""
    previous, was = after.previous, before.previous
    if previous is None or previous.proof is None or world.is_restoring:
        return
    if was is not None and was.node == previous.node and was.proof is previous.proof:
        return
    if previous.proof is Proof.UNPROVEN:
        world.unproven = True
        return
    node, report = world.node_of(previous.node), after.nodes.get(previous.node)
    if node.serves_for_product() and world.ms >= node.excused_until_ms and not world.shares_key:
        # Who goes on by promises serves on under a lease that is over: whoever gets the next one waits for them.
        world.violates("a_proof_is_true", f"{previous.proof} is written down, and {node.name} serves")
    elif report is not None and _speaks_against(report, previous.renewed_at, previous.proof):
        world.violates("no_proof_against_a_newer_word", f"{previous.proof} of {node.name}, which said {report.service}")
    elif previous.proof is Proof.RELEASED and _runs_long(world, node):
        world.violates("a_proof_is_true", f"RELEASED is written down, and a service of {node.name} runs")


def _speaks_against(report: NodeReport, renewed_at: int | None, proof: Proof | None) -> bool:
    """Whether the node's newest word is that it serves, and that no lease ends it."""
    if proof in (Proof.STOPPED, Proof.UNPROVEN) or report.service is ServiceStatus.OUT_OF_SERVICE:
        return False
    is_newer = report.heard_at is not None and (renewed_at is None or report.heard_at > renewed_at)
    return is_newer and not report.keeps_lease


def _runs_long(world: World, node: Node) -> bool:
    if not node.serves() or node.agent is None:
        return False
    now_ms = node.now_ms()
    return any(each.is_up(now_ms) and now_ms - each.since_ms > LOOKED_AT_MS for each in node.processes.values())


def _grant(world: World, before: ClusterState, after: ClusterState) -> None:
    """Whoever is granted the lease is alone, as far as anybody could know."""
    target, previous = world.node_of(str(after.active)), before.previous
    is_back = previous is not None and previous.node == after.active
    if before.active is not None:
        world.violates("no_lease_without_proof", f"it goes from {before.active} to {after.active} in one write")
    if previous is not None and not is_back and previous.proof is None:
        world.violates(
            "no_lease_without_proof", f"{target.name} gets the lease, and nothing proves that {previous} ended"
        )
    if world.unproven:
        return
    for other in [] if world.shares_key else _beside(world, target):
        world.violates("no_grant_beside_a_server", f"{target.name} gets the lease, {other} serves")
    for node in world.nodes:
        report = after.nodes.get(node.spec.instance_id)
        if node is target or report is None or report.power_now.is_off:
            continue
        is_proven_off = previous is not None and (previous.node, previous.proof) == (node.spec.instance_id, STOPPED)
        if previous is None and report.heard_at is None and not target.serves():  # who serves already is adopted
            world.violates("no_placement_unheard", f"{target.name} is placed, and {node.name} was never heard")
        elif not is_proven_off and _says_it_serves(world, report, is_first=previous is None):
            found = f"{target.name} gets the lease, {node.name} says {report.service}"
            world.violates("no_grant_against_a_newer_word", found)


def _says_it_serves(world: World, report: NodeReport, *, is_first: bool) -> bool:
    """Whether a node has said just now that it serves, and not under a lease that ends it."""
    is_heard = report.heard_at is not None and world.now_s - report.heard_at < HEARD_S
    return is_heard and report.service is not ServiceStatus.OUT_OF_SERVICE and (is_first or not report.keeps_lease)


def _in_service(world: World, after: ClusterState) -> None:
    assert after.transition is not None
    node = world.node_of(after.transition.target)
    now_ms = node.now_ms()
    missing = [
        each for each in world.setting.defined if each not in node.processes or not node.processes[each].is_up(now_ms)
    ]
    if missing and node.is_on and (set(missing) - set(node.processes)):
        world.violates("in_service_is_true", f"{node.name} counts as in service without {', '.join(missing)}")


def at_batch(world: World, batch: Sequence[Change]) -> None:
    """The epoch in the guard never falls."""
    epoch = max((guard_epoch(each.record_set) for each in batch if each.verb is not ChangeVerb.DELETE), default=0)
    if epoch < world.watches.guard:
        world.violates("guards_never_fall", f"a batch of epoch {epoch} is accepted after {world.watches.guard}")
    world.watches.guard = max(world.watches.guard, epoch)


def after_second(world: World) -> None:
    """What may not go on for long."""
    _pair(world)
    _unserved(world)


def _pair(world: World) -> None:
    """A pair of servers from outside causes, both heard, is told of within a bound."""
    watches = world.watches
    pair = [node for node in world.nodes if node.serves() and node.agent is not None and world.can_send(node)]
    if len(pair) < 2:
        watches.pair_since_ms = None
        return
    if watches.pair_since_ms is None:
        watches.pair_since_ms = world.ms
    state = world.state
    told = world.announcer.called_ms >= watches.pair_since_ms or (state is not None and state.alert is not None)
    if not told and world.ms - watches.pair_since_ms >= PAIR_TOLD_MS and state is not None:
        names = " and ".join(node.name for node in pair)
        world.violates("a_pair_is_told", f"{names} serve for {PAIR_TOLD_MS / 1000:g} s, and nobody is told")


def _unserved(world: World) -> None:
    """Where the one who could serve is let down for no reason: nobody serves, all is well, and nobody is told."""
    watches, state = world.watches, world.state
    excuse = state is None or state.hold or (state.alert and not watches.liar)
    if any(node.serves() for node in world.nodes) or world.weather or excuse:
        watches.unserved_since_ms = None
        return
    if watches.unserved_since_ms is None:
        watches.unserved_since_ms = world.ms
    if watches.liar and not _is_liars_turn(world, state) and world.ms - watches.unserved_since_ms >= LIED_TO_MS:
        world.violates(
            "a_lie_harms_its_liar_only", f"nobody serves for {LIED_TO_MS / 1000:g} s, since {watches.liar} lies"
        )
    if world.ms - watches.unserved_since_ms >= UNSERVED_MS:
        world.violates("served_or_told", f"nobody serves for {UNSERVED_MS / 1000:g} s, and nobody is told")


def _is_liars_turn(world: World, state: ClusterState | None) -> bool:
    """Whether the lease is, was or is to be the liar's: then it harms itself, and a limit or a person ends that."""
    if state is None:
        return True
    previous, opened = state.previous, state.transition
    involved = {state.active, previous.node if previous else None, opened.target if opened else None}
    return world.node(world.watches.liar).spec.instance_id in involved
