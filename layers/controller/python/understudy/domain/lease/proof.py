"""Proof before promotion: why the node that served before can serve no longer.

    last beat recorded        open                          not before
    heard_at ──────────────────┼──── active is cleared ────────┼──► time
       │ +0..1 s (cut off)     │ no later beat renews          │
       └── 1 s + lease_s + drift_margin_s ─────────────────────┘

The agent counts its lease from when it *sent* the beat, which is before EventBridge took it in: so its right to
serve has ended when the bound has passed, wherever the node is and whatever its clock says.

A node that is heard and not yet down is given time: as long as the proof is not written down, each such beat moves
the bound. The agent moves its own deadline by those of its recorded beats that say it has read of the end and is
stopping. So an orderly stop may take longer than the rest of the lease, and a node that is not heard costs no time.
Where nobody was heard without a gap since its last beat, the table may have been put back: the lease is counted from
there, as long as that is before its end.

No proof stands against the node's own newer word: one that has said since its lease was renewed last that it serves
under no lease (a machine that booted again, and its service came up by itself) is proved off by EC2 alone. That nobody
is known to hold the lease is no proof either, before every member that may serve has been asked.
"""

from understudy.domain.cluster.service_names import means_the_same
from understudy.domain.cluster.state import (
    INGESTION_CUT_OFF_S,
    ClusterState,
    Lease,
    PowerReading,
    Proof,
    ServiceStatus,
)
from understudy.domain.cluster.view import ClusterView
from understudy.domain.observe.serving import objectors, serves_unbound, unheard


def lease_expires_at(state: ClusterState, drift_margin_s: float) -> float | None:
    """When the previous holder's lease has certainly ended (seconds); None when there is no lease that could end."""
    holder = state.previous
    if holder is None or not holder.keeps_lease or holder.renewed_at is None:
        return None
    renewed_at, report = holder.renewed_at, state.nodes.get(holder.node)
    # Whatever epoch it has read: an agent that has just been restarted has read none, and may still be stopping.
    if report is not None and report.keeps_lease and report.service is not ServiceStatus.OUT_OF_SERVICE:
        renewed_at = max(renewed_at, report.heard_at or 0)
    return max(renewed_at, _kept_up_since(state)) + INGESTION_CUT_OFF_S + holder.lease_s + drift_margin_s


def _kept_up_since(state: ClusterState) -> int:
    """Since when beats have been recorded in this table without a gap, until the lease was ended (seconds).

    Before that it may have been put back to an earlier time: then the lease was renewed by beats that it knows nothing
    of, though by none after its end was written down.
    """
    moving = state.transition
    if moving is None:
        return 0
    runs = (report.heard_since for report in state.nodes.values() if report.due_by >= moving.opened_at)
    return min(min(runs, default=moving.opened_at), moving.opened_at)


def find_proof(view: ClusterView, power: PowerReading) -> Proof | None:
    """The proof that nobody but the transition's target can serve at `now`, or None.

    `power`: EC2's word on the previous holder, just read, or UNKNOWN. Only a proof that the policy accepts is one. What
    is recorded already stays, whatever the policy says today; but nothing stands against a newer word of a member.
    """
    holder = view.state.previous
    if holder is None and view.state.active is not None:
        return Proof.KEEPS_LEASE
    objecting = set(objectors(view))
    if objecting - {holder.node if holder else None}:
        return None
    if (holder is None or holder.is_assumed) and _unasked(view):
        return None
    if holder is None:
        return Proof.NO_HOLDER
    if holder.proof is not None and holder.node not in objecting:
        return holder.proof
    accepted = (proof for proof in evidence(view, power) if proof in view.policy.fencing.accept)
    return next(accepted, None)


def _unasked(view: ClusterView) -> bool:
    """Whether a member that may serve, beside the target and an assumed holder, has not said that it is down."""
    target = view.state.transition.target if view.state.transition else None
    holder = view.state.previous.node if view.state.previous else None
    return any(each != holder for each in unheard(view, besides=target))


def evidence(view: ClusterView, power: PowerReading) -> tuple[Proof, ...]:
    """Everything that speaks for the end of the previous holder's service, whether the policy accepts it or not."""
    holder = view.state.previous
    if holder is None:
        return ()
    expires_at = lease_expires_at(view.state, view.policy.drift_margin_s)
    report = view.state.nodes.get(holder.node)
    # An agent that knows other services than the definition's does not end these with its lease.
    is_unbound = serves_unbound(report) or not (report is None or means_the_same(report, view.definition, holder.node))
    found = {
        Proof.RELEASED: _has_released(view, holder),
        Proof.LEASE_EXPIRED: expires_at is not None and view.now >= expires_at and not is_unbound,
        Proof.STOPPED: power.is_off,
    }
    return tuple(proof for proof, is_found in found.items() if is_found)


def _has_released(view: ClusterView, holder: Lease) -> bool:
    """A beat sent under the epoch that ended the lease, by an agent, with every service of the definition down.

    Such a node starts nothing again without a new grant, so this proof does not age. An epoch that there has not been
    yet is none that the node can have read: it comes from another life of the table, and proves nothing here.
    """
    report = view.state.nodes.get(holder.node)
    return (
        report is not None
        and report.keeps_lease
        and holder.ended_epoch <= report.read_epoch <= view.state.epoch
        and report.service is ServiceStatus.OUT_OF_SERVICE
        and means_the_same(report, view.definition, holder.node)
    )
