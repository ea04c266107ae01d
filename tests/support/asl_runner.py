"""Runs the part of the Amazon States Language that the transition workflow uses, on a virtual clock.

It does as AWS does where the embedded engine does not: `Assign` and `Output` are evaluated side by side, an
undefined expression is an error, waits are whole seconds, the machine's own timeout ends an execution.
What it does not know is refused when the definition is read, so a definition cannot use what no test runs.

Time passes in waits and retries only (a handler may move the clock too, to play a slow function). Jitter is
left out: a retry comes after its full delay.
"""

import json
import re
from collections.abc import Callable, Generator, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from types import NoneType
from typing import Any

from jsonata import Jsonata, Utils

from tests.support.asl_definition import CALLBACK, Definition, UnsupportedError

Handler = Callable[[Any], Any]

LONGEST_WAIT_S = 99_999_999

PATH = re.compile(r"\$([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)")
"""A variable, and what of it an expression names; a function is taken for a variable that is not there."""
SCALARS = (str, int, float, bool, NoneType)
MISSING = (NoneType, "missing")
ANSWERS_KEPT = 10_000
_ANSWERS: dict[Hashable, Any] = {}
"""What expressions came to: the same few are asked about the same few values, again and again."""


class StatesError(Exception):
    """What Retry and Catch match: an error name and its cause."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause


class LambdaFault(StatesError):  # noqa: N818 - it plays the fault that AWS names so
    """Raised by a handler: the invocation failed, with the error name that Step Functions would see."""


class TokenError(Exception):
    """What SendTaskSuccess and SendTaskFailure answer to a token that waits for nothing, or to what is no JSON."""


class Status(Enum):
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"


@dataclass
class Clock:
    """Virtual time in seconds, shared by executions that run together and by their handlers."""

    now_s: float = 0.0

    def advance_to(self, at_s: float) -> None:
        self.now_s = max(self.now_s, at_s)


@cache
def _compiled(expression: str) -> Any:
    return Jsonata.jsonata(expression)


def _plain(value: Any) -> Any:
    """As it comes out of JSON, which is all that Step Functions passes on."""
    return json.loads(json.dumps(value))


class Execution:
    """One execution of a definition. `step()` does one thing; to leave off stepping is to crash it there.

    A Task takes two steps: one calls the handler, the next one takes in the answer. Handlers are given by the
    name of their function. An exception other than `LambdaFault` is a fault of the test and is not caught.
    """

    def __init__(
        self,
        definition: Definition,
        handlers: Mapping[str, Handler],
        execution_input: Any,
        *,
        clock: Clock | None = None,
        name: str = "test",
    ) -> None:
        self.clock = clock or Clock()
        self.name = name
        self.status = Status.RUNNING
        self.output: Any = None
        self.error = ""
        self.cause = ""
        self.state = definition.start_at
        self.trail: list[str] = []
        self.variables: dict[str, Any] = {}
        self.next_due_s = self.clock.now_s
        self._definition = definition
        self._handlers = handlers
        self._data = _plain(execution_input)
        self._deadline_s = self.clock.now_s + definition.timeout_s
        arn = f"arn:aws:states:us-east-1:000000000000:execution:transition:{name}"
        self._context = {"Execution": {"Id": arn, "Input": self._data, "Name": name}, "State": {}}
        self._token: str | None = None
        self._tokens_given = 0
        self._answer: Callable[[], Any] | None = None
        self._steps = self._run()

    def step(self) -> None:
        """Advance the clock to when something is due, and do it. Nothing happens once it has ended."""
        if self.status is not Status.RUNNING:
            return
        self.clock.advance_to(min(self.next_due_s, self._deadline_s))
        if self.clock.now_s >= self._deadline_s:
            self._end(Status.TIMED_OUT, error="States.Timeout")
            return
        try:
            self.next_due_s = max(self.clock.now_s, next(self._steps))
        except StopIteration:
            self._end(Status.SUCCEEDED)
        except StatesError as fault:
            self._end(Status.FAILED, error=fault.error, cause=fault.cause)

    def run(self) -> "Execution":
        """Step until it has ended."""
        while self.status is Status.RUNNING:
            self.step()
        return self

    @property
    def token(self) -> str | None:
        """The task token that is waited for; None when none is."""
        return self._token if self.status is Status.RUNNING and self._answer is None else None

    def send_task_success(self, token: str, output: str) -> None:
        """What SendTaskSuccess does. Raises TokenError as AWS refuses: InvalidOutput, TaskTimedOut."""
        try:
            result = json.loads(output)
        except ValueError as fault:
            raise TokenError("InvalidOutput") from fault
        self._take(token, lambda: result)

    def send_task_failure(self, token: str, error: str, cause: str = "") -> None:
        """What SendTaskFailure does. Raises TokenError: TaskTimedOut."""

        def fail() -> Any:
            raise StatesError(error, cause)

        self._take(token, fail)

    def _take(self, token: str, answer: Callable[[], Any]) -> None:
        if self.token is None or token != self.token:
            raise TokenError("TaskTimedOut")
        self._answer, self.next_due_s = answer, self.clock.now_s

    def _end(self, status: Status, *, error: str = "", cause: str = "") -> None:
        self.status, self.error, self.cause = status, error, cause
        self.output = self._data if status is Status.SUCCEEDED else None
        self._steps.close()

    def _run(self) -> Generator[float, None, None]:
        """Yields when the next step is due, in seconds; ends by returning, or by the fault it failed with."""
        while self.state:
            state = self._definition.states[self.state]
            self.trail.append(self.state)
            self._context["State"] = {"Name": self.state, "RetryCount": 0}
            match state["Type"]:
                case "Task":
                    self.state = yield from self._task(state)
                case "Wait":
                    yield self.clock.now_s + self._wait_s(state)
                    self.state = self._leave(state, default=self._data)
                case "Choice":
                    self.state = self._leave(self._first_match(state), default=self._data)
                case "Fail":
                    raise StatesError(self._evaluate(state["Error"]), self._evaluate(state["Cause"]))
                case _:
                    self.state = self._leave(state, default=self._data)
            yield self.clock.now_s

    def _task(self, state: Mapping[str, Any]) -> Generator[float, None, str]:
        attempts = [0] * len(state.get("Retry", []))
        while True:
            try:
                if state["Resource"] == CALLBACK:
                    result = yield from self._wait_for_token(state)
                else:
                    result = {"StatusCode": 200, "Payload": self._call(state)}
                yield self.clock.now_s
                return self._leave(state, default=result, result=result)
            except StatesError as fault:
                yield self.clock.now_s
                delay_s = self._retry_delay_s(state, fault, attempts)
                if delay_s is None:
                    return self._caught(state, fault)
                self._context["State"]["RetryCount"] += 1
                yield self.clock.now_s + delay_s

    def _wait_for_token(self, state: Mapping[str, Any]) -> Generator[float, None, Any]:
        """Calls the function, of which only the fault counts, and waits for who has the token. A retry has another."""
        self._tokens_given += 1
        self._token, self._answer = f"{self.name}/token/{self._tokens_given}", None
        self._context["Task"] = {"Token": self._token}
        try:
            arguments, limit_s = self._evaluate(state["Arguments"]), self._evaluate(state["TimeoutSeconds"])
            if type(limit_s) is not int or limit_s < 1:
                raise StatesError("States.Runtime", f"TimeoutSeconds is {limit_s!r}, which is no positive integer")
            ends_at_s = self.clock.now_s + limit_s
            self._handlers[arguments["FunctionName"]](_plain(arguments["Payload"]))
            while self._answer is None and self.clock.now_s < ends_at_s:
                yield ends_at_s
            if self._answer is None:
                raise StatesError("States.Timeout")
            return self._answer()
        finally:
            self._token = None
            del self._context["Task"]

    def _call(self, state: Mapping[str, Any]) -> Any:
        arguments = self._evaluate(state["Arguments"])
        called_at_s = self.clock.now_s
        result = self._handlers[arguments["FunctionName"]](_plain(arguments["Payload"]))
        if self.clock.now_s - called_at_s > state["TimeoutSeconds"]:
            raise StatesError("States.Timeout", "the function took longer than the state allows")
        return _plain(result)

    @staticmethod
    def _retry_delay_s(state: Mapping[str, Any], fault: StatesError, attempts: list[int]) -> float | None:
        for index, retrier in enumerate(state.get("Retry", [])):
            if not _matches(retrier["ErrorEquals"], fault.error):
                continue
            if attempts[index] == retrier["MaxAttempts"]:
                return None
            delay_s: float = retrier["IntervalSeconds"] * retrier["BackoffRate"] ** attempts[index]
            attempts[index] += 1
            longest_s: float = retrier.get("MaxDelaySeconds", delay_s)
            return min(delay_s, longest_s)
        return None

    def _caught(self, state: Mapping[str, Any], fault: StatesError) -> str:
        for catcher in state.get("Catch", []):
            if _matches(catcher["ErrorEquals"], fault.error):
                error_output = {"Error": fault.error, "Cause": fault.cause}
                return self._leave(catcher, default=error_output, errorOutput=error_output)
        raise fault

    def _wait_s(self, state: Mapping[str, Any]) -> int:
        seconds = self._evaluate(state["Seconds"])
        if type(seconds) is not int or not 0 <= seconds <= LONGEST_WAIT_S:
            raise StatesError("States.Runtime", f"Seconds is {seconds!r}, which is no whole number of seconds")
        return seconds

    def _first_match(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        for rule in state["Choices"]:
            holds = self._evaluate(rule["Condition"])
            if not isinstance(holds, bool):
                raise StatesError("States.QueryEvaluationError", f"{rule['Condition']} is neither true nor false")
            if holds:
                return dict(rule)
        return {"Next": state["Default"]}

    def _leave(self, way_out: Mapping[str, Any], default: Any = None, **known: Any) -> str:
        """Evaluate Output and Assign side by side, then change both. The next state; "" at the end."""
        output = self._evaluate(way_out["Output"], **known) if "Output" in way_out else default
        assigned = self._evaluate(way_out.get("Assign", {}), **known)
        self._data = output
        self.variables.update(assigned)
        return str(way_out.get("Next", ""))

    def _evaluate(self, template: Any, **known: Any) -> Any:
        if isinstance(template, dict):
            return {key: self._evaluate(value, **known) for key, value in template.items()}
        if isinstance(template, list):
            return [self._evaluate(value, **known) for value in template]
        if not isinstance(template, str) or not template.startswith("{%"):
            return template
        if not template.endswith("%}"):
            raise UnsupportedError(f"an expression that does not end: {template}")
        expression = template[2:-2].strip()
        bindings = {name: Utils.NULL_VALUE if v is None else v for name, v in self.variables.items()}
        bindings["states"] = {"input": self._data, "context": self._context, **known}
        asked = _asked(expression, bindings)
        if asked is None:
            return _plain(_evaluated(expression, bindings))
        if asked not in _ANSWERS:
            if len(_ANSWERS) == ANSWERS_KEPT:
                _ANSWERS.clear()
            _ANSWERS[asked] = _plain(_evaluated(expression, bindings))
        answer = _ANSWERS[asked]
        return answer if type(answer) in SCALARS else _plain(answer)


def _evaluated(expression: str, bindings: Mapping[str, Any]) -> Any:
    try:
        value = _compiled(expression).evaluate(None, bindings)
        if value is None and not _compiled(f"$exists(({expression}))").evaluate(None, bindings):
            raise StatesError("States.QueryEvaluationError", f"{expression} is undefined")
    except StatesError:
        raise
    except Exception as error:
        raise StatesError("States.QueryEvaluationError", f"{expression}: {error}") from error
    return value


def _asked(expression: str, bindings: Mapping[str, Any]) -> Hashable | None:
    """The expression and all that its value rests on; None where that is more than single values."""
    found = [_single(path, bindings) for path in _paths(expression)]
    return None if None in found else (expression, *found)


@cache
def _paths(expression: str) -> tuple[list[str], ...]:
    return tuple(path.split(".") for path in PATH.findall(expression))


def _single(path: Sequence[str], bindings: Mapping[str, Any]) -> tuple[type, Any] | None:
    """A value and its type, for 1 is 1.0 and True to Python. None: there are several, or parts of one."""
    found: Any = bindings
    for name in path:
        if type(found) is not dict or name not in found:
            return None if isinstance(found, list) else MISSING
        found = found[name]
    return (type(found), found) if type(found) in SCALARS else None


def _matches(names: Iterable[str], error: str) -> bool:
    if error in names:
        return True
    if "States.ALL" in names:
        return error not in ("States.Runtime", "States.DataLimitExceeded")
    return "States.TaskFailed" in names and error != "States.Timeout"


def run_together(executions: Sequence[Execution]) -> None:
    """Step executions that share a clock, whoever is due first, until all have ended."""
    while running := [execution for execution in executions if execution.status is Status.RUNNING]:
        min(running, key=lambda execution: execution.next_due_s).step()
