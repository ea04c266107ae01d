"""The executions of the transition workflow, with the edges of the real definition: which outcome leads to which state.

What is driven here by hand is small: waits, retries of a function that raised, and the end. A step is a call of a
real use case. Everything about an execution is data, so that a snapshot has it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.explorer.aws import CrashError

if TYPE_CHECKING:
    from tests.explorer.world import World

OUTCOME = re.compile(r"\{% \$states\.input\.outcome = '(\w+)' %\}")
RETRY_S, RETRIES, BACKOFF = 2, 2, 2
TASKS = {
    "OpenTransition": "open_transition",
    "FenceNode": "fence_node",
    "MoveAddress": "move_address",
    "GrantLease": "grant_lease",
    "AwaitService": "await_service",
    "CheckChange": "check_change",
    "CloseTransition": "close_transition",
    "RecordBroken": "close_transition",
}


def _edges() -> dict[str, dict[str, str]]:
    """From each task and outcome to the task after it; "" where the execution ends."""
    states = json.loads(Path("statemachine/transition.asl.json").read_text(encoding="utf-8"))["States"]
    found: dict[str, dict[str, str]] = {}
    for task in TASKS:
        choice = states[states[task]["Next"]]
        outcomes = {OUTCOME.fullmatch(each["Condition"])[1]: each["Next"] for each in choice.get("Choices", [])}  # type: ignore[index]
        found[task] = {outcome: _task_at(states, state) for outcome, state in outcomes.items()}
    return found


def _task_at(states: Mapping[str, Any], state: str) -> str:
    while state not in TASKS:
        if "Next" not in states[state]:
            return ""
        state = states[state]["Next"]
    return state


EDGES = _edges()


class Run:
    """One execution."""

    def __init__(self, name: str, request: Mapping[str, Any], due_ms: int) -> None:
        self.name, self.request, self.due_ms = name, dict(request), due_ms
        self.task = "OpenTransition"
        self.epoch = 0
        self.attempt = 0
        self.failures = 0
        self.broken: dict[str, str] = {}
        self.stalled: tuple[Any, float] | None = None
        """The state that the step which stands still has read, and when."""

    def step(self, world: World) -> None:
        """The step that is due. A fault of it is what the weather says."""
        fault = world.take_step_fault()
        if fault.startswith("stall"):
            stall_s = int(fault.partition(" ")[2])
            self.stalled = (world.table.items.get((world.cluster, "state")), world.now_s)
            self.due_ms = world.ms + stall_s * 1000
            world.tell(self.task, f"has read, and stands still for {stall_s} s")
            return
        answer = self._call(world, fault)
        if answer is None:
            self._failed(world)
        else:
            self._take(world, answer)

    def _call(self, world: World, fault: str) -> Mapping[str, Any] | None:
        if fault == "dies before it begins":
            world.tell(self.task, fault)
            return None
        if self.stalled is not None:
            world.table.old, world.old_now_s = self.stalled
            self.stalled = None
        world.table.dies_after_write = fault == "dies after its first write"
        try:
            answer = world.controller.handlers[TASKS[self.task]](self._payload(world))
        except CrashError:
            world.tell(self.task, fault)
            return None
        except Exception as error:
            world.tell(self.task, f"raises {type(error).__name__}: {error}")
            return None
        finally:
            world.table.old, world.old_now_s, world.table.dies_after_write = None, None, False
        if fault == "dies before it answers":
            world.tell(self.task, fault)
            return None
        if world.story is not None:
            said = {key: answer[key] for key in ("outcome", "proof", "why", "reasons") if key in answer}
            world.tell(self.task, str(said))
        return dict(answer)

    def _payload(self, world: World) -> dict[str, Any]:
        if self.task == "OpenTransition":
            again = {"failed_epoch": self.epoch} if self.epoch > 0 else {}
            arn = f"arn:aws:states:us-east-1:123456789012:execution:transition:{self.name}"
            return {"request": self.request, "execution": arn, **again}
        payload: dict[str, Any] = {"cluster": world.cluster, "epoch": self.epoch}
        if self.task in ("MoveAddress", "CheckChange"):
            payload["attempt"] = self.attempt
        if self.task == "RecordBroken":
            payload["broken"] = self.broken
        return payload

    def _failed(self, world: World) -> None:
        self.failures += 1
        if self.failures <= RETRIES:
            self.due_ms = world.ms + RETRY_S * BACKOFF ** (self.failures - 1) * 1000
        elif self.task == "RecordBroken":
            world.ends(self)
        else:
            self.broken = {"state": self.task, "error": "Crash", "cause": ""}
            self._go_to("RecordBroken", world, 0)

    def _take(self, world: World, answer: Mapping[str, Any]) -> None:
        outcome = answer["outcome"]
        if self.task == "RecordBroken":
            world.ends(self)
            return
        if self.task == "OpenTransition" and outcome in ("OPENED", "EXHAUSTED"):
            self.epoch = int(answer["epoch"])
        if outcome == "LIFTED":
            self.epoch = int(answer.get("epoch", self.epoch)) if "failed_epoch" in answer else self.epoch
        self.attempt = int(answer.get("attempt", 0)) if outcome in ("RETRY", "PENDING") else 0
        after = EDGES[self.task][outcome]
        if after:
            self._go_to(after, world, -int(-answer.get("wait_s", 0) // 1) * 1000)
        else:
            world.ends(self)

    def _go_to(self, task: str, world: World, after_ms: int) -> None:
        self.task, self.failures, self.due_ms = task, 0, world.ms + after_ms
