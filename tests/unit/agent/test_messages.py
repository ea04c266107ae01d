# B11: what agents say to each other
from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import pytest
from moto import mock_aws

from tests.unit.agent.fakes import FakeCaller, FakeLog
from understudy_agent.aws import KeyParameter, botocore_client
from understudy_agent.exchange import Exchange
from understudy_agent.keys import FILE_PACE, BadKeysError, KeyRing, parse_keys, read_key_file
from understudy_agent.messages import SIZE_LIMIT, BadMessageError, Message, MessageKind, key_id, seal, unseal

KEY, OTHER_KEY = b"a" * 32, b"b" * 32
ASK = Message(MessageKind.ASK, "orders-db", 7, "i-0aaa", "i-0bbb", "0" * 32, 12_000)


def test_a_message_comes_out_as_it_went_in_and_fits_into_one_datagram():
    sealed = seal(ASK, KEY)
    assert unseal(sealed, [KEY]) == ASK
    assert seal(ASK, KEY) == sealed
    assert len(seal(replace(ASK, cluster="c" * 64, epoch=2**53, sender="i-" + "0" * 17), KEY)) < SIZE_LIMIT


@pytest.mark.parametrize("position", range(len(seal(ASK, KEY))))
def test_a_message_of_which_any_byte_was_changed_is_no_message(position):
    sealed = bytearray(seal(ASK, KEY))
    sealed[position] ^= 1
    with pytest.raises(BadMessageError):
        unseal(bytes(sealed), [KEY])


def test_a_message_under_another_key_is_refused_and_names_keys_by_their_ids_only():
    with pytest.raises(BadMessageError) as refused:
        unseal(seal(ASK, OTHER_KEY), [KEY])
    assert key_id(KEY).decode() in str(refused.value)
    assert KEY.decode() not in str(refused.value)
    with pytest.raises(BadMessageError, match="known: none"):
        unseal(seal(ASK, KEY), [])


def test_while_keys_are_changed_nodes_understand_each_other_at_every_moment():
    """First the new key is added below the old one on each node, then put above it, then the old one goes."""
    steps = [[KEY], [KEY, OTHER_KEY], [OTHER_KEY, KEY], [OTHER_KEY]]
    for before, after in pairwise(steps):
        assert unseal(seal(ASK, before[0]), after) == ASK
        assert unseal(seal(ASK, after[0]), before) == ASK


@pytest.mark.parametrize(
    "changes",
    [
        {"cluster": "no good"},
        {"sender": "node-a"},
        {"addressee": 5},
        {"nonce": "short"},
        {"epoch": 0},
        {"epoch": True},
        {"epoch": 1.5},
        {"promise_ms": -1},
        {"promise_ms": 10**9},
    ],
)
def test_a_signed_message_whose_fields_are_not_as_they_must_be_is_refused(changes):
    with pytest.raises(BadMessageError):
        unseal(seal(replace(ASK, **changes), KEY), [KEY])


@pytest.mark.parametrize(
    "payload", [b"[]", b"5", b"{", b'{"kind":"ASK"}', b'{"kind":"REFUSE"}', b"[" * 600, b"\xff", b'{"kind":{}}']
)
def test_signed_nonsense_is_refused(payload):
    from understudy_agent import messages

    mac = messages._mac(KEY, key_id(KEY), payload)
    with pytest.raises(BadMessageError):
        unseal(b" ".join((messages.VERSION, key_id(KEY), mac, payload)), [KEY])


def test_the_same_content_in_other_bytes_is_refused():
    from understudy_agent import messages

    payload = json.dumps(json.loads(seal(ASK, KEY).split(b" ", 3)[3]), indent=1).encode()
    mac = messages._mac(KEY, key_id(KEY), payload)
    with pytest.raises(BadMessageError, match="its bytes"):
        unseal(b" ".join((messages.VERSION, key_id(KEY), mac, payload)), [KEY])


@pytest.mark.parametrize("datagram", [b"", b"x", b"US2 a b c", b"US1 a b", b"x" * (SIZE_LIMIT + 1)])
def test_what_is_no_message_at_all_is_refused(datagram):
    with pytest.raises(BadMessageError, match="no message"):
        unseal(datagram, [KEY])


def test_the_first_key_of_a_file_signs_and_all_of_them_are_known():
    text = f"# made in November\n{'n' * 40}\n\n  {'o' * 40}  \n"
    assert parse_keys(text, "here") == (b"n" * 40, b"o" * 40)


@pytest.mark.parametrize("text", ["", "# nothing\n", "short\n", "k" * 40 + "\nshort\n"])
def test_no_key_or_a_short_one_is_refused_and_never_shown(text):
    with pytest.raises(BadKeysError, match="allowed: a key of at least 32 characters") as refused:
        parse_keys(text, "here")
    assert "short\n" not in str(refused.value)


def test_a_key_file_that_everybody_can_read_is_refused(tmp_path):
    file = tmp_path / "key"
    file.write_text("k" * 40)
    file.chmod(0o644)
    with pytest.raises(BadKeysError, match="0644, open to everybody"):
        read_key_file(file)
    file.chmod(0o640)
    assert read_key_file(file) == (b"k" * 40,)


def test_keys_can_be_kept_in_a_secure_string_and_an_outage_keeps_the_last(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        ssm = botocore_client("ssm", "eu-west-1", 2)
        ssm.put_parameter(Name="/keys/orders-db", Type="SecureString", Value="k" * 40)
        parameter = KeyParameter("/keys/orders-db", lambda: "eu-west-1", 2)
        ring = KeyRing(parameter.read, Exchange("failsafe_key", FakeCaller(), FakeLog()))
        for now_ms in (0, 1):
            ring.tick(now_ms, is_registered=False)
        assert ring.keys == (b"k" * 40,)
        ssm.delete_parameter(Name="/keys/orders-db")
        for now_ms in (FILE_PACE.every_ms, FILE_PACE.every_ms + 1):
            ring.tick(now_ms, is_registered=False)
        assert ring.keys == (b"k" * 40,)
        ssm.put_parameter(Name="/keys/orders-db", Type="SecureString", Value="n" * 40)
        for now_ms in (FILE_PACE.every_ms + FILE_PACE.retry_ms, FILE_PACE.every_ms + FILE_PACE.retry_ms + 1):
            ring.tick(now_ms, is_registered=False)
        assert ring.keys == (b"n" * 40,)


def test_keys_are_decrypted_when_they_were_put_anew_and_not_each_time_they_are_looked_at(monkeypatch):  # B9
    """Each decryption is a request of KMS, and there is a look each minute on each node."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        ssm = botocore_client("ssm", "eu-west-1", 2)
        ssm.put_parameter(Name="/keys/orders-db", Type="SecureString", Value="k" * 40)
        parameter = KeyParameter("/keys/orders-db", lambda: "eu-west-1", 2)
        read, asked = parameter.read, []
        assert read() == (b"k" * 40,)
        parameter._client.made().meta.events.register(
            "provide-client-params.ssm.GetParameter", lambda params, **_: asked.append(params["WithDecryption"])
        )
        assert [read() for _ in range(3)] == [(b"k" * 40,)] * 3
        assert asked == [False] * 3
        ssm.put_parameter(Name="/keys/orders-db", Type="SecureString", Value="n" * 40, Overwrite=True)
        assert read() == (b"n" * 40,)
        assert asked[3:] == [False, True]
