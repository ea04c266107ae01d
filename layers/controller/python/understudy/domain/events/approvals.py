"""The events about questions to people: whether a move may be opened."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

from understudy.domain.cluster.approval import commands
from understudy.domain.cluster.policy import Otherwise
from understudy.domain.cluster.state import TransitionAction
from understudy.domain.events.event import Concern, Epoch, Event, Severity, Words
from understudy.domain.events.facts import ClusterFacts, example_facts
from understudy.domain.events.reading import cluster_of, word
from understudy.domain.events.transitions import LOOK
from understudy.domain.transition.consent import Ended

COMMAND_LIMIT = 3000
"""A command to paste must be whole: a task token alone can have 1,024 characters."""
APPROVAL = "approval"
ALREADY_DENIED = "Nothing, if this is what you want. A move by hand needs an approval, too, if the policy says so."
"""What a person is to do first about a question that is closed. The board says the same."""


@dataclass(frozen=True, kw_only=True)
class ApprovalAsked(Event):
    """A move waits for a person."""

    detail_type: ClassVar[str] = "Understudy Approval Asked"

    cluster: str
    epoch: Epoch
    action: Annotated[str, TransitionAction]
    source: str | None  # the node before; null: nobody served
    target: str  # the node that is to serve
    rule: str
    why: str
    facts: ClusterFacts
    wait_s: int  # how long an answer is waited for
    on_timeout: Annotated[str, Otherwise]  # what becomes of the move without an answer
    execution: str
    approve: str  # the whole command that says yes
    deny: str  # the whole command that says no

    def words(self) -> Words:
        """The question, and the two commands that answer it."""
        cluster, action, target = cluster_of(self.cluster), word(self.action, 40), word(self.target, 60)
        then = "goes on without you" if self.on_timeout == Otherwise.PROCEED else "is not made"
        return Words(
            f"{cluster}: approve or deny a {action} to {target}",
            (
                f"A {action} of {cluster} from {word(self.source)} to {target} waits for a person: {word(self.why)}",
                f"Without an answer within {word(self.wait_s)} s it {then}.",
            ),
            ("Nothing has been moved or stopped: what was in service still is, if it is well.",),
            (
                "Look first. Then paste one of the two, with your name in it.",
                f"To approve: {word(self.approve, COMMAND_LIMIT)}",
                f"To deny: {word(self.deny, COMMAND_LIMIT)}",
            ),
            "approval",
        )

    def concern(self) -> Concern:
        """It waits for a person, and for no longer than it says."""
        return Concern(APPROVAL, Severity.CRITICAL)

    @classmethod
    def example(cls) -> Self:
        """A failover."""
        answers = commands("AQCEAAAAKgAAAAMAAAAAAAAAAd", "eu-central-1")
        return cls(
            cluster="orders-db",
            epoch=7,
            action=TransitionAction.FAILOVER,
            source="node-a",
            target="node-b",
            rule="active-is-silent",
            why="the active node has not been heard for silence_limit_s, and another node is fit",
            facts=example_facts(active="node-a", now=1790000021),
            wait_s=600,
            on_timeout=Otherwise.HOLD,
            execution="orders-db-epoch8-5f62adce8e13fe42",
            approve=answers["approve"],
            deny=answers["deny"],
        )


@dataclass(frozen=True, kw_only=True)
class ApprovalEnded(Event):
    """A question is closed."""

    detail_type: ClassVar[str] = "Understudy Approval Ended"
    told_note: ClassVar[str] = "not of a move that was approved"

    cluster: str
    epoch: Epoch
    action: TransitionAction
    source: str | None  # the node before; null: nobody served
    target: str  # the node that was to serve
    outcome: Ended
    by: str  # who said so; empty: nobody
    reason: str  # theirs
    why: str
    execution: str
    asked_again_at: int | None  # when it may be asked again at the earliest (seconds since 1970); null: at once

    def words(self) -> Words | None:
        """How it ended; None when it was approved: the move itself is published."""
        outcome = word(self.outcome, 40)
        if outcome == Ended.APPROVED:
            return None
        cluster, action = cluster_of(self.cluster), word(self.action, 40)
        said = {
            str(Ended.DENIED): f"was denied by {word(self.by)}: {word(self.reason)}",
            str(Ended.UNANSWERED): "was not answered in time",
            str(Ended.UNREADABLE): "got an answer that is neither a yes nor a no; it may be asked again",
            str(Ended.WITHDRAWN): "needs no answer any more",
        }.get(outcome, f"ended {outcome}")
        return Words(
            f"{cluster}: the question about a {action} ended {outcome}",
            (f"The question whether to make a {action} of {cluster} {said}.", word(self.why)),
            (LOOK,),
            (ALREADY_DENIED,),
            "approval",
        )

    def concern(self) -> Concern:
        """However it ended, nobody waits any more."""
        return Concern(APPROVAL, None)

    @classmethod
    def example(cls) -> Self:
        """A no."""
        return cls(
            cluster="orders-db",
            epoch=7,
            action=TransitionAction.FAILOVER,
            source="node-a",
            target="node-b",
            outcome=Ended.DENIED,
            by="the person on call",
            reason="the network is being worked on",
            why="the person on call said no: the network is being worked on",
            execution="orders-db-epoch8-5f62adce8e13fe42",
            asked_again_at=1790000621,
        )
