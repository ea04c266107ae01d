"""One service brought in service and taken out of it, step by step, never waiting.

Its state is what beats report. OUT_OF_SERVICE is said only after a look that found nothing running.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from .kinds import ServiceKind
from .model import AT_REST, KILLS, LOOKS, STARTS, STOPS, ServiceSettings, ServiceStep, State, StateChange
from .remains import Remains
from .tasks import Outcome, Task

LOOK_LIMIT_MS = 5000  # of a look that waits for the end of a service, however long others may take
UNKNOWN_LOOKS, UNKNOWN_MS = 3, 10_000
"""How many looks in a row, and for how long, may have no answer before a service is called FAILED."""
ASK_AGAIN_MS = 5000
"""After how long a look without an answer is repeated at the latest, counted from its beginning."""
SETTLE_MS, SETTLE_LOOK_MS = 1000, 250
"""How long a service must go on serving after its start, and how often it is looked at meanwhile."""

PRESENT = (Outcome.SERVING, Outcome.RUNNING)


class Service:
    """The automaton of one service. Times are local milliseconds."""

    def __init__(self, spec: ServiceSettings, kind: ServiceKind, report: Callable[[StateChange], None]) -> None:
        self.spec = spec
        self.state: State | None = None
        """None until the first look has shown whether it runs."""
        self.unknown_looks = 0
        """How many looks at rest in a row had no answer."""
        self.is_unknown = False
        """Whether they are too many. What it was like before is of the past then."""
        self.may_run = True
        """Whether anything of it was started or seen running since it was last known to be down; True if not known."""
        self.is_given_up = False
        """Whether it is left alone, though not known to be down, until something of it is seen."""
        self.came_up = False
        """Whether it was found running after it was known to be down, and has not been out of service since."""
        self.unfit = ""
        """Why it could not be started, by the newest look that had an answer; "" when nothing is known against it."""
        self.unstoppable = False
        """Whether killing it has not helped within the limit."""
        self.failed_at_ms = 0
        """When it was last found to have failed."""
        self.looked_at_ms = 0
        """When the newest look at rest began that has ended, with or without an answer."""
        self._kind = kind
        self._report = report
        self._unknown_since_ms = 0
        self._is_said_dead = False
        self._may_have_run = True
        """What `may_run` was before its start was ordered: nothing of it runs before a look has shown how it is."""
        self._serving_since_ms: int | None = None
        """Since when it has been seen serving after its start, without a look that said otherwise."""
        self._why = ""
        self._wanted = False
        self._stop_failed = False
        self._is_changing = self._is_awaited = False  # somebody else has it stopped or started, and it was in service
        self._before_start: State | None = None
        self._step = ServiceStep.REST
        self._task: Task | None = None
        self._task_since_ms = 0
        self._since_ms = 0
        self._next_look_ms = 0

    @property
    def is_down(self) -> bool:
        """Whether nothing of it is left, and this is still known."""
        return self.state is State.OUT_OF_SERVICE and not self.is_unknown

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to stop. A look without an answer is no reason to stop, or to take a node down for,
        what was neither started nor seen running since it was last down.
        """
        if self.may_run or self.state not in (None, State.OUT_OF_SERVICE, State.FAILED):
            return False
        has_no_answer = self.unknown_looks > 0 and not self._is_said_dead and self.state is not State.FAILED
        return self.is_down or self.is_given_up or has_no_answer

    @property
    def shown(self) -> State:
        """The state that is reported. One without an answer for too long is neither well nor out of service."""
        return State.FAILED if self.is_unknown and self._step in AT_REST else self.state or State.STOPPING

    def remains(self) -> Remains:
        """Where whatever may be left of it can be found."""
        return self._kind.remains()

    # --- what the supervisor asks for --------------------------------------------------------

    def watch(self, now_ms: int, *, wanted: bool) -> None:
        """Look at it when a look is due; leave it as it is. `wanted`: if it no longer runs, it has failed.

        One that has failed stays so while it is wanted. Where it is not, it may be stopped, or started, by hand.
        """
        self._wanted = wanted
        is_settled = self.state is State.FAILED and wanted
        if self._step is ServiceStep.REST and not is_settled and now_ms >= self._next_look_ms:
            self._do(ServiceStep.LOOK, self._kind.look(), now_ms)

    def look_soon(self) -> None:
        """Have the next look taken as soon as it is watched."""
        self._next_look_ms = 0

    def doubt(self) -> None:
        """Do not call it down by a look that began before now."""
        if self._step is ServiceStep.LOOK:
            self._drop_task()
        if self.state is State.OUT_OF_SERVICE:
            self.state = None
        self.look_soon()

    def start(self, why: str, now_ms: int) -> None:
        """Begin to bring it in service; one that runs already is left running."""
        self._drop_task()
        self._since_ms, self._before_start, self._serving_since_ms = now_ms, self.state, None
        self._may_have_run, self.may_run, self.is_given_up = self.may_run, True, False
        self._become(State.STARTING, why)
        self._do(ServiceStep.CHECK, self._kind.look(), now_ms)

    @property
    def is_checked(self) -> bool:
        """Whether its start has been ordered and nothing of it has run yet: it is being looked at."""
        return self._step is ServiceStep.CHECK

    def give_up_check(self, *, must_be_down: bool) -> None:
        """Do not start it after all. Unless it is about to be stopped, it is as it was before, and looked at anew."""
        self._drop_task()
        self.may_run = self._may_have_run
        if must_be_down:
            return
        self._next_look_ms = 0
        if self._before_start is None:
            self.state = None
        else:
            self._become(self._before_start, "its start was given up before anything of it ran")

    def stop(self, why: str, now_ms: int) -> None:
        """Begin to take it out of service in an orderly way. Asked again while it stops: goes on."""
        if self.state is State.STOPPING:
            return
        self._drop_task()
        self._since_ms, self._stop_failed = now_ms, False
        self._become(State.STOPPING, why)
        self._do(ServiceStep.STOP, self._kind.stop(), now_ms)

    def kill(self, why: str, now_ms: int) -> None:
        """Begin to kill it. Asked again while it is killed: goes on."""
        if self._step in KILLS:
            return
        self._drop_task()
        self._since_ms = now_ms
        if self.state is State.STOPPING and not self.unstoppable:
            self._report(StateChange(self.spec.name, self.state, self.state, why))
        self._become(State.STOPPING, why)
        self._do(ServiceStep.KILL, self._kind.kill(), now_ms)

    def give_up(self, why: str, now_ms: int) -> None:
        """Leave it alone until something of it is seen: neither stopping nor killing has shown that it is down."""
        self._drop_task()
        self.unstoppable, self.is_given_up = False, True
        self._next_look_ms = now_ms + int(self.spec.check_interval_s * 1000)
        self._fail(why, now_ms)

    # --- what time and tasks bring ------------------------------------------------------------

    def advance(self, now_ms: int, kill_limit_ms: int) -> None:
        """Take up what has ended and what has run out of time. Called on every tick, before any order."""
        for _ in ServiceStep:  # a step that ends at once leads to the next within the same tick
            if self._task is None:
                break
            outcome = self._task.poll()
            if outcome is None:
                break
            self._conclude(outcome, self._task.why, now_ms)
        self._enforce_limits(now_ms, kill_limit_ms)

    def _conclude(self, outcome: Outcome, why: str, now_ms: int) -> None:
        step, self._task, self._step = self._step, None, ServiceStep.REST
        self._why = why
        if step in LOOKS and outcome is not Outcome.UNKNOWN:
            self.unfit = (why or "it cannot be started here") if outcome is Outcome.UNFIT else ""
            self._is_changing = outcome is Outcome.CHANGING
            outcome = {Outcome.UNFIT: Outcome.DOWN, Outcome.CHANGING: Outcome.RUNNING}.get(outcome, outcome)
        if outcome in PRESENT:
            was_down = not (self._may_have_run if step is ServiceStep.CHECK else self.may_run)
            self.came_up = self.came_up or (step in (ServiceStep.LOOK, ServiceStep.CHECK) and was_down)
            self.may_run, self.is_given_up = True, False
        # A script that starts may say that it is stopped for a while.
        elif outcome is Outcome.DOWN and step in (ServiceStep.LOOK, ServiceStep.CONFIRM_STOP, ServiceStep.CONFIRM_KILL):
            self.may_run = False
        if step in LOOKS and self._is_answer(outcome):
            self._end_unknown()
        _AFTER[step](self, outcome, now_ms)

    def _is_answer(self, outcome: Outcome) -> bool:
        """A status command that is itself broken ends with 1 or 2 as well, so DEAD alone is no first answer."""
        return outcome is not Outcome.UNKNOWN and not (self.state is None and outcome is Outcome.DEAD)

    def _end_unknown(self) -> None:
        was, looks = self.shown, self.unknown_looks
        self.unknown_looks, self.is_unknown, self._is_said_dead = 0, False, False
        if looks and self.state is not None:
            self._report(StateChange(self.spec.name, was, self.state, "a look at it has an answer again"))

    def _had_no_answer(self, outcome: Outcome, now_ms: int) -> None:
        interval_ms = min(int(self.spec.check_interval_s * 1000), ASK_AGAIN_MS)
        self._next_look_ms = self._task_since_ms + interval_ms
        self._is_said_dead = outcome is Outcome.DEAD
        was, was_unknown = self.shown, self.is_unknown
        self.unknown_looks += 1
        if self.unknown_looks == 1:
            self._unknown_since_ms = self._task_since_ms
            self._say(was, "a look at it has no answer")
        for_ms = now_ms - self._unknown_since_ms
        self.is_unknown = was_unknown or (self.unknown_looks >= UNKNOWN_LOOKS and for_ms >= UNKNOWN_MS)
        if self.is_unknown and not was_unknown:
            self._say(was, f"{self.unknown_looks} looks in a row had no answer: it is not known whether it runs")

    def _say(self, was: State, why: str) -> None:
        self._report(StateChange(self.spec.name, was, self.shown, self._because(why)))

    def _after_look(self, outcome: Outcome, now_ms: int) -> None:
        self.looked_at_ms = self._task_since_ms
        if not self._is_answer(outcome):
            self._had_no_answer(outcome, now_ms)
            return
        self._next_look_ms = now_ms + int(self.spec.check_interval_s * 1000)
        if (self.state is State.IN_SERVICE or self._is_awaited) and outcome is not Outcome.SERVING:
            if self._is_changing:
                self._found_running("somebody else has it stopped or started, and that is waited for", now_ms)
                self._is_awaited = True
            elif outcome is Outcome.DOWN and not self._wanted:
                self._become(State.OUT_OF_SERVICE, self._because("it no longer runs"))
            else:
                self._fail("it no longer does its work" if outcome in PRESENT else "it no longer runs", now_ms)
        elif outcome is Outcome.SERVING:
            self._become(State.IN_SERVICE, self._because("it was found running"))
        elif outcome is Outcome.RUNNING and self.state is not State.FAILED:
            self._found_running("it was found running, and does not do its work yet", now_ms)
        elif outcome is Outcome.DOWN and self.state is State.FAILED:
            self._become(State.OUT_OF_SERVICE, self._because("nothing of it runs any more"))
        elif outcome is Outcome.DOWN:
            self._become(State.OUT_OF_SERVICE, self._because("it was found stopped"))
        elif self.state is State.STARTING:
            self._fail("it no longer runs", now_ms)

    def _found_running(self, why: str, now_ms: int) -> None:
        """Something of it runs, by nothing that was done here: it has as long as a start to do its work."""
        self._next_look_ms = min(self._next_look_ms, now_ms + SETTLE_MS)
        if self.state is not State.STARTING:
            self._since_ms = now_ms
            self._become(State.STARTING, self._because(why))

    def _after_check(self, outcome: Outcome, now_ms: int) -> None:
        if outcome is Outcome.SERVING:
            self._in_service("it was found running and is left running", now_ms)
        elif now_ms - self._since_ms < self.spec.start_limit_s * 1000:
            self._do(ServiceStep.START, self._kind.start(), now_ms)
        else:
            self.may_run = self._may_have_run or outcome is Outcome.RUNNING
            self._fail_at_limit(now_ms)

    def _after_start(self, outcome: Outcome, now_ms: int) -> None:
        if outcome is Outcome.DONE:
            self._do(ServiceStep.CONFIRM_START, self._kind.look(), now_ms)
        else:
            self._fail("its start failed", now_ms)

    def _after_confirm_start(self, outcome: Outcome, now_ms: int) -> None:
        has_shown = self._serving_since_ms is not None or not self._kind.slow_to_show
        if outcome is Outcome.SERVING and self._has_settled(now_ms):
            self._in_service("it was started", now_ms)
        elif outcome is Outcome.DEAD or (outcome is Outcome.DOWN and has_shown):
            self._fail("it ended right after its start", now_ms)
        else:
            self._step = ServiceStep.CONFIRM_START
            if outcome is Outcome.RUNNING:
                self._serving_since_ms = None

    def _has_settled(self, now_ms: int) -> bool:
        """Whether it may be believed to serve. What has nothing that confirms its start must go on for a moment."""
        if self._serving_since_ms is None:
            self._serving_since_ms = now_ms
        self._next_look_ms = now_ms + SETTLE_LOOK_MS
        return self._kind.confirms_start or now_ms - self._serving_since_ms >= SETTLE_MS

    def _after_stop(self, outcome: Outcome, now_ms: int) -> None:
        self._stop_failed = outcome is not Outcome.DONE
        self._do(ServiceStep.CONFIRM_STOP, self._kind.look(), now_ms)

    def _after_kill(self, outcome: Outcome, now_ms: int) -> None:
        self._stop_failed = outcome is not Outcome.DONE
        self._do(ServiceStep.CONFIRM_KILL, self._kind.look(), now_ms)

    def _after_confirm_end(self, outcome: Outcome, now_ms: int, step: ServiceStep, why: str) -> None:
        # Here DEAD is believed when the command before went well, too.
        if outcome is Outcome.DOWN or (outcome is Outcome.DEAD and not self._stop_failed):
            self.unstoppable = self.may_run = False
            self._next_look_ms = now_ms + int(self.spec.check_interval_s * 1000)
            self._become(State.OUT_OF_SERVICE, self._because(why))
        else:
            self._step = step

    def _enforce_limits(self, now_ms: int, kill_limit_ms: int) -> None:
        for_ms = now_ms - self._since_ms
        is_starting = self.state is State.STARTING and self._step in AT_REST
        if is_starting or self._step in STARTS:
            if for_ms >= self.spec.start_limit_s * 1000:
                if self._step is ServiceStep.CHECK:
                    self.may_run = self._may_have_run
                self._drop_task()
                self._fail_at_limit(now_ms)
        elif self._step in STOPS:
            if for_ms >= self.spec.stop_limit_s * 1000:
                failed = "its stop failed, and " if self._stop_failed else ""
                why = f"{failed}it did not stop within {self.spec.stop_limit_s:g} s"
                self.kill(self._because(why), now_ms)
        elif self._step in KILLS and for_ms >= kill_limit_ms:
            self.unstoppable = True
            self._look_or_kill_again(f"it was not gone {kill_limit_ms} ms after it was killed", now_ms)
        self._look_again(now_ms)

    def _look_or_kill_again(self, why: str, now_ms: int) -> None:
        """A command that takes longer than killing may take is not repeated for ever: there is a look in between."""
        if self._step is ServiceStep.KILL:
            self._drop_task()
            self._after_kill(Outcome.UNKNOWN, now_ms)
        elif self._task is None:
            self._drop_task()
            self.kill(self._because(why), now_ms)

    def _look_again(self, now_ms: int) -> None:
        if self._task is None:
            is_settling = self._step is ServiceStep.CONFIRM_START and self._serving_since_ms is not None
            if self._step is not ServiceStep.REST and not (is_settling and now_ms < self._next_look_ms):
                self._do(self._step, self._kind.look(), now_ms)
            return
        limit_ms = min(self.spec.look_limit_s * 1000, LOOK_LIMIT_MS if self.state is State.STOPPING else math.inf)
        if self._step in LOOKS and now_ms - self._task_since_ms >= limit_ms:
            self._task.abort()
            self._conclude(Outcome.UNKNOWN, self._task.why or f"a look at it took {limit_ms / 1000:g} s", now_ms)

    # --- small change -------------------------------------------------------------------------

    def _in_service(self, why: str, now_ms: int) -> None:
        self._next_look_ms = now_ms + int(self.spec.check_interval_s * 1000)
        self._become(State.IN_SERVICE, self._because(why))

    def _because(self, why: str) -> str:
        """With what the last look or act has said of it."""
        return f"{why}: {self._why}" if self._why else why

    def _fail_at_limit(self, now_ms: int) -> None:
        self._fail(f"it did not come in service within {self.spec.start_limit_s:g} s", now_ms)

    def stay_failed(self, failed_at_ms: int) -> None:
        """It had failed for good before the agent was restarted, and is down."""
        self.failed_at_ms = failed_at_ms
        self._become(State.FAILED, "it had failed before the agent was restarted")

    def _fail(self, why: str, now_ms: int) -> None:
        self.failed_at_ms = now_ms
        self._become(State.FAILED, self._because(why))

    def _do(self, step: ServiceStep, task: Task, now_ms: int) -> None:
        self._step, self._task, self._task_since_ms = step, task, now_ms
        if step not in LOOKS:
            self._why = ""

    def _drop_task(self) -> None:
        if self._task is not None:
            self._task.abort()
        self._step, self._task = ServiceStep.REST, None

    def _become(self, state: State, why: str) -> None:
        self.came_up = self.came_up and state is not State.OUT_OF_SERVICE
        self._is_awaited = self._is_awaited and state is State.STARTING
        if state is not self.state:
            old, self.state = self.state, state
            self._report(StateChange(self.spec.name, old, state, why))


_AFTER: dict[ServiceStep, Callable[[Service, Outcome, int], None]] = {
    ServiceStep.LOOK: Service._after_look,
    ServiceStep.CHECK: Service._after_check,
    ServiceStep.START: Service._after_start,
    ServiceStep.CONFIRM_START: Service._after_confirm_start,
    ServiceStep.STOP: Service._after_stop,
    ServiceStep.CONFIRM_STOP: partial(Service._after_confirm_end, step=ServiceStep.CONFIRM_STOP, why="it was stopped"),
    ServiceStep.KILL: Service._after_kill,
    ServiceStep.CONFIRM_KILL: partial(Service._after_confirm_end, step=ServiceStep.CONFIRM_KILL, why="it was killed"),
}
