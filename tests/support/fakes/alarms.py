"""CloudWatch's alarms in memory."""

from collections.abc import Collection, Mapping

from tests.support.fakes.faults import Faulty
from understudy.domain.cluster.errors import UnreadableError
from understudy.domain.cluster.state import Alarm


class FakeAlarms(Faulty):
    """Alarms by name, as they are now. While `is_down`, CloudWatch cannot be read. `asked`: the names of each call."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, Alarm] = {}
        self.asked: list[list[str]] = []
        self.is_down = False

    def read(self, names: Collection[str]) -> Mapping[str, Alarm]:
        """As Alarms.read."""
        with self._called("read"):
            self.asked.append(sorted(names))
            if self.is_down:
                raise UnreadableError("CloudWatch is down")
            return {name: self.known[name] for name in names if name in self.known}
