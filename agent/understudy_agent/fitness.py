"""How fit this node is to take over, by a command of its owner: asked again and again, and never waited for.

    exit status 0 and one whole number    fit; the higher, the fitter
    exit status 1                         not fit
    anything else                         unknown, and the beat does not say

The standbys ask as well as the active node. A number is worth a few intervals: then it is unknown, too. "Not fit"
stands until there is another answer: a run that hangs, is killed or cannot be begun gives none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from .fields import Section
from .log import Log
from .tasks import NO_PROGRAM, Looks, Outcome, Task, command_task

FITNESS_LIMIT = 4 * 10**15
"""Numbers are below it, and above its negative. The controller has the same limit (domain.cluster.fitness)."""
NUMBER = re.compile(r"[+-]?[0-9]{1,16}")
QUOTE_LIMIT = 60
GOOD_FOR_INTERVALS = 3
"""How old an answer may be, counted from the begin of the run that gave it. Only an agent that hung has one so old."""
NOT_ASKED_YET = "how fit it is has not been asked since its agent began, or stood still"
"""Against a node that would otherwise be taken for one that cannot say, a moment before it says that it is not fit."""
KEY = "fit"
"""Of a beat: the number, or false for not fit. Without it, nothing is known."""

Run = Callable[..., Task]
"""Begins a command, given its words, a judge and `capture`: see tasks.command_task."""


@dataclass(frozen=True)
class FitSettings:
    """The command, the service in whose section it stands, and its timings in seconds: from begin to begin, and of one
    run.
    """

    service: str
    argv: tuple[str, ...]
    interval_s: float
    limit_s: float


class FitCommand:
    """Asks the command. Call `tick` on every tick of the loop."""

    def __init__(self, settings: FitSettings | None, log: Log, run: Run = command_task) -> None:
        """`settings` None: nobody is asked, and nothing is said."""
        self._settings, self._log, self._run = settings, log, run
        self._task: Task | None = None
        self._looks = Looks()
        self._begun_ms: int | None = None
        self._has_ended = self._has_answered = False
        self._printed: int | None = None
        self._answer: dict[str, object] = {}
        self._answered_ms = 0
        self._why = "it has not been asked yet"
        self._said: dict[str, object] = {}

    def tick(self, now_ms: int) -> None:
        """Take up a run that has ended or lasts too long, and begin the next when it is due."""
        if self._settings is None:
            return
        if self._task is None and self._is_due(self._settings, now_ms):
            self._begun_ms, self._has_answered = now_ms, False
            self._task = self._looks.ask(partial(self._run, self._settings.argv, self._judge, capture=True))
        if self._task is not None:
            self._take_up(self._task, self._settings, self._begun_ms or 0, now_ms)
        self._log_changes(self._settings, now_ms)

    def words(self, now_ms: int) -> Mapping[str, object]:
        """What a beat says of it: nothing when it is not known, or was asked too long ago."""
        if self._settings is None:
            return {}
        return {} if self._is_old(self._settings, now_ms) else self._answer

    def is_pending(self, now_ms: int) -> bool:
        """Whether it is asked, and has no answer of now because its agent has just begun, or stood still.

        One comes within its limit, or none does. Call it after `tick`.
        """
        if self._settings is None or not self._has_ended:
            return self._settings is not None
        is_asked = self._task is not None or self._is_due(self._settings, now_ms)
        return is_asked and self._is_old(self._settings, now_ms)

    def _is_old(self, settings: FitSettings, now_ms: int) -> bool:
        is_old = now_ms - self._answered_ms > settings.interval_s * GOOD_FOR_INTERVALS * 1000
        return is_old and not self._is_unfit

    @property
    def _is_unfit(self) -> bool:
        """Whether it said last that the node is not fit: that stands until it says something else."""
        return self._answer.get(KEY) is False

    def end(self) -> None:
        """Give up what is under way."""
        if self._task is not None:
            self._task.abort()
            self._task = None

    def _is_due(self, settings: FitSettings, now_ms: int) -> bool:
        return self._begun_ms is None or now_ms - self._begun_ms >= settings.interval_s * 1000

    def _take_up(self, task: Task, settings: FitSettings, begun_ms: int, now_ms: int) -> None:
        outcome, why = task.poll(), task.why
        if outcome is None:
            if now_ms - begun_ms < settings.limit_s * 1000:
                return
            task.abort()
            outcome, why = Outcome.UNKNOWN, f"it had no answer within {settings.limit_s:g} s"
        self._task, self._has_ended = None, True
        if self._is_unfit and not self._has_answered:
            return
        self._answer = {} if outcome is Outcome.UNKNOWN else {KEY: self._printed if outcome is Outcome.DONE else False}
        self._answered_ms, self._why = begun_ms, why

    def _judge(self, status: int, output: str) -> tuple[Outcome, str]:
        self._has_answered = status >= 0 and status not in NO_PROGRAM
        text = output.strip()
        shown = repr(text[:QUOTE_LIMIT])
        if status == 1:
            return Outcome.FAILED, f"it ended with 1 and printed {shown}"
        if status != 0:
            return Outcome.UNKNOWN, f"it ended with {status} and printed {shown}"
        if not NUMBER.fullmatch(text) or abs(int(text)) >= FITNESS_LIMIT:
            allowed = f"one whole number from {1 - FITNESS_LIMIT} to {FITNESS_LIMIT - 1}"
            return Outcome.UNKNOWN, f"it printed {shown}; allowed: {allowed}"
        self._printed = int(text)
        return Outcome.DONE, f"it printed {self._printed}"

    def _log_changes(self, settings: FitSettings, now_ms: int) -> None:
        words = self.words(now_ms)
        if not differ(words, self._said):
            return
        self._said = dict(words)
        meaning = "how fit this node is, is unknown" if not words else "this node is fit to take over"
        is_unfit = words.get(KEY) is False
        log = self._log.warning if is_unfit or not words else self._log.info
        why = f"{'this node is not fit to take over' if is_unfit else meaning}: {self._why}"
        log("fitness", why, service=settings.service, command=settings.argv[0])


def differ(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    """Whether two answers differ by more than their numbers: fit, not fit, or unknown."""
    return (KEY in one, one.get(KEY) is False) != (KEY in other, other.get(KEY) is False)


def fit_settings(services: Mapping[str, Section]) -> FitSettings | None:
    """The one command of a node, from the section of a service; None without any.

    Numbers of different services cannot be weighed against each other, so a second one is a fault.
    """
    found: FitSettings | None = None
    for name, section in services.items():
        argv = section.command(KEY, needed=False)
        interval_s = section.seconds("fit_interval_s", 5, 1, 60)
        limit_s = section.seconds("fit_limit_s", min(4.0, interval_s), 0.1, 60)
        if limit_s > interval_s:
            section.fault("fit_limit_s", f"must not be above fit_interval_s, {interval_s:g}")
        if not argv:
            for key in ("fit_interval_s", "fit_limit_s"):
                if section.text(key, needed=False):
                    section.fault(key, "goes with a command `fit`")
        elif found is not None:
            section.fault(
                KEY, f"service {found.service!r} has one, and a node has one number: join them into one command"
            )
        else:
            found = FitSettings(name, argv, interval_s, limit_s)
    return found
