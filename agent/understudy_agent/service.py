"""One service brought in service and taken out of it, step by step, never waiting (S9, S10).

Its state is what beats report. OUT_OF_SERVICE is said only after a look that found nothing running.
"""

from __future__ import annotations

from collections.abc import Callable

from .kinds import Kind
from .model import Change, ServiceSpec, State, Step
from .remains import Remains
from .tasks import Outcome, Task

LOOK_LIMIT_MS = 5000


GONE = (Outcome.DOWN, Outcome.DEAD)
LOOKS = (Step.LOOK, Step.CHECK, Step.CONFIRM_START, Step.CONFIRM_STOP, Step.CONFIRM_KILL)


class Service:
    """The automaton of one service. Times are local milliseconds."""

    def __init__(self, spec: ServiceSpec, kind: Kind, tell: Callable[[Change], None]) -> None:
        self.spec = spec
        self.state: State | None = None
        """None until the first look has told whether it runs."""
        self.unknown_looks = 0
        self.unstoppable = False
        """Whether killing it has not helped within the limit."""
        self.failed_at_ms = 0
        """When it was last found to have failed."""
        self.looked_at_ms = 0
        """When the newest look at rest began that has ended, with or without an answer."""
        self._kind = kind
        self._tell = tell
        self._wanted = False
        self._stop_failed = False
        self._before_start: State | None = None
        self._step = Step.REST
        self._task: Task | None = None
        self._task_since_ms = 0
        self._since_ms = 0
        self._next_look_ms = 0

    @property
    def is_down(self) -> bool:
        return self.state is State.OUT_OF_SERVICE

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
        if self._step is Step.REST and not is_settled and now_ms >= self._next_look_ms:
            self._do(Step.LOOK, self._kind.look(), now_ms)

    def look_soon(self) -> None:
        """Have the next look taken as soon as it is watched."""
        self._next_look_ms = 0

    def start(self, why: str, now_ms: int) -> None:
        """Begin to bring it in service; one that runs already is left running."""
        self._drop_task()
        self._since_ms, self._before_start = now_ms, self.state
        self._become(State.STARTING, why)
        self._do(Step.CHECK, self._kind.look(), now_ms)

    @property
    def is_checked(self) -> bool:
        """Whether its start has been ordered and nothing of it has run yet: it is being looked at."""
        return self._step is Step.CHECK

    def give_up_check(self, *, must_be_down: bool) -> None:
        """Do not start it after all. Unless it is about to be stopped, it is as it was before, and looked at anew."""
        self._drop_task()
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
        self._do(Step.STOP, self._kind.stop(), now_ms)

    def kill(self, why: str, now_ms: int) -> None:
        """Begin to kill it. Asked again while it is killed: goes on."""
        if self._step in (Step.KILL, Step.CONFIRM_KILL):
            return
        self._drop_task()
        self._since_ms = now_ms
        if self.state is State.STOPPING and not self.unstoppable:
            self._tell(Change(self.spec.name, self.state, self.state, why))
        self._become(State.STOPPING, why)
        self._do(Step.KILL, self._kind.kill(), now_ms)

    # --- what time and tasks bring ------------------------------------------------------------

    def advance(self, now_ms: int, kill_limit_ms: int) -> None:
        """Take up what has ended and what has run out of time. Called on every tick, before any order."""
        for _ in Step:  # a step that ends at once leads to the next within the same tick
            if self._task is None:
                break
            outcome = self._task.poll()
            if outcome is None:
                break
            step, self._task = self._step, None
            self._step = Step.REST
            _AFTER[step](self, outcome, now_ms)
        self._enforce_limits(now_ms, kill_limit_ms)

    def _after_look(self, outcome: Outcome, now_ms: int) -> None:
        self.looked_at_ms = self._task_since_ms
        self._next_look_ms = now_ms + int(self.spec.check_interval_s * 1000)
        # A status command that is itself broken ends with 1 or 2 as well, so DEAD alone is no first answer.
        if outcome is Outcome.UNKNOWN or (self.state is None and outcome is Outcome.DEAD):
            self.unknown_looks += 1
            return
        self.unknown_looks = 0
        if self.state is State.IN_SERVICE and outcome is not Outcome.SERVING:
            if outcome is Outcome.DOWN and not self._wanted:
                self._become(State.OUT_OF_SERVICE, "it no longer runs")
            else:
                self._fail("it no longer runs", now_ms)
        elif self.state in (None, State.OUT_OF_SERVICE) and outcome not in GONE:
            self._become(State.IN_SERVICE, "it was found running")
        elif self.state is None:
            self._become(State.OUT_OF_SERVICE, "it was found stopped")
        elif self.state is State.FAILED and outcome is Outcome.SERVING:
            self._become(State.IN_SERVICE, "it was found running")
        elif self.state is State.FAILED and outcome is Outcome.DOWN:
            self._become(State.OUT_OF_SERVICE, "nothing of it runs any more")

    def _after_check(self, outcome: Outcome, now_ms: int) -> None:
        if outcome is Outcome.SERVING:
            self._in_service("it was found running and is left running", now_ms)
        elif now_ms - self._since_ms < self.spec.start_limit_s * 1000:
            self._do(Step.START, self._kind.start(), now_ms)
        else:
            self._fail_at_limit(now_ms)

    def _after_start(self, outcome: Outcome, now_ms: int) -> None:
        if outcome is Outcome.DONE:
            self._do(Step.CONFIRM_START, self._kind.look(), now_ms)
        else:
            self._fail("its start failed", now_ms)

    def _after_confirm_start(self, outcome: Outcome, now_ms: int) -> None:
        if outcome is Outcome.SERVING:
            self._in_service("it was started", now_ms)
        elif outcome is Outcome.DEAD or (outcome is Outcome.DOWN and not self._kind.slow_to_show):
            self._fail("it ended right after its start", now_ms)
        else:
            self._step = Step.CONFIRM_START

    def _after_stop(self, outcome: Outcome, now_ms: int) -> None:
        self._stop_failed = outcome is not Outcome.DONE
        self._do(Step.CONFIRM_STOP, self._kind.look(), now_ms)

    def _after_kill(self, outcome: Outcome, now_ms: int) -> None:
        self._stop_failed = outcome is not Outcome.DONE
        self._do(Step.CONFIRM_KILL, self._kind.look(), now_ms)

    def _after_confirm_stop(self, outcome: Outcome, now_ms: int) -> None:
        self._out_or_again(Step.CONFIRM_STOP, outcome, "it was stopped", now_ms)

    def _after_confirm_kill(self, outcome: Outcome, now_ms: int) -> None:
        self._out_or_again(Step.CONFIRM_KILL, outcome, "it was killed", now_ms)

    def _out_or_again(self, step: Step, outcome: Outcome, why: str, now_ms: int) -> None:
        # Here DEAD is believed when the command before went well, too.
        if outcome is Outcome.DOWN or (outcome is Outcome.DEAD and not self._stop_failed):
            self.unstoppable = False
            self._next_look_ms = now_ms + int(self.spec.check_interval_s * 1000)
            self._become(State.OUT_OF_SERVICE, why)
        else:
            self._step = step

    def _enforce_limits(self, now_ms: int, kill_limit_ms: int) -> None:
        for_ms = now_ms - self._since_ms
        if self._step in (Step.CHECK, Step.START, Step.CONFIRM_START):
            if for_ms >= self.spec.start_limit_s * 1000:
                self._drop_task()
                self._fail_at_limit(now_ms)
        elif self._step in (Step.STOP, Step.CONFIRM_STOP):
            if for_ms >= self.spec.stop_limit_s * 1000:
                failed = "its stop failed, and " if self._stop_failed else ""
                self.kill(f"{failed}it did not stop within {self.spec.stop_limit_s:g} s", now_ms)
        elif self._step in (Step.KILL, Step.CONFIRM_KILL) and for_ms >= kill_limit_ms:
            self.unstoppable = True
            self._drop_task()
            self.kill(f"it was not gone {kill_limit_ms} ms after it was killed", now_ms)
        self._look_again(now_ms)

    def _look_again(self, now_ms: int) -> None:
        if self._task is None and self._step is not Step.REST:
            self._do(self._step, self._kind.look(), now_ms)
        elif self._step in LOOKS and now_ms - self._task_since_ms >= LOOK_LIMIT_MS:
            step = self._step
            self._drop_task()
            _AFTER[step](self, Outcome.UNKNOWN, now_ms)

    # --- small change -------------------------------------------------------------------------

    def _in_service(self, why: str, now_ms: int) -> None:
        self._next_look_ms = now_ms + int(self.spec.check_interval_s * 1000)
        self._become(State.IN_SERVICE, why)

    def _fail_at_limit(self, now_ms: int) -> None:
        self._fail(f"it did not come in service within {self.spec.start_limit_s:g} s", now_ms)

    def stay_failed(self, failed_at_ms: int) -> None:
        """It had failed for good before the agent was restarted, and is down."""
        self.failed_at_ms = failed_at_ms
        self._become(State.FAILED, "it had failed before the agent was restarted")

    def _fail(self, why: str, now_ms: int) -> None:
        self.failed_at_ms = now_ms
        self._become(State.FAILED, why)

    def _do(self, step: Step, task: Task, now_ms: int) -> None:
        self._step, self._task, self._task_since_ms = step, task, now_ms

    def _drop_task(self) -> None:
        if self._task is not None:
            self._task.abort()
        self._step, self._task = Step.REST, None

    def _become(self, state: State, why: str) -> None:
        if state is not self.state:
            old, self.state = self.state, state
            self._tell(Change(self.spec.name, old, state, why))


_AFTER: dict[Step, Callable[[Service, Outcome, int], None]] = {
    Step.LOOK: Service._after_look,
    Step.CHECK: Service._after_check,
    Step.START: Service._after_start,
    Step.CONFIRM_START: Service._after_confirm_start,
    Step.STOP: Service._after_stop,
    Step.CONFIRM_STOP: Service._after_confirm_stop,
    Step.KILL: Service._after_kill,
    Step.CONFIRM_KILL: Service._after_confirm_kill,
}
