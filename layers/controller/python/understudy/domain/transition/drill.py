"""Planned drills: switch over inside a window, come back after a while, and measure both.

A drill is a wish, never a need. It begins only when nothing at all speaks against a move, and whatever comes in
between ends it where it stands: the service stays in service, and a person is told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.policy import DrillPolicy
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.failback import DAY_S, is_open
from understudy.domain.decide.rules import decide
from understudy.domain.decide.situation import (
    FAILED_BEFORE,
    NO_FIT_STANDBY,
    NO_SOUND_STANDBY,
    Budget,
    Candidate,
    Mode,
    Observer,
    sound_candidates,
    survey,
)

if TYPE_CHECKING:  # every heartbeat imports this module, and no heartbeat checks readiness
    from understudy.domain.readiness.report import Report

DRILL_DUE, DRILL_BACK = "drill-due", "drill-back"
DRILL_RULES = (DRILL_DUE, DRILL_BACK)
"""The rules that stand in the history of a drill's two moves. They are in no table: a drill is nobody's need."""
QUIET_RULE = "active-is-ready"
"""The one rule under which a drill may move anything."""
ASK_LIMIT_S = 300
"""How long a move that was asked for may take to be opened; then somebody has refused it."""
CHECK_LIMIT_S = 90
"""How long a check of readiness that was asked for may take to leave its report; a drill is refused without one."""
NEW_S = 1800
"""How old a readiness report may be when a drill begins, and for how long no second check is asked for."""


class DrillStage(StrEnum):
    """How far a drill has come."""

    OUT = "OUT"  # asked for, or the service is on the other node
    BACK = "BACK"  # on its way home
    DONE = "DONE"  # none is under way


class DrillOutcome(StrEnum):
    """How a drill can end."""

    PASSED = "PASSED"  # out and back, both in service
    STAYED_AWAY = "STAYED_AWAY"  # in service on the other node: it could not come back within the window
    INTERRUPTED = "INTERRUPTED"  # another move came between, or the first ended elsewhere
    NOT_BEGUN = "NOT_BEGUN"  # asked for, and never opened
    REFUSED = "REFUSED"  # due, and the cluster was not ready: tried again each minute of the window


@dataclass(frozen=True)
class Drill:
    """The newest drill of a cluster. Nodes are instance ids, times seconds; `revision` counts its writes.

    `epoch`: what the newest of its two moves was to open, asked for at `asked_at`; `out_epoch`: the first's.
    `refused_at`: when a refusal was told last. `check_asked_at`: when readiness was to be checked anew for it.
    """

    stage: DrillStage = DrillStage.DONE
    begun_at: int = 0
    home: str = ""
    away: str = ""
    epoch: int = 0
    out_epoch: int = 0
    asked_at: int = 0
    refused_at: int = 0
    check_asked_at: int = 0
    revision: int = 0


@dataclass(frozen=True)
class LookFirst:
    """Ask the workflow to check readiness; asking for the same again does no harm."""

    drill: Drill


@dataclass(frozen=True)
class AskForMove:
    """Ask the workflow for a move to `to` (instance id) by `rule`; asking for the same again does no harm."""

    drill: Drill
    to: str
    rule: str


@dataclass(frozen=True)
class End:
    """Write the drill down as it is now, and tell how it ended and why."""

    drill: Drill
    outcome: DrillOutcome
    why: str


def is_due(drill: Drill, policy: DrillPolicy, now: int) -> bool:
    """Whether a drill is to begin: the window is open, and still is when it is to come back."""
    days = now // DAY_S - drill.begun_at // DAY_S
    is_in_time = is_open(policy, now) and is_open(policy, now + policy.back_after_s)
    return drill.stage is DrillStage.DONE and days >= policy.every_days and is_in_time


def objections(view: ClusterView, observer: Observer) -> tuple[str, ...]:
    """What speaks against a move that nobody needs, in words; empty only when the cluster is well in every respect."""
    situation = survey(view, observer)
    decision, address = decide(situation), view.state.address
    is_settled = address is not None and address.status in (AddressStatus.IN_SYNC, AddressStatus.UNCONFIRMED)
    found = {
        f"{decision.rule}: {decision.why}": decision.rule != QUIET_RULE,
        "a transition is open": view.state.transition is not None,
        "the cluster is held": situation.mode is Mode.HELD,
        "no other node is fit to take over": situation.candidate in (Candidate.NO_QUORUM, Candidate.NONE),
        NO_FIT_STANDBY: situation.candidate is Candidate.NO_FITNESS,
        NO_SOUND_STANDBY: situation.candidate in FAILED_BEFORE,
        "max_failovers are used up": situation.budget is Budget.SPENT,
        "the observer is doubted": observer is Observer.SUSPECT,
        "an address is owed, or not yet in sync": not is_settled,
    }
    return tuple(words for words, is_so in found.items() if is_so)


def look_first(drill: Drill, report: "Report | None", definition: Definition, now: int) -> LookFirst | None:
    """Have readiness checked before a drill that is due, where the newest report is not new.

    None: it is, or a new one was asked for and has not come; then `report_objections` says so.
    """
    waited_s = now - drill.check_asked_at
    if not _outdated(report, definition, now) or CHECK_LIMIT_S <= waited_s < NEW_S:
        return None
    return LookFirst(drill if waited_s < CHECK_LIMIT_S else replace(drill, check_asked_at=now))


def report_objections(report: "Report | None", definition: Definition, now: int) -> tuple[str, ...]:
    """Why the newest readiness report does not say that the cluster is ready now, in words."""
    why = _outdated(report, definition, now)
    if why or report is None:
        return (f"readiness was to be checked anew, and was not: {why}",)
    return tuple(f"{each.name}: {each.found}" for each in report.failures())


def _outdated(report: "Report | None", definition: Definition, now: int) -> str:
    """Why a report says nothing about now; empty when it does."""
    if report is None:
        return "there is no report"
    if report.definition_version != definition.version:
        return "the newest report is of another definition"
    age_s = now - report.checked_at
    return f"the newest report is {age_s} s old" if age_s > NEW_S else ""


def begin(drill: Drill, view: ClusterView, against: Sequence[str]) -> AskForMove | End | None:
    """Begin a drill that is due at `now`, or refuse it; None when its refusal has been told in this window."""
    if not against and view.state.active is not None:
        away = sound_candidates(view)[0]
        begun = replace(
            drill,
            stage=DrillStage.OUT,
            begun_at=view.now,
            home=view.state.active,
            away=away,
            epoch=view.state.epoch + 1,
            out_epoch=view.state.epoch + 1,
            asked_at=view.now,
        )
        return AskForMove(begun, away, DRILL_DUE)
    if view.now - drill.refused_at < DAY_S:
        return None
    return End(replace(drill, refused_at=view.now), DrillOutcome.REFUSED, "; ".join(against))


def go_on(
    drill: Drill,
    policy: DrillPolicy,
    view: ClusterView,
    observer: Observer,
    story: Mapping[str, Any],
) -> AskForMove | End | None:
    """What a drill that is under way does next; None: it waits. `story`: the history of the epoch it waits for."""
    is_out = drill.stage is DrillStage.OUT
    if view.state.epoch < drill.epoch:
        return _asked_again(drill, view.now)
    if view.state.transition is not None:
        return None
    there = drill.away if is_out else drill.home
    has_failed_over = any(at >= drill.begun_at for at in view.state.failover_times)
    if view.state.active != there or has_failed_over or story.get("rule") not in DRILL_RULES:
        where = view.definition.name_of(view.state.active) if view.state.active else "no node"
        return _end(drill, DrillOutcome.INTERRUPTED, f"another move came between, or this one ended on {where}")
    if not is_out:
        return _end(drill, DrillOutcome.PASSED, "out and back")
    if view.now < drill.asked_at + policy.back_after_s:
        return None
    return _back(drill, policy, view, observer)


def _back(drill: Drill, policy: DrillPolicy, view: ClusterView, observer: Observer) -> AskForMove | End | None:
    against = objections(view, observer)
    if drill.home not in sound_candidates(view):
        against = (*against, f"{view.definition.name_of(drill.home)} is not fit to take over")
    if not is_open(policy, view.now):
        words = "; ".join(against) or "the watch did not come round in time"
        return _end(drill, DrillOutcome.STAYED_AWAY, f"the window is over: {words}")
    if against:
        return None
    asked = replace(drill, stage=DrillStage.BACK, epoch=view.state.epoch + 1, asked_at=view.now)
    return AskForMove(asked, drill.home, DRILL_BACK)


def _asked_again(drill: Drill, now: int) -> AskForMove | End:
    """Under the same name: should the first have been lost, this one is it; else it does nothing."""
    is_out = drill.stage is DrillStage.OUT
    if now - drill.asked_at < ASK_LIMIT_S:
        return AskForMove(drill, drill.away if is_out else drill.home, DRILL_DUE if is_out else DRILL_BACK)
    outcome = DrillOutcome.NOT_BEGUN if is_out else DrillOutcome.STAYED_AWAY
    return _end(drill, outcome, "the move was asked for and not opened: the workflow found something against it")


def _end(drill: Drill, outcome: DrillOutcome, why: str) -> End:
    return End(replace(drill, stage=DrillStage.DONE), outcome, why)
