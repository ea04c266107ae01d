"""One cluster as the board shows it, and how much it needs a person."""

from collections.abc import Iterator

from understudy.board.clock import span, utc
from understudy.board.look import BoardEntry
from understudy.board.parts import address_views, failsafe_of, node_views, quorum_of
from understudy.board.phases import move_view
from understudy.board.views import Attention, ShownCluster, ShownReadiness
from understudy.domain.advise.explain import DOUBTED
from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.state import ServiceStatus
from understudy.domain.decide.failback import spent
from understudy.domain.decide.rules import COLUMNS, Action
from understudy.domain.decide.silence import is_put_off
from understudy.domain.decide.situation import NO_FIT_STANDBY, NO_SOUND_STANDBY, Budget, Candidate, Mode, Phase
from understudy.domain.observe.peers import peer_faults
from understudy.domain.readiness.facts import Verdict
from understudy.domain.transition.consent import is_in_question, standing_question
from understudy.domain.transition.opening import ACTION_OF
from understudy.domain.watch.drift import repairable, withheld

Reason = tuple[Attention, str]
LACKS = {
    Candidate.NO_QUORUM: "quorum keeps every standby from taking over",
    Candidate.NO_FITNESS: NO_FIT_STANDBY,
    Candidate.RETRY: NO_SOUND_STANDBY,
    Candidate.NO_RETRY: NO_SOUND_STANDBY,
}


def shown_cluster(look: BoardEntry) -> ShownCluster:
    """The view of a cluster that could be read."""
    found = sorted(_reasons(look), key=lambda each: each[0].rank)
    state, definition = look.state, look.definition
    node = definition.node(state.active or "")
    return ShownCluster(
        name=state.cluster,
        attention=found[0][0] if found else Attention.WELL,
        reasons=tuple(why for _, why in found),
        epoch=state.epoch,
        active=f"{node.name} ({node.zone})" if node else state.active or "",
        rule=look.decision.rule,
        action=str(look.decision.action),
        why=look.decision.why,
        situation=tuple((question, str(getattr(look.situation, question))) for question in COLUMNS),
        hold=_hold(look),
        budget=_budget(look),
        quorum=quorum_of(look),
        failsafe=failsafe_of(look),
        services=tuple(each.name for each in definition.services),
        nodes=node_views(look),
        addresses=address_views(look),
        moves=tuple(
            move_view(epoch, history, look.now, is_open=state.transition is not None and epoch == state.epoch)
            for epoch, history in sorted(look.histories.items(), reverse=True)
            if history
        ),
        readiness=_readiness(look),
    )


def shown_unread(cluster: str, why: str) -> ShownCluster:
    """The view of a cluster of which not enough could be read. It may be well."""
    return ShownCluster(
        name=cluster, attention=Attention.UNREAD, reasons=(why, "Nothing else is known of it: it may be well.")
    )


def _reasons(look: BoardEntry) -> Iterator[Reason]:
    """Everything that is not as it should be, each with how much it matters."""
    decision, situation = look.decision, look.situation
    if decision.action is Action.CALL_OPERATOR:
        yield Attention.CALLS, decision.why
    elif look.state.doubt is not None and is_put_off(decision.rule, look.state, look.now):
        yield Attention.CALLS, f"{DOUBTED}, for {span(look.now - look.state.doubt.since)} now"
    elif decision.action is not Action.WAIT or situation.phase is Phase.UNDER_WAY:
        yield Attention.MOVING, _moving(look)
    yield from _asks(look)
    findings = tuple(look.findings.values())
    for finding in withheld(findings):
        yield Attention.CALLS, f"{finding.record.name}: {finding.why}"
    for finding in repairable(findings):
        when = "when it is resumed" if situation.mode is Mode.HELD else "by the watch"
        yield Attention.DEGRADED, f"{finding.record.name}: {finding.why}; it is repaired {when}"
    if situation.mode is Mode.HELD:
        yield Attention.HELD, _hold(look)
    if situation.phase is not Phase.UNDER_WAY:
        yield from _lacks(look)
    if look.report is not None and look.report.failed:
        yield Attention.DEGRADED, f"readiness: {', '.join(look.report.failed)}"


def _asks(look: BoardEntry) -> Iterator[Reason]:
    """A move that waits for a person, or is kept off by a no although there is cause for it."""
    policy = look.definition.policy
    question = standing_question(policy, look.state, look.now)
    wanted = ACTION_OF.get(look.decision.action)
    if question is not None and (not question.is_no or is_in_question(wanted, policy, look.state, look.now)):
        yield Attention.CALLS, question.words(look.now)


def _moving(look: BoardEntry) -> str:
    transition = look.state.transition
    if transition is None:
        return f"{look.decision.action} is due: {look.decision.why}"
    source = look.definition.name_of(transition.source) if transition.source else "nobody"
    where = f"{source} to {look.definition.name_of(transition.target)}"
    return f"{transition.action}, {where}: {transition.stage} for {span(look.now - transition.opened_at)} in all"


def _lacks(look: BoardEntry) -> Iterator[Reason]:
    """What is missing while nothing moves."""
    state, situation = look.state, look.situation
    is_said = look.decision.action is Action.CALL_OPERATOR  # its reason names what keeps the cluster from moving
    if situation.candidate is not Candidate.FIT and not is_said:
        yield Attention.DEGRADED, LACKS.get(situation.candidate, "no standby is fit to take over")
    if situation.budget is Budget.SPENT and not is_said:
        yield Attention.DEGRADED, f"no automatic failover is left: {_budget(look)}"
    if state.address is not None and state.address.status is AddressStatus.OWED:
        yield Attention.DEGRADED, "not every address is known to lead to the active node"
    for fault in peer_faults(look.view):
        yield Attention.DEGRADED, f"an outage of AWS would stop the service: {fault}"
    active = state.nodes.get(state.active or "")
    if active is not None and active.service is not ServiceStatus.IN_SERVICE:
        yield Attention.DEGRADED, f"{active.name} says that its service is {active.service}"


def _hold(look: BoardEntry) -> str:
    hold = look.state.hold
    if hold is None or not hold.is_on(look.now):
        return ""
    until = f"until {utc(hold.until)}" if hold.until is not None else "until it is resumed"
    return f"held for {span(look.now - hold.since)}, {until}" + (f": {hold.reason}" if hold.reason else "")


def _budget(look: BoardEntry) -> str:
    limit = look.definition.policy.max_failovers
    return f"{spent(look.state, limit, look.now)} of {limit.count} failovers within {span(limit.window_s)}"


def _readiness(look: BoardEntry) -> ShownReadiness | None:
    if look.report is None:
        return None
    bad = look.report.named(Verdict.FAIL) + look.report.named(Verdict.WARN) + look.report.named(Verdict.UNKNOWN)
    return ShownReadiness(str(look.report.verdict), max(0, int(look.now - look.report.checked_at)), bad)
