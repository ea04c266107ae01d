"""What the board needs of the cluster table. It only reads, and many clusters at once. Faults raise UnreadableError."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.state import ClusterState
from understudy.domain.cluster.unaccepted import Unaccepted
from understudy.domain.readiness.facts import Unread
from understudy.domain.readiness.report import Report

Histories = Mapping[int, Mapping[str, Any]]
"""The facts of history items, by their epochs; empty for an epoch that has none."""


@dataclass(frozen=True)
class Remembered:
    """What the table holds of a cluster beside its state: the definition in force, and the newest readiness report."""

    definition: Definition
    report: Report | None = None


class BoardBook(Protocol):
    """The cluster table as the board sees it."""

    def clusters(self) -> Iterable[str]:
        """The name of every registered cluster."""
        ...

    def unaccepted(self) -> Mapping[str, Unaccepted]:
        """By cluster, and by STACK_WIDE: the texts that were put and are not in force."""
        ...

    def states(self, clusters: Collection[str]) -> Mapping[str, ClusterState | Unread]:
        """The state of each of these that is registered, strongly consistent; Unread for what makes no sense."""
        ...

    def remembered(self, states: Collection[ClusterState]) -> Mapping[str, Remembered | Unread]:
        """By cluster. Unread when the definition that a state names is not there or makes no sense."""
        ...

    def histories(self, epochs: Mapping[str, Collection[int]]) -> Mapping[str, Histories]:
        """The histories of these epochs of each cluster."""
        ...
