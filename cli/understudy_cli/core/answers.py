"""The answers of `check`, `explain` and `rehearse` as lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from understudy_cli.core.items import Fields
from understudy_cli.core.lines import BAD, DIM, GOOD, HEAD, WARN, Line, Span, columns, line

TONES = {"PASS": GOOD, "READY": GOOD, "WARN": WARN, "READY_WITH_WARNINGS": WARN, "FAIL": BAD, "NOT_READY": BAD}
WORST_FIRST = ("FAIL", "UNKNOWN", "WARN", "PASS")


def _texts(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, (list, tuple)) else []


def advice_lines(output: Mapping[str, Any]) -> list[Line]:
    """What the controller has written for people, line by line, under its verdict."""
    verdict = Fields(output).text("verdict")
    head = [line("verdict  ", Span(verdict, TONES.get(verdict, WARN)))] if verdict else []
    return [*head, *(line(each) for each in _texts(output.get("text")))]


def report_lines(checks: Sequence[Any]) -> list[Line]:
    """The checks of a readiness report, the worst first, with what to do about those that did not pass."""
    found = [Fields(each) for each in checks]
    found.sort(key=lambda each: _rank(each.text("verdict")))
    rows = columns(
        [
            [
                Span(each.text("verdict"), TONES.get(each.text("verdict"), WARN)),
                Span(each.text("name"), HEAD),
                Span(each.text("found")),
            ]
            for each in found
        ]
    )
    lines: list[Line] = []
    for row, each in zip(rows, found):
        lines.append(row)
        if each.text("verdict") != "PASS" and each.text("advice"):
            lines.append(line(Span(f"    {each.text('advice')}", DIM)))
    return lines


def _rank(verdict: str) -> int:
    return WORST_FIRST.index(verdict) if verdict in WORST_FIRST else len(WORST_FIRST)
