"""A person's consent to a move: the question that is kept while it is open, and what an answer is worth.

Unknown is not approved. Only `{"approved": true}` is consent; whatever cannot be read is neither a yes nor a no.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from understudy.domain.cluster.quoting import plain, quoted

BACK_IN_S = 30
"""How long after its end a question still stands: so long may its execution take to come back and say what became."""
TIMER_MARGIN_S = 5
"""How far the clock of a function and the timer of Step Functions may be apart."""
BY_LIMIT, REASON_LIMIT = 80, 200
NAME, REASON = "NAME", "REASON"
"""What stands in the two commands where a person is to write. Left as it is, it says nothing."""
NAMELESS = "somebody who gave no name"
ANSWER_KEYS = ("approved", "by", "reason")
ALLOWED = 'allowed: {"approved": true, "by": "name"} or {"approved": false, "by": "name", "reason": "why not"}'


@dataclass(frozen=True)
class Question:
    """Whether a move may be opened: as it stands in the state item, from the asking on.

    `action`: a TransitionAction. `execution`: who asked. `asked_at`, `until`: seconds. `is_no`: it was denied, or
    nobody answered and the policy holds; then it is not asked again before `until`. `target`: the node that is to serve
    (instance id). `why`: that a person wants the move, and their reason; empty when the controller does. Both are empty
    once it is a no, and in a question that an older release asked.
    """

    action: str
    execution: str
    asked_at: int
    until: int
    is_no: bool = False
    target: str = ""
    why: str = ""

    @property
    def wait_s(self) -> int:
        """How long an answer is waited for, and a no is remembered (seconds)."""
        return self.until - self.asked_at

    def stands(self, now: int) -> bool:
        """Whether it is in the way of another one at `now`. An execution that died is in the way no longer than this.

        An open question stands a little longer than it waits: its own execution is to say what became of it.
        """
        return now < self.until + (0 if self.is_no else BACK_IN_S)

    def was_waited_out(self, now: int) -> bool:
        """Whether the whole wait is over: else the task of the workflow ended for another reason than time."""
        return now >= self.until - TIMER_MARGIN_S

    def words(self, now: int) -> str:
        """How it stands at `now`, for a person."""
        left_s = max(0, self.until - now)
        if self.is_no:
            return f"a {self.action} was not approved, and is asked about again in {left_s} s at the earliest"
        return f"a {self.action} waits for a person's approval for {left_s} s more, asked for by {self.execution}"

    def denied(self, now: int) -> "Question":
        """The question with its no at `now`, which holds for as long as an answer is waited for."""
        return replace(self, asked_at=now, until=now + self.wait_s, is_no=True, target="", why="")


@dataclass(frozen=True)
class Yes:
    """A person consents."""

    by: str


@dataclass(frozen=True)
class No:
    """A person does not consent."""

    by: str
    reason: str


@dataclass(frozen=True)
class Unanswered:
    """Nobody said anything for as long as was waited."""


@dataclass(frozen=True)
class Unreadable:
    """What came back is neither a yes nor a no."""

    why: str


Answer = Yes | No | Unanswered | Unreadable


@dataclass(frozen=True)
class Reply:
    """What the workflow brings back from a question about a move to `target` (instance id)."""

    target: str
    answer: Answer


def parse_reply(document: Mapping[str, Any]) -> Reply:
    """Read what the workflow made of a task token: what the token was answered with, or why it was not.

    `answer` is whatever somebody sent, so nothing of it is believed before it is looked at.
    """
    target = str(document["target"])
    if "error" in document:
        return Reply(target, _of_error(str(document["error"]), str(document.get("cause", ""))))
    return Reply(target, read_answer(document.get("answer")))


def _of_error(error: str, cause: str) -> Answer:
    if error == "States.Timeout":
        return Unanswered()
    return Unreadable(f"the question failed with {quoted(error)}: {plain(cause, REASON_LIMIT)}")


def read_answer(answer: Any) -> Answer:
    """What an answer to a task token says. A yes must be beyond doubt; a no may be as short as it likes."""
    if not isinstance(answer, Mapping):
        return Unreadable(f"the answer is {quoted(answer)}; {ALLOWED}")
    approved = answer.get("approved")
    if not isinstance(approved, bool):
        return Unreadable(f"approved is {quoted(approved)}; {ALLOWED}")
    if not approved:
        return No(_said(answer.get("by"), BY_LIMIT) or NAMELESS, _said(answer.get("reason"), REASON_LIMIT))
    unknown = [key for key in answer if key not in ANSWER_KEYS]
    if unknown:
        return Unreadable(f"{quoted(unknown[0])} is not a key of an answer; {ALLOWED}")
    wrong = [key for key in ("by", "reason") if not isinstance(answer.get(key, ""), str)]
    if wrong:
        return Unreadable(f"{wrong[0]} is {quoted(answer[wrong[0]])}; {ALLOWED}")
    return Yes(_said(answer.get("by"), BY_LIMIT) or NAMELESS)


def _said(text: Any, limit: int) -> str:
    """A text that a person sent, short and on one line; empty when it is none, or the one of the example."""
    return plain(text.strip(), limit) if isinstance(text, str) and text.strip() not in (NAME, REASON) else ""


def commands(token: str, region: str) -> dict[str, str]:
    """The two commands that answer a question, whole, as `approve` and `deny`."""
    answers = {
        "approve": f'{{"approved": true, "by": "{NAME}"}}',
        "deny": f'{{"approved": false, "by": "{NAME}", "reason": "{REASON}"}}',
    }
    return {
        word: "aws stepfunctions send-task-success "
        f"--region {shlex.quote(region)} --task-token {shlex.quote(token)} --task-output {shlex.quote(output)}"
        for word, output in answers.items()
    }
