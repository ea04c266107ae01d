"""The tunables of row S8, under the names and with the defaults of the Recovery Kit that they come from."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from understudy.domain.quoting import quoted


@dataclass(frozen=True)
class Tuning:
    """Retry counts and intervals of everything that talks to Route 53 (S6, S7, S8). Intervals and TTL are seconds."""

    ROUTE53_TTL: int = 10
    ROUTE53_RECORD_INTERVAL: int = 2
    ROUTE53_RECORD_TRY_COUNT: int = 3
    ROUTE53_CHANGEID_INTERVAL: int = 20
    ROUTE53_CHANGEID_TRY_COUNT: int = 5
    ROUTE53_RECORDCHECK_INTERVAL: int = 2
    ROUTE53_RECORDCHECK_TRY_COUNT: int = 4


LIMITS: Mapping[str, tuple[int, int]] = {
    "ROUTE53_TTL": (1, 86_400),
    "ROUTE53_RECORD_INTERVAL": (1, 300),
    "ROUTE53_RECORD_TRY_COUNT": (1, 100),
    "ROUTE53_CHANGEID_INTERVAL": (1, 300),
    "ROUTE53_CHANGEID_TRY_COUNT": (1, 100),
    "ROUTE53_RECORDCHECK_INTERVAL": (1, 300),
    "ROUTE53_RECORDCHECK_TRY_COUNT": (1, 100),
}
"""The least and the greatest value of each tunable, both allowed. Intervals and TTL are seconds."""

ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_]\w*)=(.*)")
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
    """The tunables in force: what the cluster sets wins over what the stack sets, and that over the defaults (S8)."""
    return Tuning(**{**stack, **cluster})


def parse_lines(text: str) -> PastedTuning:
    """Read pasted `KEY=value` lines (S8), with comments, blanks, quotes and `export`; the last line of a key wins.

    Raises BadTuningError with every fault at once.
    """
    values: dict[str, int] = {}
    ignored, faults = [], []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        found = ASSIGNMENT.fullmatch(line)
        if found is None or found[1] not in LIMITS:
            ignored.append(found[1] if found else f"line {number}")
            continue
        value, (least, most) = _bare(found[2]), LIMITS[found[1]]
        if value.isascii() and value.isdigit() and len(value) < 10 and least <= int(value) <= most:
            values[found[1]] = int(value)
        else:
            allowed = f"a whole number from {least} to {most}"
            faults.append(f"line {number}: {found[1]} is {quoted(value)}; allowed: {allowed}")
    if faults:
        raise BadTuningError(faults)
    return PastedTuning(values, tuple(ignored))


def _bare(value: str) -> str:
    """A value without its quotes, or without the comment after it, as a shell reads it."""
    found = QUOTED.fullmatch(value)
    return found[2] if found else re.sub(r"\s+#.*", "", value).strip()
