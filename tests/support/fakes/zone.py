"""Route 53 in memory: batches are atomic, a DELETE must match exactly, a CREATE finds nothing there."""

from collections.abc import Callable, Collection

from tests.support.fakes.clock import VirtualClock
from tests.support.fakes.faults import Faulty
from understudy.domain.cluster.definition import Record
from understudy.domain.cluster.errors import AddressUnreadableError, GuardMismatchError
from understudy.domain.cluster.record import Change, ChangeReading, ChangeVerb, RecordReading, RecordSet, guard_name
from understudy.domain.readiness.facts import FoundRecord, HostedZone

Key = tuple[str, str, str]


class FakeZone(Faulty):
    """Record sets of any number of hosted zones; a change is in sync `propagation_s` after it was accepted.

    `batches` holds every accepted batch in order, `comments` what came with it.
    """

    def __init__(self, clock: Callable[[], float] | None = None, propagation_s: float = 0) -> None:
        super().__init__()
        self.propagation_s = propagation_s
        self.record_sets: dict[Key, RecordSet] = {}
        self.obstacles: dict[Key, str] = {}
        self.hosted: dict[str, HostedZone | None] = {}
        """What is not here is a public zone of the name above whatever is asked for."""
        self.batches: list[tuple[Change, ...]] = []
        self.comments: list[str] = []
        self._clock = clock or VirtualClock()
        self._accepted_at: dict[str, float] = {}

    def put(self, record: Record, record_set: RecordSet) -> None:
        """Let a record set stand in the record's zone, whatever stood there."""
        self.record_sets[_key(record, record_set.name, record_set.type)] = record_set

    def obstruct(self, record: Record, words: str) -> None:
        """Let an alias, or records with a routing policy, stand in the record's place."""
        key = _key(record, record.name, record.type)
        self.record_sets.pop(key, None)
        self.obstacles[key] = words

    def readings(self) -> "FakeZone":
        """As Route53Records.readings."""
        return self

    def hosted_zone(self, record: Record) -> HostedZone | None:
        """As ZoneReader.hosted_zone."""
        with self._called("hosted_zone"):
            usual = HostedZone(record.name.partition(".")[2], False, {})
            return self.hosted.get(record.hosted_zone_id, usual)

    def found_records(self, record: Record, name: str) -> tuple[FoundRecord, ...]:
        """As ZoneReader.found_records."""
        with self._called("found_records"):
            zone_id = record.hosted_zone_id
            found = [FoundRecord(key[2], each) for key, each in self.record_sets.items() if key[:2] == (zone_id, name)]
            foreign = [
                FoundRecord(key[2], None, words) for key, words in self.obstacles.items() if key[:2] == (zone_id, name)
            ]
            return (*found, *foreign)

    def read(self, record: Record) -> RecordReading:
        """As Zone.read."""
        with self._called("read"):
            reading = self._reading(record)
            if reading.obstacle:
                raise AddressUnreadableError(reading.obstacle)
            return reading

    def read_many(
        self, records: Collection[Record], before_page: Callable[[], object] = lambda: None
    ) -> dict[Record, RecordReading]:
        """As ZoneListing.read_many: every zone has one page."""
        before_page()
        with self._called("read_many"):
            return {record: self._reading(record) for record in records}

    def _reading(self, record: Record) -> RecordReading:
        return RecordReading(
            record=self.record_sets.get(_key(record, record.name, record.type)),
            guard=self.record_sets.get(_key(record, guard_name(record), "TXT")),
            obstacle=self.obstacles.get(_key(record, record.name, record.type), ""),
        )

    def submit(self, record: Record, batch: tuple[Change, ...], comment: str, *, tries_again: bool = True) -> str:
        """As Zone.submit."""
        with self._called("submit"):
            draft = dict(self.record_sets)
            for change in batch:
                _apply(change, record, draft)
            self.record_sets = draft
            self.batches.append(batch)
            self.comments.append(comment)
            change_id = f"C{len(self.batches):013d}"
            self._accepted_at[change_id] = self._clock()
        return change_id

    def change_status(self, change_id: str) -> ChangeReading:
        """As ChangeStatus.change_status."""
        with self._called("change_status"):
            if change_id not in self._accepted_at:
                return ChangeReading.UNKNOWN
            is_in_sync = self._clock() >= self._accepted_at[change_id] + self.propagation_s
            return ChangeReading.IN_SYNC if is_in_sync else ChangeReading.PENDING

    def forget(self, *change_ids: str) -> None:
        """Know these changes no more; all of them when none is named."""
        for change_id in change_ids or tuple(self._accepted_at):
            del self._accepted_at[change_id]


def _apply(change: Change, record: Record, draft: dict[Key, RecordSet]) -> None:
    key = _key(record, change.record_set.name, change.record_set.type)
    there = draft.get(key)
    if change.verb is ChangeVerb.DELETE:
        if there != change.record_set:
            raise _mismatch(change, f"DELETE of {change.record_set}, but there is {there}")
        del draft[key]
        return
    if change.verb is ChangeVerb.CREATE and there is not None:
        raise _mismatch(change, f"CREATE of {change.record_set}, but there is {there}")
    draft[key] = change.record_set


def _mismatch(change: Change, why: str) -> GuardMismatchError:
    return GuardMismatchError(why, frozenset({change.record_set.name}))


def _key(record: Record, name: str, kind: str) -> Key:
    return (record.hosted_zone_id, name, kind)
