"""Records of Route 53, as their different users see them."""

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from understudy.domain.cluster.definition import Record
from understudy.domain.cluster.record import Change, ChangeReading, RecordReading


class RecordReader(Protocol):
    """Route 53 as those see it who only look."""

    def read(self, record: Record) -> RecordReading:
        """The protected record and its guard. Raises AddressUnreadableError."""
        ...


class ZoneListing(Protocol):
    """Route 53 as the record monitor sees it."""

    def read_many(self, records: Collection[Record]) -> Mapping[Record, RecordReading]:
        """Records of one zone, at least one, each with its guard, in few calls. Raises AddressUnreadableError."""
        ...


class Zone(RecordReader, Protocol):
    """Route 53 as the address mover sees it."""

    def submit(self, record: Record, batch: tuple[Change, ...], comment: str) -> str:
        """Hand in one atomic batch; the change id.

        Raises GuardMismatchError (InvalidChangeBatch), ZoneCrowdedError (throttled, prior request), ZoneBusyError (also
        unreachable, 5xx), ChangeRefusedError (anything else that Route 53 refuses).
        """
        ...


class CrowdedZone(Protocol):
    """Route 53 as whoever has a turn sees it: each request is paid for before it is made."""

    def read_many(
        self, records: Collection[Record], before_page: Callable[[], object]
    ) -> Mapping[Record, RecordReading]:
        """As ZoneListing.read_many. `before_page` is called before each of its calls; what it raises comes through."""
        ...

    def submit(self, record: Record, batch: tuple[Change, ...], comment: str, *, tries_again: bool) -> str:
        """As Zone.submit. Not `tries_again`: one request is made and no more."""
        ...


class ChangeStatus(Protocol):
    """Route 53 as those see it who wait for a change."""

    def change_status(self, change_id: str) -> ChangeReading:
        """Whether all of Route 53's servers have it; UNKNOWN when Route 53 knows no such change.

        Raises AddressUnreadableError when Route 53 does not say.
        """
        ...
