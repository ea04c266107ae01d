"""What became of each thing that was found: nothing is left out without a word."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from understudy_cli.core.lines import BAD, DIM, GOOD, WARN, Line, Span, columns

TAKEN = "TAKEN"
"""It stands in the files that are written."""
DIFFERENT = "DIFFERENT"
"""There is nothing to write: here it is so by itself, or otherwise on purpose."""
TO_DO = "TO_DO"
"""It stands in the files, and a person must complete or compare it."""
LEFT = "LEFT"
"""It is in no file, and a person must decide what becomes of it."""
TONES = {TAKEN: GOOD, DIFFERENT: DIM, TO_DO: WARN, LEFT: BAD}
FOR_A_PERSON = (TO_DO, LEFT)


@dataclass(frozen=True)
class Finding:
    """`what` was found, the `verdict` of the four above, and `why` or what it became."""

    verdict: str
    what: str
    why: str


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """What a person must look at first; otherwise as they were found."""
    order = (LEFT, TO_DO, DIFFERENT, TAKEN)
    return sorted(findings, key=lambda each: order.index(each.verdict))


def finding_lines(findings: Iterable[Finding]) -> list[Line]:
    """One line for each."""
    return columns([(Span(each.verdict, TONES[each.verdict]), f"{each.what}: {each.why}") for each in findings], 2)


def report(findings: Iterable[Finding]) -> str:
    """The same as a text for a file."""
    return "".join(f"{each.text}\n" for each in finding_lines(findings))
