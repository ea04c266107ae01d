"""Handlers that answer by a script: what each function was asked, and what it says next."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.asl_definition import Definition
from tests.support.asl_runner import Execution, Handler, LambdaFault

DEFINITION = Definition.load(Path(__file__).parents[2] / "statemachine" / "transition.asl.json")
REQUEST = {"cluster": "orders-db"}

Answer = Any  # what a function returns, or the LambdaFault that its invocation ends in

GOOD: Mapping[str, Answer] = {
    "open_transition": {"outcome": "OPENED", "epoch": 7},
    "ask_approval": None,
    "fence_node": {"outcome": "FENCED", "proof": "RELEASED"},
    "move_address": {"outcome": "ACCEPTED"},
    "grant_lease": {"outcome": "GRANTED"},
    "await_service": {"outcome": "IN_SERVICE"},
    "check_change": {"outcome": "IN_SYNC"},
    "close_transition": {"outcome": "IN_SERVICE"},
    "check_readiness": {"outcome": "CHECKED", "verdict": "PASS", "checks": []},
    "advise": {"outcome": "ADVISED", "text": []},
}


class Script:
    """Functions that give the answers listed for them, one a call, and then the good one for ever."""

    def __init__(self, **answers: list[Answer]) -> None:
        self.calls: list[tuple[str, Any]] = []
        self._answers = {name: list(listed) for name, listed in answers.items()}

    def handlers(self) -> dict[str, Handler]:
        return {name: self._handler(name) for name in GOOD}

    def payloads(self, function: str) -> list[Any]:
        return [payload for name, payload in self.calls if name == function]

    def _handler(self, name: str) -> Handler:
        def handle(payload: Any) -> Any:
            self.calls.append((name, payload))
            left = self._answers.get(name)
            answer = left.pop(0) if left else GOOD[name]
            if isinstance(answer, LambdaFault):
                raise answer
            return answer

        return handle


def run(script: Script, request: Any = None) -> Execution:
    return Execution(DEFINITION, script.handlers(), REQUEST if request is None else request).run()
