# B13: a closed port is found before anybody needs it
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.agent.items import ME, OTHER
from tests.unit.agent.test_failsafe import KEY, OLD_KEY, THIRD, Station, state
from understudy_agent.failsafe import Failsafe, Means
from understudy_agent.keys import NO_KEY, fingerprint
from understudy_agent.lease import LeaseView
from understudy_agent.messages import BadMessageError, Message, MessageKind, answer_to, seal, unseal
from understudy_agent.peers import PONG_EVERY_MS, ping
from understudy_agent.udp import Datagram

NAMED = fingerprint(KEY)


class Asking(Station):
    """A node that asks its peers. Its datagrams go nowhere, but what a test carries."""

    def start_agent(self, boot: str = "boot-a") -> None:
        super().start_agent(boot)
        self.failsafe = Failsafe("orders-db", self.me, self.file, self.log, Means(self.ring, self, 7411), self.nonce)
        self.failsafe.wake_up(self.now_ms)
        self.tick()
        self.tick()

    @property
    def says(self) -> dict[str, Any]:
        return dict(self.failsafe.words)


class Pair:
    """Two nodes with a way each: `open` holds the directions in which datagrams arrive, as a firewall has it."""

    def __init__(self, directory: Path, keys_b: tuple[bytes, ...] = (KEY,)) -> None:
        self.a, self.b = Asking(directory, ME), Asking(directory, OTHER, keys_b)
        self.open = {(ME, OTHER), (OTHER, ME)}
        for node in (self.a, self.b):
            node.read(state(ME))

    def pass_time(self, seconds: float) -> Pair:
        for _ in range(int(seconds * 5)):
            for node in (self.a, self.b):
                node.now_ms += 200
                node.tick()
            self._carry(self.a, self.b)
            self._carry(self.b, self.a)
        return self

    def _carry(self, sender: Station, to: Station) -> None:
        """A firewall that lets a question in lets its answer out, as security groups do."""
        for data, _ in sender.sent:
            message = unseal(data, (KEY, OLD_KEY))
            asker = message.sender if message.kind is MessageKind.PING else message.addressee
            if (asker, ({ME, OTHER} - {asker}).pop()) in self.open:
                to.inbox.append(Datagram(data, ("10.0.1.99", 7411)))
        sender.sent.clear()


def test_peers_that_answer_are_told_of_in_one_character(tmp_path):
    pair = Pair(tmp_path).pass_time(3)
    assert pair.a.says == pair.b.says == {"key": f"{NAMED}+"}


def test_one_question_a_minute_and_one_answer_to_it_is_all_that_is_sent(tmp_path):
    pair = Pair(tmp_path).pass_time(3)
    sent: list[bytes] = []
    carry = pair._carry

    def counted(sender: Station, to: Station) -> None:
        sent.extend(data for data, _ in sender.sent)
        carry(sender, to)

    pair._carry = counted
    pair.pass_time(600)
    assert len(sent) == 2 * 2 * 10
    assert max(map(len, sent)) < 400


def test_a_port_that_is_closed_in_one_direction_is_told_by_the_one_that_gets_no_answer(tmp_path):
    pair = Pair(tmp_path).pass_time(3)
    pair.open.discard((ME, OTHER))
    pair.pass_time(100)
    assert pair.a.says == {"key": NAMED, "silent": [OTHER]}
    assert pair.b.says == {"key": f"{NAMED}+"}
    assert "no answer from" in pair.a.log.events("peers_silent")[0]
    pair.open.add((ME, OTHER))
    assert pair.pass_time(12).a.says == {"key": f"{NAMED}+"}


def test_a_port_that_was_never_open_is_told_within_half_a_minute(tmp_path):
    pair = Pair(tmp_path)
    pair.open.clear()
    pair.pass_time(30)
    assert pair.a.says == {"key": NAMED, "silent": [OTHER]}


def test_an_agent_that_is_restarted_is_not_told_of_as_silent(tmp_path):
    pair = Pair(tmp_path).pass_time(58)
    pair.open.clear()
    pair.pass_time(15)
    pair.open |= {(ME, OTHER), (OTHER, ME)}
    assert "silent" not in pair.pass_time(15).a.says
    assert pair.a.says == {"key": f"{NAMED}+"}


def test_a_peer_with_another_key_does_not_answer(tmp_path):
    pair = Pair(tmp_path, keys_b=(OLD_KEY,)).pass_time(30)
    assert pair.a.says == {"key": NAMED, "silent": [OTHER]}
    assert pair.b.says == {"key": fingerprint(OLD_KEY), "silent": [ME]}


def test_a_node_without_a_key_asks_nobody_and_says_so(tmp_path):
    node = Asking(tmp_path, ME, keys=())
    node.ring._read = lambda: (_ for _ in ()).throw(OSError("AccessDenied"))
    node.start_agent()
    node.read(state(ME)).pass_time(10)
    assert node.sent == []


def test_a_node_whose_failsafe_is_off_says_that_it_has_no_key(tmp_path):
    station = Station(tmp_path)
    off = Failsafe("orders-db", ME, station.file, station.log)
    assert off.words == {"key": NO_KEY}


def test_a_peer_without_an_address_is_not_asked_and_not_taken_for_answering(tmp_path):
    node = Asking(tmp_path).read(state(ME, third=True, **{THIRD: {"ip": ""}}))
    (asked,) = node.pass_time(1)
    assert asked.addressee == OTHER
    node.gets(answer_to(asked))
    assert node.says == {"key": NAMED}


def test_a_question_is_answered_once_a_second_at_most_and_to_members_only(tmp_path):
    node = Asking(tmp_path).read(state(ME))
    node.pass_time(1)
    question = ping("orders-db", OTHER, ME, "b" * 32)
    assert node.gets(question) == [answer_to(question)]
    assert node.gets(question) == []
    assert node.gets(ping("orders-db", THIRD, ME, "c" * 32)) == []
    node.now_ms += PONG_EVERY_MS
    assert node.gets(question) == [answer_to(question)]


def test_an_answer_to_no_question_of_ours_is_worth_nothing(tmp_path):
    node = Asking(tmp_path).read(state(ME))
    (asked,) = node.pass_time(0.5)
    node.gets(Message(MessageKind.PONG, "orders-db", 0, OTHER, ME, "f" * 32, 0))
    node.gets(Message(MessageKind.PONG, "orders-db", 0, THIRD, ME, asked.nonce, 0))
    assert node.says == {"key": NAMED}


def test_a_question_to_a_peer_binds_nobody_and_an_answer_is_no_promise(tmp_path):
    node = Asking(tmp_path, OTHER).read(state(ME))
    bound = node.failsafe.memory
    node.gets(ping("orders-db", ME, OTHER, "a" * 32))
    assert node.failsafe.memory == bound
    holder = Asking(tmp_path).read(state(ME))
    before = holder.lease_view
    (asked,) = holder.pass_time(0.2)
    holder.gets(answer_to(asked))
    assert isinstance(before, LeaseView)
    assert holder.lease_view.promised_until_ms is None


@pytest.mark.parametrize("kind", [MessageKind.PING, MessageKind.PONG])
def test_a_question_to_a_peer_that_carries_an_epoch_or_a_time_is_no_message(kind):
    for epoch, promise_ms in ((1, 0), (0, 1)):
        data = seal(Message(kind, "orders-db", epoch, ME, OTHER, "a" * 32, promise_ms), KEY)
        with pytest.raises(BadMessageError):
            unseal(data, (KEY,))
