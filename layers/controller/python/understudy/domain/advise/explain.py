"""Why the controller does what it does now, and what would have to change for another decision."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from understudy.domain.advise.facts import Fact, facts_behind
from understudy.domain.cluster.definition import QuorumMode
from understudy.domain.cluster.state import ClusterState
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.rules import COLUMNS, Decision, decide
from understudy.domain.decide.silence import is_put_off
from understudy.domain.decide.situation import (
    Candidate,
    Holder,
    Observer,
    Phase,
    PlannedMove,
    Repair,
    Situation,
    survey,
)

DOUBTED = "many nodes are silent, and neither zone nor subnet explains it; it waits for its turn, the oldest first"
OF_ACTIVE = (Holder.READY, Holder.FAILED, Holder.SILENT, Holder.GONE, Holder.UNKNOWN, Holder.CONTESTED)
OF_PREVIOUS = (Holder.NOBODY, Holder.RETURNED, Holder.UNPROVEN, Holder.CONTESTED)
OF_NOBODY = (Holder.NOBODY, Holder.UNHEARD, Holder.CONTESTED)


@dataclass(frozen=True)
class Alternative:
    """One other answer to one question of the table, all else equal, and the decision that it would lead to.

    `condition`: what would have to be so, in words.
    """

    column: str
    value: str
    condition: str
    decision: Decision

    @property
    def line(self) -> str:
        """For a person, on one line."""
        return f"if {self.condition}: {self.decision.action} by {self.decision.rule}"


@dataclass(frozen=True)
class Explanation:
    """The situation as the table of rules sees it, the decision, and everything behind it.

    `target`: the name of the node that would take over, or stay; None when there is none. `put_off`: why it is not
    carried out now, empty when it is.
    """

    situation: Situation
    decision: Decision
    target: str | None
    facts: tuple[Fact, ...]
    otherwise: tuple[Alternative, ...]
    put_off: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """The whole for a person."""
        columns = [f"  {column}: {getattr(self.situation, column)}" for column in COLUMNS]
        return (
            f"{self.decision.action} by {self.decision.rule}: {self.decision.why}",
            *([f"not now: {self.put_off}"] if self.put_off else []),
            f"the node meant: {self.target or 'none'}",
            "the situation, as the decision table asks for it:",
            *columns,
            "the facts behind it:",
            *(f"  {fact.line}" for fact in self.facts),
            "what would change the decision, all else equal:",
            *(f"  {each.line}" for each in self.otherwise),
        )


def explain(view: ClusterView, observer: Observer) -> Explanation:
    """Judge the cluster at `now` (seconds, AWS's clock) as the controller would, and show all of it. Pure."""
    situation = survey(view, observer)
    decision = decide(situation)
    return Explanation(
        situation=situation,
        decision=decision,
        target=view.definition.name_of(situation.target) if situation.target else None,
        facts=facts_behind(view),
        otherwise=tuple(_alternatives(situation, decision, view)),
        put_off=DOUBTED if is_put_off(decision.rule, view.state, view.now) else "",
    )


def _alternatives(situation: Situation, decision: Decision, view: ClusterView) -> Iterator[Alternative]:
    """Every single other answer that this cluster could come to, and that another rule stands for."""
    for column, kind in COLUMNS.items():
        for value in kind:
            other = replace(situation, **{column: value})  # type: ignore[arg-type]
            if not _can_come(other, situation, view):
                continue
            found = decide(other)
            if found.rule != decision.rule:
                condition = _condition(value, column, view)
                yield Alternative(column, str(value), condition, found)


def _can_come(other: Situation, situation: Situation, view: ClusterView) -> bool:
    """Whether the answers of `other` can be true together, of this cluster and from where it stands."""
    return (
        other.phase in _phases(situation, view.state)
        and other.holder in _holders(situation, view.state)
        and other.candidate in _candidates(view)
        and (other.holder is not Holder.AWAITED or other.phase is Phase.SETTLED)
        and (other.holder is not Holder.RETURNED or other.candidate in (Candidate.FIT, Candidate.RETRY))
        and _can_be_planned(other, situation, view)
    )


def _phases(situation: Situation, state: ClusterState) -> tuple[Phase, ...]:
    """A transition that is not open is opened by a decision, and is no cause of one."""
    return (situation.phase,) if state.transition is None else (situation.phase, Phase.SETTLED, Phase.OVERDUE)


def _holders(situation: Situation, state: ClusterState) -> tuple[Holder, ...]:
    if state.active is not None:
        return OF_ACTIVE
    return (situation.holder, *(OF_PREVIOUS if state.previous is not None else OF_NOBODY))


def _candidates(view: ClusterView) -> tuple[Candidate, ...]:
    others = [node for node in view.definition.serving if node.instance_id != view.state.active]
    if not others:
        return (Candidate.NONE,)
    without_quorum = () if view.definition.quorum.mode is QuorumMode.NONE else (Candidate.NO_QUORUM,)
    failed_before = Candidate.RETRY if view.policy.retry_failed_start else Candidate.NO_RETRY
    is_fitness_said = view.policy.fitness.required or any(each.fitness for each in view.state.nodes.values())
    without_fitness = (Candidate.NO_FITNESS,) if is_fitness_said else ()
    return (Candidate.FIT, failed_before, Candidate.NONE, *without_quorum, *without_fitness)


def _can_be_planned(other: Situation, situation: Situation, view: ClusterView) -> bool:
    """Whether a move of a service that is well can come. AWS may take any node away, at any time."""
    if other.planned is PlannedMove.NONE:
        return True
    if other.planned is PlannedMove.FAIL_BACK:
        return _can_go_back(other, view)
    is_fit, was_stranded = other.candidate is Candidate.FIT, situation.planned is PlannedMove.STRANDED
    return view.state.active is not None and (
        is_fit if other.planned is PlannedMove.LEAVE else not is_fit or was_stranded
    )


def _can_go_back(other: Situation, view: ClusterView) -> bool:
    return (
        view.policy.failback.is_automatic
        and view.state.active not in (None, view.definition.preferred.instance_id)
        and view.state.transition is None
        and other.candidate is Candidate.FIT
        and other.repair is Repair.NOT_DUE
    )


def _condition(value: StrEnum, column: str, view: ClusterView) -> str:
    """What would have to be so, in words and with the names and numbers of this cluster."""
    holder = view.definition.name_of(view.state.last_holder) if view.state.last_holder else "the node before"
    preferred = view.definition.preferred.name
    heard = _heard(view.state, view.now)
    limit_s, budget = view.policy.silence_limit_s, view.policy.max_failovers
    deadline_s = max(0, view.state.transition.deadline_at - view.now) if view.state.transition else 0
    words = {
        "phase SETTLED": "the open transition ends",
        "phase OVERDUE": f"the open transition outlives its deadline, in {deadline_s} s",
        "holder READY": f"{holder} is heard, well and serves",
        "holder FAILED": f"{holder} says that it has failed or serves nothing, or an alarm of it is on",
        "holder SILENT": f"{holder} is not heard for {limit_s:g} s ({heard})",
        "holder GONE": f"EC2 says that {holder} is off or going off",
        "holder UNKNOWN": f"EC2 says that {holder} is not as the definition says",
        "holder NOBODY": f"it is certain that {holder} does not serve",
        "holder UNHEARD": "a member that may be serving is not heard, and EC2 does not say that it is off",
        "holder CONTESTED": "another member says that it serves, under no lease",
        "holder RETURNED": f"{holder} is heard again and fit, without a proof against it",
        "holder UNPROVEN": f"{holder} is not fit, and nothing proves that it does not serve",
        "candidate FIT": "another node is fit to take over",
        "candidate RETRY": "on every other node that is fit the service did not start",
        "candidate NO_RETRY": "the same, and retry_failed_start is false: none is tried again",
        "candidate NO_QUORUM": "quorum keeps every other node that is ready from taking over",
        "candidate NO_FITNESS": "every other node that is ready says that it is not fit, or does not say as it must",
        "candidate NONE": "no other node is ready",
        "repair NOT_DUE": "no address is due for a repair",
        "repair DUE": "an address is known not to lead to the service, and is due for a repair",
        "budget LEFT": f"fewer than {budget.count} failovers were spent in the last {budget.window_s} s",
        "budget SPENT": f"{budget.count} failovers were spent in the last {budget.window_s} s",
        "observer TRUSTED": f"a node of this cluster is heard without a gap for {limit_s:g} s",
        "observer SUSPECT": "the controller itself is late, or hears nobody without a gap",
        "mode NORMAL": "the cluster is resumed",
        "mode HELD": "the cluster is held",
        "planned NONE": f"{holder} stays, and {preferred} is not fit for stable_for_s, in the hours",
        "planned FAIL_BACK": f"{preferred} is fit for stable_for_s, in the hours, with a failover left",
        "planned LEAVE": f"AWS is about to take {holder} away, another node is sound and stays, and a switchover helps",
        "planned STRANDED": f"AWS takes {holder} away for certain; no such node is left, or no switchover helps",
    }
    return words[f"{column} {value}"]


def _heard(state: ClusterState, now: int) -> str:
    report = state.nodes.get(state.last_holder or "")
    heard_at = report.heard_at if report else None
    return "never heard yet" if heard_at is None else f"last heard {now - heard_at} s ago"
