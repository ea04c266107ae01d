"""Times and spans in words. The board asks no clock: it is told the time."""

from datetime import UTC, datetime

STEPS = ((86_400, "d"), (3600, "h"), (60, "min"))


def utc(at: float) -> str:
    """A time, in UTC. One that no calendar has is shown as its number."""
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"{at} s since 1970"


def span(seconds: float) -> str:
    """How long, in the largest unit that fits: `4 s`, `3 min`, `5 h`, `2 d`. Below ten seconds with a tenth."""
    for size, unit in STEPS:
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s" if seconds < 10 and seconds != int(seconds) else f"{seconds:.0f} s"
