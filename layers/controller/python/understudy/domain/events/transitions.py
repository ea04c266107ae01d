"""The events about transitions: how one began and ended, and what the table and Route 53 disagreed on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.state import TransitionAction
from understudy.domain.events.event import Concern, Epoch, Event, Severity, Words
from understudy.domain.events.facts import how_to_clear
from understudy.domain.events.reading import cluster_of, listed, mapping, word
from understudy.domain.transition.ending import CloseOutcome, Reason

LOOK = "Not known from this event: understudy status shows it."
MOVE = "move"
"""What all that becomes of a move is about for a pager: the end of the last one ends what those before have opened."""
QUIET_ACTIONS = (TransitionAction.SWITCHOVER, TransitionAction.PLACE, TransitionAction.REPAIR)
"""A move of these that ends well is what somebody has asked for, or changes nothing for clients."""
NOT_BROKEN = {"enum": [str(each) for each in CloseOutcome if each is not CloseOutcome.BROKEN]}
REASONS: Mapping[str, Reason] = {str(each): each for each in Reason}
ADDRESSES: Mapping[str, str] = {
    AddressStatus.IN_SYNC: "The address leads to it: all of Route 53's servers have the change.",
    AddressStatus.PROPAGATING: (
        "Route 53 has accepted the change of the address. It is followed until all its servers have it."
    ),
    AddressStatus.UNCONFIRMED: (
        "Route 53 holds the record as it was written, but cannot say whether all its servers have it."
    ),
    AddressStatus.OWED: "The address has NOT been moved.",
}


@dataclass(frozen=True, kw_only=True)
class TransitionOpened(Event):
    """A move begins: the lease of the node before has been taken back."""

    detail_type: ClassVar[str] = "Understudy Transition Opened"
    told_note: ClassVar[str] = "its end follows, or an alarm"

    cluster: str
    epoch: Epoch
    action: TransitionAction
    source: str | None  # the node before; null: nobody served
    target: str  # the node that is to serve
    rule: str
    why: str
    reason: str  # the reason that was given with the request
    execution: str

    @classmethod
    def example(cls) -> Self:
        """A failover."""
        return cls(
            cluster="orders-db",
            epoch=7,
            action=TransitionAction.FAILOVER,
            source="node-a",
            target="node-b",
            rule="active-is-silent",
            why="the active node has not been heard for silence_limit_s, and another node is fit",
            reason="",
            execution="orders-db-epoch7-0c41b7a2d95e6f38",
        )


@dataclass(frozen=True, kw_only=True)
class TransitionClosed(Event):
    """A move has ended: well, or with something missing, for `reasons`."""

    detail_type: ClassVar[str] = "Understudy Transition Closed"
    told_note: ClassVar[str] = "not of a switchover, a placement or a repair that ended IN_SERVICE"

    cluster: str
    epoch: Epoch
    action: TransitionAction
    outcome: Annotated[CloseOutcome, NOT_BROKEN]
    reasons: Sequence[Reason]
    source: str | None  # the node before; null: nobody served
    active: str | None  # who holds the lease
    address: AddressStatus | None  # null: of no move yet
    start_failed: Sequence[str]  # the nodes on which the service is known not to have started
    rule: str
    execution: str

    @classmethod
    def is_meant(cls, detail: Mapping[str, Any]) -> bool:
        """Unless it broke."""
        return not TransitionBroken.is_meant(detail)

    def words(self) -> Words | None:
        """How it ended; None for a move that ended well and that nobody needs to hear of."""
        outcome, action = word(self.outcome, 40), word(self.action, 40)
        if outcome == CloseOutcome.IN_SERVICE:
            return None if action in QUIET_ACTIONS else self._in_service(action)
        failed = listed(self.start_failed)
        known = [REASONS[each] for each in listed(self.reasons) if each in REASONS]
        cluster = cluster_of(self.cluster)
        return Words(
            f"{cluster}: {action} ended {outcome}",
            (
                f"The {action} of {cluster} ended {outcome} {_of_epoch(self.epoch, self.rule)}.",
                *(each.meaning for each in known),
                *_failed_starts(failed),
            ),
            (self._holder(is_served=Reason.SERVICE_NOT_IN_SERVICE not in known), self._address()),
            (*(each.advice for each in known), *how_to_clear(self.cluster, failed))
            or ("Look at the execution's cause.",),
            "held" if outcome == CloseOutcome.HELD else "degraded-by-reason",
        )

    def _holder(self, *, is_served: bool) -> str:
        if not self.active:
            return "Nobody holds the lease, and nobody may serve."
        return f"{word(self.active)} holds the lease{'' if is_served else ', but its service is not in service'}."

    def _in_service(self, action: str) -> Words:
        cluster, source, active = cluster_of(self.cluster), word(self.source), word(self.active)
        was_bad, failed = action == TransitionAction.FAILOVER, listed(self.start_failed)
        look = f"Find out soon what was wrong with {source}: until then it may be no standby."
        return Words(
            f"{cluster}: {active} is in service after a {action}",
            (
                f"The {action} of {cluster} from {source} to {active} ended well {_of_epoch(self.epoch, self.rule)}.",
                *_failed_starts(failed),
            ),
            (f"{active} says that its services are in service.", self._address()),
            (
                "Nothing urgent: clients follow within the TTL.",
                *([look] if was_bad else []),
                *how_to_clear(self.cluster, failed),
            ),
            "reading-an-incident-backwards",
        )

    def _address(self) -> str:
        return ADDRESSES.get(str(self.address), "Nothing is known of the address.")

    def concern(self) -> Concern:
        """Each end of a move says how the last one ended: one that ended well ends what those before it have opened."""
        outcome, reasons = word(self.outcome, 40), listed(self.reasons)
        if outcome == CloseOutcome.IN_SERVICE:
            return Concern(MOVE, None)
        is_elsewhere = reasons == (Reason.NOT_ON_THE_REQUESTED_NODE,)
        is_mild = outcome == CloseOutcome.DEGRADED and is_elsewhere
        return Concern(MOVE, Severity.WARNING if is_mild else Severity.CRITICAL)

    @classmethod
    def example(cls) -> Self:
        """A failover whose address could not be moved."""
        return cls(
            cluster="orders-db",
            epoch=7,
            action=TransitionAction.FAILOVER,
            outcome=CloseOutcome.DEGRADED,
            reasons=[Reason.ADDRESS_OWED],
            source="node-a",
            active="node-b",
            address=AddressStatus.OWED,
            start_failed=[],
            rule="active-is-silent",
            execution="orders-db-epoch7-0c41b7a2d95e6f38",
        )


@dataclass(frozen=True, kw_only=True)
class TransitionBroken(Event):
    """The execution of a move could not go on. The controller goes on by itself after the deadline of its stage."""

    detail_type: ClassVar[str] = TransitionClosed.detail_type

    cluster: str
    epoch: Epoch  # 0: it broke before it was opened
    outcome: Annotated[str, {"const": str(CloseOutcome.BROKEN)}]
    broken: Mapping[str, Any]  # `state`, `error` and `cause`, as Step Functions has them

    @classmethod
    def is_meant(cls, detail: Mapping[str, Any]) -> bool:
        """By its outcome."""
        return word(detail.get("outcome"), 40) == CloseOutcome.BROKEN

    def words(self) -> Words:
        """Where it broke, and to wait."""
        cluster, broken = cluster_of(self.cluster), mapping(self.broken)
        return Words(
            f"{cluster}: a transition broke",
            (
                f"The execution of {cluster} {_of_epoch(self.epoch, None)} could not go on in state "
                f"{word(broken.get('state'))}: {word(broken.get('error'))}, {word(broken.get('cause'))}",
            ),
            (LOOK,),
            (
                "Wait for the deadline of its stage, two or three minutes. Then the controller goes on by itself.",
                "Do not redrive the execution. Until then, start no second one.",
            ),
            "broken-and-timed_out",
        )

    def concern(self) -> Concern:
        """The end of the next move ends it."""
        return Concern(MOVE, Severity.ERROR)

    @classmethod
    def example(cls) -> Self:
        """One whose function was killed."""
        return cls(
            cluster="orders-db",
            epoch=7,
            outcome=str(CloseOutcome.BROKEN),
            broken={"state": "FenceNode", "error": "Lambda.Unknown", "cause": "killed"},
        )


@dataclass(frozen=True, kw_only=True)
class EpochLifted(Event):
    """A guard of the cluster's own was ahead of the table: the move goes on above it."""

    detail_type: ClassVar[str] = "Understudy Epoch Lifted"

    cluster: str
    epoch: Epoch
    lifted_from: Epoch  # that of the table before
    guard_epoch: Epoch
    guard_node: str  # whom the guard names
    is_fenced_anew: bool  # whether that node is fenced before the move goes on

    def words(self) -> Words:
        """The table was behind its own guard."""
        return Words(
            f"{cluster_of(self.cluster)}: the table had lost moves and was lifted to epoch {word(self.epoch, 20)}",
            (
                f"The guard in Route 53 carries epoch {word(self.guard_epoch)} for {word(self.guard_node)}, but the "
                f"table knew no epoch above {word(self.lifted_from)}.",
            ),
            ("A move is going on. A notice will say how it ended.",),
            ("Find out who restored or changed the table. Compare its other clusters with their guards.",),
            "understudy-epoch-lifted",
        )

    def concern(self) -> Concern:
        """To be looked at at once: other clusters of the table may be behind, too."""
        return Concern("epoch", Severity.ERROR)

    @classmethod
    def example(cls) -> Self:
        """A table that was restored from before two moves."""
        return cls(cluster="orders-db", epoch=7, lifted_from=4, guard_epoch=6, guard_node="node-b", is_fenced_anew=True)


def _of_epoch(epoch: Any, rule: Any) -> str:
    return f"(epoch {word(epoch)}{f', rule {word(rule, 60)}' if rule else ''})"


def _failed_starts(nodes: Sequence[str]) -> tuple[str, ...]:
    """That the service did not start somewhere: it stays so until there is a reason to think that it would."""
    return tuple(f"The service did not start on {node}: it is the last choice from now on." for node in nodes)
