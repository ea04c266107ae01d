"""What stands in for processes, AWS and time in the agent's tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from understudy_agent.plan import PlanFile
from understudy_agent.remains import Remains
from understudy_agent.tasks import Outcome
from understudy_agent.view import TermsView
from understudy_agent.worker import Done


class FakeTask:
    """Ends when the test says so, or at once."""

    def __init__(self, outcome: Outcome | None, why: str = "") -> None:
        self.outcome, self.why = outcome, why
        self.aborted = False

    def poll(self) -> Outcome | None:
        return self.outcome

    def abort(self) -> None:
        self.aborted = True


class FakeKind:
    """A service that starts and stops as told. `hangs`: acts and looks that never end."""

    slow_to_show = False
    confirms_start = True

    def __init__(self, *, running: bool = False) -> None:
        self.running = running
        self.dies = False
        """Whether a look calls it dead, not stopped, when it does not run."""
        self.hangs: set[str] = set()
        self.fails: set[str] = set()
        self.survives: set[str] = set()
        """Acts that end well and leave it running."""
        self.look_answers: Outcome | None = None
        """What every look answers, if anything: it need not be what is so."""
        self.asked: list[str] = []
        self.tasks: list[FakeTask] = []

    def _act(self, name: str, *, running: bool) -> FakeTask:
        self.asked.append(name)
        if name in self.hangs:
            task = FakeTask(None)
        elif name in self.fails:
            task = FakeTask(Outcome.FAILED)
        else:
            self.running = self.running if name in self.survives else running
            task = FakeTask(Outcome.DONE)
        self.tasks.append(task)
        return task

    def start(self) -> FakeTask:
        return self._act("start", running=True)

    def remains(self) -> Remains:
        return Remains()

    def stop(self) -> FakeTask:
        return self._act("stop", running=False)

    def kill(self) -> FakeTask:
        return self._act("kill", running=False)

    def look(self) -> FakeTask:
        if "look" in self.hangs:
            return FakeTask(None)
        if "look" in self.fails:
            return FakeTask(Outcome.UNKNOWN)
        if self.look_answers is not None:
            return FakeTask(self.look_answers)
        down = Outcome.DEAD if self.dies else Outcome.DOWN
        return FakeTask(Outcome.SERVING if self.running else down)


class FakeLog:
    """Keeps what was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str, dict[str, object]]] = []

    def info(self, what: str, why: str, **facts: object) -> None:
        self.told.append(("INFO", what, why, facts))

    def warning(self, what: str, why: str, **facts: object) -> None:
        self.told.append(("WARNING", what, why, facts))

    def error(self, what: str, why: str, **facts: object) -> None:
        self.told.append(("ERROR", what, why, facts))

    def events(self, what: str) -> list[str]:
        return [why for _level, name, why, _facts in self.told if name == what]


class FakeCaller:
    """Makes a call when it is submitted; the answer comes at the next `take`, or never while it hangs."""

    def __init__(self) -> None:
        self.hangs = False
        self._done: Done | None = None
        self._busy = False

    def submit(self, call: Callable[[], object]) -> bool:
        if self._busy:
            return False
        self._busy = True
        if self.hangs:
            return True
        try:
            self._done = Done(value=call())
        except Exception as error:
            self._done = Done(error=error)
        return True

    def take(self) -> Done | None:
        done, self._done = self._done, None
        if done is not None:
            self._busy = False
        return done


class FakeTransport:
    """An AWS of one state item. Beats are recorded by a controller that only writes them down."""

    def __init__(self, item: dict[str, Any] | None) -> None:
        self.item = item
        self.me = ""
        self.records = True
        """Whether a beat that was accepted gets recorded."""
        self.others_beat = True
        """Whether every other node that was ever heard is heard whenever this one is."""
        self.error: Exception | None = None
        self.beats: list[dict[str, Any]] = []
        self.reads = 0

    def put_beat(self, detail: Mapping[str, object]) -> None:
        if self.error is not None:
            raise self.error
        self.beats.append(dict(detail))
        if self.records and self.item is not None and self.me in self.item["nodes"]:
            node = self.item["nodes"][self.me]
            node.update(beat=detail["beat"], boot=detail["boot"], heard_at=int(str(detail["beat"])) // 1000)
            for other in self.item["nodes"].values() if self.others_beat else ():
                if isinstance(other, dict) and other.get("heard_at") is not None:
                    other["heard_at"] = node["heard_at"]

    def read_state(self) -> Mapping[str, Any] | None:
        if self.error is not None:
            raise self.error
        self.reads += 1
        return self.item


class FakeGuard:
    """What keeps the lease when the agent cannot: there, unless a test takes it away."""

    def __init__(self) -> None:
        self.is_there, self.why_unfit = True, ""

    def tick(self, now_ms: int, remains: Mapping[str, Remains], terms: TermsView) -> None:
        """Nothing is to be done."""


class FakeClock:
    """Time that moves when the test says so."""

    def __init__(self, now_ms: int = 1_000_000) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


class KeptByNewest:
    """The lock of a process, 42, that keeps the lease by the plan that was written down last."""

    def __init__(self, plan: PlanFile) -> None:
        self._plan = plan

    def is_held(self) -> bool:
        return True

    def holder(self) -> int:
        return 42

    def mark(self) -> str:
        return self._plan.mark

    def is_followed(self) -> bool:
        return False
