"""How words from outside get into what people read.

Names, reasons and faults come from definitions, zones, EC2 and exceptions. Whoever wrote them must not be able to add a
line, a heading or a link that works to what the controller says: each is one short line of printable text.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from understudy.domain.cluster.quoting import plain, quoted

WORD_LIMIT = 300
LINES_LIMIT = 12
UNKNOWN = "unknown"
KEY_PART = re.compile(r"[A-Za-z0-9._-]{1,48}")
"""Five such parts are less than the 255 characters that PagerDuty takes for a key."""


def word(value: Any, limit: int = WORD_LIMIT) -> str:
    """A value from outside within a sentence: one line, short, and no link that could be clicked on."""
    if value is None or value == "":
        return UNKNOWN
    text = value if isinstance(value, str) else quoted(value)
    return plain(text.replace("://", ": //"), limit)


def listed(value: Any) -> tuple[str, ...]:
    """The entries of a list from outside, the first of them; none of what is no list."""
    entries = list(value) if isinstance(value, list | tuple) else []
    left = len(entries) - LINES_LIMIT
    return (*map(word, entries[:LINES_LIMIT]), *([f"and {left} more"] if left > 0 else []))


def sentence(value: Any) -> str:
    """A value from outside as a sentence of its own."""
    text = word(value)
    return f"{text[:1].upper()}{text[1:]}."


def mapping(value: Any) -> Mapping[str, Any]:
    """What should be a mapping; empty when it is none."""
    return value if isinstance(value, Mapping) else {}


def mappings(value: Any) -> tuple[Mapping[str, Any], ...]:
    """The mappings in what should be a list of them; the first of these."""
    entries = value if isinstance(value, list | tuple) else ()
    return tuple(each for each in entries if isinstance(each, Mapping))[:LINES_LIMIT]


def cluster_of(value: Any) -> str:
    """The name of a cluster."""
    return word(value, 40)


def key_part(value: Any) -> str:
    """A part of a key: as it is, or a digest of it when it is not plain; empty for nothing."""
    if value is None or value == "":
        return ""
    text = value if isinstance(value, str) else quoted(value)
    is_plain = isinstance(value, str) and KEY_PART.fullmatch(text)
    return text if is_plain else "x" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:24]
