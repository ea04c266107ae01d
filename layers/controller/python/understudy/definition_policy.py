"""The policy of a definition: from its text to the values in force, and what in it cannot all be meant."""

from collections.abc import Iterator

from understudy.document import ApprovalDocument, ClusterDocument, FailbackDocument, FencingDocument
from understudy.domain.lease import contradictions
from understudy.domain.model import Proof, TransitionAction
from understudy.domain.policy import ApprovalPolicy, FailbackPolicy, FailoverBudget, Fencing, Policy

RENAMED = {"policy.fence_limit_s": "policy.fencing.limit_s"}
"""Keys of earlier versions by their path, and what they are called now."""


def policy_of(document: ClusterDocument) -> Policy:
    """The policy that a text stands for."""
    plain = document.policy.model_dump(exclude={"fencing", "failback", "max_failovers", "approval"})
    return Policy(
        **plain,
        fencing=_fencing(document.policy.fencing),
        failback=FailbackPolicy(**document.policy.failback.model_dump()),
        max_failovers=FailoverBudget(**document.policy.max_failovers.model_dump()),
        approval=_approval(document.policy.approval),
    )


def policy_faults(document: ClusterDocument) -> Iterator[str]:
    """Every pair of settings that cannot both be meant, with path and numbers."""
    yield from (f"policy: {fault}" for fault in contradictions(policy_of(document)))
    yield from _twice("policy.fencing.accept", document.policy.fencing.accept)
    yield from _twice("policy.failback.days", document.policy.failback.days)
    yield from _twice("policy.approval.for", document.policy.approval.actions)
    yield from _idle_approval(document.policy.approval)
    yield from _idle_failback(document.policy.failback)


def _fencing(document: FencingDocument) -> Fencing:
    accepted = {word.upper() for word in document.accept}
    return Fencing(
        stop_instance=document.stop_instance,
        accept=tuple(proof for proof in Proof if proof in accepted),
        limit_s=document.limit_s,
        unproven=document.unproven,
    )


def _approval(document: ApprovalDocument) -> ApprovalPolicy:
    actions = tuple(TransitionAction(word) for word in document.actions)
    return ApprovalPolicy(actions, document.wait_s, document.on_timeout)


def _twice(path: str, words: tuple[str, ...]) -> Iterator[str]:
    for word in dict.fromkeys(words):
        if words.count(word) > 1:
            yield f"{path}: found {word!r} more than once"


def _idle_failback(failback: FailbackDocument) -> Iterator[str]:
    if failback.mode == "manual" and failback.model_fields_set - {"mode"}:
        idle = ", ".join(sorted(failback.model_fields_set - {"mode"}))
        yield f"policy.failback: found {idle} with mode manual; they mean something with mode automatic only"
    begin, _, end = failback.hours.partition("-")
    if failback.hours and begin == end:
        yield f"policy.failback.hours: found {failback.hours!r}, which is no time; leave hours out for the whole day"


def _idle_approval(approval: ApprovalDocument) -> Iterator[str]:
    idle = ", ".join(sorted(approval.model_fields_set - {"actions"}))
    if idle and not approval.actions:
        yield f"policy.approval: found {idle} without a move in for; they mean something with one only"
