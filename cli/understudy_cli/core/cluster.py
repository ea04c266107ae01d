"""A cluster as its state item tells it, judged at a given time. What the table does not say is None, never guessed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from understudy_cli.core.items import Fields

FORMAT = 1
"""The newest format of the state item that this tool reads."""
READY, FAILED, SILENT, GONE, UNKNOWN = "READY", "FAILED", "SILENT", "GONE", "UNKNOWN"
IN_SERVICE = "IN_SERVICE"
OFF = ("stopped", "terminated")
LEAVING = (*OFF, "stopping", "shutting-down")
ACTIVE, STANDBY, WITNESS = "active", "standby", "witness"
NO_SERVICES = "-"
"""What a node's row keeps of the names of its services where its beats name none, as a witness's do."""
NOT_FIT = "says that it is not fit to take over"
NOT_KNOWN_YET = "the active node does not know of it yet"
OWED = "OWED"


class NewerFormat(Exception):  # noqa: N818 - it is what was found
    """The state item was written by a stack that is newer than this tool."""


@dataclass(frozen=True)
class Node:
    """A node. `heard_s_ago`: None when it was never heard. `notes`: what speaks against it, in words.

    `failed_start`: whether the service did not start on it, with the boot and the configuration that it has now.
    """

    name: str
    instance_id: str
    role: str
    health: str
    service: str
    heard_s_ago: float | None
    agent: str
    failed_start: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Move:
    """The move that is open. Times in seconds since 1970."""

    action: str
    source: str | None
    target: str | None
    stage: str
    opened_at: float | None
    deadline_at: float | None
    execution: str


@dataclass(frozen=True)
class Hold:
    """Nothing moves by itself, until `until` (None: until it is resumed)."""

    since: float | None
    until: float | None
    reason: str


@dataclass(frozen=True)
class Question:
    """What a person is asked: whether `action` may begin. An answer is waited for until `until`."""

    action: str
    execution: str
    asked_at: float | None
    until: float | None


@dataclass(frozen=True)
class Cluster:
    """A cluster at `read_at`. `active` and `previous` are names of nodes.

    `alert`: the rule for which a person was called and which still holds. `no_standby_since`: since when nobody could
    take over. `doubted_since`: since when a failover is put off.
    """

    name: str
    read_at: float
    epoch: int
    definition_version: int
    active: str | None
    previous: str | None
    proof: str
    nodes: tuple[Node, ...]
    address: str | None
    move: Move | None
    hold: Hold | None
    question: Question | None
    alert: str | None
    no_standby_since: float | None
    doubted_since: float | None

    @property
    def holder(self) -> Node | None:
        """The node with the lease."""
        return next((each for each in self.nodes if each.role == ACTIVE), None)

    @property
    def standbys(self) -> list[Node]:
        """Whoever is READY and could take over, whether the service has once not started there or not."""
        ready = [each for each in self.nodes if each.health == READY and each.role == STANDBY]
        return [each for each in ready if NOT_FIT not in each.notes]

    def node(self, name: str | None) -> Node | None:
        """The node of this name."""
        return next((each for each in self.nodes if each.name == name), None)


def cluster_of(item: Mapping[str, Any], now: float) -> Cluster:
    """The cluster of a state item (plain values) at `now`, seconds on AWS's clock. Raises NewerFormat."""
    state = Fields(item)
    if state.whole("v") > FORMAT:
        raise NewerFormat(
            f"the state of {state.text('pk')} has format {state.whole('v')}, this tool reads up to {FORMAT}"
        )
    reports = state.each("nodes")
    names = {instance: report.text("name") or instance for instance, report in reports.items()}
    active, previous = state.text("active"), state.inside("previous")
    limit = state.inside("terms").number("silence_limit_s")
    nodes = [_node(each, report, active, limit, state, now) for each, report in reports.items()]
    return Cluster(
        name=state.text("pk"),
        read_at=now,
        epoch=state.whole("epoch"),
        definition_version=state.whole("definition_version"),
        active=names.get(active, active) or None,
        previous=names.get(previous.text("node"), previous.text("node")) or None,
        proof=previous.text("proof"),
        nodes=tuple(sorted(nodes, key=lambda each: (each.role != ACTIVE, each.name))),
        address=state.inside("address").text("status") or None,
        move=_move(state.inside("transition"), names),
        hold=_hold(state.inside("hold"), now),
        question=_question(state.inside("approval"), now),
        alert=state.text("alert") or None,
        no_standby_since=state.inside("lone").number("since"),
        doubted_since=state.inside("doubt").number("since"),
    )


def _node(instance: str, report: Fields, active: str, limit: float | None, state: Fields, now: float) -> Node:
    heard, health = report.number("heard_at"), health_of(report, limit, now)
    is_known = not report.text("misnamed") and _is_known_to_holder(instance, report, state)
    return Node(
        name=report.text("name") or instance,
        instance_id=instance,
        role=ACTIVE if instance == active else _role_beside(report),
        health=UNKNOWN if health == READY and not is_known else health,
        service=report.text("service"),
        heard_s_ago=None if heard is None else max(0.0, now - heard),
        agent=report.text("agent"),
        failed_start=_has_failed(instance, report, state),
        notes=_notes(instance, report, state),
    )


def _role_beside(report: Fields) -> str:
    """Of a node without the lease. An agent that names no services by mistake is told so in its row."""
    is_witness = report.text("named") == NO_SERVICES and report.flag("keeps_lease") and not report.text("misnamed")
    return WITNESS if is_witness else STANDBY


def power_of(report: Fields) -> str:
    """EC2's newest word on the instance, empty when the node has come back since, or EC2 has said nothing."""
    power, heard = report.text("power"), report.number("heard_at")
    if report.text("power_boot") != report.text("boot"):
        return ""
    has_beaten_since = heard is not None and heard > report.whole("power_at")
    return "" if has_beaten_since and power in OFF else power


def health_of(report: Fields, silence_limit_s: float | None, now: float) -> str:
    """The health of a node by what its own row says. Without a limit, silence cannot be judged: UNKNOWN."""
    heard = report.number("heard_at")
    if power_of(report) in LEAVING:
        return GONE
    if heard is None or silence_limit_s is None:
        return UNKNOWN
    if now - heard >= silence_limit_s:
        return SILENT
    if report.text("service") == FAILED or any(each.flag("on") for each in report.each("alarms").values()):
        return FAILED
    return UNKNOWN if report.text("fault") or report.text("unfit") else READY


def _is_known_to_holder(instance: str, report: Fields, state: Fields) -> bool:
    """Whether the last holder of the lease would ask this node for a promise: one that joined later must be known."""
    active, previous = state.text("active"), state.inside("previous")
    holder_id, joined = active or previous.text("node"), report.whole("joined")
    holder = state.inside("nodes").inside(holder_id)
    knows = holder.whole("knows")
    if not joined or not holder or instance == holder_id or not knows or power_of(holder) in OFF:
        return True
    epoch = state.whole("epoch")
    granted_under = previous.whole("ended_epoch") - 1 if previous and not active else epoch
    is_new_enough = joined <= knows <= state.whole("definition_version")
    return is_new_enough and granted_under <= holder.whole("read_epoch") <= epoch


def _notes(instance: str, report: Fields, state: Fields) -> tuple[str, ...]:
    """What speaks against a node, each in words."""
    notes = [power_of(report)] if power_of(report) in LEAVING else []
    notes += [f"alarm {name}" for name, alarm in report.each("alarms").items() if alarm.flag("on")]
    notes += [report.text(word) for word in ("fault", "unfit", "misnamed") if report.text(word)]
    notes += [] if _is_known_to_holder(instance, report, state) else [NOT_KNOWN_YET]
    notes += [NOT_FIT] if report.items("fitness") == [None] else []
    if _has_failed(instance, report, state):
        epoch = state.inside("failed_starts").inside(instance).whole("epoch")
        notes.append(f"service did not start under epoch {epoch}")
    return tuple(notes)


def _has_failed(instance: str, report: Fields, state: Fields) -> bool:
    """A start that failed with another boot, or another configuration of the agent, says nothing any more."""
    failed = state.inside("failed_starts").inside(instance)
    return bool(failed) and failed.text("of") == tried_with(report.text("boot"), report.text("config"))


def tried_with(boot: str, config: str) -> str:
    """What a start is made with, as the controller notes it."""
    return hashlib.sha256(f"{boot}\n{config}".encode()).hexdigest()[:6]


def _move(transition: Fields, names: Mapping[str, str]) -> Move | None:
    if not transition:
        return None
    source, target = transition.text("source"), transition.text("target")
    return Move(
        action=transition.text("action"),
        source=names.get(source, source) or None,
        target=names.get(target, target) or None,
        stage=transition.text("stage"),
        opened_at=transition.number("opened_at"),
        deadline_at=transition.number("deadline_at"),
        execution=transition.text("execution"),
    )


def _hold(hold: Fields, now: float) -> Hold | None:
    """A hold that is over is none, also while it still stands in the table."""
    until = hold.number("until")
    if not hold or (until is not None and now >= until):
        return None
    return Hold(hold.number("since"), until, hold.text("reason"))


def _question(approval: Fields, now: float) -> Question | None:
    """The open question. One that was answered with no, or whose time is over, is none."""
    until = approval.number("until")
    if not approval or approval.flag("is_no") or (until is not None and now >= until):
        return None
    return Question(approval.text("action"), approval.text("execution"), approval.number("asked_at"), until)
