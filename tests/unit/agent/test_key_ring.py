# B13: when keys are read, and what a beat says of them
from __future__ import annotations

import hashlib

import pytest

from tests.unit.agent.fakes import FakeCaller, FakeLog
from understudy_agent.exchange import Exchange
from understudy_agent.keys import FILE_PACE, KeyRing, RefreshPace, default_parameter, fingerprint, parameter_pace

OLD, NEW = b"o" * 32, b"n" * 32
QUARTER_MS = 15 * 60_000


class Store:
    """Where the keys are: each reading takes no time, and is counted by when it was made."""

    def __init__(self, pace: RefreshPace = FILE_PACE) -> None:
        self.keys: tuple[bytes, ...] = (OLD,)
        self.read_ms: list[int] = []
        self.now_ms = 0
        self.is_registered = True
        self.ring = KeyRing(self._read, Exchange("failsafe_key", FakeCaller(), FakeLog()), pace)

    def _read(self) -> tuple[bytes, ...]:
        self.read_ms.append(self.now_ms)
        if not self.keys:
            raise OSError("ParameterNotFound")
        return self.keys

    def pass_time(self, ms: int, step_ms: int = 1_000) -> Store:
        end_ms = self.now_ms + ms
        while self.now_ms < end_ms:
            self.ring.tick(self.now_ms, is_registered=self.is_registered)
            self.now_ms += step_ms
        return self


@pytest.mark.parametrize("spread", [0, 0.37, 0.999])
def test_a_parameter_is_read_at_the_start_and_at_most_once_in_a_quarter_of_an_hour(spread):
    store = Store(parameter_pace(spread)).pass_time(6 * 3600_000)
    assert store.read_ms[0] == 0
    pauses = [after - before for before, after in zip(store.read_ms, store.read_ms[1:], strict=False)]
    assert all(QUARTER_MS <= pause <= 2 * QUARTER_MS for pause in pauses)


def test_twenty_thousand_nodes_that_start_together_read_on_no_faster_than_the_account_may():
    """Parameter Store answers an account 40 calls a second."""
    nodes = 20_000
    seconds: dict[int, int] = {}
    for number in range(nodes):
        at_s = parameter_pace(number / nodes).pause_ms(0) // 1000
        seconds[at_s] = seconds.get(at_s, 0) + 1
    assert max(seconds.values()) <= 25


def test_a_parameter_that_cannot_be_read_is_tried_again_after_ever_longer_pauses():
    store = Store(parameter_pace(0))
    store.keys = ()
    store.pass_time(3600_000)
    pauses = [after - before for before, after in zip(store.read_ms, store.read_ms[1:], strict=False)]
    assert [pause // 1000 for pause in pauses[:6]] == [30, 60, 120, 240, 480, 900]
    assert min(pauses[5:]) >= QUARTER_MS


def test_nothing_is_read_before_the_cluster_is_registered():
    """Registration makes the key first: who reads earlier would find none, and say so for minutes."""
    store = Store(parameter_pace(0))
    store.is_registered = False
    assert store.pass_time(60_000).read_ms == []
    store.is_registered = True
    assert store.pass_time(60_000).read_ms == [60_000]


def test_a_new_key_is_picked_up_by_the_next_reading():
    store = Store(parameter_pace(0.5)).pass_time(60_000)
    store.keys = (OLD, NEW)
    store.pass_time(2 * QUARTER_MS)
    assert store.ring.keys == (OLD, NEW)


def test_a_beat_names_the_keys_and_says_nothing_before_they_were_read():
    store = Store()
    assert store.ring.named == ""
    assert store.pass_time(2_000).ring.named == fingerprint(OLD)
    store.keys = (NEW, OLD)
    assert store.pass_time(FILE_PACE.every_ms + 2_000).ring.named == f"{fingerprint(NEW)} {fingerprint(OLD)}"


def test_a_node_that_has_never_read_a_key_says_that_it_has_none():
    store = Store(parameter_pace(0))
    store.keys = ()
    assert store.pass_time(5_000).ring.named == "-"


def test_a_key_that_was_read_once_outlives_that_it_cannot_be_read():
    store = Store(parameter_pace(0)).pass_time(5_000)
    store.keys = ()
    assert store.pass_time(2 * QUARTER_MS).ring.named == fingerprint(OLD)


def test_a_fingerprint_tells_keys_apart_and_is_no_digest_of_the_key():
    assert len({fingerprint(bytes([number]) * 32) for number in range(100)}) == 100
    assert not hashlib.sha256(OLD).hexdigest().startswith(fingerprint(OLD))
    assert len(fingerprint(OLD)) == 6


@pytest.mark.parametrize("bus", ["understudy", "arn:aws:events:eu-west-1:123456789012:event-bus/understudy"])
def test_the_buss_name_and_the_clusters_lead_to_the_key(bus):
    assert default_parameter(bus, "orders-db") == "/understudy-keys/understudy/orders-db"
