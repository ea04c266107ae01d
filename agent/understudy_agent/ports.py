"""What the loop is given and what it gives: who it is, whom it calls, what its beats say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from .remains import Remains
from .view import TermsView


class Transport(Protocol):
    """The two calls that an agent makes. Both may raise anything; a call that raises says nothing."""

    def put_beat(self, detail: Mapping[str, object]) -> None: ...

    def read_state(self) -> Mapping[str, Any] | None: ...


class LeaseKeeper(Protocol):
    """What keeps the lease when the agent cannot.

    `is_there`: whether it runs; nothing is started without it. `why_unfit`: why a lease could not be kept here, "" when
    nothing is known to hinder it.
    """

    is_there: bool
    why_unfit: str

    def tick(self, now_ms: int, remains: Mapping[str, Remains], terms: TermsView) -> None:
        """See that it is there and knows what is left of each service, and the timings. Never waits."""
        ...


@dataclass
class Self:
    """Who this agent is. `orderly_stop_s`: how much of the lease an orderly stop may take at most.

    `instance` is "" until the machine has said: a lease that is written down binds before that. `config`: a fingerprint
    of what the configuration says of the services, which beats carry; "" says nothing.
    """

    cluster: str
    instance: str
    boot: str
    orderly_stop_s: float
    config: str = ""


@dataclass(frozen=True)
class BeatReport:
    """What the next beat says. Replaced as a whole, so that the sending thread never sees half of one.

    `quorum`: what it says of the quorum hosts, as the beat has it; empty when there is nothing to say.
    """

    read_epoch: int
    services: Mapping[str, str]
    quorum: Mapping[str, object]
    keeps_lease: bool = True
    unfit: str = ""
    """Why this node could not take over; "" when nothing is known to hinder it."""
    waits: bool = False
    """Whether it holds the lease and starts by itself as soon as a promise has run out, or the others were heard."""
    fit: Mapping[str, object] = field(default_factory=dict)
    """How fit this node is to take over, as the beat has it; empty when that is not known."""
