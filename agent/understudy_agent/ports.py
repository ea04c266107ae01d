"""What the loop is given and what it gives: who it is, whom it calls, what its beats say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class Transport(Protocol):
    """The two calls that an agent makes. Both may raise anything; a call that raises has told nothing."""

    def put_beat(self, detail: Mapping[str, object]) -> None: ...

    def read_state(self) -> Mapping[str, Any] | None: ...


@dataclass(frozen=True)
class Self:
    """Who this agent is. `orderly_stop_s`: at most so much of the lease is spent on an orderly stop."""

    cluster: str
    instance: str
    boot: str
    orderly_stop_s: float


@dataclass(frozen=True)
class Report:
    """What the next beat says. Replaced as a whole, so that the sending thread never sees half of one.

    `quorum`: what it says of the quorum hosts, as the beat has it; empty when there is nothing to say.
    """

    read_epoch: int
    services: Mapping[str, str]
    quorum: Mapping[str, object]
    keeps_lease: bool = True
