"""What the agents read about the quorum hosts, and what they say about them."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class QuorumHosts:
    """The hosts that the agents probe, each as HOST:PORT, and the timeout of one connection in seconds."""

    hosts: tuple[str, ...]
    timeout_s: float


class Reach(NamedTuple):
    """How many of the quorum hosts a node reaches, and of how many."""

    reached: int
    total: int

    @property
    def is_majority(self) -> bool:
        """Whether these are more than half."""
        return 2 * self.reached > self.total
