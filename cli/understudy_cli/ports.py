"""What the commands need of a deployed stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from understudy_cli.core.endings import Execution
from understudy_cli.core.events import LogLine

Item = Mapping[str, Any]
"""An item of the cluster table as plain values."""


@dataclass(frozen=True)
class Pending:
    """A question: the token that answers it, and what is asked (source and target as instance IDs, rule, why)."""

    token: str
    asked: Item


class Stack(Protocol):
    """A stack that is asked with its caller's rights. Every method raises Fault."""

    def now(self) -> float:
        """Seconds since 1970 on AWS's clock."""

    def output(self, name: str) -> str:
        """An output of the stack."""

    def clusters(self) -> Sequence[str]:
        """The names of all registered clusters."""

    def states(self, clusters: Sequence[str]) -> Mapping[str, Item]:
        """The state item of each of these that is registered."""

    def item(self, cluster: str, sort: str) -> Item | None:
        """One item of a cluster, strongly consistent."""

    def history(self, cluster: str, limit: int) -> Sequence[Item]:
        """The newest history items, newest first."""

    def unaccepted(self) -> Sequence[str]:
        """The clusters of which a text was submitted that is not in force; `stack#` for the tunables."""

    def subscriptions(self) -> Sequence[tuple[str, bool]]:
        """Who gets notices: each endpoint, and whether it is confirmed."""

    def alarms(self) -> Mapping[str, str]:
        """The states of the stack's alarms by their names: OK, ALARM, INSUFFICIENT_DATA."""

    def sort_keys(self, cluster: str) -> list[str]:
        """The sort keys of all items that stand under a cluster's name, in order."""

    def delete_item(self, pk: str, sk: str, claimed_by: str = "") -> None:
        """Delete an item of the table; with `claimed_by` only while its `cluster` is that. Twice does no harm."""

    def delete_parameter(self, name: str) -> None:
        """Delete a parameter below the stack's prefix. Twice does no harm."""

    def delete_key(self, cluster: str) -> None:
        """Delete the key that the nodes of a cluster share. Twice does no harm."""

    def start(self, name: str, request: Mapping[str, Any]) -> None:
        """Start an execution. Of a name that is started already with the same request, nothing more happens."""

    def execution(self, name: str) -> Execution:
        """How an execution stands."""

    def question(self, name: str) -> Pending | None:
        """The newest question that an execution has put to people; None when it has put none."""

    def answer(self, token: str, answer: Mapping[str, Any]) -> None:
        """Answer a question. Raises Fault when it is over."""

    def who(self) -> str:
        """Who asks, as AWS names them."""

    def parameter(self, name: str) -> str | None:
        """The text of a parameter below the stack's prefix; None when there is none."""

    def put_parameter(self, name: str, text: str) -> int:
        """Put a text there. Returns its version."""

    def log(self, function: str, cluster: str, since: float) -> Sequence[str]:
        """What a function has logged about a cluster since then (seconds), oldest first."""

    def published(self, function: str, since: float) -> Sequence[LogLine]:
        """What a function has logged of events that it has published since then (seconds), oldest first."""

    def client(self, service: str, **keys: str) -> Any:
        """A client of boto3 for the controller's own code, with the caller's rights, or with these keys."""
