"""What became of a text that was put into Parameter Store."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from understudy_cli.core.items import Fields
from understudy_cli.core.lines import BAD, DIM, GOOD, PLAIN, Line, Span, line

IN_FORCE, REFUSED, PUT_OFF, NOT_YET = "IN_FORCE", "REFUSED", "PUT_OFF", "NOT_YET"


@dataclass(frozen=True)
class Fate:
    """`word`: one of the four above; `faults`: every one that it was refused for; `why` it is put off."""

    word: str
    faults: tuple[str, ...] = ()
    why: str = ""


def digest_of(text: str) -> str:
    """What the controller tells texts apart by."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def fate_of(text: str, version: int, in_force: str, unaccepted: Mapping[str, Any] | None) -> Fate:
    """What became of a text that was put as `version` of its parameter.

    `in_force`: the digest of the text that the controller obeys. `unaccepted`: the item `refusal`.
    """
    revision, refusal = f"{digest_of(text)} {version}", Fields(unaccepted)
    if refusal.text("putting") == revision:
        return Fate(REFUSED, refusal.texts("faults"))
    if refusal.text("put_off") == revision:
        return Fate(PUT_OFF, why=refusal.text("why"))
    return Fate(IN_FORCE if in_force == digest_of(text) else NOT_YET)


def difference(before: str, after: str) -> list[Line]:
    """What changes, as lines of a unified difference; none when nothing does."""
    tones = {"+": GOOD, "-": BAD, "@": DIM}
    found = difflib.unified_diff(before.splitlines(), after.splitlines(), "as it is", "as it is to be", lineterm="")
    return [line(Span(each, tones.get(each[:1], PLAIN))) for each in found]
