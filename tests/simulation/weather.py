"""Which faults blow at this moment. Actors ask; nobody has to be told."""

from tests.simulation.plan import Fault


class Weather:
    """The faults that have begun and not ended, by kind."""

    def __init__(self) -> None:
        self._blowing: dict[str, list[Fault]] = {}

    def __bool__(self) -> bool:
        return bool(self._blowing)

    def of(self, kind: str) -> tuple[Fault, ...]:
        """The faults of one kind that blow now."""
        return tuple(self._blowing.get(kind, ()))

    def at_node(self, kind: str, node: int) -> Fault | None:
        """The fault of one kind that blows at one node now, if any."""
        for fault in self._blowing.get(kind, ()):  # asked all the time, so it is written out
            if fault.node == node:
                return fault
        return None

    def begin(self, fault: Fault) -> None:
        self._blowing.setdefault(fault.kind, []).append(fault)

    def spend(self, fault: Fault) -> None:
        """End a fault, at its time or because it has struck. Ending it twice is harmless."""
        there = self._blowing.get(fault.kind, [])
        if fault in there:
            there.remove(fault)
        if not there:
            self._blowing.pop(fault.kind, None)

    def clear(self) -> None:
        self._blowing.clear()
