# B11: promises between agents, message by message
from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.agent.fakes import FakeCaller, FakeLog
from tests.unit.agent.items import BOOT, ME, OTHER, item, node, terms
from tests.unit.agent.waiting import wait_for
from understudy_agent import promise
from understudy_agent.exchange import Exchange
from understudy_agent.failsafe import Failsafe, Means
from understudy_agent.files import PromiseFile
from understudy_agent.keys import FILE_PACE, KeyRing
from understudy_agent.lease import LeaseAnswer, LeaseView, Order, Sender, after_read, order
from understudy_agent.messages import Message, MessageKind, answer_to, seal, unseal
from understudy_agent.udp import Datagram, UdpSocket
from understudy_agent.view import TermsView, parse_state

THIRD = "i-0ccc"
KEY, OLD_KEY = b"k" * 32, b"o" * 32
NONCE = f"{1:032x}"


def state(active: str, epoch: int = 1, **changes: Any) -> dict[str, Any]:
    """Both nodes, or all three with `third`, their addresses and terms of promises."""
    found = item(epoch, active, terms=terms(promise_s=12))
    found["definition_version"] = 5
    if changes.pop("third", False):
        found["nodes"][THIRD] = node(beat=900_000, heard_at=1_000, boot="boot-c")
    for number, (name, report) in enumerate(found["nodes"].items(), 10):
        report.update(ip=f"10.0.1.{number}", knows=5, read_epoch=epoch)
        report.update(changes.pop(name, {}))
    found.update(changes)
    return found


class Station:
    """One node's promises, and the datagrams that it has sent. Its clock is at 100 s, as its beat is, at first."""

    def __init__(self, directory: Path, me: str = ME, keys: tuple[bytes, ...] = (KEY,)) -> None:
        self.me, self.directory, self.keys = me, directory, keys
        self.log = FakeLog()
        self.sent: list[tuple[bytes, tuple[str, int]]] = []
        self.inbox: list[Datagram] = []
        self.now_ms = 100_000
        self.lease_view = LeaseView()
        self.start_agent()

    def start_agent(self, boot: str = BOOT) -> None:
        self.boot, self.numbers = boot, 0
        self.ring = KeyRing(lambda: self.keys, Exchange("failsafe_key", FakeCaller(), self.log))
        self.file = PromiseFile(self.directory / f"{self.me}.json", boot)
        self.failsafe = Failsafe(
            "orders-db", self.me, self.file, self.log, Means(self.ring, self, 7411, asks_peers=False), self.nonce
        )
        self.failsafe.wake_up(self.now_ms)
        self.tick()
        self.tick()

    def nonce(self) -> str:
        self.numbers += 1
        return f"{self.numbers:032x}"

    def send(self, data: bytes, address: tuple[str, int]) -> None:
        self.sent.append((data, address))

    def received(self) -> list[Datagram]:
        came, self.inbox = self.inbox, []
        return came

    def read(self, found: dict[str, Any]) -> Station:
        view = parse_state(found)
        self.lease_view = after_read(
            self.lease_view, view, Sender(self.me, self.boot, range(self.now_ms + 1), self.now_ms)
        )
        self.failsafe.take_view(view, self.lease_view, self.now_ms)
        return self

    def tick(self, *, all_down: bool = True) -> list[Message]:
        """What it sends in this tick."""
        before = len(self.sent)
        self.lease_view = self.failsafe.tick(self.lease_view, self.now_ms, all_down=all_down)
        return [unseal(data, self.keys) for data, _ in self.sent[before:]]

    def gets(self, message: Message, key: bytes = KEY, *, all_down: bool = True) -> list[Message]:
        self.inbox.append(Datagram(seal(message, key), ("10.0.1.99", 7411)))
        return self.tick(all_down=all_down)

    def pass_time(self, seconds: float) -> list[Message]:
        """What it sends meanwhile."""
        sent = []
        for _ in range(int(seconds * 10)):
            self.now_ms += 100
            sent += self.tick()
        return sent

    def waits_s(self) -> float:
        until_ms = self.failsafe.waits_until(self.lease_view, self.now_ms)
        return 0 if until_ms is None else (until_ms - self.now_ms) / 1000


@pytest.fixture
def asker(tmp_path: Path) -> Station:
    """The active node of two, whose lease runs until 112 s and is not renewed."""
    return Station(tmp_path).read(state(ME))


@pytest.fixture
def giver(tmp_path: Path) -> Station:
    """A standby that has forgotten nothing: its agent has run for long."""
    station = Station(tmp_path, OTHER)
    station.now_ms += 60_000
    return station.read(state(ME))


def ask(**changes: Any) -> Message:
    return replace(Message(MessageKind.ASK, "orders-db", 1, ME, OTHER, NONCE, 12_000), **changes)


def promised(asked: Message) -> Message:
    return answer_to(asked)


# --- asking ------------------------------------------------------------------------------------


def test_a_quiet_cluster_sends_nothing(asker):
    for _ in range(20):
        asker.pass_time(4.5)
        mine = {"beat": asker.now_ms - 500, "heard_at": 1, "boot": BOOT}
        asker.read(state(ME, **{ME: mine}))
    assert asker.sent == []


def test_one_lost_beat_asks_nobody_and_the_second_asks_every_other_node(tmp_path):
    asker = Station(tmp_path).read(state(ME, third=True))
    assert asker.pass_time(8.9) == []
    asked = asker.pass_time(0.2)
    assert [(each.kind, each.addressee, each.epoch) for each in asked] == [
        (MessageKind.ASK, OTHER, 1),
        (MessageKind.ASK, THIRD, 1),
    ]
    assert [address for _, address in asker.sent] == [("10.0.1.11", 7411), ("10.0.1.12", 7411)]


def test_with_a_promise_of_every_other_node_it_serves_on_and_renews_them_at_half_time(asker):
    (asked,) = asker.pass_time(9.1)
    sent_ms = asker.now_ms
    asker.pass_time(0.3)
    asker.gets(promised(asked))
    assert asker.lease_view.promised_until_ms == pytest.approx(sent_ms + 11_880, abs=100)
    assert asker.pass_time(5) == []
    assert asker.pass_time(1)
    assert order(asker.lease_view, asker.now_ms) is Order.SERVE
    asker.pass_time(4.6)
    assert order(asker.lease_view, asker.now_ms) is Order.KILL


@pytest.mark.parametrize("leaves_time", [True, False])
def test_an_orderly_stop_that_takes_long_begins_after_promises_could_be_renewed(asker, monkeypatch, leaves_time):
    """Beats so frequent that a lease leaves five seconds for the stop: counted from a promise, that is half time."""
    if not leaves_time:
        monkeypatch.setattr(TermsView, "promise_slack_s", TermsView.slack_s)
    quick = terms(promise_s=12, heartbeat_interval_s=2, lease_read_interval_s=1)
    asker.read(state(ME) | {"terms": quick})
    orders = []
    for _ in range(300):
        asks = asker.pass_time(0.1)
        orders.append(order(asker.lease_view, asker.now_ms, orderly_stop_s=60))
        for asked in asks:
            asker.gets(promised(asked))
    assert set(orders) == {Order.SERVE} if leaves_time else Order.STOP in orders


def test_a_lost_ask_is_followed_by_others_with_other_nonces_until_it_is_answered(asker):
    asks = asker.pass_time(10.2)
    assert len(asks) == len({each.nonce for each in asks}) == 3
    asker.gets(promised(asks[-1]))
    assert asker.pass_time(3) == []


def test_promises_that_come_late_and_in_another_order_count_from_when_each_was_asked_for(asker):
    first, second = asker.pass_time(9.6)
    asker.gets(promised(second))
    later_ms = asker.lease_view.promised_until_ms
    asker.gets(promised(first))
    assert asker.lease_view.promised_until_ms == later_ms


def test_a_promise_is_worth_something_once_and_for_its_own_ask_only(asker):
    (asked,) = asker.pass_time(9.1)
    for forged in (
        replace(promised(asked), nonce="f" * 32),
        replace(promised(asked), sender=THIRD),
        replace(promised(asked), epoch=2),
        replace(promised(asked), promise_ms=90_000),
        replace(promised(asked), cluster="billing-db"),
        replace(promised(asked), addressee=THIRD),
    ):
        asker.gets(forged)
    asker.gets(promised(asked), key=b"x" * 32)
    assert asker.lease_view.promised_until_ms is None
    asker.gets(promised(asked))
    until_ms = asker.lease_view.promised_until_ms
    asker.pass_time(4)
    asker.gets(promised(asked))
    assert asker.lease_view.promised_until_ms == until_ms


def test_of_three_nodes_one_that_is_dead_promises_nothing_and_the_service_stops_within_the_lease(tmp_path):
    asker = Station(tmp_path).read(state(ME, third=True))
    asks = asker.pass_time(9.1)
    asker.gets(promised(asks[0]))
    asker.pass_time(1.9)
    assert asker.lease_view.promised_until_ms is None
    assert order(asker.lease_view, asker.now_ms) is Order.KILL


def test_a_read_that_shows_another_holder_ends_it_at_once(asker):
    (asked,) = asker.pass_time(9.1)
    asker.gets(promised(asked))
    asker.pass_time(4)
    asker.read(state(OTHER, epoch=2))
    assert order(asker.lease_view, asker.now_ms) is Order.STOP
    assert asker.pass_time(20) == []


@pytest.mark.parametrize(
    "found",
    [
        state(ME, 1, **{OTHER: {"ip": ""}}),
        state(ME, 1, **{ME: {"knows": 0}}),
        {**state(ME), "terms": terms()},
    ],
    ids=["a node without an address", "the table does not know yet that it asks", "terms of an older controller"],
)
def test_what_the_table_lacks_means_that_nobody_is_asked(tmp_path, found):
    asker = Station(tmp_path).read(found)
    assert asker.pass_time(20) == []


def test_a_standby_and_a_node_alone_in_its_cluster_ask_nobody(giver, tmp_path):
    assert giver.pass_time(60) == []
    alone = state(ME)
    del alone["nodes"][OTHER]
    asker = Station(tmp_path / "x").read(alone) if (tmp_path / "x").mkdir() is None else giver
    asker.pass_time(20)
    assert asker.lease_view.promised_until_ms is None


def test_under_on_isolation_keep_a_holder_keeps_what_runs_without_promises_and_stops_when_it_reads_of_another(tmp_path):
    asker = Station(tmp_path).read({**state(ME), "terms": terms(promise_s=12, on_isolation="keep")})
    asker.pass_time(600)
    assert order(asker.lease_view, asker.now_ms) is Order.KEEP
    asker.read({**state(OTHER, epoch=2), "terms": terms(promise_s=12, on_isolation="keep")})
    assert order(asker.lease_view, asker.now_ms) is Order.STOP


# --- giving ------------------------------------------------------------------------------------


def test_a_standby_promises_writes_it_down_and_starts_nothing_until_it_has_run_out(giver):
    assert giver.gets(ask()) == [promised(ask())]
    assert giver.sent[-1][1] == ("10.0.1.99", 7411)
    assert json.loads((giver.directory / f"{OTHER}.json").read_text())["bound_until_ms"] == giver.now_ms + 14_121
    giver.pass_time(1)
    giver.read(state(OTHER, epoch=2, **{OTHER: {"boot": BOOT, "beat": giver.now_ms}}))
    assert giver.lease_view.answer is LeaseAnswer.MINE
    assert giver.waits_s() == pytest.approx(13.1, abs=0.1)
    giver.pass_time(13.2)
    assert giver.waits_s() == 0


def test_one_that_was_taken_out_of_the_cluster_promises_to_a_holder_that_cannot_read_of_it(giver):  # B11
    without = state(ME)
    del without["nodes"][OTHER]
    giver.read(without)
    assert giver.gets(ask()) == [promised(ask())]
    assert giver.gets(ask(sender=THIRD, nonce="e" * 32)) == []


def test_the_giver_is_bound_for_longer_than_the_asker_counts_on_it():
    for promise_ms in (1, 100, 4_000, 12_000, 3_600_000):
        assert promise.giver_ms(promise_ms) / (1 + promise.DRIFT) >= promise_ms
        assert promise.asker_ms(promise_ms) / (1 - promise.DRIFT) <= promise_ms


# B11 B4 B22
@pytest.mark.parametrize("silence_limit_s", [60, 15, 12, 7])
def test_the_giver_allows_for_an_asker_that_is_late_to_kill_also_while_a_shorter_silence_counts_already(
    silence_limit_s,
):
    """An agent that hangs or dies just when it is to kill has its services ended for it, perhaps a little late."""
    terms = TermsView(lease_s=12, silence_limit_s=silence_limit_s, promise_s=12)
    assert promise.start_ms(promise.Memory(since_ms=1_000_000), terms) == 1_000_000 + 12_121 + 2000
    assert promise.giver_ms(12_000) == 12_121 + 2000


def test_what_cannot_be_written_down_is_not_promised(giver):
    (giver.directory / f"{OTHER}.json").unlink()
    (giver.directory / f"{OTHER}.json").mkdir()
    assert giver.gets(ask()) == []
    assert giver.log.events("promise_file_not_written")
    assert giver.waits_s() == 0


def test_a_node_with_a_service_that_is_not_down_promises_nothing(giver):
    assert giver.gets(ask(), all_down=False) == []


def test_a_node_that_holds_the_lease_promises_nothing(giver):
    giver.read(state(OTHER, epoch=2, **{OTHER: {"boot": BOOT, "beat": giver.now_ms}}))
    assert giver.gets(ask(epoch=2)) == []
    assert giver.gets(ask(nonce="e" * 32)) == []


def test_a_node_whose_lease_is_long_gone_promises_the_one_that_holds_it_now(giver):
    giver.read(state(OTHER, epoch=2, **{OTHER: {"boot": BOOT, "beat": 1}}))
    asked = ask(epoch=3)
    assert giver.gets(asked)[0] == promised(asked)


@pytest.mark.parametrize(
    ("found", "asked"),
    [
        (state(OTHER, epoch=2), ask()),
        (state(THIRD, epoch=2, third=True), ask(epoch=2)),
        (state(THIRD, epoch=2, third=True), ask()),
        (state(ME), ask(sender="i-0ddd")),
        (state(ME), ask(cluster="billing-db")),
        (state(ME), ask(addressee=THIRD)),
        (state(ME), ask(promise_ms=12_001)),
        (state("", epoch=2, previous={"node": ME, "ended_epoch": 2, "lease_s": 12, "proof": "STOPPED"}), ask()),
    ],
    ids=[
        "epoch-over-this-node-holds-it",
        "not-the-holder",
        "epoch-over",
        "no-member",
        "other-cluster",
        "for-another-node",
        "too-long",
        "proved-off",
    ],
)
def test_who_does_not_hold_the_lease_by_the_newest_read_gets_no_promise(giver, found, asked):
    giver.read(found)
    assert giver.gets(asked) == []


def test_the_last_holder_gets_promises_until_it_is_proved_off(giver):
    giver.read(state("", epoch=2, previous={"node": ME, "ended_epoch": 2, "lease_s": 12}))
    assert giver.gets(ask()) == [promised(ask())]


def test_a_node_that_has_read_less_than_the_asker_or_nothing_promises(giver, tmp_path):
    assert giver.gets(ask(epoch=9)) == [promised(ask(epoch=9))]
    (tmp_path / "fresh").mkdir()
    assert Station(tmp_path / "fresh", OTHER).gets(ask()) == [promised(ask())]


def test_a_node_that_has_not_read_yet_whom_the_lease_was_granted_to_promises_its_holder(giver):
    giver.read(state("", epoch=2, previous={"node": OTHER, "ended_epoch": 2, "lease_s": 12, "proof": "STOPPED"}))
    assert giver.gets(ask(epoch=2)) == [promised(ask(epoch=2))]


def test_a_replayed_ask_is_not_answered_and_binds_nobody_for_longer(giver):
    giver.gets(ask())
    waits_s = giver.waits_s()
    giver.pass_time(5)
    assert giver.gets(ask()) == []
    assert giver.waits_s() == pytest.approx(waits_s - 5, abs=0.01)


def test_an_ask_of_an_epoch_that_is_over_binds_nobody_however_often_it_is_replayed(giver):
    giver.read(state(OTHER, epoch=2, **{OTHER: {"boot": "b", "beat": 1}}))
    for number in range(2, 50):
        giver.gets(ask(nonce=f"{number:032x}"))
    assert giver.waits_s() == 0


def test_a_message_that_nobody_with_the_key_has_signed_does_nothing(giver):
    assert giver.gets(ask(), key=b"z" * 32) == []
    giver.inbox.append(Datagram(b"hello", ("10.0.1.66", 1)))
    assert giver.tick() == []
    assert giver.waits_s() == 0
    assert len(giver.log.events("message_ignored")) == 1  # a flood makes no flood of lines


def test_with_other_keys_on_both_sides_nobody_gets_a_promise_and_with_one_in_common_it_does(giver):
    giver.keys = (b"n" * 32, KEY)
    giver.pass_time(FILE_PACE.every_ms / 1000 + 0.2)
    assert giver.gets(ask()) == [promised(ask())]


# --- forgetting --------------------------------------------------------------------------------


def test_a_restarted_agent_keeps_what_was_promised_and_one_after_a_reboot_waits_all_over(giver):
    giver.gets(ask())
    giver.pass_time(5)
    giver.start_agent()
    giver.read(state(ME))
    assert giver.waits_s() == pytest.approx(9.1, abs=0.1)
    giver.start_agent(boot="another-boot")
    giver.read(state(ME))
    assert giver.waits_s() == pytest.approx(14.1, abs=0.1)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        '{"boot": "boot-1", "since_ms": "x"}',
        '{"boot": "boot-1", "bound_until_ms": Infinity, "since_ms": null, "known_joined": 0}',
        '{"boot": "boot-1", "bound_until_ms": 1e15, "since_ms": null, "known_joined": 0}',
        '{"boot": "boot-1", "bound_until_ms": -1, "since_ms": null, "known_joined": 0}',
        '{"boot": "boot-1", "bound_until_ms": 0, "since_ms": 1e9, "known_joined": 0}',
        '{"boot": "boot-1", "bound_until_ms": 0, "since_ms": null, "known_joined": 1e30}',
        "[" * 100_000,
    ],
    ids=["empty", "no-fields", "a-word", "endless", "for-ages", "negative", "not-yet", "joined-never", "too-deep"],
)
def test_a_memory_that_cannot_be_read_is_taken_for_a_reboot(giver, content):
    (giver.directory / f"{OTHER}.json").write_text(content)
    giver.start_agent()
    giver.read(state(ME))
    assert giver.waits_s() == pytest.approx(14.1, abs=0.1)


GRANTED = {"epoch": 2, OTHER: {"boot": BOOT, "beat": 100_000}}


def lost(file: Path) -> None:
    file.unlink()


def empty(file: Path) -> None:
    file.write_text("")


def is_a_directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize("goes_wrong", [lost, empty, is_a_directory])
def test_a_waiting_holder_whose_promises_cannot_be_read_waits_anew_also_under_a_lease_that_runs(
    giver, goes_wrong
):  # B4
    """It would start beside the node that it has promised: a lease file says nothing of promises."""
    giver.gets(ask())
    giver.read(state(OTHER, **GRANTED))
    assert giver.lease_view.answer is LeaseAnswer.MINE
    assert giver.waits_s() == pytest.approx(14.1, abs=0.1)
    goes_wrong(giver.directory / f"{OTHER}.json")
    giver.start_agent()
    assert giver.read(state(OTHER, **GRANTED)).waits_s() == pytest.approx(14.1, abs=0.1)


@pytest.mark.parametrize("goes_wrong", [empty, is_a_directory])
def test_promises_that_cannot_be_read_are_waited_out_also_when_failsafe_is_switched_off(giver, goes_wrong):
    giver.gets(ask())
    goes_wrong(giver.directory / f"{OTHER}.json")
    off = Failsafe("orders-db", OTHER, giver.file, giver.log)
    off.wake_up(giver.now_ms)
    giver.read(state(OTHER, **GRANTED))
    assert off.waits_until(giver.lease_view, giver.now_ms) is not None


def test_after_a_reboot_without_failsafe_nothing_is_waited_for(giver):
    off = Failsafe("orders-db", OTHER, PromiseFile(giver.directory / "none.json", "another-boot"), giver.log)
    off.wake_up(giver.now_ms)
    giver.read(state(OTHER, **GRANTED))
    assert off.waits_until(giver.lease_view, giver.now_ms) is None


def test_a_promise_is_kept_also_when_failsafe_is_switched_off(giver):
    giver.gets(ask())
    off = Failsafe("orders-db", OTHER, giver.file, giver.log)
    off.wake_up(giver.now_ms)
    assert off.waits_until(giver.lease_view, giver.now_ms) is not None
    assert off.knows == 0


def test_without_a_key_nothing_is_written_sent_or_waited_for(tmp_path):
    off = Failsafe("orders-db", ME, PromiseFile(tmp_path / "promises.json", BOOT), FakeLog())
    off.wake_up(0)
    found = after_read(LeaseView(), parse_state(state(ME)), Sender(ME, BOOT, (100_000,), 100_000))
    off.take_view(parse_state(state(ME)), found, 1)
    assert off.tick(found, 200_000, all_down=True) == found
    assert off.waits_until(found, 1) is None
    assert list(tmp_path.iterdir()) == []


def test_a_new_node_waits_from_when_the_holder_knows_it(giver):
    new = {OTHER: {"joined": 6}}
    giver.read(state(ME, **new))
    giver.pass_time(30)
    giver.read(state(ME, definition_version=6, **{**new, ME: {"knows": 6}}))
    assert giver.waits_s() == pytest.approx(14.1, abs=0.1)
    giver.pass_time(20)
    giver.read(state(ME, definition_version=6, **{**new, ME: {"knows": 6}}))
    assert giver.waits_s() == 0


def test_a_new_node_that_is_granted_the_lease_before_anybody_knew_it_waits_from_there(giver):
    giver.pass_time(30)
    giver.read(state(OTHER, epoch=2, **{OTHER: {"joined": 6, "boot": BOOT, "beat": giver.now_ms}}))
    assert giver.waits_s() == pytest.approx(14.1, abs=0.1)


def test_a_state_of_an_earlier_epoch_than_was_read_before_is_nobodys_view(giver):
    giver.read(state(OTHER, epoch=9))
    giver.read(state(ME))
    assert giver.gets(ask()) == []


# --- the wire ----------------------------------------------------------------------------------


def test_datagrams_reach_another_node_and_a_port_that_is_taken_is_told_and_not_fatal():
    log = FakeLog()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        taken = UdpSocket("127.0.0.1", peer.getsockname()[1], lambda: None, log)
        wait_for(lambda: log.events("failsafe_port_failed"))
        with pytest.raises(OSError, match="is not bound"):
            taken.send(b"x", ("127.0.0.1", 9))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        arrived: list[bool] = []
        socket_ = UdpSocket("127.0.0.1", port, lambda: arrived.append(True), log)
        wait_for(lambda: socket_._socket is not None)
        peer.sendto(b"hello", ("127.0.0.1", port))
        wait_for(lambda: arrived)
        (came,) = socket_.received()
        assert came == Datagram(b"hello", peer.getsockname())
        socket_.send(b"back", came.address)
        peer.settimeout(5)
        assert peer.recvfrom(100)[0] == b"back"
