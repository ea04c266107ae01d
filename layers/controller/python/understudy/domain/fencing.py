"""Proof before promotion (B4): why the node that served before can serve no longer.

    last beat recorded        open                          not before
    heard_at ──────────────────┼──── active is cleared ────────┼──► time
       │ +0..1 s (cut off)     │ no later beat renews          │
       └── 1 s + lease_s + drift_margin_s ─────────────────────┘

The agent counts its lease from when it *sent* the beat, which is before EventBridge took it in: so its right to
serve has ended when the bound has passed, wherever the node is and whatever its clock says.

A node that is heard and not yet down is given time: as long as the proof is not written down, each such beat moves
the bound. The agent moves its own deadline by those of its recorded beats that say it has read of the end and is
stopping. So an orderly stop may take longer than the rest of the lease, and a node that is not heard costs no time.
"""

from understudy.domain.model import ClusterState, PowerReading, PreviousHolder, Proof, ServiceStatus
from understudy.domain.policy import Policy

INGESTION_CUT_OFF_S = 1  # EventBridge gives its ingestion time in whole seconds, cut off


def lease_expires_at(state: ClusterState, drift_margin_s: float) -> float | None:
    """When the previous holder's lease has certainly ended (seconds); None when there is no lease that could end."""
    holder = state.previous
    if holder is None or not holder.keeps_lease or holder.renewed_at is None:
        return None
    renewed_at, report = holder.renewed_at, state.nodes.get(holder.node)
    # Whatever epoch it has read: an agent that has just been restarted has read none, and may still be stopping.
    if report is not None and report.keeps_lease and report.service is not ServiceStatus.OUT_OF_SERVICE:
        renewed_at = max(renewed_at, report.heard_at or 0)
    return renewed_at + INGESTION_CUT_OFF_S + holder.lease_s + drift_margin_s


def find_proof(state: ClusterState, policy: Policy, now: float, power: PowerReading) -> Proof | None:
    """The proof that the previous holder cannot serve at `now`, or None. `power`: EC2's word just read, or UNKNOWN.

    Only a proof that the policy accepts is one. What is recorded already stays, whatever the policy says today.
    """
    holder = state.previous
    if holder is None:
        return Proof.NO_HOLDER if state.active is None else Proof.KEEPS_LEASE
    if holder.proof is not None:
        return holder.proof
    accepted = (proof for proof in evidence(state, policy, now, power) if proof in policy.fencing.accept)
    return next(accepted, None)


def evidence(state: ClusterState, policy: Policy, now: float, power: PowerReading) -> tuple[Proof, ...]:
    """Everything that speaks for the end of the previous holder's service, whether the policy accepts it or not."""
    holder = state.previous
    if holder is None:
        return ()
    expires_at = lease_expires_at(state, policy.drift_margin_s)
    found = {
        Proof.RELEASED: _has_released(state, holder),
        Proof.LEASE_EXPIRED: expires_at is not None and now >= expires_at,
        Proof.STOPPED: power.is_off,
    }
    return tuple(proof for proof, is_found in found.items() if is_found)


def _has_released(state: ClusterState, holder: PreviousHolder) -> bool:
    """A beat sent under the epoch that ended the lease, by an agent, with every service down.

    Such a node starts nothing again without a new grant, so this proof does not age. An epoch that there has not been
    yet is none that the node can have read: it comes from another life of the table, and proves nothing here.
    """
    report = state.nodes.get(holder.node)
    return (
        report is not None
        and report.keeps_lease
        and holder.ended_epoch <= report.read_epoch <= state.epoch
        and report.service is ServiceStatus.OUT_OF_SERVICE
    )
