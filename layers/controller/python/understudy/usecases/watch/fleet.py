"""The fleet as the watch keeps it: what a move on silence looks at, and whose turn it is of those put off."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from understudy.domain.cluster.errors import LedgerConflictError
from understudy.domain.cluster.tuning import StackWide
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.fleet import Census, Sample, census, line_of, samples, share_of
from understudy.domain.decide.rules import ON_SILENCE, decide
from understudy.domain.decide.silence import Evidence, Fleet, Limits, Pace, SilenceVerdict, ZoneWord, weigh
from understudy.domain.decide.situation import survey
from understudy.domain.events.nodes import SilenceDoubted
from understudy.ports.announcer import Announcer
from understudy.ports.fleet import FleetBook
from understudy.ports.ledger import StateLedger
from understudy.usecases.step import publish
from understudy.usecases.watch.run import Run
from understudy.usecases.watch.views import ObserverConfidence

NAMED = 10
"""How many clusters and places the event names. The numbers count all of them."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FleetKeeper:
    """Keeps how many clusters there are and who stands for which place, and lets moves through that were put off.

    It lives as long as its worker: what it has written already is not written again.
    """

    book: FleetBook
    limits: Limits
    ledger: StateLedger
    announcer: Announcer
    written: dict[str, Sample] = field(default_factory=dict)

    def attend(self, run: Run, views: Sequence[ClusterView], ears: ObserverConfidence) -> list[ClusterView]:
        """Do all of it for one watch; the views with those let through whose turn it is. No fault hides another."""
        waiting = [view for view in views if _waits(view, ears)]
        run.in_turn.each("what is noted of the fleet", [views], lambda _: self._note(run, views, waiting))
        changed: dict[str, ClusterView] = {}
        if waiting:
            run.in_turn.each("turns", [views], lambda _: changed.update(self._let_through(run, views, waiting)))
        return [changed.get(view.state.cluster, view) for view in views]

    def _note(self, run: Run, views: Sequence[ClusterView], waiting: Sequence[ClusterView]) -> None:
        stack_wide = self.ledger.stack_wide()
        self._count(views, stack_wide, is_partial=bool(run.faults))
        if bool(waiting) != bool(stack_wide.doubted_since):
            self._tell(views, waiting)
            self.book.note_doubt(int(run.begun_at) if waiting else 0)

    def _count(self, views: Sequence[ClusterView], stack_wide: StackWide, *, is_partial: bool) -> None:
        """Note what has changed since the watch before. What could not be read has not gone away."""
        clusters = max(len(views), stack_wide.cluster_count) if is_partial else len(views)
        if clusters != stack_wide.cluster_count:
            self.book.note_clusters(clusters)
        if clusters <= self.limits.number:
            return
        for place, sample in samples(view.definition for view in views).items():
            if self.written.get(place) != sample:
                self.book.put_sample(place, sample)
                self.written[place] = sample

    def _tell(self, views: Sequence[ClusterView], waiting: Sequence[ClusterView]) -> None:
        """Tell people once when moves are put off, with the numbers, and once when none is any more."""
        event = self._numbers(views, waiting)
        log.error("silence of many is doubted" if waiting else "silence is no longer doubted", extra=event.detail())
        publish(self.announcer, event)

    def _numbers(self, views: Sequence[ClusterView], waiting: Sequence[ClusterView]) -> SilenceDoubted:
        counted = _census(views)
        worst = sorted(counted.by_place.items(), key=lambda each: (-each[1].all.silent, each[0]))
        return SilenceDoubted(
            clusters=len(waiting),
            of_clusters=len(views),
            silent_nodes=counted.everywhere.all.silent,
            of_nodes=counted.everywhere.all.total,
            places={place: str(found.all) for place, found in worst[:NAMED] if found.all.silent},
            moves_a_minute=self.limits.moves,
            oldest=[view.state.cluster for view in sorted(waiting, key=_age)[:NAMED]],
        )

    def _let_through(
        self, run: Run, views: Sequence[ClusterView], waiting: Sequence[ClusterView]
    ) -> Mapping[str, ClusterView]:
        """Those that are explained by now, all of them; and of the others the oldest, so many in a minute."""
        counted, impaired = _census(views), self._impaired(waiting, int(run.begun_at))
        size = Fleet.LARGE if len(views) > self.limits.number else Fleet.SMALL
        weighed = [(view, self._evidence(view, size, counted, impaired)) for view in sorted(waiting, key=_age)]
        explained = [view for view, evidence in weighed if _is_believed(evidence, Pace.BEYOND)]
        rest = [(view, evidence) for view, evidence in weighed if not _is_believed(evidence, Pace.BEYOND)]
        are_few = all(_is_believed(evidence, Pace.WITHIN) for _, evidence in rest)
        turns = self.limits.number if are_few else self.limits.moves
        oldest = rest[:turns] if rest and self.book.take_turns(int(run.begun_at) // 60) else []
        changed: dict[str, ClusterView] = {}
        due = [*explained, *(view for view, _ in oldest)]
        run.each("moves to let through", due, lambda view: changed.update(self._let(view)))
        log.warning("failover allowed", extra={"explained": len(explained), "oldest": len(oldest), "of": len(waiting)})
        return changed

    def _impaired(self, waiting: Iterable[ClusterView], now: int) -> Mapping[str, bool]:
        """Which of the zones (ids) of silent nodes AWS shifts away from."""
        nodes = (view.definition.node(view.state.active or "") for view in waiting)
        zone_ids = {node.zone_id for node in nodes if node and node.zone_id}
        return {each: each in self.book.places((), each, now).impaired for each in sorted(zone_ids)}

    def _evidence(self, view: ClusterView, size: Fleet, counted: Census, impaired: Mapping[str, bool]) -> Evidence:
        node = view.definition.node(view.state.active or "")
        seen = counted.compare(node)
        word = ZoneWord.IMPAIRED if node and impaired.get(node.zone_id) else ZoneWord.UNSAID
        return Evidence(size, word=word, line=line_of(seen), share=share_of(seen, self.limits.percent))

    def _let(self, view: ClusterView) -> dict[str, ClusterView]:
        doubt = view.state.doubt
        if doubt is None:
            return {}
        try:
            state = self.ledger.commit(view.state, replace(view.state, doubt=replace(doubt, is_due=True)))
        except LedgerConflictError:
            log.info("failover not allowed yet: the state has changed; the next watch looks again")
            return {}
        return {state.cluster: replace(view, state=state)}


def _is_believed(evidence: Evidence, pace: Pace) -> bool:
    return weigh(replace(evidence, pace=pace)).verdict is SilenceVerdict.BELIEVE


def _waits(view: ClusterView, ears: ObserverConfidence) -> bool:
    """Whether a move was put off that would begin now if it were not."""
    if view.state.doubt is None or view.state.doubt.is_due:
        return False
    return decide(survey(view, ears.observer(view))).rule in ON_SILENCE


def _census(views: Iterable[ClusterView]) -> Census:
    return census((view.state, view.definition, view.now) for view in views)


def _age(view: ClusterView) -> tuple[int, str]:
    """The one that has been silent for longest comes first."""
    report = view.state.nodes.get(view.state.active or "")
    return ((report.heard_at or 0) if report else 0, view.state.cluster)
