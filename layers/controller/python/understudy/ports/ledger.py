"""The cluster table, as its different users see it."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.state import ClusterState
from understudy.domain.cluster.tuning import StackWide
from understudy.domain.cluster.unaccepted import Unaccepted
from understudy.domain.observe.heartbeat import Beat
from understudy.domain.observe.signal import Signal
from understudy.ports.seals import SealBook


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
        if_no_newer_beat_of: str | None = None,
        saying_the_same: Collection[str] = (),
        history: Mapping[int, Mapping[str, Any]] | None = None,
    ) -> ClusterState:
        """Write everything of the state but what beats and signals write, and answer the state as it then is.

        On condition that revision and epoch are still those of `before`; with `if_no_newer_beat_of` (an instance id)
        also that no beat of that node has been recorded since; with `saying_the_same` (instance ids) that none of them
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
        """The text that was submitted last, when it is not in force; None when it is."""
        ...

    def note_unaccepted(self, cluster: str, text: Unaccepted) -> None:
        """Remember it in place of the one before. The state is not touched."""
        ...

    def forget_unaccepted(self, cluster: str) -> None:
        """The text that was submitted last is in force."""
        ...
