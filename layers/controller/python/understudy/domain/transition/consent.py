"""Where the policy wants a person's consent to a move: when it is asked for, and what becomes of the move then.

The question comes before anything is opened: nobody's lease is touched while it is open.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from understudy.domain.cluster.approval import No, Question, Reply, Unanswered, Unreadable, Yes
from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.policy import Policy
from understudy.domain.cluster.request import Request
from understudy.domain.cluster.state import ClusterState, TransitionAction
from understudy.domain.cluster.view import ClusterView
from understudy.domain.transition.opening import AlreadyOpen, Opening, Ruling, StoodDown


@dataclass(frozen=True)
class AskPerson:
    """Ask whether `opening` may be done."""

    question: Question
    opening: Opening


class Ended(StrEnum):
    """What came of a question."""

    APPROVED = "APPROVED"
    DENIED = "DENIED"
    UNANSWERED = "UNANSWERED"  # the policy says whether the move goes on
    UNREADABLE = "UNREADABLE"  # neither a yes nor a no came back
    WITHDRAWN = "WITHDRAWN"  # whatever was answered, there is nothing to move any more


@dataclass(frozen=True)
class Ending:
    """What came of a question, and on whose word; empty `by` when a person said neither yes nor no.

    `remembered`: the no that keeps it from being asked again too soon; None: it may be at once.
    """

    outcome: Ended
    why: str
    by: str = ""
    reason: str = ""
    remembered: Question | None = None


@dataclass(frozen=True)
class NotApproved:
    """Nothing moves."""

    ending: Ending


@dataclass(frozen=True)
class Approved:
    """The opening may be done. `asked_at`: since when its execution has waited (seconds)."""

    opening: Opening
    ending: Ending
    asked_at: int


def needs_consent(action: TransitionAction, policy: Policy, state: ClusterState, *, by_hand: bool) -> bool:
    """Whether this move waits for a person.

    One that the controller asks for itself does so only when it takes the lease from a node: else it finishes what
    has been opened already, and nobody may be serving.
    """
    return action in policy.approval.actions and (by_hand or state.active is not None)


def standing_question(policy: Policy, state: ClusterState, now: int) -> Question | None:
    """What a person is asked at `now`, or has said no to; None as well when the policy names its action no more."""
    question = state.approval
    if question is None or not question.stands(now) or question.action not in policy.approval.actions:
        return None
    return question


def is_in_question(action: TransitionAction | None, policy: Policy, state: ClusterState, now: int) -> bool:
    """Whether the controller need not start anything at `now`: a person is being asked already, or has said no."""
    question = standing_question(policy, state, now)
    return (
        action is not None
        and question is not None
        and question.action == action
        and needs_consent(action, policy, state, by_hand=False)
    )


def before_asking(ruling: Ruling, request: Request, execution: str, view: ClusterView) -> Ruling | AskPerson:
    """What becomes of a ruling before anybody was asked: it may stand, wait for a person, or be in question already.

    One question for an action at a time. Another action's takes the place of what was asked before: a failover is not
    kept waiting by the question whether the service may go back.
    """
    by_hand = request.rule is None
    if not isinstance(ruling, Opening) or not needs_consent(ruling.action, view.policy, view.state, by_hand=by_hand):
        return ruling
    asked = view.state.approval
    if asked is not None and asked.action == ruling.action and asked.stands(view.now):
        if not asked.is_no and asked.execution == execution:
            return AskPerson(asked, ruling)  # this very execution, cut off before it could ask
        if not asked.is_no:
            return StoodDown(f"approval of a {asked.action} is asked for already, by {asked.execution}")
        if not by_hand:
            return StoodDown(f"a {asked.action} was not approved; it is asked again in {asked.until - view.now} s")
    until = view.now + view.policy.approval.wait_s
    question = Question(
        action=str(ruling.action),
        execution=execution,
        asked_at=view.now,
        until=until,
        target=ruling.target,
        why=ruling.why if by_hand else "",
    )
    return AskPerson(question, ruling)


def after_reply(ruling: Ruling, reply: Reply, execution: str, view: ClusterView) -> Ruling | NotApproved | Approved:
    """What becomes of a ruling, which is of this moment, with what came back from the question. Never asks again."""
    question = view.state.approval
    if isinstance(ruling, AlreadyOpen):
        return ruling
    if question is None or question.execution != execution:
        return StoodDown("its question is no longer open: another one took its place, or the lease has moved since")
    match reply.answer:
        case No(by, reason):
            why = f"denied by {by}" + (f": {reason}" if reason else "")
            return NotApproved(Ending(Ended.DENIED, why, by, reason, question.denied(view.now)))
        case Unreadable(why):
            return _unreadable(why)
        case Unanswered() if not question.was_waited_out(view.now):
            return _unreadable(f"the question ended {question.until - view.now} s early")
    if not isinstance(ruling, Opening):
        return ruling
    if isinstance(reply.answer, Yes):
        return _with_a_yes(ruling, reply.answer, reply.target, question, view.definition)
    return _without_a_word(ruling, question, view.definition, view.now)


def withdrawn(why: str, reply: Reply) -> Ending:
    """What came of a question of which the object is gone; who had consented stays named."""
    return Ending(Ended.WITHDRAWN, why, by=reply.answer.by if isinstance(reply.answer, Yes) else "")


def _unreadable(why: str) -> NotApproved:
    return NotApproved(Ending(Ended.UNREADABLE, f"{why}; that is neither a yes nor a no, and it may be asked again"))


def _with_a_yes(
    ruling: Opening, yes: Yes, target: str, question: Question, definition: Definition
) -> StoodDown | Approved:
    if ruling.target != target:
        asked, found = definition.name_of(target), definition.name_of(ruling.target)
        return StoodDown(f"{yes.by} approved a {ruling.action} to {asked}, but now it would go to {found}")
    opening = replace(ruling, why=f"{ruling.why}; approved by {yes.by}")
    return Approved(opening, Ending(Ended.APPROVED, opening.why, yes.by), question.asked_at)


def _without_a_word(ruling: Opening, question: Question, definition: Definition, now: int) -> NotApproved | Approved:
    """What the policy says now: it may have been changed while the question was open."""
    waited = f"nobody answered within {question.wait_s} s"
    approval = definition.policy.approval
    if ruling.action in approval.actions and not approval.proceeds:
        why = f"{waited}, and policy.approval.on_timeout is hold"
        return NotApproved(Ending(Ended.UNANSWERED, why, remembered=question.denied(now)))
    says = "on_timeout is proceed" if ruling.action in approval.actions else f"for does not name {ruling.action} now"
    opening = replace(ruling, why=f"{ruling.why}; {waited}, and policy.approval.{says}")
    return Approved(opening, Ending(Ended.UNANSWERED, opening.why), question.asked_at)
