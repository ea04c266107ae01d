"""What is not as it should be with a cluster, how much it matters, and what a person does first about it.

The words are those of the notices, wherever there is a notice about the same.
"""

import shlex
from collections.abc import Iterator

from understudy.board.clock import span, utc
from understudy.board.look import BoardEntry
from understudy.board.service import found_at, leads_elsewhere
from understudy.board.views import Attention, Need
from understudy.domain.advise.explain import DOUBTED
from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.approval import Question
from understudy.domain.cluster.state import ServiceStatus, Transition
from understudy.domain.decide.failback import spent
from understudy.domain.decide.rules import ADVICE, COMMON_CAUSE, RESUME, RESUME_OR_SWITCH, Action
from understudy.domain.decide.silence import is_put_off
from understudy.domain.decide.situation import NO_FIT_STANDBY, NO_SOUND_STANDBY, Budget, Candidate, Mode, Phase
from understudy.domain.events.addresses import FIND_WRITER
from understudy.domain.events.alerts import GET_A_STANDBY
from understudy.domain.events.approvals import ALREADY_DENIED
from understudy.domain.events.nodes import ABOUT_PEERS, ABOUT_SILENCE
from understudy.domain.events.reading import sentence
from understudy.domain.observe.peers import peer_faults
from understudy.domain.observe.starts import failed_starts
from understudy.domain.readiness.facts import Verdict
from understudy.domain.transition.consent import is_in_question, standing_question
from understudy.domain.transition.ending import Reason
from understudy.domain.transition.opening import ACTION_OF
from understudy.domain.watch.drift import ADVICE as RECORD_ADVICE
from understudy.domain.watch.drift import RecordFinding, repairable, withheld

LACKS = {
    Candidate.NO_QUORUM: "quorum keeps every standby from taking over",
    Candidate.NO_FITNESS: NO_FIT_STANDBY,
    Candidate.RETRY: NO_SOUND_STANDBY,
    Candidate.NO_RETRY: NO_SOUND_STANDBY,
}
RESUMED = (RESUME, RESUME_OR_SWITCH)
BY_ITSELF = "Nothing: it goes on by itself. You are called when it cannot."
LOOK_FIRST = "Look first. Then approve or deny it."
CLEARED = "Find out why the service does not start there. When it will, clear the node."


def needs_of(look: BoardEntry) -> tuple[Need, ...]:
    """Everything that is not as it should be, the gravest first."""
    return tuple(sorted(_needs(look), key=lambda each: each.attention.rank))


def hold_words(look: BoardEntry) -> str:
    """Since when and until when a cluster is held; empty when it is not."""
    hold = look.state.hold
    if hold is None or not hold.is_on(look.now):
        return ""
    until = f"until {utc(hold.until)}" if hold.until is not None else "until it is resumed"
    return f"held for {span(look.now - hold.since)}, {until}" + (f": {hold.reason}" if hold.reason else "")


def budget_words(look: BoardEntry) -> str:
    """How many automatic failovers are spent."""
    limit = look.definition.policy.max_failovers
    return f"{spent(look.state, limit, look.now)} of {limit.count} failovers within {span(limit.window_s)}"


def _needs(look: BoardEntry) -> Iterator[Need]:
    yield from _questions(look)
    yield from _decided(look)
    yield from _records(look)
    if look.situation.mode is Mode.HELD:
        why = hold_words(look)
        yield Need(
            Attention.HELD,
            "an operator holds it",
            why,
            "heldtoolongalarm",
            (RESUME,),
            _resume(look),
            "heldtoolongalarm",
        )
    if look.situation.phase is not Phase.UNDER_WAY:
        yield from _lacks(look)
    if look.report is not None and look.report.failed:
        title = f"readiness: {', '.join(look.report.failed)}"
        advice = tuple(f"{each.name}: {each.advice}" for each in look.report.named(Verdict.FAIL))
        yield Need(
            Attention.DEGRADED, title, title, "understudy-readiness-failed", advice, (), "understudy-readiness-failed"
        )


def _decided(look: BoardEntry) -> Iterator[Need]:
    """What the rule table says of this moment."""
    decision, state = look.decision, look.state
    if decision.action is Action.CALL_OPERATOR:
        yield Need(
            Attention.CALLS,
            decision.why,
            decision.why,
            decision.rule,
            (ADVICE[decision.rule],),
            _resume(look) if ADVICE[decision.rule] in RESUMED else _clear(look),
            decision.rule,
        )
    elif state.doubt is not None and is_put_off(decision.rule, state, look.now):
        why = f"{DOUBTED}, for {span(look.now - state.doubt.since)} now"
        yield Need(Attention.CALLS, DOUBTED, why, "silence-of-many", ABOUT_SILENCE, (), "silence-of-many")
    elif state.transition is not None and look.situation.phase is Phase.UNDER_WAY:
        title = f"a {state.transition.action} is under way"
        why = _moving(state.transition, look)
        yield Need(Attention.MOVING, title, why, state.transition.rule, (BY_ITSELF,))
    elif decision.action is not Action.WAIT and not _is_in_question(look):
        title = f"a {ACTION_OF[decision.action]} is due"
        yield Need(Attention.MOVING, title, f"{title}: {decision.why}", decision.rule, (BY_ITSELF,))


def _moving(transition: Transition, look: BoardEntry) -> str:
    source = look.definition.name_of(transition.source) if transition.source else "nobody"
    where = f"{source} to {look.definition.name_of(transition.target)}"
    return f"{transition.action}, {where}: {transition.stage} for {span(look.now - transition.opened_at)} in all"


def _questions(look: BoardEntry) -> Iterator[Need]:
    """A move that waits for a person, or is kept off by a no although there is cause for it."""
    policy, name = look.definition.policy, shlex.quote(look.state.cluster)
    question = standing_question(policy, look.state, look.now)
    if question is None:
        return
    if not question.is_no:
        to = f" to {look.definition.name_of(question.target)}" if question.target else ""
        yield Need(
            attention=Attention.CALLS,
            title=f"a {question.action} waits for a person's approval",
            why=f"a {question.action}{to} waits for a person's approval",
            cause="approval",
            todo=(LOOK_FIRST,),
            commands=(f"understudy approve {name}", f"understudy deny {name}"),
            section="approval",
            detail=_asked(question, look),
        )
    elif _is_in_question(look):
        title = f"a {question.action} was not approved"
        yield Need(Attention.CALLS, title, question.words(look.now), "approval", (ALREADY_DENIED,), (), "approval")


def _is_in_question(look: BoardEntry) -> bool:
    """Whether what is due waits for a person, or was denied."""
    wanted = ACTION_OF.get(look.decision.action)
    return is_in_question(wanted, look.definition.policy, look.state, look.now)


def _asked(question: Question, look: BoardEntry) -> str:
    """Who asks, for what reason, and what becomes of it without an answer. An older release kept only the execution."""
    then = "it goes on" if look.definition.policy.approval.proceeds else "it is not made"
    why = question.why or (f"the controller asks: {look.decision.why}" if question.target else "")
    asker = f"{why} ({question.execution})" if why else f"asked for by {question.execution}"
    return f"{asker}. Without an answer in {span(max(0, question.until - look.now))} {then}."


def _records(look: BoardEntry) -> Iterator[Need]:
    """Records that are not as they were written. One that leads clients astray is urgent, whoever repairs it."""
    findings = tuple(look.findings.values())
    for finding in withheld(findings):
        yield Need(
            Attention.CALLS,
            f"a record is not put right: {finding.status}",
            f"{finding.record.name}: {finding.why}",
            "a-record-that-is-not-put-right",
            (sentence(RECORD_ADVICE[finding.status]),),
            (),
            "a-record-that-is-not-put-right",
        )
    for finding in repairable(findings):
        yield _drifted(finding, look)


def _drifted(finding: RecordFinding, look: BoardEntry) -> Need:
    is_held, is_astray = look.situation.mode is Mode.HELD, leads_elsewhere(finding.record, look)
    when = "when it is resumed" if is_held else "by the watch"
    title = "a record leads clients astray" if is_astray else "somebody changed a protected record"
    return Need(
        Attention.CALLS if is_astray else Attention.DEGRADED,
        title,
        f"{finding.record.name}: {finding.why}",
        "an-address-that-somebody-changed",
        (f"It is repaired {when}. {FIND_WRITER}",),
        _resume(look) if is_held else (),
        "an-address-that-somebody-changed",
    )


def _lacks(look: BoardEntry) -> Iterator[Need]:
    """What is missing while nothing moves."""
    state, situation = look.state, look.situation
    is_said = look.decision.action is Action.CALL_OPERATOR  # its reason names what keeps the cluster from moving
    if situation.candidate is not Candidate.FIT and not is_said:
        title = LACKS.get(situation.candidate, "no standby is fit to take over")
        todo = (CLEARED,) if situation.candidate in (Candidate.RETRY, Candidate.NO_RETRY) else GET_A_STANDBY
        yield _degraded(title, title, todo, "nostandbyalarm", _clear(look))
    if situation.budget is Budget.SPENT and not is_said:
        title = "no automatic failover is left"
        yield _degraded(title, f"{title}: {budget_words(look)}", (COMMON_CAUSE,), "failover-budget-is-spent")
    if state.address is not None and state.address.status is AddressStatus.OWED:
        yield _owed(look)
    for fault in peer_faults(look.view):
        title = "an outage of AWS would stop the service"
        yield _degraded(title, f"{title}: {fault}", (ABOUT_PEERS,), "understudy-peers-degraded")
    active = state.nodes.get(state.active or "")
    if active is not None and active.service is not ServiceStatus.IN_SERVICE and not is_said:
        why = f"{active.name} says that its service is {active.service}"
        advice = (Reason.SERVICE_NOT_IN_SERVICE.advice,)
        yield _degraded("the active node does not say that it serves", why, advice, "service_not_in_service")


def _owed(look: BoardEntry) -> Need:
    """An address that is not known to lead to the active node; urgent when it is known to lead elsewhere."""
    astray = [each for each in look.definition.records if leads_elsewhere(each, look)]
    title = "not every address is known to lead to the active node"
    why = f"{astray[0].name} leads to {found_at(astray[0], look)}" if astray else title
    attention = Attention.CALLS if astray else Attention.DEGRADED
    return Need(attention, title, why, "address_owed", (Reason.ADDRESS_OWED.advice,), (), "address_owed")


def _degraded(title: str, why: str, todo: tuple[str, ...], section: str, commands: tuple[str, ...] = ()) -> Need:
    return Need(Attention.DEGRADED, title, why, section, todo, commands, section)


def _resume(look: BoardEntry) -> tuple[str, ...]:
    return (f"understudy resume {shlex.quote(look.state.cluster)}",) if look.situation.mode is Mode.HELD else ()


def _clear(look: BoardEntry) -> tuple[str, ...]:
    """How each failed start is forgotten, where failed starts are all that is left."""
    if look.situation.candidate not in (Candidate.RETRY, Candidate.NO_RETRY):
        return ()
    cluster, names = look.state.cluster, map(look.definition.name_of, failed_starts(look.state, look.definition))
    return tuple(f"understudy clear {shlex.quote(cluster)} {shlex.quote(name)}" for name in names)
