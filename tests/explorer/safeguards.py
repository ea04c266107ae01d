"""The safeguards whose absence the explorer finds, each with what the world is like without it. Those that it does not
find are in `tests/simulation/safeguards.py`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from tests.explorer import deviations as d
from tests.explorer.deviations import A, B
from tests.explorer.search import Deviation
from tests.explorer.themes import KEYED, LONG_CUT, SETTLED, Theme
from tests.explorer.world import Setting
from tests.support.fakes import ledger as fake_ledger
from understudy.domain.model import Proof
from understudy.usecases import fence_node
from understudy_agent import lease, promise
from understudy_agent.lease import Standing
from understudy_agent.messages import Message
from understudy_agent.promise import Memory
from understudy_agent.view import StateView, Terms

TWO_SERVE = ("at_most_one_node_serves", "nothing_starts_beside_a_server", "no_grant_beside_a_server", "a_proof_is_true")
UNLEASED = ("nothing_starts_without_a_lease", "nothing_starts_unread")
SWITCHOVER = d.asking("switchover", action="switchover")
BACK = d.asking("switchover to node-a", action="switchover", to=A)


@dataclass(frozen=True)
class Safeguard:
    """`without`: what is patched to switch it off, as (owner, attribute, replacement).

    Its absence must be found as one of `properties`, by at most `count` of the deviations.
    """

    what: str
    without: Sequence[tuple[object, str, object]]
    tried: Sequence[Deviation]
    properties: Sequence[str] = TWO_SERVE
    count: int = 1
    setting: Setting = SETTLED
    horizon_s: int = 60
    until_s: int = 20

    @property
    def theme(self) -> Theme:
        """What to look at."""
        return Theme(self.what, (self.setting,), self.tried, self.count, self.count, self.horizon_s, self.until_s)

    @contextmanager
    def switched_off(self) -> Iterator[None]:
        """The world without it, for as long as the context lasts."""
        with ExitStack() as stack:
            for owner, attribute, new in self.without:
                stack.enter_context(patch.object(owner, attribute, new))
            yield


def _always_proven(*_: Any) -> Proof:
    return Proof.LEASE_EXPIRED


_kill_at_ms = lease.kill_at_ms


def _kill_6_s_late(standing: Standing) -> int | None:
    at_ms = _kill_at_ms(standing)
    return None if at_ms is None else at_ms + 6000


def _any_beat_is_newer(*_: Any) -> bool:
    return True


_after_read = lease.after_read


def _believe_any_epoch(standing: Standing, view: StateView | None, *who: Any, **more: Any) -> Standing:
    return _after_read(replace(standing, epoch=0), view, *who, **more)


_start_ms = promise.start_ms


def _start_before_what_was_promised(memory: Memory, terms: Terms) -> int:
    return _start_ms(replace(memory, bound_until_ms=0), terms)


def _object_only_while_serving(ask: Message, standing: Standing, view: StateView | None, me: str, **own: bool) -> str:
    return "" if own["all_down"] else "it serves"


SAFEGUARDS: Mapping[str, Safeguard] = {
    "proof": Safeguard(
        "fence_node waits until it is proved that the node before cannot serve",
        ((fence_node, "find_proof", _always_proven),),
        (LONG_CUT, SWITCHOVER),
    ),
    "lease-end": Safeguard(
        "the agent kills what is left before its lease has run out",
        ((lease, "kill_at_ms", _kill_6_s_late),),
        (LONG_CUT,),
    ),
    "order-of-beats": Safeguard(
        "an older beat never replaces a newer one",
        ((fake_ledger, "_is_newer", _any_beat_is_newer),),
        (SWITCHOVER, *(each for each in d.beats(A) if "late" in each.name or "doubled" in each.name)),
        count=2,
    ),
    "lower-epoch": Safeguard(
        "the agent does not believe a table of an epoch below one that it has read",
        ((lease, "after_read", _believe_any_epoch),),
        (SWITCHOVER, d.blowing("old_reads", A, 4, 9), d.blowing("old_reads", A, 6, 5)),
        (*TWO_SERVE, *UNLEASED),
        count=2,
    ),
    "promise-waited-out": Safeguard(
        "a node that has promised waits its promise out before it starts",
        ((promise, "start_ms", _start_before_what_was_promised),),
        (LONG_CUT,),
        setting=KEYED,
    ),
    "holder-promises-nothing": Safeguard(
        "a node that holds the lease gives no promise, nor one to an asker of an older epoch",
        ((promise, "objection", _object_only_while_serving),),
        (LONG_CUT,),
        (*TWO_SERVE, "a_grant_waits_for_one_promise"),
        setting=KEYED,
    ),
    "promise-of-another-life": Safeguard(
        "nothing starts for promise_s after the agent's own start, unless its file says what it has promised",
        ((promise, "blank", lambda *_, **__: Memory(known_joined=promise.EVER)),),
        (LONG_CUT, d.reboots(B)[0], d.agent_dies(B, 1, "promises")),
        setting=KEYED,
        count=2,
        until_s=30,
    ),
}
