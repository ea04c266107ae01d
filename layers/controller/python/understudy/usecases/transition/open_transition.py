"""OpenTransition: look at the cause once more, and end the lease of the node that holds it, under a new epoch."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from understudy.domain.advise.explain import explain
from understudy.domain.cluster.approval import parse_reply
from understudy.domain.cluster.doubt import doubted
from understudy.domain.cluster.hold import ModeRequest
from understudy.domain.cluster.request import KEYS, BadRequestError, ClearRequest, Request, parse_request
from understudy.domain.cluster.seal import SEAL, is_sealed
from understudy.domain.cluster.state import ClusterState
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.rules import ON_SILENCE
from understudy.domain.decide.situation import observer_by_clock
from understudy.domain.events.transitions import TransitionOpened
from understudy.domain.transition.consent import (
    Approved,
    AskPerson,
    Ending,
    NotApproved,
    after_reply,
    before_asking,
    withdrawn,
)
from understudy.domain.transition.opening import (
    AlreadyOpen,
    Exhausted,
    Opening,
    Refused,
    Ruling,
    StoodDown,
    rule_on_next,
    rule_on_request,
)
from understudy.domain.transition.outcomes import OpenOutcome, Overtaken
from understudy.domain.transition.steps import opened
from understudy.ports.announcer import Announcer
from understudy.ports.ledger import StateLedger
from understudy.ports.seals import SealBook
from understudy.usecases.observe.doubting import Doubter, Weighed
from understudy.usecases.observe.facts import facts_of
from understudy.usecases.observe.hold import set_mode
from understudy.usecases.step import Clock, Outcome, answer, publish, read_in_force, redo_on_conflict
from understudy.usecases.transition.clear_start import clear_start
from understudy.usecases.transition.question import Asked, close_question, consent_facts, put_question, tell_of_consent

HISTORY_KEPT_S = 400 * 86_400
"""How long the history of a transition is kept: DynamoDB deletes the item some days after `expires_at` (seconds)."""
log = logging.getLogger(__name__)


def open_transition(
    payload: Mapping[str, Any],
    *,
    ledger: StateLedger,
    announcer: Announcer,
    clock: Clock,
    doubter: Doubter | None = None,
) -> Outcome:
    """Open what `payload["request"]` asks for; with `failed_epoch`, the next try of this execution's own transition.

    With `approval`, what came back from the question that this execution has asked before. A hold, a resume and a
    clear open nothing, and are written down. A bad request is REFUSED with every fault named, and changes
    nothing.
    `doubter` weighs the silence that a move rests on against the rest of the fleet; without it, it is believed.
    """
    try:
        request = _let_through(payload, ledger, clock())
        if isinstance(request, ModeRequest):
            return answer(OpenOutcome.MODE_SET, **set_mode(request, ledger, announcer, clock))
        if isinstance(request, ClearRequest):
            return answer(OpenOutcome.CLEARED, **clear_start(request, ledger, announcer, clock))
    except BadRequestError as fault:
        log.warning("request refused", extra={"execution": _name_of(payload["execution"]), "why": str(fault)})
        return answer(OpenOutcome.REFUSED, why=str(fault))
    outcome = redo_on_conflict(lambda: _open(request, payload, ledger, announcer, clock, doubter))
    log.info("open transition", extra={"cluster": request.cluster, **outcome})
    return outcome


def _let_through(payload: Mapping[str, Any], seals: SealBook, now: float) -> Request | ModeRequest | ClearRequest:
    """What is asked for, when whoever asks may say so. Raises BadRequestError.

    The words of the controller need its seal for this very execution. With `failed_epoch` or `approval`, which no
    input can bring along, the execution has been let through before; then it may be of a version that did not seal.
    """
    document = payload["request"]
    if "failed_epoch" in payload or "approval" in payload:
        return parse_request(document, by_controller=True)
    is_said_to_be = isinstance(document, Mapping) and SEAL in document
    request = parse_request(document, by_controller=is_said_to_be)
    if is_said_to_be and not _is_sealed(document, _name_of(payload["execution"]), seals, now):
        raise BadRequestError(f"the seal is not the controller's for this execution; allowed: {', '.join(KEYS)}")
    return request


def _is_sealed(document: Mapping[str, Any], name: str, seals: SealBook, now: float) -> bool:
    """A seal that seems wrong is held against the secret as it stands: it may have been changed since it was read."""
    return is_sealed(document, name, seals.secret(now)) or is_sealed(document, name, seals.secret(now, anew=True))


@dataclass(frozen=True)
class _Opener:
    """One try to carry a request out, on the state and the definition as they are now (seconds)."""

    request: Request
    execution: str
    view: ClusterView
    ledger: StateLedger
    announcer: Announcer
    now: float
    asked: Asked | None
    cluster_count: int
    doubter: Doubter | None

    def rule(self, failed_epoch: int | None) -> Ruling | AskPerson | NotApproved | Approved:
        """What is to become of the request. A person is asked before the first opening only, never between two."""
        if failed_epoch is not None:
            return rule_on_next(failed_epoch, self.execution, self.view)
        ruling = rule_on_request(self.request, self.execution, self.view)
        if self.asked is None:
            return before_asking(ruling, self.request, self.execution, self.view)
        return after_reply(ruling, self.asked.reply, self.execution, self.view)

    def carry_out(self, ruling: Ruling | AskPerson | NotApproved | Approved) -> Outcome:
        """Do what was ruled, unless it rests on a silence that is doubted."""
        weighed = self.weigh(ruling)
        if weighed and weighed.is_doubted:
            return self.put_off(weighed)
        match ruling:
            case Opening():
                return self.open(ruling, weighed=weighed)
            case Approved(opening):
                return self.open(opening, ruling)
            case AskPerson():
                return self.ask(ruling)
            case AlreadyOpen():
                return answer(OpenOutcome.OPENED, epoch=self.view.state.epoch)
            case NotApproved(ending):
                return self.leave(OpenOutcome.NOT_APPROVED, ending.why, ending)
            case StoodDown(why):
                # What a person has asked for, and does not happen, has failed, whatever the reason.
                is_asked_by_hand = self.request.rule is None
                return self.leave(OpenOutcome.REFUSED if is_asked_by_hand else OpenOutcome.STOOD_DOWN, why)
            case Refused(why):
                return self.leave(OpenOutcome.REFUSED, why)
            case Exhausted(why):
                return answer(OpenOutcome.EXHAUSTED, epoch=self.view.state.epoch, why=why)

    def weigh(self, ruling: Ruling | AskPerson | NotApproved | Approved) -> Weighed | None:
        """What is thought of the silence that a move rests on, before it begins or a person is asked; None: of none."""
        opening = ruling.opening if isinstance(ruling, AskPerson) else ruling
        if self.doubter is None or not isinstance(opening, Opening) or opening.rule not in ON_SILENCE:
            return None
        return self.doubter.weigh(self.view, self.cluster_count)

    def put_off(self, weighed: Weighed) -> Outcome:
        """Open nothing: the old node keeps its lease. The watch lets the move through when its turn has come."""
        state = self.view.state
        self.ledger.commit(state, replace(state, doubt=doubted(state.doubt, self.view.now)))
        return answer(OpenOutcome.DOUBTED, why=weighed.words)

    def open(self, ruling: Opening, consent: Approved | None = None, weighed: Weighed | None = None) -> Outcome:
        """Open it, and publish it."""
        state, now = self.view.state, self.now
        after = opened(self.view, ruling, self.execution, asked_at=consent.asked_at if consent else 0)
        story = _story(ruling, self.request, self.view, after, now) | (consent_facts(consent) if consent else {})
        if weighed:
            story["silence"] = weighed.words
        if state.doubt:
            story["doubted_for_s"] = self.view.now - state.doubt.since
        history: dict[int, Mapping[str, Any]] = {after.epoch: story}
        if state.transition is not None:
            history[state.epoch] = {
                "outcome": str(Overtaken.SUPERSEDED),
                "reasons": [ruling.why],
                "stages.superseded_at": now,
            }
        # The active node must not have beaten since its last beat was read: that beat would have renewed the lease.
        self.ledger.commit(state, after, if_no_newer_beat_of=state.active, history=history)
        if consent and self.asked:
            tell_of_consent(self.asked, consent, self.view, after.epoch, self.announcer)
        told = {key: story[key] for key in ("source", "target", "rule", "why", "reason", "execution")}
        event = TransitionOpened(cluster=state.cluster, epoch=after.epoch, action=ruling.action, **told)
        publish(self.announcer, event)
        return answer(OpenOutcome.OPENED, epoch=after.epoch)

    def ask(self, asking: AskPerson) -> Outcome:
        """Let the question stand: the workflow puts it to people."""
        facts = put_question(asking, self.view, self.ledger)
        return answer(OpenOutcome.APPROVAL_NEEDED, **facts)

    def leave(self, word: OpenOutcome, why: str, ending: Ending | None = None) -> Outcome:
        """Open nothing. A question that this execution has asked is closed: withdrawn, unless it ended otherwise."""
        if self.asked:
            ending = ending or withdrawn(why, self.asked.reply)
            close_question(self.asked, ending, self.view, self.now, self.ledger, self.announcer)
        return answer(word, why=why)


def _open(
    request: Request,
    payload: Mapping[str, Any],
    ledger: StateLedger,
    announcer: Announcer,
    clock: Clock,
    doubter: Doubter | None,
) -> Outcome:
    found = read_in_force(ledger, request.cluster)
    if found is None:
        return answer(OpenOutcome.REFUSED, why=f"cluster is {request.cluster!r}, which is not registered")
    state, definition, stack_wide = found
    execution, failed_epoch = _name_of(payload["execution"]), payload.get("failed_epoch")
    reply = parse_reply(payload["approval"]) if "approval" in payload and failed_epoch is None else None
    asked = Asked(request, execution, reply) if reply else None
    now = clock()
    view = ClusterView(state, definition, int(now))
    opener = _Opener(request, execution, view, ledger, announcer, now, asked, stack_wide.cluster_count, doubter)
    return opener.carry_out(opener.rule(None if failed_epoch is None else int(failed_epoch)))


def _name_of(execution_arn: str) -> str:
    """The execution's name: as unique as the ARN within the state machine, and the hot item stays below 1 KB."""
    return execution_arn.rpartition(":")[2]


def _story(
    ruling: Opening, request: Request, view: ClusterView, after: ClusterState, opened_at: float
) -> dict[str, Any]:
    """The first facts of the history: who asked for what, by which rule, and what the table showed then."""
    assert after.transition is not None  # noqa: S101 - it has just been opened
    source = after.transition.source
    return {
        "action": str(ruling.action),
        "source": view.definition.name_of(source) if source else None,
        "target": view.definition.name_of(ruling.target),
        "rule": ruling.rule,
        "why": ruling.why,
        "reason": request.reason,
        "execution": after.transition.execution,
        "facts": facts_of(view),
        "explained": _explained(view),
        "expires_at": view.now + HISTORY_KEPT_S,
        "stages.noticed_at": request.noticed_at or opened_at,
        "stages.opened_at": opened_at,
    }


def _explained(view: ClusterView) -> list[str]:
    """What `"action": "explain"` would have answered at that moment. Words must never stop a failover."""
    try:
        return list(explain(view, observer_by_clock(view.state, view.policy, view.now)).lines)
    except Exception:
        log.exception("not explained", extra={"cluster": view.state.cluster, "epoch": view.state.epoch})
        return []
