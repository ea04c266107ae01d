"""The policy of a definition: from its text to the values in force, and what in it cannot all be meant."""

from collections.abc import Iterator

from understudy.definition.document import ClusterDocument
from understudy.definition.policy_document import ApprovalDocument, DrillDocument, FailbackDocument, FencingDocument
from understudy.domain.cluster.policy import (
    ApprovalPolicy,
    DrillPolicy,
    FailbackPolicy,
    FailoverBudget,
    Fencing,
    FitnessPolicy,
    Policy,
)
from understudy.domain.cluster.state import Proof, TransitionAction
from understudy.domain.decide.failback import DAY_S
from understudy.domain.lease.paces import TIMINGS, timings_of
from understudy.domain.lease.terms import contradictions

RENAMED = {"policy.fence_limit_s": "policy.fencing.limit_s"}
"""Keys of earlier versions by their path, and what they are called now."""
PARTS = ("fencing", "failback", "max_failovers", "fitness", "approval", "drill")
"""Keys of a policy that have keys of their own."""


def policy_of(document: ClusterDocument) -> Policy:
    """The policy that a text stands for."""
    written = document.policy
    plain = written.model_dump(exclude={"pace", *TIMINGS, *PARTS})
    own = written.model_dump(include=written.model_fields_set & set(TIMINGS))
    return Policy(
        **plain,
        **{**timings_of(written.pace), **own},
        fencing=_fencing(document.policy.fencing),
        failback=FailbackPolicy(**document.policy.failback.model_dump()),
        max_failovers=FailoverBudget(**document.policy.max_failovers.model_dump()),
        fitness=FitnessPolicy(**document.policy.fitness.model_dump()),
        approval=_approval(document.policy.approval),
        drill=DrillPolicy(**document.policy.drill.model_dump()) if document.policy.drill else None,
    )


def policy_faults(document: ClusterDocument) -> Iterator[str]:
    """Every pair of settings that cannot both be meant, with path and numbers."""
    where = f"at pace {document.policy.pace}, " if "pace" in document.policy.model_fields_set else ""
    yield from (f"policy: {where}{fault}" for fault in contradictions(policy_of(document)))
    yield from _twice("policy.fencing.accept", document.policy.fencing.accept)
    yield from _twice("policy.failback.days", document.policy.failback.days)
    yield from _twice("policy.approval.for", document.policy.approval.actions)
    yield from _idle_approval(document.policy.approval)
    yield from _idle_failback(document.policy.failback)
    if document.policy.drill is not None:
        yield from _drill_faults(document.policy.drill, document.policy.failback)


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


def _drill_faults(drill: DrillDocument, failback: FailbackDocument) -> Iterator[str]:
    """A drill must be able to come back within its window, and before an automatic failback does."""
    yield from _twice("policy.drill.days", drill.days)
    begin_s, end_s = (60 * (int(text[:2]) * 60 + int(text[3:])) for text in drill.hours.split("-"))
    window_s = (end_s - begin_s) % DAY_S
    if window_s < 2 * drill.back_after_s:
        yield (
            f"policy.drill.hours: found {drill.hours!r}, {window_s} s, and back_after_s {drill.back_after_s}; "
            f"allowed: at least twice back_after_s, {2 * drill.back_after_s} s, so that it comes back in time"
        )
    if failback.mode == "automatic" and failback.stable_for_s <= 2 * drill.back_after_s:
        yield (
            f"policy.drill.back_after_s: found {drill.back_after_s}, and failback.stable_for_s "
            f"{failback.stable_for_s}; allowed: less than half of it, else the failback would end the drill"
        )
