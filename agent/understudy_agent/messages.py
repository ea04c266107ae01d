"""What agents say to each other: one datagram, signed, the same bytes for the same content.

    US1 KEYID MAC PAYLOAD          MAC = HMAC-SHA256(key, "US1 KEYID PAYLOAD") in hex

The key's id tells which of several keys signed, so that keys can be changed without a gap. Nothing in a message is a
time of a clock: clocks of two machines are never compared.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import Enum

from .view import EPOCH_LIMIT

VERSION = b"US1"
SIZE_LIMIT = 1024
PROMISE_LIMIT_MS = 3_600_000
NONCE = re.compile(r"[0-9a-f]{32}")
INSTANCE = re.compile(r"i-[0-9a-f]{1,17}")
CLUSTER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class BadMessageError(ValueError):
    """A datagram that is not from a node with our key, or not as a message must be. It says what was found."""


class MessageKind(Enum):
    """What a message is. There is no refusal: who gets no promise in time has none.

    PING and PONG only show that a peer can be reached, and bind nobody.
    """

    ASK = "ASK"
    PROMISE = "PROMISE"
    PING = "PING"
    PONG = "PONG"


@dataclass(frozen=True)
class Message:
    """`sender` asks `addressee` to start nothing for `promise_ms`, or promises it; an answer repeats the nonce.

    `epoch` and `promise_ms` are 0 in PING and PONG.
    """

    kind: MessageKind
    cluster: str
    epoch: int
    sender: str
    addressee: str
    nonce: str
    promise_ms: int


ANSWERS = {MessageKind.ASK: MessageKind.PROMISE, MessageKind.PING: MessageKind.PONG}


def answer_to(question: Message) -> Message:
    """The answer to a question."""
    sender, addressee = question.addressee, question.sender
    return replace(question, kind=ANSWERS[question.kind], sender=sender, addressee=addressee)


def key_id(key: bytes) -> bytes:
    """Names a key without revealing it: eight hex digits."""
    return hashlib.sha256(b"understudy failsafe key\0" + key).hexdigest()[:8].encode("ascii")


def seal(message: Message, key: bytes) -> bytes:
    """The datagram of a message."""
    payload, name = _payload(message), key_id(key)
    return b" ".join((VERSION, name, _mac(key, name, payload), payload))


def unseal(datagram: bytes, keys: Sequence[bytes]) -> Message:
    """The message of a datagram that was sealed with one of the keys. Raises BadMessageError."""
    parts = datagram.split(b" ", 3) if len(datagram) <= SIZE_LIMIT else []
    if len(parts) != 4 or parts[0] != VERSION:
        raise BadMessageError(f"{len(datagram)} bytes that are no message of version {VERSION.decode()}")
    _, name, mac, payload = parts
    key = next((each for each in keys if key_id(each) == name), None)
    if key is None:
        known = ", ".join(key_id(each).decode() for each in keys) or "none"
        raise BadMessageError(f"key id {name[:8]!r} is unknown; known: {known}")
    if not hmac.compare_digest(mac, _mac(key, name, payload)):
        raise BadMessageError("its signature does not fit")
    message = _parse(payload)
    if _payload(message) != payload:
        raise BadMessageError("its bytes are not those of its content")
    return message


def _mac(key: bytes, name: bytes, payload: bytes) -> bytes:
    signed = b" ".join((VERSION, name, payload))
    return hmac.new(key, signed, hashlib.sha256).hexdigest().encode("ascii")


def _payload(message: Message) -> bytes:
    content = {**asdict(message), "kind": message.kind.value}
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode("ascii")


def _parse(payload: bytes) -> Message:
    try:
        found = json.loads(payload)
        message = Message(**{**found, "kind": MessageKind(found["kind"])})
    except (ValueError, TypeError, KeyError, RecursionError) as fault:
        raise BadMessageError(f"its content is no message: {fault}") from fault
    texts = (
        (message.cluster, CLUSTER),
        (message.sender, INSTANCE),
        (message.addressee, INSTANCE),
        (message.nonce, NONCE),
    )
    binds = message.kind in (MessageKind.ASK, MessageKind.PROMISE)
    numbers = ((message.epoch, EPOCH_LIMIT - 1), (message.promise_ms, PROMISE_LIMIT_MS))
    good_texts = all(isinstance(text, str) and allowed.fullmatch(text) for text, allowed in texts)
    if not good_texts or not all(
        type(number) is int and (0 < number <= limit if binds else number == 0) for number, limit in numbers
    ):
        raise BadMessageError("one of its fields is malformed")
    return message
