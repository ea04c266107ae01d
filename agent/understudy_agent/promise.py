"""Promises between agents, as pure logic: when to ask, when to give, how long one counts.

A promise says: I start no service of this cluster for `promise_s`, whatever the table may grant me meanwhile. Who holds
one of every other node may serve on without a lease. No clock and no input or output here; times are whole milliseconds
of this node's own CLOCK_BOOTTIME.

    asker   sent ├───────── promise_s - 1 % ─────────┤          serves no longer
    giver          received ├───────── promise_s + 1 % + 2 s ────────┤ may start

The asker counts from when it sent, the giver from later, and each allows for a clock whose rate is wrong by DRIFT. So
the asker has ended before the giver begins, however long either message was under way. The giver also allows LATE_MS
for an asker that is late to obey its clock, as drift_margin_s does where a lease runs out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from .lease import LeaseAnswer, LeaseView
from .messages import PROMISE_LIMIT_MS, Message, answer_to
from .view import StateView, TermsView

DRIFT = 0.01
"""By how much the rate of a node's clock may be wrong. Real ones are wrong by a hundredth of that."""
LATE_MS = 2000
"""What an agent that hangs or dies just when it is to kill may be late: its watchdog ends it after a second."""
ASK_EVERY_MS = 500
NONCES_KEPT = 1024
EVER = 2**53
"""Above all versions of the definition, in a file that an earlier agent wrote."""


@dataclass(frozen=True)
class Memory:
    """What a node must not forget of its promises, as far as this boot goes.

    `bound_until_ms`: it starts nothing before. `since_ms`: from when on it knows what it has promised, None when it
    has known all along: an earlier boot may have promised until just before. `known_joined`: the newest `joined` of
    this node of which it has seen that the holder knows it.
    """

    bound_until_ms: int = 0
    since_ms: int | None = None
    known_joined: int = 0


def blank(now_ms: int) -> Memory:
    """The memory of an agent that finds none, or none that can be read: it may have promised until just now.

    A lease that runs says nothing against it: who was granted one may be waiting a promise out.
    """
    return Memory(since_ms=now_ms)


def is_possible(memory: Memory, now_ms: int) -> bool:
    """Whether an agent of this boot can have written it."""
    since_ms = 0 if memory.since_ms is None else memory.since_ms
    latest_ms = now_ms + int(PROMISE_LIMIT_MS * (1 + DRIFT)) + 1 + LATE_MS
    return 0 <= memory.bound_until_ms <= latest_ms and 0 <= since_ms <= now_ms and 0 <= memory.known_joined <= EVER


def after_view(memory: Memory, lease_view: LeaseView, view: StateView, me: str, now_ms: int) -> Memory:
    """The memory after a read. A new node waits from when the holder of the lease knows it, or else from its grant.

    The holder may be cut off and go on by promises of the nodes that it knows; this one it has not asked. Until its
    beats say that it knows this node, the controller grants it no lease but under EC2's word that the holder is off.
    """
    own, holder = view.nodes.get(me), view.nodes.get(view.holder)
    if own is None or own.joined <= memory.known_joined:
        return memory
    granted_under = view.epoch if view.active or view.previous is None else view.previous.ended_epoch - 1
    is_known = (
        holder is not None
        and not holder.is_malformed
        and view.holder != me
        and (holder.knows >= own.joined or not holder.knows)
        and holder.read_epoch >= granted_under
    )
    if is_known or lease_view.answer is LeaseAnswer.MINE:
        return replace(memory, since_ms=now_ms, known_joined=own.joined)
    return memory


def start_ms(memory: Memory, terms: TermsView) -> int:
    """Before when this node starts nothing, also when it holds the lease (local ms)."""
    forgotten_ms = 0 if memory.since_ms is None else memory.since_ms + giver_ms(_ms(terms.promise_s))
    return max(memory.bound_until_ms, forgotten_ms)


def giver_ms(promise_ms: int) -> int:
    """For how long the giver is bound, by its own clock, from when it promises: the asker may be late by LATE_MS.

    Timings do not shorten that. While a node holds the lease, a shorter silence counts already, and a shorter lease not
    yet: what lies between them says nothing then.
    """
    return int(promise_ms * (1 + DRIFT)) + 1 + LATE_MS


def asker_ms(promise_ms: int) -> int:
    """For how long the asker may count on it, by its own clock, from when it asked."""
    return int(promise_ms * (1 - DRIFT))


# --- giving ------------------------------------------------------------------------------------


def objection(ask: Message, lease_view: LeaseView, view: StateView | None, *, all_down: bool) -> str:
    """Why no promise is given, in words; "" when it is.

    A promise binds nobody but its giver, so what a node does not know is no objection: one that has read nothing yet,
    or not the asker's epoch, or not yet whom that epoch's lease was granted to, gives it. So does one that has been
    taken out of the cluster, for a holder that cannot read of that. `all_down`: whether every service of this node is
    known to be down.
    """
    if lease_view.answer is LeaseAnswer.MINE and ask.epoch <= lease_view.epoch:
        return f"this node holds the lease of epoch {lease_view.epoch}"
    if not all_down:
        return "a service of this node is not down"
    if view is None:
        return ""
    if ask.sender not in view.nodes:
        return "it is no member of the cluster"
    if ask.promise_ms > _ms(view.terms.promise_s):
        return f"it asks for {ask.promise_ms} ms, and promise_s is {view.terms.promise_s:g}"
    # As long as nobody holds the lease and the last holder is not proved off, an outage may go on for ever.
    is_last = not view.active and view.previous is not None and view.previous.node == ask.sender
    if is_last and view.previous is not None and not view.previous.is_proven:
        return ""
    if ask.epoch < view.epoch:
        return f"it asks under epoch {ask.epoch}, and this node knows of epoch {view.epoch}"
    if ask.epoch == view.epoch and view.active and ask.sender != view.active:
        return f"it does not hold the lease of epoch {view.epoch}"
    return ""


def bound(memory: Memory, ask: Message, now_ms: int) -> Memory:
    """The memory of a node that has given this promise at `now_ms`. No promise shortens another."""
    return replace(memory, bound_until_ms=max(memory.bound_until_ms, now_ms + giver_ms(ask.promise_ms)))


# --- asking ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PromiseRequests:
    """The asker's side: its requests without an answer, by nonce, and until when each node has promised."""

    waiting: Mapping[str, tuple[Message, int]] = field(default_factory=dict)
    until_ms: Mapping[str, int] = field(default_factory=dict)
    asked_ms: int | None = None


def peers_of(view: StateView, me: str) -> dict[str, str]:
    """The nodes that must promise, with their addresses: every other node of the cluster, dead or alive."""
    return {name: node.ip for name, node in view.nodes.items() if name != me}


def is_wanted(lease_view: LeaseView, view: StateView, me: str, now_ms: int) -> bool:
    """Whether promises are needed now: the second beat should have renewed the lease, and has not.

    Renewed at half time. The table must have it from this node's own beat that it asks for promises: a new node is
    let in by what the holder's beats say.
    """
    terms, own = lease_view.terms, view.nodes.get(me)
    if lease_view.answer is not LeaseAnswer.MINE or lease_view.lease_end_ms is None or own is None or not own.knows:
        return False
    if terms.promise_s <= 0:
        return False
    sent_ms = lease_view.lease_end_ms - _ms(terms.lease_s)
    if now_ms < sent_ms + _ms(2 * terms.heartbeat_interval_s + terms.lease_read_interval_s / 2):
        return False
    promised_ms = lease_view.promised_until_ms
    return promised_ms is None or now_ms >= promised_ms - _ms(terms.promise_s) // 2


def is_due(asked: PromiseRequests, now_ms: int) -> bool:
    """Whether it is time to ask again those that have not answered."""
    return asked.asked_ms is None or now_ms - asked.asked_ms >= ASK_EVERY_MS


def with_asks(asked: PromiseRequests, asks: Sequence[Message], now_ms: int) -> PromiseRequests:
    """After sending these asks at `now_ms`. What was asked too long ago to be of use is forgotten."""
    kept = {
        nonce: (ask, sent_ms)
        for nonce, (ask, sent_ms) in asked.waiting.items()
        if now_ms < sent_ms + asker_ms(ask.promise_ms)
    }
    return replace(asked, waiting={**kept, **{ask.nonce: (ask, now_ms) for ask in asks}}, asked_ms=now_ms)


def with_promise(asked: PromiseRequests, promise: Message) -> PromiseRequests:
    """After a message that came. A message that does not answer one of our requests word for word is ignored."""
    ask, sent_ms = asked.waiting.get(promise.nonce, (None, 0))
    if ask is None or promise != answer_to(ask):
        return asked
    waiting = {nonce: entry for nonce, entry in asked.waiting.items() if nonce != promise.nonce}
    until_ms = max(asked.until_ms.get(promise.sender, 0), sent_ms + asker_ms(ask.promise_ms))
    return replace(asked, waiting=waiting, until_ms={**asked.until_ms, promise.sender: until_ms})


def promised_until(asked: PromiseRequests, peers: Mapping[str, str]) -> int | None:
    """Until when all of them have promised (local ms); None when one of them has not, or there is nobody to ask."""
    if not peers or not peers.keys() <= asked.until_ms.keys():
        return None
    return min(asked.until_ms[peer] for peer in peers)


def to_be_asked(asked: PromiseRequests, peers: Mapping[str, str], terms: TermsView, now_ms: int) -> list[str]:
    """The nodes that have not promised beyond the time at which promises are renewed."""
    enough_ms = now_ms + _ms(terms.promise_s) // 2
    return [peer for peer in peers if asked.until_ms.get(peer, 0) <= enough_ms]


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
