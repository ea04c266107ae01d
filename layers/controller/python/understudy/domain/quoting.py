"""Values from outside, as they are quoted in messages."""

from collections.abc import Mapping
from typing import Any

QUOTE_LIMIT = 60


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
