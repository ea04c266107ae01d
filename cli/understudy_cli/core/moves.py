"""The moves of a cluster as its history items tell them, and how far one has come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import tzinfo
from typing import Any

from understudy_cli.core.items import Fields, with_stages
from understudy_cli.core.lines import BAD, DIM, GOOD, HEAD, WARN, Line, Span, columns, line
from understudy_cli.core.times import duration, local, when

HISTORY = "history#"
TONES = {"IN_SERVICE": GOOD, "DEGRADED": BAD, "HELD": BAD, "BROKEN": BAD, "SUPERSEDED": WARN}
OPEN = "open, or not closed"


@dataclass(frozen=True)
class Story:
    """One epoch. `stages`: when each was reached (seconds). `said`: what stands in it beside, by its name."""

    epoch: int
    action: str
    source: str | None
    target: str | None
    rule: str
    why: str
    reason: str
    proof: str
    outcome: str
    reasons: tuple[str, ...]
    execution: str
    stages: Mapping[str, float] = field(default_factory=dict)
    facts: tuple[str, ...] = ()

    @property
    def outage_s(self) -> float | None:
        """From the opening until the services were in service (seconds); None when that is not known."""
        opened, served = self.stages.get("opened"), self.stages.get("in_service")
        return served - opened if opened is not None and served is not None else None


def story_of(item: Mapping[str, Any]) -> Story:
    """The story of a history item (plain values)."""
    values = with_stages(item)
    fields = Fields(values)
    sort = fields.text("sk")
    number = sort[len(HISTORY) :] if sort.startswith(HISTORY) else ""
    return Story(
        epoch=int(number) if number.isascii() and number.isdigit() else 0,
        action=fields.text("action"),
        source=fields.text("source") or None,
        target=fields.text("target") or None,
        rule=fields.text("rule"),
        why=fields.text("why"),
        reason=fields.text("reason"),
        proof=fields.text("proof"),
        outcome=fields.text("outcome"),
        reasons=fields.texts("reasons"),
        execution=fields.text("execution"),
        stages=values["stages"],
        facts=fields.texts("explained"),
    )


def of_execution(items: Iterable[Mapping[str, Any]], execution: str) -> list[Story]:
    """The stories of the moves that an execution made, oldest first."""
    stories = [story_of(each) for each in items]
    return sorted((each for each in stories if each.execution == execution), key=lambda each: each.epoch)


def story_json(story: Story) -> dict[str, Any]:
    """A move for programs: docs/command-line.schema.json, `move`."""
    return {**asdict(story), "outage_s": story.outage_s}


def history_lines(stories: Sequence[Story], now: float, zone: tzinfo | None = None) -> list[Line]:
    """One row a move, newest first."""
    rows = [
        [
            Span(f"{each.epoch}", HEAD),
            Span(when(each.stages["opened"], now, zone) if "opened" in each.stages else "time not known", DIM),
            Span(f"{each.action or 'no move'} {_way(each)}"),
            Span(each.outcome or OPEN, TONES.get(each.outcome, WARN)),
            Span(duration(each.outage_s) if each.outage_s is not None else "-", DIM),
            Span(each.reason or each.rule),
        ]
        for each in stories
    ]
    head = [Span(each, DIM) for each in ("epoch", "opened", "move", "outcome", "took", "because")]
    return columns([head, *rows])


def _way(story: Story) -> str:
    return f"{story.source or 'nobody'} -> {story.target or 'not known'}"


def story_lines(story: Story, now: float, zone: tzinfo | None = None) -> list[Line]:
    """One move whole: who asked for what and why, each stage with its time, and what was seen then."""
    outcome = Span(story.outcome or OPEN, TONES.get(story.outcome, WARN))
    lines = [line(Span(f"epoch {story.epoch}", HEAD), f"  {story.action or 'no move'} {_way(story)}  ", outcome)]
    told = [("rule", story.rule), ("why", story.why), ("reason", story.reason), ("proof", story.proof)]
    told += [("execution", story.execution), *(("missing", each) for each in story.reasons)]
    lines += columns([[Span(name, DIM), Span(text)] for name, text in told if text], indent=2)
    lines += [step.as_line(now, zone) for step in steps_of([story])]
    if story.facts:
        lines += [line(Span("  as it was explained then:", DIM)), *(line("    ", each) for each in story.facts)]
    return lines


@dataclass(frozen=True)
class Step:
    """A stage that a move has reached, `after_s` after the first that is known."""

    epoch: int
    stage: str
    at: float
    after_s: float
    words: str

    def as_line(self, now: float, zone: tzinfo | None = None) -> Line:
        """The step with its time, and how long after the beginning it came."""
        return line(Span(f"  {local(self.at, now, zone)}  {'+' + duration(self.after_s):>8}  ", DIM), self.words)


def steps_of(stories: Sequence[Story]) -> list[Step]:
    """Every stage of these moves that has words, in order of time."""
    found = [(at, each, stage) for each in stories for stage, at in each.stages.items() if _words(stage, each)]
    found.sort(key=lambda triple: (triple[1].epoch, triple[0]))
    begun = min((at for at, _, _ in found), default=0.0)
    return [Step(each.epoch, stage, at, at - begun, _words(stage, each)) for at, each, stage in found]


def _words(stage: str, story: Story) -> str:
    """What a stage means, empty for one that says nothing to a person who waits."""
    target = story.target or "a node not known"
    return {
        "asked": "a person was asked whether it may begin",
        "opened": f"{story.action or 'move'} {_way(story)} opened, epoch {story.epoch}",
        "fenced": f"the old node can no longer serve: {story.proof or 'proof not known'}",
        "accepted": "Route 53 has accepted the change",
        "granted": f"the lease is granted to {target}",
        "in_service": f"the services are in service on {target}",
        "in_sync": "the change is on all servers of Route 53",
        "unconfirmed": "Route 53 holds the records, and does not know the change any more",
        "superseded": "superseded by a higher epoch",
        "lifted": "lifted above a guard that was ahead of the table",
        "closed": f"closed: {story.outcome or 'outcome not known'}",
    }.get(stage, "")
