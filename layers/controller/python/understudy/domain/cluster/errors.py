"""What can go wrong in the ports, by class: callers retry by class, never by message."""


class LedgerConflictError(Exception):
    """Somebody else wrote the cluster's state since it was read. Read again and judge again."""


class NewerFormatError(Exception):
    """A cluster's state is in a format that this code does not know: a newer version wrote it. Nothing may be done."""

    def __init__(self, cluster: str, found: int, known: int) -> None:
        super().__init__(f"{cluster}: the state has format {found}; known: up to {known}. Deploy the newer stack again")
        self.cluster = cluster
        self.found = found
        self.known = known


class TooManyEntriesError(Exception):
    """One registration would write more items than the table takes in one transaction. Nothing was written."""


class KeyNotMadeError(Exception):
    """Parameter Store did not say that the cluster has a key now. Without one, agents give each other no promises."""


class UnprovenError(Exception):
    """A step that needs a proof for the previous holder was called without one. The workflow is broken."""


class AddressUnreadableError(Exception):
    """Where an address leads could not be read. Not knowing is not a difference."""


class AddressCrowdedError(AddressUnreadableError):
    """Route 53 was not read because it throttles the account."""


class ZoneBusyError(Exception):
    """Route 53 or EC2 could not take the change now: throttled, an earlier one in work, unreachable. Try again."""


class ZoneCrowdedError(ZoneBusyError):
    """Route 53 has said that it did not take the change: throttled, or an earlier one of the zone is in work."""


class GuardMismatchError(Exception):
    """Route 53 refused the batch because the guard was not the one that was read: another writer came between.

    `names`: the record sets that it named as the reason, without a trailing dot; empty when it named none.
    """

    def __init__(self, why: str, names: frozenset[str] = frozenset()) -> None:
        super().__init__(why)
        self.names = names


class ChangeRefusedError(Exception):
    """AWS will not take the change: permission, zone, record or table are wrong. Trying again will not help."""


class NodesUnreadableError(Exception):
    """EC2 could not be read."""


class NotSentError(Exception):
    """A notice was not taken by SNS."""


class AnnouncementError(Exception):
    """EventBridge did not take an event. What happened has happened all the same, and the history says so."""


class UnreadableError(Exception):
    """Something that a readiness check wanted to look at could not be read. Not knowing is neither good nor bad."""


class NotLetGoError(Exception):
    """An Auto Scaling group could not be told that its hook need not wait. It waits until the hook's time-out."""
