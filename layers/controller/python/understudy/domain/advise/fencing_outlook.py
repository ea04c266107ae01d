"""Which proofs could be had against the node that serves, should it have to be fenced now."""

from dataclasses import dataclass

from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.state import INGESTION_CUT_OFF_S, KEEP, ClusterState, Proof


@dataclass(frozen=True)
class ProofOutlook:
    """One kind of proof. `comes_alive`: of a node that is heard; `comes_dead`: of one that is no longer heard.

    `is_accepted`: by the policy. `how`: in words, how it is had, or why it is not.
    """

    proof: Proof
    is_accepted: bool
    comes_alive: bool
    comes_dead: bool
    how: str

    @property
    def line(self) -> str:
        """For a person, on one line."""
        return f"{self.proof}: {'accepted' if self.is_accepted else 'not accepted by the policy'}; {self.how}"


def outlook(state: ClusterState, definition: Definition, may_stop: bool) -> tuple[ProofOutlook, ...]:
    """Every proof against the last holder; nothing when nobody held the lease. `may_stop`: what the stack allows."""
    if state.last_holder is None:
        return ()
    keeps_lease, lease_s = _lease(state)
    accepted = definition.policy.fencing.accept
    expiry_s = INGESTION_CUT_OFF_S + lease_s + definition.policy.drift_margin_s
    stops = definition.policy.fencing.stop_instance and may_stop
    has_agent = "" if keeps_lease else "its beats do not say that it keeps a lease that ends by itself"
    return (
        ProofOutlook(
            Proof.RELEASED,
            Proof.RELEASED in accepted,
            keeps_lease,
            False,
            has_agent or "its agent says so itself when its services are down",
        ),
        ProofOutlook(
            Proof.LEASE_EXPIRED,
            Proof.LEASE_EXPIRED in accepted,
            keeps_lease,
            keeps_lease,
            has_agent or f"its lease has certainly ended {expiry_s:g} s after its last recorded beat",
        ),
        ProofOutlook(
            Proof.STOPPED,
            Proof.STOPPED in accepted,
            False,
            stops,
            "the controller stops a failed node through EC2"
            if stops
            else "only when EC2 says by itself that it is off",
        ),
    )


def dead_end(outlooks: tuple[ProofOutlook, ...]) -> str:
    """Why no failover of a dead holder could be proved, in words; empty when one could, or nobody is to be fenced."""
    if not outlooks or any(each.is_accepted and each.comes_dead for each in outlooks):
        return ""
    words = "; ".join(each.line for each in outlooks)
    return f"nothing that the policy accepts could be had against a node that has died: {words}"


def _lease(state: ClusterState) -> tuple[bool, float]:
    """Whether the last holder's lease ends by itself, and how long it is (seconds)."""
    if state.active is None:
        assert state.previous is not None  # noqa: S101 - the caller has looked
        return state.previous.keeps_lease, state.previous.lease_s
    report = state.nodes.get(state.active)
    keeps_lease = report is not None and report.keeps_lease and state.terms.on_isolation != KEEP
    return keeps_lease, state.terms.lease_s
