"""What the real agent's loop is given in place of threads, files and systemd."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tests.simulation.story import Story
from understudy_agent.worker import Done

if TYPE_CHECKING:
    from tests.simulation.node import Machine

TOLD = {
    *("order", "service", "epoch_read", "urgent_beat", "stopped", "stopped_badly", "beat_failed", "read_failed"),
    *("promises_asked", "promised", "promise_refused", "message_ignored", "quorum_changed", "fitness"),
    *("lease_expired", "lease_file_not_written", "promise_file_not_written"),
}


class StoryLog:
    """The agent's log, as far as it belongs to the story."""

    def __init__(self, story: Story, who: str) -> None:
        self._story, self._who = story, who

    def info(self, what: str, why: str, **facts: object) -> None:
        if what in TOLD:
            facts.pop("at_ms", None)
            self._story.tell(self._who, f"{what}: {why} {' '.join(f'{key}={facts[key]}' for key in facts)}".rstrip())

    warning = info
    error = info


class Line:
    """A Caller without a thread: one call at a time, which is made a little later and answered later still."""

    def __init__(self, machine: Machine, answer_delay_s: Callable[[bool], float]) -> None:
        self._machine = machine
        self._answer_delay_s = answer_delay_s
        self._is_busy = False
        self._done: Done | None = None
        self._begun_s = 0.0
        self.taken_s: float | None = None
        """When the newest call was begun whose answer has been taken and was none of a failure."""

    def submit(self, call: Callable[[], object]) -> bool:
        if self._is_busy:
            return False
        self._is_busy, self._begun_s = True, self._machine.world.clock.now_s
        self._machine.later(self._machine.rng.uniform(0.001, 0.03), lambda: self._make(call))
        return True

    def take(self) -> Done | None:
        done, self._done = self._done, None
        if done is not None:
            self._is_busy = False
            self.taken_s = self._begun_s if done.error is None else self.taken_s
        return done

    def _make(self, call: Callable[[], object]) -> None:
        try:
            done = Done(value=call())
        except Exception as error:
            done = Done(error=error)
        self._machine.later(self._answer_delay_s(done.error is None), lambda: self._answer(done))

    def _answer(self, done: Done) -> None:
        self._done = done
        self._machine.tick()


class Reach:
    """The two calls of an agent, through whatever lies between the node and AWS."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def put_beat(self, detail: Mapping[str, Any]) -> None:
        self._machine.sent_ms = detail["beat"]
        self._machine.world.bus.take_beat(self._machine, detail)

    def read_state(self) -> Mapping[str, Any] | None:
        return self._machine.world.table_seen_from(self._machine)
