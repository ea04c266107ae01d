"""The tunables, under the names and with the defaults of the Recovery Kit that they come from."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches

from understudy.domain.cluster.quoting import quoted


def _tunable(default: int, most: int, unit: str, meaning: str) -> int:
    """A field of Tuning from 1 to `most`, with what the documents and the JSON Schema say of it."""
    return field(default=default, metadata={"limits": (1, most), "unit": unit, "meaning": meaning})


@dataclass(frozen=True)
class Tuning:
    """Retry counts and intervals of everything that talks to Route 53. Intervals and TTL are seconds."""

    ROUTE53_TTL: int = _tunable(10, 86_400, "s", "TTL of the protected record and its guard; from the next move on")
    ROUTE53_RECORD_INTERVAL: int = _tunable(2, 300, "s", "wait between two tries to change the record")
    ROUTE53_RECORD_TRY_COUNT: int = _tunable(3, 100, "", "tries to change the record")
    ROUTE53_CHANGEID_INTERVAL: int = _tunable(20, 300, "s", "longest wait between two polls of GetChange")
    ROUTE53_CHANGEID_TRY_COUNT: int = _tunable(5, 100, "", "polls at that longest wait")
    ROUTE53_RECORDCHECK_INTERVAL: int = _tunable(2, 300, "s", "wait between two reads of the record check")
    ROUTE53_RECORDCHECK_TRY_COUNT: int = _tunable(4, 100, "", "reads of the record check")


@dataclass(frozen=True)
class StackWide:
    """What holds for all clusters of the stack. `tuning`: the tunables that it sets itself.

    `crowded_until`: until when Route 53 is taken for crowded (seconds); it stands with the tunables because every step
    reads these anyway. `cluster_count`: how many there are, as the watch counts them; 0 when it has not yet.
    `doubted_since`: since when a person knows that silence of many is doubted (seconds); 0 when it is not.
    """

    tuning: Mapping[str, int]
    crowded_until: int = 0
    cluster_count: int = 0
    doubted_since: int = 0


LIMITS: Mapping[str, tuple[int, int]] = {each.name: each.metadata["limits"] for each in fields(Tuning)}
"""The least and the greatest value of each tunable, both allowed. Intervals and TTL are seconds."""

ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_]\w*)=(.*)")
FIRST_WORD = re.compile(r"(?:export\s+)?([A-Za-z_]\w*)")
BARE_EXPORT = re.compile(r"export(\s+[A-Za-z_]\w*)+\s*(?:#.*)?")
"""It hands on what is set elsewhere, and sets nothing."""
OUR_PREFIX = "ROUTE53_"
LIKE = 0.8
"""How alike a key must be to one of ours to be taken for a slip of it; 1: the same."""
LENGTH_LIMIT = 60
BYTE_ORDER_MARK = "\ufeff"
"""Some editors put it before the first key, where nobody sees it."""
QUOTED = re.compile(r"""(["'])(.*?)\1\s*(?:#.*)?""")


@dataclass(frozen=True)
class PastedTuning:
    """What the lines of an `/etc/default/LifeKeeper` say: our tunables, and the names of everything else."""

    values: Mapping[str, int]
    ignored: tuple[str, ...]


class BadTuningError(Exception):
    """Values that are not allowed. `faults`: a sentence for each, with the key, the value found and what is allowed."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def effective(stack: Mapping[str, int], cluster: Mapping[str, int]) -> Tuning:
    """The tunables in force: what the cluster sets wins over what the stack sets, and that over the defaults."""
    return Tuning(**{**stack, **cluster})


def parse_lines(text: str) -> PastedTuning:
    """Read pasted `KEY=value` lines, with comments, blanks, quotes and `export`; the last line of a key wins.

    A line that is no `KEY=value` is a fault, and so is a key that is nearly one of ours: whoever wrote it means it to
    count. Raises BadTuningError with every fault at once.
    """
    values: dict[str, int] = {}
    ignored, faults = [], []
    for number, line in enumerate(text.removeprefix(BYTE_ORDER_MARK).splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        found = ASSIGNMENT.fullmatch(line)
        if found and found[1] in LIMITS:
            value = _bare(found[2])
            if _is_allowed(found[1], value):
                values[found[1]] = int(value)
            else:
                faults.append(f"line {number}: {found[1]} is {quoted(value)}; allowed: {_allowed(found[1])}")
        elif why := _not_understood(line, found[1] if found else ""):
            faults.append(f"line {number}: found {quoted(line)}; allowed: {why}")
        else:
            ignored.append(found[1] if found else f"line {number}")
    if faults:
        raise BadTuningError(faults)
    return PastedTuning(values, tuple(ignored))


def _is_allowed(key: str, value: str) -> bool:
    least, most = LIMITS[key]
    return value.isascii() and value.isdigit() and len(value) < 10 and least <= int(value) <= most


def _allowed(key: str) -> str:
    least, most = LIMITS[key]
    return f"a whole number from {least} to {most}"


def _not_understood(line: str, key: str) -> str:
    """What is allowed instead of a line that does not set one of ours, and could be meant to; empty when it is not.

    `key`: the name of somebody else's that it sets. What cannot be read at all may be one of ours as well.
    """
    word = FIRST_WORD.match(line)
    (meant, *_) = [*get_close_matches(key.upper()[:LENGTH_LIMIT], LIMITS, 1, LIKE), ""]
    if meant or key.upper().startswith(OUR_PREFIX):
        return f"{', '.join(LIMITS)}{f'; did you mean {meant}?' if meant else ''}"
    if key or BARE_EXPORT.fullmatch(line):
        return ""
    if word and word[1] in LIMITS:
        return f"{word[1]}= and, without a blank, {_allowed(word[1])}"
    return "KEY=value, a comment after #, or nothing"


def _bare(value: str) -> str:
    """A value without its quotes, or without the comment after it, as a shell reads it: a blank before it stays."""
    found = QUOTED.fullmatch(value)
    return found[2] if found else re.sub(r"\s+#.*", "", value)
