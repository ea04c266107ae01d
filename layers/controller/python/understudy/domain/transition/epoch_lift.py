"""A guard of our own that is ahead of the table: the table has lost moves, and the guard remembers the newest.

    table    1 ─ 2 ─ 3 ─ 4   a backup of epoch 2 is put back        3 (this move) ══► 6
    guard    1 ─ 2 ─ 3 ─ 5   "epoch 5, node-b"          refuses it ──┘                └── Route 53 takes it

Nothing is written over a higher guard. The table's epoch is lifted above it instead, so that every writer that still
carries an epoch in between is refused as before. And what the guard says is believed as far as it is dangerous not to:
the node that it names may be serving, whoever the table thinks was the last, and is fenced before anybody is granted
the lease. See docs/adr/0034.

A guard that no move of ours can have written is not lifted above. It stays, no address is moved, and the lease is
granted only when nobody else can be serving by the guard's word either.
"""

from dataclasses import replace

from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.record import Guard
from understudy.domain.cluster.state import KEEP, ClusterState, Lease, Stage
from understudy.domain.cluster.view import ClusterView
from understudy.domain.transition.steps import entered

LIFT_LIMIT = 10_000
"""By how many epochs a table is lifted at most: five weeks of backups with a move every five minutes. A guard that is
farther ahead was not written by moves of this cluster."""


def lift_objection(state: ClusterState, definition: Definition, guard: Guard, lifted_before: bool) -> str:
    """Why the table must not be lifted above this guard of its own cluster, in words; empty when it may be.

    `lifted_before`: whether this very execution has done so already.
    """
    where = f"the guard carries epoch {guard.epoch}, and the table knows none above {state.epoch}"
    if guard.epoch == state.epoch:
        where = f"the guard carries epoch {guard.epoch} for {guard.node}, which the table has for another node"
    if state.transition is None:
        return f"{where}; no transition is open"
    if lifted_before:
        return f"{where}, which was lifted once already: somebody else writes guards in this cluster's name"
    if guard.epoch - state.epoch > LIFT_LIMIT:
        return f"{where}; allowed: at most {LIFT_LIMIT} ahead"
    if not can_be_fenced(definition, guard):
        return (
            f"{where}; it names {guard.node}, which is no node of {state.cluster} that serves, and so cannot be fenced"
        )
    return ""


def may_grant(view: ClusterView, guard: Guard, fenced: str) -> bool:
    """Whether the lease may be granted although this guard is not lifted above: nobody else serves by its word.

    It names the target itself, or the node that was `fenced` (its name) for this very reason; or the target has the
    lease already, and is not stopped for a guard's sake.
    """
    assert view.state.transition is not None  # noqa: S101 - see lift_objection
    return view.state.active is not None or guard.node in (
        view.definition.name_of(view.state.transition.target),
        fenced,
    )


def can_be_fenced(definition: Definition, guard: Guard) -> bool:
    """Whether the guard names a node that serves in this cluster."""
    named = definition.node_named(guard.node)
    return named is not None and named in definition.serving


def fenced_anew(view: ClusterView, guard: Guard) -> ClusterState:
    """The state with the guard's node as the last holder, against which nothing is proved; the epoch stays.

    Its lease cannot have been renewed after `now` (seconds), since no table shows it as active any more.
    """
    transition, holder = view.state.transition, view.definition.node_named(guard.node)
    assert transition is not None and holder is not None  # noqa: S101 - see can_be_fenced
    report = view.state.nodes.get(holder.instance_id)
    keeps = KEEP in (view.state.terms.on_isolation, view.policy.on_isolation)
    lease = Lease(
        node=holder.instance_id,
        renewed_at=view.now,
        lease_s=max(view.state.terms.lease_s, view.policy.lease_s),
        keeps_lease=report is not None and report.keeps_lease and not keeps,
        ended_epoch=view.state.epoch,
    )
    fencing = replace(transition, source=holder.instance_id, opened_at=view.now, begun_at=transition.execution_begun_at)
    state = replace(view.state, active=None, previous=lease, transition=fencing)
    return entered(replace(view, state=state), Stage.FENCING)


def lifted(view: ClusterView, guard: Guard) -> ClusterState:
    """The state with its open transition under the epoch after the guard's, at `now` (seconds).

    A guard that names another node than the transition's target: that node held the lease under an epoch that the
    table has lost. It is the last holder, fenced anew, and nobody is active until there is a proof against it.
    """
    transition, holder = view.state.transition, view.definition.node_named(guard.node)
    assert transition is not None and holder is not None  # noqa: S101 - see lift_objection
    higher = replace(view.state, epoch=guard.epoch + 1)
    if holder.instance_id == transition.target:
        return entered(replace(view, state=higher), Stage.MOVING)
    return fenced_anew(replace(view, state=higher), guard)
