"""An Auto Scaling group waits at a lifecycle hook until the service has left a node. Then the node is let go."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace

from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.departure import Departure
from understudy.domain.cluster.state import ClusterState
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.leaving import departures
from understudy.domain.decide.letting_go import keeps_waiting
from understudy.domain.observe.signal import DepartureSignal
from understudy.ports.ledger import BeatLedger, ClusterIndex, Refusal, StateReader
from understudy.ports.nodes import ScalingGroups
from understudy.usecases.step import Clock, for_each

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Releaser:
    """Lets instances go that no cluster needs any more."""

    index: ClusterIndex
    ledger: StateReader
    beats: BeatLedger
    scaling: ScalingGroups
    clock: Clock

    def release(self, instance_id: str, departure: Departure) -> bool:
        """Let an instance go, unless one of its clusters needs it still; whether its group was told.

        An instance of no cluster goes at once. Doing it twice is harmless. Raises NotLetGoError; what the table cannot
        say is raised too: not to know is no permission.
        """
        clusters = sorted(self.index.clusters_of_instance(instance_id))
        states = [state for state in map(self.ledger.read, clusters) if state is not None]
        needing = [state.cluster for state in states if self._is_needed(state, instance_id)]
        facts = {"instance_id": instance_id, "group": departure.group, "hook": departure.hook}
        if needing:
            log.warning("its group waits", extra={**facts, "clusters": needing})
            return False
        self.scaling.let_go(instance_id, departure.group, departure.hook)
        log.warning("let go", extra={**facts, "clusters": clusters})
        for cluster in clusters:
            noted = self.beats.record_signal(cluster, DepartureSignal(instance_id, replace(departure, hook="")))
            if isinstance(noted, Refusal):
                log.info("not noted that it was let go", extra={"cluster": cluster, "reason": noted.reason})
        return True

    def _is_needed(self, state: ClusterState, instance_id: str) -> bool:
        definition = self.ledger.definition(state.cluster, state.definition_version)
        return keeps_waiting(ClusterView(state, definition, int(self.clock())), instance_id)

    def release_all(self, clusters: Iterable[tuple[ClusterState, Definition]]) -> None:
        """Let all members of these clusters go for which groups wait in vain. A fault with one never hides the next.

        Raises the first of these faults when all are done.
        """
        waited_for = _waited_for(clusters, int(self.clock()))
        for_each(waited_for.items(), lambda each: self.release(*each), "not let go")


def _waited_for(clusters: Iterable[tuple[ClusterState, Definition]], now: int) -> dict[str, Departure]:
    """The members for which a group waits and that their cluster, as it was read, does not need."""
    return {
        instance_id: departure
        for state, definition in clusters
        for instance_id, departure in departures(state).items()
        if departure.hook and not keeps_waiting(ClusterView(state, definition, now), instance_id)
    }
