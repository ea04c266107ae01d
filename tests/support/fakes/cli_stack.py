"""A deployed stack in memory, as the command-line tool sees one: items, parameters, executions.

Held against AWS by tests/contract/cli.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from understudy_cli.core import exits
from understudy_cli.core.endings import RUNNING, Execution
from understudy_cli.core.events import LogLine
from understudy_cli.core.faults import Fault
from understudy_cli.ports import Pending

Scene = Callable[["FakeCliStack"], None]


class FakeCliStack:
    """`items` by (cluster, sort key). Each wait of the tool plays the next of `scenes`, what happens meanwhile."""

    def __init__(self, now: float) -> None:
        self.time = now
        self.items: dict[tuple[str, str], dict[str, Any]] = {}
        self.parameters: dict[str, str] = {}
        self.keys: set[str] = set()
        self.subscribed: list[tuple[str, bool]] = []
        self.alarm_states: dict[str, str] = {}
        self.outputs: dict[str, str] = {}
        self.logs: dict[tuple[str, str], list[str]] = {}
        self.events: dict[str, list[LogLine]] = {}
        self.connect: Callable[..., Any] | None = None
        self.executions: dict[str, Execution] = {}
        self.started: list[tuple[str, dict[str, Any]]] = []
        self.questions: dict[str, Pending] = {}
        self.answers: list[tuple[str, dict[str, Any]]] = []
        self.scenes: list[Scene] = []
        self.faults: list[Fault] = []
        self.cannot_start: Fault | None = None

    def sleep(self, seconds: float) -> None:
        """Time goes on, and with it whatever happens."""
        self.time += seconds
        assert self.scenes, "the tool waits for something that never comes"
        self.scenes.pop(0)(self)

    def put(self, item: Mapping[str, Any]) -> None:
        """An item as it is to stand in the table."""
        self.items[(str(item["pk"]), str(item["sk"]))] = dict(item)

    def ends(self, status: str, **how: Any) -> Scene:
        """That the newest execution ends so."""

        def end(stack: FakeCliStack) -> None:
            name = stack.started[-1][0]
            stack.executions[name] = replace(stack.executions[name], status=status, **how)

        return end

    def fails_once(self, fault: Fault) -> None:
        """The next reading of an execution fails."""
        self.faults.append(fault)

    def now(self) -> float:
        return self.time

    def output(self, name: str) -> str:
        if name not in self.outputs:
            raise Fault(f"The stack has no output {name}", "Name Understudy's own stack", exits.WRONG)
        return self.outputs[name]

    def clusters(self) -> Sequence[str]:
        return sorted(pk for pk, sk in self.items if sk == "state")

    def states(self, clusters: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        return {each: self.items[(each, "state")] for each in clusters if (each, "state") in self.items}

    def item(self, cluster: str, sort: str) -> Mapping[str, Any] | None:
        return self.items.get((cluster, sort))

    def history(self, cluster: str, limit: int) -> Sequence[Mapping[str, Any]]:
        keys = sorted((key for key in self.items if key[0] == cluster and key[1].startswith("history#")), reverse=True)
        return [self.items[key] for key in keys[:limit]]

    def unaccepted(self) -> Sequence[str]:
        return sorted(pk for (pk, sk), item in self.items.items() if sk == "refusal" and item["kind"] == "unaccepted")

    def subscriptions(self) -> Sequence[tuple[str, bool]]:
        return self.subscribed

    def alarms(self) -> Mapping[str, str]:
        return self.alarm_states

    def sort_keys(self, cluster: str) -> list[str]:
        return sorted(sk for pk, sk in self.items if pk == cluster)

    def delete_item(self, pk: str, sk: str, claimed_by: str = "") -> None:
        if not claimed_by or self.items.get((pk, sk), {}).get("cluster") == claimed_by:
            self.items.pop((pk, sk), None)

    def delete_parameter(self, name: str) -> None:
        self.parameters.pop(name, None)

    def delete_key(self, cluster: str) -> None:
        self.keys.discard(cluster)

    def fails_to_start(self, fault: Fault) -> None:
        """No execution is started any more."""
        self.cannot_start = fault

    def start(self, name: str, request: Mapping[str, Any]) -> None:
        if self.cannot_start:
            raise self.cannot_start
        if name in self.executions:
            assert self.executions[name].asked == request, "ExecutionAlreadyExists"
            return
        self.started.append((name, dict(request)))
        self.executions[name] = Execution(name, RUNNING, asked=dict(request))

    def execution(self, name: str) -> Execution:
        if self.faults:
            raise self.faults.pop(0)
        if name not in self.executions:
            raise Fault(f"There is no execution {name}", "Look at its name", exits.WRONG)
        return self.executions[name]

    def question(self, name: str) -> Pending | None:
        return self.questions.get(name)

    def answer(self, token: str, answer: Mapping[str, Any]) -> None:
        if token not in [each.token for each in self.questions.values()]:
            raise Fault("The question is over", "Look for a newer one", exits.REFUSED)
        self.answers.append((token, dict(answer)))

    def who(self) -> str:
        return "arn:aws:sts::123456789012:assumed-role/Operators/maria"

    def parameter(self, name: str) -> str | None:
        return self.parameters.get(name)

    def put_parameter(self, name: str, text: str) -> int:
        self.parameters[name] = text
        return 1

    def log(self, function: str, cluster: str, since: float) -> Sequence[str]:
        return self.logs.get((function, cluster), [])

    def published(self, function: str, since: float) -> Sequence[LogLine]:
        return [each for each in self.events.get(function, []) if each.at >= since]

    def client(self, service: str, **keys: str) -> Any:
        assert self.connect is not None, f"nobody was to ask {service}"
        return self.connect(service, **keys)
