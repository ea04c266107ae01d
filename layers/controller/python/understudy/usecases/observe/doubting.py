"""Looks at the fleet when a move is about to begin on silence alone: is it this node, its zone, or everybody?"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.errors import UnreadableError
from understudy.domain.cluster.state import ClusterState
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.fleet import Comparison, compare, line_of, places_of, share_of
from understudy.domain.decide.silence import (
    Belief,
    Evidence,
    Fleet,
    Limits,
    Pace,
    SilenceVerdict,
    Turn,
    ZoneWord,
    depends_on,
    weigh,
)
from understudy.ports.fleet import FleetReader

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Weighed:
    """What became of a move, with the numbers that were seen, in words; none where none were needed."""

    belief: Belief
    numbers: tuple[str, ...] = ()

    @property
    def is_doubted(self) -> bool:
        """Whether the move is put off."""
        return self.belief.verdict is SilenceVerdict.DOUBT

    @property
    def words(self) -> str:
        """For the log and the history, on one line."""
        return "; ".join([f"{self.belief.rule}: {self.belief.why}", *self.numbers])


@dataclass(frozen=True)
class Doubter:
    """Weighs the silence of one node against what is known of the others. It reads a sample, never the whole fleet."""

    fleet: FleetReader
    limits: Limits

    def weigh(self, view: ClusterView, cluster_count: int) -> Weighed:
        """Whether the silence of the active node is believed at `now` (seconds); `cluster_count`: how many there are.

        A stack of few clusters costs no call. Else two reads, and one write where neither zone nor subnet explains it.
        """
        size = Fleet.LARGE if cluster_count > self.limits.number else Fleet.SMALL
        is_due = view.state.doubt is not None and view.state.doubt.is_due
        evidence = Evidence(size, Turn.DUE if is_due else Turn.NOT_DUE)
        if not depends_on(evidence, "word", "line", "share", "pace"):
            return Weighed(weigh(evidence))
        word, seen = self._look(view)
        evidence = replace(evidence, word=word, line=line_of(seen), share=share_of(seen, self.limits.percent))
        numbers = [each.words for each in seen]
        if depends_on(evidence, "pace"):
            moves = self.fleet.count_move(view.now // 60)
            numbers.append(f"{moves} moves on silence were asked for in this minute")
            evidence = replace(evidence, pace=Pace.BEYOND if moves > self.limits.number else Pace.WITHIN)
        return Weighed(weigh(evidence), tuple(numbers))

    def _look(self, view: ClusterView) -> tuple[ZoneWord, Sequence[Comparison]]:
        """What AWS says of the zone, and how the places of the active node compare; nothing where it cannot be read.

        Not to know is not to doubt: how many moves there are in a minute is then all that is held against it.
        """
        node = view.definition.node(view.state.active or "")
        names = places_of(node)
        try:
            places = self.fleet.places(names, node.zone_id if node else "", view.now)
            wanted = sorted({name for sample in places.samples.values() for name in sample} - {view.state.cluster})
            others = self.fleet.states(wanted)
        except UnreadableError:
            log.exception("the fleet was not looked at", extra={"cluster": view.state.cluster})
            return ZoneWord.UNSAID, ()
        alive_after = _alive_after(view.state, view.definition)
        seen = [
            compare(name, places.samples[name], others, view.now, alive_after)
            for name in names
            if name in places.samples
        ]
        is_impaired = bool(node and node.zone_id in places.impaired)
        return ZoneWord.IMPAIRED if is_impaired else ZoneWord.UNSAID, seen


def _alive_after(state: ClusterState, definition: Definition) -> float:
    """After which time (seconds) a beat shows that its node did not fall silent together with the active one.

    That may have happened up to one interval after its last beat. EventBridge cuts its times off: one second more.
    """
    report = state.nodes.get(state.active or "")
    heard_at = report.heard_at if report else None
    return 0 if heard_at is None else heard_at + definition.policy.heartbeat_interval_s + 1
