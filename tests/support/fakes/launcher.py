"""Step Functions in memory: it remembers what was started, and runs nothing."""

from collections.abc import Mapping
from typing import Any

from tests.support.fakes.faults import Faulty


class FakeLauncher(Faulty):
    """Keeps the request of every start by the execution's name, in the order of starting."""

    def __init__(self) -> None:
        super().__init__()
        self.starts: dict[str, Mapping[str, Any]] = {}

    def start(self, name: str, request: Mapping[str, Any]) -> bool:
        """As Launcher.start."""
        with self._called("start"):
            if name in self.starts:
                return False
            self.starts[name] = dict(request)
        return True

    @property
    def requests(self) -> list[Mapping[str, Any]]:
        """What has been asked for, in the order of starting."""
        return list(self.starts.values())
