"""What clients lost in each scene and where the time went; of a transition also why it was made."""

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
    stages = _complete(history, "opened_at", "granted_at", "closed_at")
    window = (outage.began + _offset(attempts), outage.ended + _offset(attempts))
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


def restart_report(
    times: Mapping[str, float], began: float, outage: Outage, attempts: Sequence[Attempt]
) -> dict[str, Any]:
    """A local restart as JSON. `times`: what the agent and the table say; `began`: SIGKILL (epoch seconds)."""
    known = {
        "the agent finds it dead": times["found_dead"],
        "the agent finds it in service again": times["in_service"],
        "the client is answered again": outage.ended + _offset(attempts),
        "a beat has told the table": times["told"],
    }
    return _story(known, began, outage)


def drift_report(
    found: Mapping[str, Any], repair: Mapping[str, Any], began: float, outage: Outage, attempts: Sequence[Attempt]
) -> dict[str, Any]:
    """A record that was changed by hand, as JSON: from the history of the epoch that lost it and of the next.

    `began`: when it was changed (epoch seconds). Raises Unreportable when the history does not tell the whole story.
    """
    if "drift" not in found or repair.get("action") != "repair" or repair.get("outcome") != "IN_SERVICE":
        raise Unreportable(
            f"the history has drift {found.get('drift')}, then action {repair.get('action')} with outcome "
            f"{repair.get('outcome')}: not the whole story of a record that was put right"
        )
    stages = _complete(repair, "opened_at", "accepted_at", "in_sync_at", "closed_at")
    known = {
        "the client is led astray": outage.began + _offset(attempts),
        "the watch has found it": _complete(found, "drifted_at")["drifted_at"],
        "a new epoch is open": stages["opened_at"],
        "record accepted": stages["accepted_at"],
        "in sync": stages["in_sync_at"],
        "the client is answered again": outage.ended + _offset(attempts),
        "closed": stages["closed_at"],
    }
    facts = {"records": found["drift"]["records"], "epoch_before": found["drift"]["epoch"]}
    return _story(known, began, outage) | facts | {"decision": decision(repair)}


def _complete(history: Mapping[str, Any], *wanted: str) -> Mapping[str, float]:
    """The stages of a history item; Unreportable when one that is wanted is not there."""
    stages: Mapping[str, float] = history.get("stages", {})
    missing = [key for key in wanted if key not in stages]
    if missing:
        raise Unreportable(f"the history of epoch {history.get('sk')} has no {', '.join(missing)}")
    return stages


def _story(times: Mapping[str, float], began: float, outage: Outage) -> dict[str, Any]:
    ordered = sorted(times.items(), key=lambda each: each[1])
    return {
        "outage_s": round(outage.seconds, 3),
        "failed_attempts": outage.failed_attempts,
        "phases": [{"phase": phase, "at_s": round(at - began, 3)} for phase, at in ordered],
    }


def _offset(attempts: Sequence[Attempt]) -> float:
    """From the client's monotonic clock to epoch seconds."""
    return attempts[0].wall - attempts[0].at


def decision(history: Mapping[str, Any]) -> dict[str, Any]:
    """Rule, reason, facts, proof and outcome of one transition, as the history keeps them."""
    kept = ("action", "source", "target", "rule", "why", "reason", "proof", "outcome", "reasons", "facts")
    return {"epoch": int(str(history["sk"]).partition("#")[2])} | {k: history.get(k) for k in kept}


def transition_table(title: str, report: Mapping[str, Any]) -> RenderableType:
    """A transition for people."""
    phases = _phases("phase", "after", "of the outage")
    for row in report["phases"]:
        phases.add_row(row["phase"], _seconds(row["at_s"]), _seconds(row["of_outage_s"]))
    for row in report["afterwards"]:
        phases.add_row(row["phase"], _seconds(row["at_s"]), "")
    made = report["decision"]
    because = f"rule {made['rule']}: {made['why']}\nproof {made['proof']}, outcome {made['outcome']}"
    return Group(
        _heading(f"{title}, {report['from']} to {report['to']}", report), *_balanced(report), phases, because, ""
    )


def _balanced(report: Mapping[str, Any]) -> list[str]:
    """What the client behind the load balancer saw, where there is one."""
    if "balanced_outage_s" not in report:
        return []
    return [f"by the load balancer, without Route 53 and TTL: {report['balanced_outage_s']:.2f} s without an answer"]


def restart_table(report: Mapping[str, Any]) -> RenderableType:
    """A local restart for people."""
    first, second = report["processes"]
    unmoved = (
        f"process {first}, then {second}, on {report['node']}: no execution was started, epoch {report['epoch']} stays"
    )
    heading = _heading(f"Local restart of {report['service']} on {report['node']}", report)
    return Group(heading, _timeline("after SIGKILL", report), unmoved, "")


def outage_table(outage: Mapping[str, Any], parted: Mapping[str, Any]) -> RenderableType:
    """What became of the service without AWS, with and without peers, for people."""
    return Group(
        "[bold]All of AWS's APIs gone[/bold]",
        f"for {outage['lasted_s']:.0f} s: {outage['failed']} of {outage['requests']} requests failed, "
        f"nothing moved, epoch {outage['epoch']} stays",
        f"the peers gone, too: stopped after {parted['stopped_s']} s, served again by {parted['back_on']} "
        f"{parted['back_s']} s after AWS was back",
        "",
    )


def drift_table(report: Mapping[str, Any]) -> RenderableType:
    """A record that was put right, for people."""
    said = [
        f"{each['record']}: found {', '.join(each['found']) or 'nothing'}, not {each['expected']}\n"
        f"last written by us, says the guard: {', '.join(each['guard']) or 'it is gone'}"
        for each in report["records"]
    ]
    made = report["decision"]
    why = [
        "the watch was run at once: by itself it looks once a minute",
        f"rule {made['rule']}: {made['why']}",
        f"epoch {report['epoch_before']}, then {made['epoch']}, outcome {made['outcome']}; the service was left alone",
    ]
    heading = _heading("Record changed by hand", report)
    return Group(heading, _timeline("after the change", report), *said, *why, "")


def _heading(title: str, report: Mapping[str, Any]) -> str:
    return f"{title}: the client was without an answer for {report['outage_s']:.2f} s"


def _timeline(after: str, report: Mapping[str, Any]) -> Table:
    phases = _phases("what", after)
    for row in report["phases"]:
        phases.add_row(row["phase"], _seconds(row["at_s"]))
    return phases


def _phases(first: str, *others: str) -> Table:
    made = Table(box=SIMPLE)
    made.add_column(first)
    for heading in others:
        made.add_column(heading, justify="right")
    return made


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} s"
