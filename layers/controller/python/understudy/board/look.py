"""What was gathered of one cluster, and what follows from it by the same rules that move it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from understudy.domain.cluster.definition import Definition, Record
from understudy.domain.cluster.record import RecordReading
from understudy.domain.cluster.state import ClusterState
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.rules import Decision, decide
from understudy.domain.decide.situation import Observer, Situation, survey
from understudy.domain.readiness.facts import Unread
from understudy.domain.readiness.report import Report
from understudy.domain.watch.drift import RecordFinding, examine, written_last


@dataclass(frozen=True)
class BoardEntry:
    """A cluster as it was read. `readings`: what Route 53 said of each record, or why it was not
    read; `histories`: of the newest epochs, by epoch.
    """

    view: ClusterView
    observer: Observer
    stack: str
    report: Report | None = None
    readings: Mapping[Record, RecordReading | Unread] = field(default_factory=dict)
    histories: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def state(self) -> ClusterState:
        """What the table says."""
        return self.view.state

    @property
    def definition(self) -> Definition:
        """The definition in force."""
        return self.view.definition

    @property
    def now(self) -> int:
        """When it was read (seconds)."""
        return self.view.now

    @cached_property
    def situation(self) -> Situation:
        """Everything that the rule table looks at, now."""
        return survey(self.view, self.observer)

    @cached_property
    def decision(self) -> Decision:
        """What the rule table says now. Nothing is carried out."""
        return decide(self.situation)

    @cached_property
    def findings(self) -> Mapping[Record, RecordFinding]:
        """How each record that was read stands, while it is known what was written."""
        ttl = self.definition.tuning.ROUTE53_TTL  # not compared: the guard has the TTL that was written
        wishes = written_last(self.state, self.definition, ttl, self.stack)
        return {
            record: examine(record, wish, reading, self.state.epoch)
            for record, wish in wishes.items()
            if isinstance(reading := self.readings.get(record), RecordReading)
        }
