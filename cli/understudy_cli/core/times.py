"""Times and durations in words: local, and how long ago."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
LATEST_S = 253_402_214_400
"""The last day that a calendar of four digits has: what is later cannot be shown as a date."""
UNITS = {"s": 1, "m": MINUTE_S, "h": HOUR_S, "d": DAY_S}
PART = re.compile(r"([0-9]+) *([smhd])")
DURATION = re.compile(r"(?:[0-9]{1,9} *[smhd] *)+")


def duration(seconds: float) -> str:
    """How long: `0.4 s`, `12 s`, `3 min`, `5 h 10 min`, `2 d 3 h`."""
    seconds = max(0.0, seconds)
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 2 * MINUTE_S:
        return f"{whole} s"
    if whole < 2 * HOUR_S:
        return f"{whole // MINUTE_S} min"
    if whole < 2 * DAY_S:
        return _two(whole // HOUR_S, "h", whole % HOUR_S // MINUTE_S, "min")
    return _two(whole // DAY_S, "d", whole % DAY_S // HOUR_S, "h")


def _two(first: int, unit: str, second: int, other: str) -> str:
    return f"{first} {unit} {second} {other}" if second else f"{first} {unit}"


def ago(at: float, now: float) -> str:
    """How long before `now`, or how long after: `12 s ago`, `in 5 min`."""
    if at > now:
        return f"in {duration(round(at - now))}"
    return f"{duration(round(now - at))} ago"


def local(at: float, now: float, zone: tzinfo | None = None) -> str:
    """The time in this place (or `zone`), with its date unless that is the day of `now`."""
    if not 0 <= at <= LATEST_S:
        return f"{at:.0f} s since 1970"
    then, today = _in(at, zone), _in(now, zone)
    return f"{then:%H:%M:%S}" if then.date() == today.date() else f"{then:%Y-%m-%d %H:%M:%S}"


def when(at: float, now: float, zone: tzinfo | None = None) -> str:
    """Both: `14:02:11 (3 min ago)`."""
    return f"{local(at, now, zone)} ({ago(at, now)})"


def _in(at: float, zone: tzinfo | None) -> datetime:
    utc = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=at)
    return utc.astimezone(zone)


def seconds_of(text: str) -> int:
    """A duration as people type it: `90`, `90s`, `15m`, `2h`, `1d`, `1h30m`. Raises ValueError with what is allowed."""
    typed = text.strip().lower()
    if typed.isascii() and typed.isdigit():
        return int(typed)
    if not DURATION.fullmatch(typed):
        raise ValueError(f"{text!r} is not a duration; allowed: for example 90s, 15m, 2h, 1d or 1h30m")
    return sum(int(number) * UNITS[unit] for number, unit in PART.findall(typed))
