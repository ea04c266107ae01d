"""Values from outside, as they are quoted in messages."""

from collections.abc import Mapping, Sequence
from typing import Any

QUOTE_LIMIT = 60
FAULT_LIMIT = 50
FAULT_LENGTH_LIMIT = 500


def quoted(value: Any, limit: int = QUOTE_LIMIT) -> str:
    """A value that somebody sent, on one line and short.

    Never repr() of the whole: of a list nested deep enough, or of a number of thousands of digits, it raises.
    """
    if isinstance(value, str):
        return repr(value[:limit])[: limit + 2]
    if value is None or isinstance(value, bool | float):
        return repr(value)
    if isinstance(value, int):
        return repr(value) if abs(value) < 10**limit else f"a number of more than {limit} digits"
    return "an object" if isinstance(value, Mapping) else "a list"


def plain(text: str, limit: int) -> str:
    """Text from outside within a sentence: short, on one line, without a character that changes what is shown."""
    cut = text if len(text) <= limit else f"{text[: limit - 3]}..."
    return (
        cut if cut.isprintable() else "".join(each if each.isprintable() else repr(each)[1:-1] for each in cut)[:limit]
    )


def truncated(faults: Sequence[str]) -> list[str]:
    """The first faults, shortened, and how many more there are: what is told fits into an item and into an event."""
    told = [plain(fault, FAULT_LENGTH_LIMIT) for fault in faults[:FAULT_LIMIT]]
    return [*told, f"and {len(faults) - FAULT_LIMIT} more"] if len(faults) > FAULT_LIMIT else told
