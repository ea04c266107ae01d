"""What a transition cost its clients, split by phase, and why it was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE
from rich.console import Group, RenderableType
from rich.table import Table

from local.client import Attempt, Outage

# In the order in which they end. Words of the history item, and what a reader is told.
PHASES = (
    ("noticed_at", "noticed"),
    ("opened_at", "opened"),
    ("fenced_at", "fenced"),
    ("accepted_at", "record accepted"),
    ("granted_at", "lease granted"),
    ("in_service_at", "service in service"),
)
REST = "clients moved (propagation, TTL)"
AFTERWARDS = (("in_sync_at", "in sync"), ("closed_at", "closed"))


class Unreportable(Exception):  # noqa: N818  (it reads as the sentence that the operator gets)
    """What was to be measured was not there; the message says what."""


@dataclass(frozen=True)
class Part:
    """`at_s` is seconds after the beginning (kill or request), `of_outage_s` its share of the outage."""

    phase: str
    at_s: float | None
    of_outage_s: float


def split(stages: Mapping[str, float], began: float, outage: tuple[float, float]) -> list[Part]:
    """Divide the outage (from, to; epoch seconds) among the phases; the shares add up to the outage."""
    parts: list[Part] = []
    reached = outage[0]
    for key, name in PHASES:
        ended = stages.get(key)
        share = 0.0
        if ended is not None:
            until = min(max(reached, ended), outage[1])
            share, reached = until - reached, until
        parts.append(Part(name, None if ended is None else ended - began, share))
    parts.append(Part(REST, outage[1] - began, outage[1] - reached))
    return parts


def transition_report(
    history: Mapping[str, Any], began: float, outage: Outage, attempts: Sequence[Attempt]
) -> dict[str, Any]:
    """One transition as JSON. `began`: when the node was killed or the request was made (epoch seconds)."""
    offset = attempts[0].wall - attempts[0].at  # from the client's monotonic clock to epoch seconds
    stages = history.get("stages", {})
    missing = [key for key in ("opened_at", "granted_at", "closed_at") if key not in stages]
    if missing:
        raise Unreportable(f"the history of epoch {history.get('sk')} has no {', '.join(missing)}")
    window = (outage.began + offset, outage.ended + offset)
    return {
        "action": history["action"],
        "from": outage.from_node,
        "to": outage.to_node,
        "outage_s": round(outage.seconds, 3),
        "failed_attempts": outage.failed_attempts,
        "phases": [
            {"phase": p.phase, "at_s": _rounded(p.at_s), "of_outage_s": round(p.of_outage_s, 3)}
            for p in split(stages, began, window)
        ],
        "afterwards": [
            {"phase": name, "at_s": _rounded(stages[key] - began if key in stages else None)}
            for key, name in AFTERWARDS
        ],
        "decision": decision(history),
    }


def decision(history: Mapping[str, Any]) -> dict[str, Any]:
    """Rule, reason, facts, proof and outcome of one transition, as the history keeps them."""
    kept = ("action", "source", "target", "rule", "why", "reason", "proof", "outcome", "reasons", "facts")
    return {"epoch": int(str(history["sk"]).partition("#")[2])} | {k: history.get(k) for k in kept}


def table(title: str, report: Mapping[str, Any]) -> RenderableType:
    """The same for people."""
    moved = f"{report['from']} to {report['to']}"
    heading = f"{title}, {moved}: the client was without an answer for {report['outage_s']:.2f} s"
    phases = Table(box=SIMPLE)
    phases.add_column("phase")
    phases.add_column("after", justify="right")
    phases.add_column("of the outage", justify="right")
    for row in report["phases"]:
        phases.add_row(row["phase"], _seconds(row["at_s"]), _seconds(row["of_outage_s"]))
    for row in report["afterwards"]:
        phases.add_row(row["phase"], _seconds(row["at_s"]), "")
    made = report["decision"]
    because = f"rule {made['rule']}: {made['why']}\nproof {made['proof']}, outcome {made['outcome']}"
    return Group(heading, phases, because, "")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} s"
