"""Every fact that a decision rests on, with its age and the threshold that it is held against."""

from collections.abc import Iterator
from dataclasses import dataclass

from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.definition import Definition, NodeSpec, QuorumMode
from understudy.domain.cluster.state import ClusterState, Lease, NodeReport, Transition
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.failback import is_open, spent
from understudy.domain.decide.leaving import departures
from understudy.domain.decide.situation import health_of
from understudy.domain.lease.proof import evidence, lease_expires_at
from understudy.domain.observe.fitness import fitness_words
from understudy.domain.observe.quorum import objection
from understudy.domain.observe.starts import failed_starts
from understudy.domain.transition.consent import standing_question


@dataclass(frozen=True)
class Fact:
    """What was found about one thing. `age_s`: how old it is, None where that says nothing.

    `threshold` is a number in the unit of the setting that `setting` names; None where nothing is held against it.
    """

    about: str
    found: str
    age_s: float | None = None
    threshold: float | None = None
    setting: str = ""

    @property
    def line(self) -> str:
        """The fact for a person, on one line."""
        age = "" if self.age_s is None else f", {self.age_s:g} s ago"
        threshold = "" if self.threshold is None else f" ({self.setting} {self.threshold:g})"
        return f"{self.about}: {self.found}{age}{threshold}"


def facts_behind(view: ClusterView) -> tuple[Fact, ...]:
    """The facts of every node, then those of the cluster, at `now` (seconds)."""
    nodes = (fact for node in view.definition.nodes for fact in _of_node(node, view))
    return (*nodes, *_of_lease(view), *_of_cluster(view))


def _of_node(node: NodeSpec, view: ClusterView) -> Iterator[Fact]:
    report = view.state.nodes.get(node.instance_id)
    yield Fact(f"{node.name} health", str(health_of(view, node.instance_id)))
    if report is None or report.heard_at is None:
        yield Fact(f"{node.name} newest beat", "never heard")
    else:
        yield from _of_beats(node.name, report, report.heard_at, view.definition, view.now)
    if report is not None and report.power_at:
        yield Fact(f"{node.name} in EC2's words", str(report.power_now), view.now - report.power_at)
    if departure := departures(view.state).get(node.instance_id):
        yield Fact(f"{node.name} is about to go", departure.words, view.now - departure.at)
    for name, alarm in report.alarms.items() if report else ():
        yield Fact(f"{node.name} alarm {name}", "on" if alarm.on else "off", view.now - alarm.at)
    if report is not None and report.fault:
        yield Fact(f"{node.name} is not as defined", report.fault)
    if report is not None and report.unfit:
        yield Fact(f"{node.name} could not take over", report.unfit)
    if failed := failed_starts(view.state, view.definition).get(node.instance_id):
        yield Fact(f"{node.name} start", f"the service did not start under epoch {failed.epoch}", view.now - failed.at)
    if view.definition.quorum.mode is not QuorumMode.NONE:
        against = objection(view, node.instance_id)
        yield Fact(f"{node.name} quorum", against or "does not object")
    if words := fitness_words(view, node.instance_id):
        margin = view.policy.fitness.margin
        age_s = None if report is None or report.heard_at is None else view.now - report.heard_at
        yield Fact(f"{node.name} fitness", words, age_s, margin, "fitness.margin")


def _of_beats(name: str, report: NodeReport, heard_at: int, definition: Definition, now: int) -> Iterator[Fact]:
    limit_s = definition.policy.silence_limit_s
    gapless = f"for {heard_at - report.heard_since} s"
    yield Fact(f"{name} newest beat", "recorded", now - heard_at, limit_s, "silence_limit_s")
    yield Fact(f"{name} beats without a gap", gapless, None, limit_s, "silence_limit_s")
    yield Fact(f"{name} services", str(report.service), now - heard_at)
    if not report.keeps_lease:
        yield Fact(f"{name} lease", "its beats come without an agent: a lease that runs out proves nothing")


def _of_lease(view: ClusterView) -> Iterator[Fact]:
    if view.state.active is not None:
        yield Fact("lease", f"{view.definition.name_of(view.state.active)} holds it under epoch {view.state.epoch}")
    else:
        yield Fact("lease", f"nobody holds it under epoch {view.state.epoch}")
    if view.state.previous is not None:
        yield _of_previous(view.state.previous, view)
    if view.state.transition is not None:
        yield _of_transition(view.state.transition, view.definition, view.now)


def _of_previous(previous: Lease, view: ClusterView) -> Fact:
    report = view.state.nodes.get(previous.node)
    shown = [previous.proof] if previous.proof else []
    if report is not None and not shown:
        shown = [*evidence(view, report.power_now)]
    expires_at = lease_expires_at(view.state, view.policy.drift_margin_s)
    accepted = ", ".join(view.policy.fencing.accept)
    ends = (
        "its lease never ends by itself"
        if expires_at is None
        else f"its lease ends in {max(0, expires_at - view.now):g} s"
    )
    proofs = f"shown {', '.join(shown) or 'nothing'}; fencing.accept {accepted}; {ends}"
    age_s = None if previous.renewed_at is None else view.now - previous.renewed_at
    return Fact(f"{view.definition.name_of(previous.node)}, which served before", f"{proofs}; last renewed", age_s)


def _of_transition(transition: Transition, definition: Definition, now: int) -> Fact:
    return Fact(
        "transition",
        f"{transition.action} to {definition.name_of(transition.target)}, {transition.stage}, by {transition.rule}, "
        f"{max(0, transition.deadline_at - now)} s before its deadline; opened",
        now - transition.opened_at,
    )


def _of_cluster(view: ClusterView) -> Iterator[Fact]:
    policy = view.policy
    for label in view.definition.labels if view.state.address else ():
        yield _of_address(label, view.state, view.now)
    used, budget = spent(view.state, policy.max_failovers, view.now), policy.max_failovers
    window = f"{used} in the last {budget.window_s} s"
    yield Fact("failovers", window, None, budget.count, "max_failovers.count")
    if view.state.hold is not None and view.state.hold.is_on(view.now):
        until = (
            "until it is resumed" if view.state.hold.until is None else f"for {view.state.hold.until - view.now} s more"
        )
        yield Fact(
            "hold",
            f"{until}; {view.state.hold.reason or 'no reason was given'}; begun",
            view.now - view.state.hold.since,
        )
    question = standing_question(policy, view.state, view.now)
    if question is not None:
        found = f"{question.words(view.now)}; {'said' if question.is_no else 'asked'}"
        yield Fact("approval", found, view.now - question.asked_at, question.wait_s, "approval.wait_s")
    if view.state.doubt is not None:
        yield Fact("silence of many", view.state.doubt.words(view.now), view.now - view.state.doubt.since)
    if policy.failback.is_automatic:
        hours = "hours open" if is_open(policy.failback, view.now) else "hours closed"
        since = view.state.preferred_since
        fit = "is not fit, or serves" if since is None else f"has been fit for {view.now - since} s"
        found = f"{view.definition.preferred.name} {fit}, {hours}"
        yield Fact("failback", found, None, policy.failback.stable_for_s, "stable_for_s")
    if view.state.alert:
        yield Fact("operator", f"was called for {view.state.alert}")


def _of_address(label: str, state: ClusterState, now: int) -> Fact:
    assert state.address is not None  # noqa: S101 - the caller has looked
    status = state.address.status_of(label)
    retry = f", tried again in {max(0, state.address.retry_at - now)} s" if status is AddressStatus.OWED else ""
    return Fact(f"address {label}", f"{status} under epoch {state.address.epoch}{retry}")
