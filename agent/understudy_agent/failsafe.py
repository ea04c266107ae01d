"""Asks for promises, gives them and keeps them: joins the rules, the wire, the memory and the keys."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from . import promise
from .files import PromiseFile
from .keys import NO_KEY, KeyRing
from .lease import LeaseAnswer, LeaseView, is_outdated
from .log import Log
from .messages import BadMessageError, Message, MessageKind, answer_to, seal, unseal
from .peers import Peers, ping
from .promise import PromiseRequests
from .udp import Datagram, UdpTransport
from .view import StateView

LOG_AGAIN_MS = 60_000
LOG_NEWS_MS = 1_000


@dataclass(frozen=True)
class Means:
    """What failsafe needs to speak to others. `port`: the one that every node of the cluster listens on.

    `asks_peers`: whether it asks them now and then whether they can be reached.
    """

    ring: KeyRing
    transport: UdpTransport
    port: int
    asks_peers: bool = True


class Failsafe:
    """One node's promises. `me`: its instance, "" until it is known.

    `means` None: it asks nobody and promises nothing, and keeps what it has promised.
    """

    def __init__(
        self,
        cluster: str,
        instance: str,
        file: PromiseFile,
        log: Log,
        means: Means | None = None,
        new_nonce: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self._cluster, self.me = cluster, instance
        self._file = file
        self._log = log
        self._means = means
        self._new_nonce = new_nonce
        self._view: StateView | None = None
        self._asked = PromiseRequests()
        self._seen: deque[str] = deque(maxlen=promise.NONCES_KEPT)
        self.memory = promise.Memory()
        self._logged: dict[str, tuple[str, int]] = {}
        self._peers = Peers()
        self.words: Mapping[str, object] = {} if means else {"key": NO_KEY}
        """What a beat says of keys and peers. Replaced as a whole: the sending thread never sees half of it."""

    def wake_up(self, now_ms: int) -> None:
        """Remember what an agent of this boot has promised. If it is unknown, wait as long as it could bind.

        Without failsafe, and without a file of an agent that had it, nothing was promised.
        """
        found = self._file.load()
        if found is not None and not promise.is_possible(found, now_ms):
            self._log.error("promise_file_not_read", f"no agent of this boot wrote {found}")
            found = None
        if found is None and (self._means is not None or self._file.is_there()):
            found = promise.blank(now_ms)
            self._save(found)
        self.memory = found or promise.Memory()

    @property
    def knows(self) -> int:
        """The version of the definition whose nodes would be asked; 0: nobody ever would be, failsafe is off.

        1 when none has been read yet: no new node may be let in on the word of a beat that did not know better.
        """
        if self._means is None:
            return 0
        return max(1, self._view.version) if self._view is not None else 1

    def take_view(self, view: StateView, lease_view: LeaseView, now_ms: int) -> None:
        """Take up what was read. `lease_view`: after that read; one of an earlier epoch says nothing."""
        if is_outdated(view, lease_view):
            return
        self._view = view
        after = promise.after_view(self.memory, lease_view, view, self.me, now_ms)
        if after != self.memory and self._means is not None:
            self.memory = after  # also when it cannot be written down: the next agent then waits anew
            self._save(after)

    def waits_until(self, lease_view: LeaseView, now_ms: int) -> int | None:
        """Until when nothing may be started here although the lease is held (local ms); None: it may be now."""
        until_ms = promise.start_ms(self.memory, lease_view.terms)
        return until_ms if now_ms < until_ms else None

    def tick(self, lease_view: LeaseView, now_ms: int, *, all_down: bool) -> LeaseView:
        """Take up what has come, answer, and ask if the lease runs low. Returns the view with what was promised."""
        if self._means is None:
            return lease_view
        self._means.ring.tick(now_ms, is_registered=self._view is not None)
        for datagram in self._means.transport.received():
            self._take(datagram, self._means, lease_view, now_ms, all_down=all_down)
        after = self._covered(lease_view)
        if self._view is not None and promise.is_wanted(after, self._view, self.me, now_ms):
            self._ask(after, self._view, self._means, now_ms)
        self._see_to_peers(self._means, now_ms)
        return after

    # --- receiving ----------------------------------------------------------------------------

    def _take(self, datagram: Datagram, means: Means, lease_view: LeaseView, now_ms: int, *, all_down: bool) -> None:
        try:
            message = unseal(datagram.data, means.ring.keys)
        except BadMessageError as fault:
            self._log_once("message_ignored", f"from {datagram.address[0]}: {fault}", now_ms)
            return
        if (message.cluster, message.addressee) != (self._cluster, self.me):
            self._log_once("message_ignored", f"from {datagram.address[0]}: it is for another node or cluster", now_ms)
        elif message.kind is MessageKind.PROMISE:
            self._asked = promise.with_promise(self._asked, message)
        elif message.kind is MessageKind.PONG:
            self._peers.take(message)
        elif message.kind is MessageKind.PING:
            if self._peers.may_answer(message.sender, self._view.nodes if self._view else (), now_ms):
                self._send(answer_to(message), datagram.address, means, now_ms)
        elif message.nonce not in self._seen:
            self._seen.append(message.nonce)
            if self._promises(message, lease_view, now_ms, all_down=all_down):
                self._send(answer_to(message), datagram.address, means, now_ms)

    def _promises(self, ask: Message, lease_view: LeaseView, now_ms: int, *, all_down: bool) -> bool:
        """Whether the promise is given; if so, it is written down already."""
        why = promise.objection(ask, lease_view, self._view, all_down=all_down)
        if why:
            self._log_once("promise_refused", f"{ask.sender} asks: {why}", now_ms)
            return False
        after = promise.bound(self.memory, ask, now_ms)
        if not self._save(after):
            return False
        self.memory = after
        self._log_once("promised", f"{ask.sender} holds the lease of epoch {ask.epoch} and cannot renew it", now_ms)
        return True

    def _save(self, memory: promise.Memory) -> bool:
        try:
            self._file.save(memory)
        except OSError as fault:
            self._log.error("promise_file_not_written", str(fault))
            return False
        return True

    # --- asking -------------------------------------------------------------------------------

    def _covered(self, lease_view: LeaseView) -> LeaseView:
        if self._view is None or lease_view.answer is not LeaseAnswer.MINE:
            return lease_view
        until_ms = promise.promised_until(self._asked, promise.peers_of(self._view, self.me))
        if until_ms is None or until_ms <= (lease_view.promised_until_ms or 0):
            return lease_view
        return replace(lease_view, promised_until_ms=until_ms)

    def _ask(self, lease_view: LeaseView, view: StateView, means: Means, now_ms: int) -> None:
        peers = promise.peers_of(view, self.me)
        if not means.ring.keys or not promise.is_due(self._asked, now_ms):
            return
        dumb = sorted(name for name, address in peers.items() if not address)
        if dumb:
            self._log_once("promises_impossible", f"the table has no address of {', '.join(dumb)}", now_ms)
            return
        silent = promise.to_be_asked(self._asked, peers, lease_view.terms, now_ms)
        promise_ms = int(lease_view.terms.promise_s * 1000)
        asks = [
            Message(MessageKind.ASK, self._cluster, lease_view.epoch, self.me, peer, self._new_nonce(), promise_ms)
            for peer in silent
        ]
        self._asked = promise.with_asks(self._asked, asks, now_ms)
        self._log_once("promises_asked", f"the lease of epoch {lease_view.epoch} was not renewed", now_ms)
        for ask in asks:
            self._send(ask, (peers[ask.addressee], means.port), means, now_ms)

    # --- peers --------------------------------------------------------------------------------

    def _see_to_peers(self, means: Means, now_ms: int) -> None:
        """Ask those whose turn it is whether they can be reached, and say what is known. Without a key nobody is."""
        can_ask = means.asks_peers and bool(self.me and means.ring.keys)
        peers = promise.peers_of(self._view, self.me) if self._view and can_ask else {}
        for peer in self._peers.due(peers, now_ms):
            nonce = self._new_nonce()
            self._peers.asked(peer, nonce, now_ms)
            self._send(ping(self._cluster, self.me, peer, nonce), (peers[peer], means.port), means, now_ms)
        named, silent = means.ring.named, self._peers.silent
        if silent:
            self._log_once("peers_silent", f"no answer from {', '.join(silent)} at UDP port {means.port}", now_ms)
        if named:
            all_answer = self._peers.all_answer(peers)
            self.words = {"key": f"{named}+" if all_answer else named, **({"silent": silent} if silent else {})}

    def _send(self, message: Message, address: tuple[str, int], means: Means, now_ms: int) -> None:
        try:
            means.transport.send(seal(message, means.ring.keys[0]), address)
        except OSError as fault:
            self._log_once("message_not_sent", f"to {address[0]} port {address[1]}: {fault}", now_ms)

    def _log_once(self, what: str, why: str, now_ms: int) -> None:
        """Told when it is news: a flood of messages makes no flood of lines."""
        logged, at_ms = self._logged.get(what, ("", -LOG_AGAIN_MS))
        if now_ms - at_ms >= (LOG_AGAIN_MS if why == logged else LOG_NEWS_MS):
            self._logged[what] = (why, now_ms)
            self._log.info(what, why)
