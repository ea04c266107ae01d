"""How each step of the workflow can end. The Choice states of its definition compare these words, and nothing else."""

from enum import StrEnum


class Overtaken(StrEnum):
    """What is said where somebody newer is in charge."""

    STALE = "STALE"  # by a step: it finds a higher epoch, and ends quietly
    SUPERSEDED = "SUPERSEDED"  # by the history of the transition that another one has taken over


class OpenOutcome(StrEnum):
    """How OpenTransition can end."""

    OPENED = "OPENED"
    STOOD_DOWN = "STOOD_DOWN"
    REFUSED = "REFUSED"
    EXHAUSTED = "EXHAUSTED"
    MODE_SET = "MODE_SET"  # a hold or a resume: nothing was opened
    DOUBTED = "DOUBTED"  # too many are silent: nothing was opened yet
    CLEARED = "CLEARED"  # a failed start is forgotten: nothing was opened
    APPROVAL_NEEDED = "APPROVAL_NEEDED"  # a person is to be asked first: nothing was opened
    NOT_APPROVED = "NOT_APPROVED"


class FenceOutcome(StrEnum):
    """How FenceNode can end, beside STALE."""

    FENCED = "FENCED"
    NOT_YET = "NOT_YET"
    GAVE_UP = "GAVE_UP"


class MoveOutcome(StrEnum):
    """How MoveAddress can end, beside STALE."""

    ACCEPTED = "ACCEPTED"
    ALREADY_THERE = "ALREADY_THERE"
    RETRY = "RETRY"
    REFUSED = "REFUSED"
    GAVE_UP = "GAVE_UP"
    LIFTED = "LIFTED"  # a guard was ahead of the table: the transition begins anew under an epoch above it
    GUARD_UNFENCED = "GUARD_UNFENCED"  # one too far ahead names another node: that one is fenced before anything else
    GUARD_AHEAD = "GUARD_AHEAD"  # one names nobody who could be fenced: no lease is granted, a person is called


class GrantOutcome(StrEnum):
    """How GrantLease can end, beside STALE."""

    GRANTED = "GRANTED"
    UNFENCED = "UNFENCED"  # a member says that it serves: nothing is granted, and it is to be fenced first
    NOT_FIT = "NOT_FIT"  # by its own word, the target is not: nothing is granted, and the next candidate is to be tried


class AwaitOutcome(StrEnum):
    """How AwaitService can end, beside STALE."""

    IN_SERVICE = "IN_SERVICE"
    NOT_YET = "NOT_YET"
    FAILED = "FAILED"


class ChangeOutcome(StrEnum):
    """How CheckChange can end, beside STALE."""

    IN_SYNC = "IN_SYNC"
    UNCONFIRMED = "UNCONFIRMED"  # Route 53 holds the records, but no longer knows the change
    PENDING = "PENDING"
    PROPAGATING = "PROPAGATING"
    OWED = "OWED"
