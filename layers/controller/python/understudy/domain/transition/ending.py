"""How a transition ends, why something was missing, and what a person is to do about that."""

from enum import StrEnum
from typing import Self

from understudy.domain.decide.rules import NOT_FIT, PROVE


class CloseOutcome(StrEnum):
    """How a transition can end, apart from STALE."""

    IN_SERVICE = "IN_SERVICE"
    DEGRADED = "DEGRADED"  # the lease is granted, but something is missing
    HELD = "HELD"  # the lease is not granted: nobody may serve until a proof or a person comes
    BROKEN = "BROKEN"  # the execution could not go on; another takes over after its deadline


class Reason(StrEnum):
    """Why something is missing at the end of a transition: what it means, and what a person is to do."""

    meaning: str
    advice: str

    def __new__(cls, value: str, meaning: str, advice: str) -> Self:
        """The word, with its meaning and advice."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        member.advice = advice
        return member

    OLD_NODE_UNPROVEN = (
        "OLD_NODE_UNPROVEN",
        "Nothing proved that the old node has stopped. Nothing was moved, and nobody holds the lease.",
        PROVE,
    )
    NOBODY_FIT = (
        "NOBODY_FIT",
        "When the lease was to be granted, the new node said that its data is not fit to take over, or no longer said "
        "how fit it is, and no other node was fit. Nobody holds the lease.",
        NOT_FIT,
    )
    SERVICE_NOT_IN_SERVICE = (
        "SERVICE_NOT_IN_SERVICE",
        "The service started on no node that was tried. Clients are not served.",
        "Fix what keeps it from starting (disk, configuration, data). Then restart the agent on the node with the "
        "lease, or ask for a failover to another node.",
    )
    ADDRESS_OWED = (
        "ADDRESS_OWED",
        "The service may run, but the address was not moved: clients still go to the old node.",
        "Fix the cause (the history's address_fault names it). The controller tries again by itself, at the latest "
        "after 15 minutes. Do not delete the guard.",
    )
    NOT_ON_THE_REQUESTED_NODE = (
        "NOT_ON_THE_REQUESTED_NODE",
        "The service did not start on the requested node, or that node was not fit to get the lease. The move went on "
        "to another node.",
        "Find out why before you ask again: each try costs an outage.",
    )
    PROCEEDED_WITHOUT_PROOF = (
        "PROCEEDED_WITHOUT_PROOF",
        "Nothing proved that the old node is off, and policy or operator said to go on: two nodes may have served.",
        "Force-stop the old node now. Look at its data before you start it again.",
    )
    GUARD_AHEAD = (
        "GUARD_AHEAD",
        "The guard in Route 53 carries an epoch that no move of this cluster can have written, so no address was "
        "moved. Whoever wrote it may have started the service elsewhere.",
        "Find out who wrote the guard (CloudTrail: ChangeResourceRecordSets), and make sure that the service runs "
        "only where the table says. Then delete the guard's TXT record. If the cluster is held, resume it.",
    )
