"""What a watch sees: many clusters, each read at its own time, and whether anybody anywhere was heard then."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.state import ClusterState, PowerReading
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.situation import Observer, observer_of_all
from understudy.domain.observe.signal import PowerSignal
from understudy.domain.watch.gauges import HealthGauge, health_gauges
from understudy.ports.ledger import BeatLedger, Refusal, StateLedger
from understudy.ports.nodes import Nodes
from understudy.usecases.step import Clock

GROUP_SIZE = 100
"""Clusters that are read, and asked for, together: what one call of the table takes, and of EC2 for pairs of nodes."""
T = TypeVar("T")


@dataclass(frozen=True)
class ObserverConfidence:
    """Until when somebody anywhere counts as heard (seconds): what is read later is not spoken for by it."""

    heard_until: float

    def observer(self, view: ClusterView) -> Observer:
        """Whether the silence of this cluster can be believed."""
        return observer_of_all(view.state, view.policy, view.now, is_anyone_heard=view.now <= self.heard_until)

    def health_gauges(self, view: ClusterView) -> frozenset[HealthGauge]:
        """What ails this cluster."""
        return health_gauges(view, self.observer(view))


def observer_confidence(views: Iterable[ClusterView]) -> ObserverConfidence:
    """The best that any node of any cluster has to say, each by the timings of its own cluster."""
    heard = (
        node.heard_at + view.policy.hearing_s
        for view in views
        for node in view.state.nodes.values()
        if node.heard_at is not None
    )
    return ObserverConfidence(max(heard, default=float("-inf")))


@dataclass(frozen=True)
class Gathering:
    """Reads clusters. Several threads may use it at once."""

    ledger: StateLedger
    beats: BeatLedger
    nodes: Nodes
    clock: Clock

    def gather(self, clusters: Collection[str]) -> list[ClusterView | Exception]:
        """A view of each that is registered, or why there is none."""
        # Taken before the reading: a table that is slow to answer must not make a silence longer.
        at = int(self.clock())
        found = self.ledger.read_states(clusters)
        return [each if isinstance(each, Exception) else self._view(*each, at) for each in found.values()]

    def _view(self, state: ClusterState, definition: Definition, at: int) -> ClusterView | Exception:
        try:
            return ClusterView(self._with_power(state), definition, at)
        except Exception as fault:  # of one cluster: it must not hide the others
            return fault

    def _with_power(self, state: ClusterState) -> ClusterState:
        """The state after EC2 was asked for a node that has no proof against it and no transition to look for one.

        Its event may be lost.
        """
        previous = state.previous
        if state.transition is not None or previous is None or previous.proof is not None:
            return state
        power = self.nodes.power(previous.node)
        if power is PowerReading.UNKNOWN:
            return state
        told = self.beats.record_signal(state.cluster, PowerSignal(previous.node, power, int(self.clock())))
        return state if isinstance(told, Refusal) else told


def groups(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """The items in groups of GROUP_SIZE."""
    return (items[start : start + GROUP_SIZE] for start in range(0, len(items), GROUP_SIZE))
