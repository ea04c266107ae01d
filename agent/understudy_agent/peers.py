"""Which peers answer: a question to each now and then, so that a closed port is found before anybody needs it.

No clock and no input or output here. One datagram each way; whoever is asked answers a member of the cluster once in
PONG_EVERY_MS at the most.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from .messages import Message, MessageKind

PING_EVERY_MS = 60_000
PAUSES_MS = (2_000, 2_000, 10_000, 10_000)
"""After a question that was not answered. The last one counts for all that follow."""
SILENT_AFTER = 5
"""How many requests in a row have no answer before a peer counts as silent: a restarting agent answers one."""
PONG_EVERY_MS = 1_000
SILENT_LIMIT = 9
"""A cluster has ten nodes at most."""


@dataclass(frozen=True)
class Contact:
    """One peer. `unanswered`: questions since its last answer; `nonce`: of the newest one."""

    nonce: str = ""
    asked_ms: int | None = None
    unanswered: int = 0
    has_answered: bool = False

    def is_due(self, now_ms: int) -> bool:
        if self.asked_ms is None:
            return True
        pause_ms = PAUSES_MS[min(self.unanswered, len(PAUSES_MS)) - 1] if self.unanswered else PING_EVERY_MS
        return now_ms - self.asked_ms >= pause_ms

    @property
    def is_silent(self) -> bool:
        return self.unanswered >= SILENT_AFTER


class Peers:
    """What is known of each peer since this agent was started."""

    def __init__(self) -> None:
        self._contacts: dict[str, Contact] = {}
        self._ponged_ms: dict[str, int] = {}

    def due(self, peers: Mapping[str, str], now_ms: int) -> list[str]:
        """Whom to ask now, of the peers with an address. Peers that are no longer members are forgotten."""
        self._contacts = {peer: self._contacts.get(peer, Contact()) for peer, address in peers.items() if address}
        return [peer for peer, contact in self._contacts.items() if contact.is_due(now_ms)]

    def asked(self, peer: str, nonce: str, now_ms: int) -> None:
        """A question was sent, or could not be: that is no answer either."""
        before = self._contacts[peer]
        self._contacts[peer] = replace(before, nonce=nonce, asked_ms=now_ms, unanswered=before.unanswered + 1)

    def take(self, pong: Message) -> None:
        """An answer. One that fits no question of ours is worth nothing."""
        contact = self._contacts.get(pong.sender)
        if contact is not None and contact.unanswered and contact.nonce == pong.nonce:
            self._contacts[pong.sender] = replace(contact, unanswered=0, has_answered=True)

    def may_answer(self, asker: str, members: Collection[str], now_ms: int) -> bool:
        """Whether a question is answered; if so, it counts as answered."""
        if asker not in members or now_ms - self._ponged_ms.get(asker, -PONG_EVERY_MS) < PONG_EVERY_MS:
            return False
        self._ponged_ms[asker] = now_ms
        return True

    @property
    def silent(self) -> list[str]:
        """The peers that do not answer."""
        if not self._contacts:
            return []
        return sorted(peer for peer, contact in self._contacts.items() if contact.is_silent)[:SILENT_LIMIT]

    def all_answer(self, peers: Mapping[str, str]) -> bool:
        """Whether every peer has answered the last round of questions."""
        found = [self._contacts.get(peer, Contact()) for peer in peers]
        return bool(found) and all(each.has_answered and not each.is_silent for each in found)


def ping(cluster: str, sender: str, addressee: str, nonce: str) -> Message:
    """The question to a peer. It asks for no promise."""
    return Message(MessageKind.PING, cluster, 0, sender, addressee, nonce, 0)
