"""Stopping a node through EC2: when it is due, what EC2 can answer, and when to go on without any proof."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.state import (
    Lease,
    PowerReading,
    Proof,
    ServiceStatus,
    TransitionAction,
)
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.situation import health_of
from understudy.domain.lease.proof import evidence, find_proof
from understudy.domain.observe.health import NodeHealth
from understudy.domain.observe.serving import objectors

HEARD = (NodeHealth.READY, NodeHealth.FAILED)


class StopWord(StrEnum):
    """EC2's answer to StopInstances. None of them proves anything: only the state `stopped` does."""

    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"  # protected, not permitted, or an instance that cannot be stopped: not asked again
    NO_SUCH_INSTANCE = "NO_SUCH_INSTANCE"
    NOT_TAKEN = "NOT_TAKEN"  # throttled or unreachable; nobody knows whether it was done: asked again


@dataclass(frozen=True)
class StopAnswer:
    """EC2's answer, and `said`: its words."""

    word: StopWord
    said: str = ""


@dataclass(frozen=True)
class StopTry:
    """What the history of an epoch keeps of the newest try to stop `node` (its name) at `at` (seconds)."""

    node: str
    word: StopWord
    said: str
    at: float
    tries: int = 1

    @property
    def facts(self) -> dict[str, Any]:
        """As it stands in the history and in the outcome."""
        return {**asdict(self), "word": str(self.word)}

    def is_due_again(self, now: float) -> bool:
        """Whether EC2 is asked again: only when it did not take the call, and each time after twice as long."""
        return self.word is StopWord.NOT_TAKEN and now >= self.at + 2**self.tries


def read_try(facts: Mapping[str, Any]) -> StopTry | None:
    """The newest try that an epoch's history tells of, or None."""
    story = facts.get("stop")
    return StopTry(**{**story, "word": StopWord(story["word"]), "tries": int(story["tries"])}) if story else None


def stop_faults(definition: Definition, may_stop: bool) -> list[str]:
    """The fault of a definition that wants nodes stopped in a stack that may not stop any."""
    if may_stop or not definition.policy.fencing.stop_instance:
        return []
    return [
        "policy.fencing.stop_instance: found true; this stack may not stop instances: deploy it with "
        "AllowStopInstances=true first, and tag the nodes with understudy:stack"
    ]


def is_stop_due(view: ClusterView, last: StopTry | None) -> bool:
    """Whether the previous holder is to be stopped now, under the open transition. `last`: its newest try.

    A node that failed over and is not heard is stopped at once, even when its lease has run out: a machine that was
    only frozen stays off. One that is heard is given its lease to release. A node that is left on purpose is stopped
    only when its services are down already and the policy accepts no other proof.
    """
    holder, transition = view.state.previous, view.state.transition
    if not view.policy.fencing.stop_instance or holder is None or holder.proof or transition is None:
        return False
    if view.definition.node(holder.node) is None or (last is not None and not last.is_due_again(view.now)):
        return False
    accepted = find_proof(view, PowerReading.UNKNOWN)
    is_down = bool(evidence(view, PowerReading.UNKNOWN))
    if transition.action is not TransitionAction.FAILOVER:
        return is_down and accepted is None
    if accepted is Proof.RELEASED:
        return False
    is_given_time = not is_down and view.now < transition.opened_at + holder.lease_s
    return not (is_given_time and _is_heard(view, holder))


def may_go_unproven(view: ClusterView) -> bool:
    """Whether the transition may go on without a proof, now that the limit is over: the policy or an operator said so.

    Never while a node says that it serves: that is no lack of proof, but proof of the contrary.
    """
    holder, transition = view.state.previous, view.state.transition
    if transition is None or not (view.policy.fencing.proceeds or transition.may_go_unproven):
        return False
    if set(objectors(view)) - {holder.node if holder else None}:
        return False
    if holder is None:
        return True
    report = view.state.nodes.get(holder.node)
    is_heard = health_of(replace(view, now=int(view.now)), holder.node) in HEARD
    return not (is_heard and report is not None and report.service is not ServiceStatus.OUT_OF_SERVICE)


def _is_heard(view: ClusterView, holder: Lease) -> bool:
    """Whether the holder is in touch and has a lease that it can release."""
    return holder.keeps_lease and health_of(replace(view, now=int(view.now)), holder.node) in HEARD
