"""What the use cases need of the world, as narrow as they need it. Adapters and test fakes both keep to these."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from understudy.domain.cluster.definition import Definition, Record
from understudy.domain.cluster.record import Change, ChangeReading, RecordReading
from understudy.domain.cluster.state import ClusterState
from understudy.domain.cluster.tuning import StackWide
from understudy.domain.cluster.unaccepted import Unaccepted
from understudy.domain.events.event import Event
from understudy.domain.observe.heartbeat import Beat
from understudy.domain.observe.signal import Signal
from understudy.ports.seals import SealBook

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Refusal:
    """Why a beat or a signal was not recorded: a stable word for metrics."""

    reason: str


UNKNOWN_CLUSTER = Refusal("unknown_cluster")
NOT_A_MEMBER = Refusal("not_a_member")
STALE = Refusal("stale")


class BeatLedger(Protocol):
    """The table as the recorders of beats and signals see it. One call, one conditional write."""

    def record_beat(self, beat: Beat) -> ClusterState | Refusal:
        """Store a beat unless a newer one is there; the whole state after it, or why it was refused.

        Newer: of the same boot and a greater number, or of another boot and a later ingestion second.
        """
        ...

    def record_signal(self, cluster: str, signal: Signal) -> ClusterState | Refusal:
        """Store EC2's or CloudWatch's word unless a newer one (by `at`) is there. Doing it twice is harmless.

        A fault is stored under the version of the definition that it was found with, and STALE under any other.
        """
        ...


Read = tuple[ClusterState, Definition]
"""A cluster as it was read: its state, and the definition that the state names."""


class StateReader(Protocol):
    """The table as those see it who look at a cluster."""

    def read(self, cluster: str) -> ClusterState | None:
        """The state, strongly consistent; None when the cluster is not registered."""
        ...

    def definition(self, cluster: str, version: int) -> Definition:
        """The accepted definition of this version, which never changes. Raises KeyError when there is none."""
        ...

    def stack_wide(self) -> StackWide:
        """What holds for all clusters, as it stands now: the tunables that the stack sets, and more."""
        ...


class HistoryReader(StateReader, Protocol):
    """The table as those see it who look at what has been as well."""

    def history(self, cluster: str, epoch: int) -> Mapping[str, Any]:
        """The history item of an epoch; empty when there is none."""
        ...


class StateLedger(HistoryReader, SealBook, Protocol):
    """The table as those see it who judge and change a cluster's state."""

    def read_states(self, clusters: Collection[str]) -> Mapping[str, Read | Exception]:
        """Those of the clusters that are registered, strongly consistent, in few calls.

        For one that cannot be made sense of, why: it never hides the others. Raises when the table does not answer.
        """
        ...

    def commit(
        self,
        before: ClusterState,
        after: ClusterState,
        *,
        holding_still: str | None = None,
        saying_the_same: Collection[str] = (),
        history: Mapping[int, Mapping[str, Any]] | None = None,
    ) -> ClusterState:
        """Write everything of the state but what beats and signals write, and answer the state as it then is.

        On condition that revision and epoch are still those of `before`; with `holding_still` (an instance id) also
        that no beat of that node has been recorded since; with `saying_the_same` (instance ids) that none of them
        has said anything else than before of its services, but that it is down. `history` maps an epoch to attributes
        to set on its history item, in the same transaction. Raises LedgerConflictError when a condition fails: then
        nothing has been written.
        """
        ...

    def note(self, cluster: str, epoch: int, facts: Mapping[str, Any]) -> None:
        """Set attributes on the history item of an epoch, without touching the state."""
        ...


class ClusterIndex(Protocol):
    """Which clusters there are."""

    def clusters(self) -> Iterator[str]:
        """The name of every registered cluster, page by page."""
        ...

    def clusters_of_instance(self, instance_id: str) -> Iterable[str]:
        """The clusters that have this instance as a member."""
        ...

    def nodes_of_alarm(self, alarm: str) -> Iterable[tuple[str, str]]:
        """(cluster, instance id) for each node whose definition names this alarm."""
        ...


class Registry(StateReader, Protocol):
    """The table as registration sees it."""

    def claimed(self, definition: Definition) -> Mapping[str, str]:
        """Those of a definition's addresses, by their label, that another cluster of this table has, and which one."""
        ...

    def register(self, before: ClusterState | None, after: ClusterState, definition: Definition) -> None:
        """Store a new version of a definition, the state that goes with it, the look-ups of members and alarms, and a
        claim for each address; the claims of addresses that are gone are released.

        One transaction, on condition that the state is still `before` (None: that there is none yet) and that no other
        cluster has one of the addresses. Raises LedgerConflictError otherwise, and TooManyEntriesError when it cannot
        be one transaction. `after` may add and remove members; the beats of those that stay are kept.
        """
        ...

    def tuning_digest(self) -> str:
        """The digest of the text that the stack's tunables are from; empty when there is none."""
        ...

    def put_tuning(self, values: Mapping[str, int], digest: str) -> None:
        """Let these be the stack's tunables, from the text of this digest."""
        ...

    def unaccepted(self, cluster: str) -> Unaccepted | None:
        """The text that was put last, when it is not in force; None when it is."""
        ...

    def note_unaccepted(self, cluster: str, text: Unaccepted) -> None:
        """Remember it in place of the one before. The state is not touched."""
        ...

    def forget_unaccepted(self, cluster: str) -> None:
        """The text that was put last is in force."""
        ...


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


class ChangeStatus(Protocol):
    """Route 53 as those see it who wait for a change."""

    def change_status(self, change_id: str) -> ChangeReading:
        """Whether all of Route 53's servers have it; UNKNOWN when Route 53 knows no such change.

        Raises AddressUnreadableError when Route 53 does not say.
        """
        ...


class Launcher(Protocol):
    """Step Functions as the controller sees it."""

    def start(self, name: str, request: Mapping[str, Any]) -> bool:
        """Start an execution of this name; False when one of that name has been started before. Other faults raise."""
        ...


class Announcer(Protocol):
    """The bus on which the controller tells what it does."""

    def announce(self, event: Event) -> None:
        """Publish one event, source `understudy`. Raises when EventBridge did not take it."""
        ...


class Notifier(Protocol):
    """The way to the people who run the stack."""

    def send(self, subject: str, text: str, *, data: Mapping[str, Any], labels: Mapping[str, str]) -> None:
        """Hand in one message: `text` for people's eyes, `data` for programs, `labels` to choose messages by.

        `subject`: ASCII, one line, at most 99 characters. Raises when it was not taken.
        """
        ...


class Spread(Protocol):
    """How work on many things that have nothing to do with each other is done: as the builtin `map`, or many at once.

    What `work` raises comes through, and ends the rest.
    """

    def __call__(self, work: Callable[[T], R], items: Iterable[T], /) -> Iterable[R]:
        """The answers, in the order of the items."""
        ...


def one_by_one(work: Callable[[T], R], items: Iterable[T], /) -> Iterable[R]:
    """A Spread that does one after the other."""
    return map(work, items)


class Measure(Protocol):
    """Where the controller puts figures about itself."""

    def __call__(self, values: Mapping[str, float], **dimension: str) -> None:
        """Put values down by their names: one that ends in Seconds is seconds, every other is a count.

        `dimension`: at most one, of few values known beforehand. Never a cluster or an instance: each value is a
        metric of its own, and costs money.
        """
        ...


def unmeasured(values: Mapping[str, float], **dimension: str) -> None:
    """A Measure for those who want no figures."""
