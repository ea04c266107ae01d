"""The drills of a cluster: its timetable, the newest drill, and when the next one may begin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from understudy_cli.core import exits
from understudy_cli.core.items import Fields
from understudy_cli.core.lines import BAD, DIM, GOOD, WARN, Line, Span, columns
from understudy_cli.core.times import DAY_S, duration, when

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EPOCH_DAY = 3
"""The first of January 1970 was a Thursday."""
DONE, PASSED = "DONE", "PASSED"


@dataclass(frozen=True)
class Timetable:
    """When drills are due: policy.drill of the definition. `hours` as HH:MM-HH:MM in UTC."""

    every_days: int
    hours: str
    days: tuple[str, ...]
    back_after_s: int


@dataclass(frozen=True)
class Drill:
    """The newest drill, times in seconds. `outcome`: empty while it runs, and when the history does not have it.

    `refused_at`: when one that was due was refused last; None when that was before the newest began.
    """

    stage: str
    begun_at: int | None
    home: str
    away: str
    epoch: int
    outcome: str
    why: str
    outages_s: Mapping[str, float]
    within: bool | None
    refused_at: int | None

    @property
    def is_well(self) -> bool:
        """Whether it passed in time, or is under way, and none was refused since."""
        return self.refused_at is None and self.within is not False and (self.stage != DONE or self.outcome == PASSED)


def timetable_of(definition: Mapping[str, Any]) -> Timetable | None:
    """The timetable in a definition as the table keeps it; None when no drills are planned."""
    drill = Fields(definition).inside("policy").inside("drill")
    if not drill:
        return None
    return Timetable(drill.whole("every_days"), drill.text("hours"), drill.texts("days"), drill.whole("back_after_s"))


def budget_of(definition: Mapping[str, Any]) -> float | None:
    """What a move may cost (seconds): policy.outage_budget_s."""
    return Fields(definition).inside("policy").number("outage_budget_s")


def drill_of(item: Mapping[str, Any] | None, story: Mapping[str, Any] | None, names: Mapping[str, str]) -> Drill | None:
    """The newest drill from the item `drill` and the history of its newest move. `names`: of nodes by instance."""
    drill = Fields(item).inside("drill")
    if not drill:
        return None
    ended = Fields(story).inside("drill") if drill.text("stage") == DONE else Fields({})
    begun, refused = drill.whole("begun_at"), drill.whole("refused_at")
    outages = {way: ended.inside("outages_s").number(way) for way in ("out", "back")}
    budget, measured = ended.number("budget_s"), ended.number("measured_s")
    return Drill(
        stage=drill.text("stage"),
        begun_at=begun or None,
        home=names.get(drill.text("home"), drill.text("home")),
        away=names.get(drill.text("away"), drill.text("away")),
        epoch=drill.whole("epoch"),
        outcome=ended.text("outcome"),
        why=ended.text("why"),
        outages_s={way: taken for way, taken in outages.items() if taken is not None},
        within=within(measured, budget),
        refused_at=refused if refused > begun else None,
    )


def within(measured_s: float | None, budget_s: float | None) -> bool | None:
    """Whether an outage was within its budget; None when one of the two is not there."""
    return None if measured_s is None or budget_s is None else measured_s <= budget_s


def is_due(table: Timetable, begun_at: int, now: int) -> bool:
    """Whether a drill may begin now: the window is open, and still is when it is to come back."""
    is_time = now // DAY_S - begun_at // DAY_S >= table.every_days
    return is_time and _is_open(table, now) and _is_open(table, now + table.back_after_s)


def next_at(table: Timetable, begun_at: int, now: int) -> int | None:
    """The first moment from now on at which a drill may begin; None when there is none in the next nine days of it."""
    first = max(now, (begun_at // DAY_S + table.every_days) * DAY_S)
    begin, _ = _minutes(table.hours)
    opens = [(first // DAY_S + day) * DAY_S + begin * 60 for day in range(9)]
    return next((at for at in (first, *opens) if at >= first and is_due(table, begun_at, at)), None)


def _is_open(table: Timetable, at: int) -> bool:
    """Hours over midnight belong to the day on which they begin."""
    day, minute = divmod(at // 60, DAY_S // 60)
    begin, end = _minutes(table.hours)
    if begin < end:
        return begin <= minute < end and _is_day(table, day)
    return (minute >= begin and _is_day(table, day)) or (minute < end and _is_day(table, day - 1))


def _is_day(table: Timetable, day: int) -> bool:
    return not table.days or DAYS[(day + EPOCH_DAY) % len(DAYS)] in table.days


def _minutes(hours: str) -> tuple[int, int]:
    begin, end = (int(text[:2]) * 60 + int(text[3:]) for text in hours.split("-"))
    return begin, end


def drill_lines(table: Timetable | None, drill: Drill | None, now: float, zone: tzinfo | None = None) -> list[Line]:
    """When drills are due, how the newest went, and when the next may begin."""
    rows = [[Span("planned", DIM), Span(_planned(table))]]
    rows += [[Span("newest", DIM), _newest(drill, now, zone)]]
    if drill and drill.refused_at is not None:
        why = "a notice said why; understudy check says what is wrong now"
        rows.append([Span("refused", DIM), Span(f"{when(drill.refused_at, now, zone)}: {why}", BAD)])
    if table:
        at = next_at(table, (drill.begun_at if drill else None) or 0, int(now))
        words = "not known" if at is None else when(at, now, zone)
        rows.append([Span("next", DIM), Span(f"from {words}, when nothing at all speaks against it")])
    return columns(rows)


def _planned(table: Timetable | None) -> str:
    if table is None:
        return "none: policy.drill is not set (docs/policy.md#drills)"
    days = f" on {', '.join(table.days)}" if table.days else ""
    return f"every {table.every_days} days, {table.hours} UTC{days}; back after {duration(table.back_after_s)}"


def _newest(drill: Drill | None, now: float, zone: tzinfo | None) -> Span:
    if drill is None or drill.begun_at is None:
        return Span("none was begun yet")
    begun = f"{when(drill.begun_at, now, zone)}, {drill.home} -> {drill.away}"
    if drill.stage != DONE:
        return Span(f"{begun}: under way ({drill.stage})", WARN)
    taken = ", ".join(f"{way} {duration(taken)}" for way, taken in drill.outages_s.items())
    words = [drill.outcome or "how it ended is not in the history", taken]
    words += ["over its budget"] if drill.within is False else []
    words += [drill.why] if drill.outcome != PASSED else []
    is_well = drill.outcome == PASSED and drill.within is not False
    return Span(f"{begun}: {'; '.join(filter(None, words))}", GOOD if is_well else WARN)


def passed(name: str, outages_s: Mapping[str, float], budget_s: float | None) -> tuple[int, str, bool | None]:
    """Of a drill by hand that went there and back: the exit status, the sentence, and whether it was in time."""
    in_time = within(max(outages_s.values(), default=None), budget_s)
    taken = " and ".join(f"{way} {duration(each)}" for way, each in outages_s.items()) or "times not known"
    budget = "" if budget_s is None else f", and policy.outage_budget_s is {duration(budget_s)}"
    if in_time is False:
        return exits.NOT_DONE, f"Too slow: {name} went there and back, but it took {taken}{budget}.", in_time
    return exits.DONE, f"Done: {name} went there and back: {taken}{budget}.", in_time
