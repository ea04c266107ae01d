"""Hold and resume: an operator keeps a cluster from moving by itself, for a while or until they say otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from understudy.domain.cluster.quoting import quoted

HOLD, RESUME = "hold", "resume"
MODE_ACTIONS = (HOLD, RESUME)
MODE_KEYS = ("cluster", "action", "reason", "for_s", "until")
TIME_LIMIT = 10**11
LEAST_HOLD_S, MOST_HOLD_S = 60, 30 * 86_400


@dataclass(frozen=True)
class Hold:
    """An operator's word that nothing is to move by itself, from `since` until `until` (None: until resumed)."""

    since: int
    until: int | None = None
    reason: str = ""

    def is_on(self, now: float) -> bool:
        """Whether it holds at `now` (seconds): a hold that is over ends by itself."""
        return self.until is None or now < self.until


@dataclass(frozen=True)
class ModeRequest:
    """A hold, or with `is_hold` false the end of one. It ends by itself at `until`, or `for_s` after it was asked for
    (seconds; None: it does not).
    """

    cluster: str
    is_hold: bool
    reason: str = ""
    until: int | None = None
    for_s: int | None = None


def expiry_faults(document: Mapping[str, Any]) -> list[str]:
    """What is wrong with the end that a hold's document names, in words."""
    faults = []
    for_s, until = document.get("for_s"), document.get("until")
    if "for_s" in document and not _is_within(for_s, LEAST_HOLD_S, MOST_HOLD_S):
        faults.append(f"for_s is {quoted(for_s)}; allowed: {LEAST_HOLD_S} to {MOST_HOLD_S} seconds")
    if "until" in document and not _is_within(until, 1, TIME_LIMIT):
        faults.append(f"until is {quoted(until)}; allowed: whole seconds since 1970")
    if "for_s" in document and "until" in document:
        faults.append("for_s and until cannot both be said")
    if document.get("action") == RESUME and {"for_s", "until"} & set(document):
        faults.append("for_s and until belong to a hold; a resume takes effect at once")
    return faults


def changed_hold(request: ModeRequest, hold: Hold | None, now: int) -> Hold | None:
    """The hold that is to stand after the request at `now` (seconds). One that holds already keeps its beginning."""
    if not request.is_hold:
        return None
    since = hold.since if hold is not None and hold.is_on(now) else now
    until = now + request.for_s if request.for_s is not None else request.until
    return Hold(since=since, until=until, reason=request.reason)


def _is_within(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
