"""A key of a world: two worlds with one key go on alike, whenever and however they came about.

Times are told from other numbers by their size, and are kept relative to the moment: seconds of AWS begin at NOW, and
the boot clock of each node in each of its boots has a range of its own. So has the count of a node's accepted beats: it
is kept relative to what its agent has counted. What lies so far back that nothing asks for it any more is all the same.
Names of boots and executions, versions of the definition and nonces are numbered.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import fields
from enum import Enum, StrEnum
from functools import cache
from types import BuiltinMethodType, FunctionType, MethodType
from typing import Any

from tests.explorer.snapshots import is_frozen

AWS_FROM, AWS_TO = 1_799_000_000, 1_802_000_000
CLOCK_STEP, BOOT_STEP = 10**11, 10**9
ACCEPTED_STEP, ACCEPTED_MOST = 10**9, 10**6
"""Counts of the beats that AWS has taken in begin at a multiple of this for each node, and never come near the next."""
ACCEPTED_APART = 30
"""How far a count of before can be ahead of the present process's: so many beats none of which can be missed."""
LONG_AGO_S = 62.0
"""Nothing asks how far something lies back beyond this, but for windows that no run is long enough for."""
SENT_MS = 31_000
VERSIONS = {"definition_version", "version", "knows", "joined", "known_joined", "_version"}
SKIPPED = {
    *(
        "world",
        "_node",
        "_ready_ms",
        "_begun_ms",
        "log",
        "_log",
        "_tell",
        "_status",
        "_notifier",
        "_who",
        "_transport",
        "_clock_ms",
        "_told",
        "_reason",
    ),
    *("_told_slow", "_malformed", "_lease_file", "_file", "_new_nonce", "_keys", "_accepts", "_new_caller", "_kind"),
    *("spec", "_by_name", "_needs", "story", "facts", "why", "explained", "revision", "address_fault", "expires_at"),
    *("_cluster", "_me", "cluster", "stages", "_on_unstoppable"),
    *("noticed_at", "seal", "_exchange", "_files", "reason", "reasons", "text", "digest"),
}


AS_IS = {"Terms"}
"""Frozen dataclasses that hold no times."""


class Keys:
    """Makes the keys of one world; `world` has `ms`, `now_s`, `nodes`, `texts`, `versions` and `parts()`."""

    def __init__(self, world: Any) -> None:
        self._world = world
        self.now_s = 0.0
        self.clocks: list[tuple[int, int]] = []
        self.accepted: list[int] = []
        self.numbered: dict[str, int] = {}
        self.texts: dict[str, str] = {}
        self.versions: dict[int, str] = {}
        self.made: dict[int, Any] = {}

    def key(self) -> int:
        """The key of the world as it is."""
        world = self._world
        self.now_s, self.texts, self.versions = world.now_s, world.texts, world.versions
        self.clocks = [(node.clock_base_ms(), node.now_ms()) for node in world.nodes]
        agents = [(node.accepted_base(), node.agent) for node in world.nodes]
        self.accepted = [base if agent is None else agent._sent.accepted for base, agent in agents]
        self.numbered, self.made = {}, {}
        parts = world.parts()
        return hash(_of(self, parts))


def _of(keys: Keys, value: Any) -> Any:
    kind = type(value)
    maker = _MAKERS.get(kind)
    if maker is None:
        maker = _MAKERS[kind] = _maker_of(kind)
    return maker(keys, value)


def _number(keys: Keys, value: float) -> Any:
    if value < ACCEPTED_STEP:
        return value
    if value % ACCEPTED_STEP < ACCEPTED_MOST and value < CLOCK_STEP:
        return min(int(value) - keys.accepted[int(value // ACCEPTED_STEP) - 1], ACCEPTED_APART)
    if value < AWS_FROM:
        return value
    if value < AWS_TO:
        return max(round(value - keys.now_s, 3), -LONG_AGO_S)
    number = int(value // CLOCK_STEP) - 1
    if 0 <= number < len(keys.clocks):
        base, now = keys.clocks[number]
        if value < base - BOOT_STEP // 2:
            return "of an earlier boot"
        return max(int(value) - now, -int(LONG_AGO_S * 1000))
    return value


def _text(keys: Keys, value: str) -> Any:
    if len(value) == 32 and value.isdigit():
        return keys.numbered.setdefault(value, len(keys.numbered))
    return keys.texts.get(value, value)


def _version(keys: Keys, value: Any) -> Any:
    return keys.versions.get(value, value) if type(value) is int else _of(keys, value)


def _same(keys: Keys, value: Any) -> Any:
    return value


def _many(keys: Keys, value: Any) -> Any:
    makers = _MAKERS
    found = []
    for each in value:
        maker = makers.get(type(each))
        found.append(maker(keys, each) if maker is not None else _of(keys, each))
    return tuple(found)


def _bytes(keys: Keys, value: bytes) -> Any:
    """A datagram by what it says, without its signature."""
    parts = value.split(b" ", 3)
    return _of(keys, _payload(parts[3])) if len(parts) == 4 and parts[3][:1] == b"{" else value


@cache
def _payload(text: bytes) -> Any:
    return json.loads(text)


def _maker_of(kind: type) -> Any:
    for base, maker in _BY_BASE:
        if issubclass(kind, base):
            return maker
    if kind.__name__ in AS_IS:
        return _same
    if kind.__name__ == "SentBeats":
        return _of_sent
    if is_frozen(kind):
        return _maker_of_values([each.name for each in fields(kind)])
    return lambda keys, value: _of_dict(keys, value.__dict__)


def _of_set(keys: Keys, value: Any) -> Any:
    return frozenset(_of(keys, each) for each in value)


def _of_sent(keys: Keys, value: Any) -> Any:
    """The beats that can still renew a lease, or stand in a table that is read late."""
    return tuple([number for number in _many(keys, value.numbers) if type(number) is int and number > -SENT_MS])


def _maker_of_values(names: list[str]) -> Any:
    plain = [name for name in names if name not in SKIPPED and name not in VERSIONS]
    versions = [name for name in names if name in VERSIONS]

    def make(keys: Keys, value: Any) -> Any:
        made = keys.made.get(id(value))
        if made is None:
            held = value.__dict__
            plains = _many(keys, [held[name] for name in plain])
            made = keys.made[id(value)] = (plains, *[_version(keys, held[name]) for name in versions])
        return made

    return make


def _of_dict(keys: Keys, value: dict[Any, Any]) -> Any:
    makers = _MAKERS
    found = []
    for key, each in value.items():
        if key in SKIPPED:
            continue
        if key in VERSIONS:
            found.append((key, _version(keys, each)))
        elif key == "_seen":  # only those that could come again
            found.append((key, tuple([keys.numbered[nonce] for nonce in each if nonce in keys.numbered])))
        else:
            maker = makers.get(type(each))
            found.append((key, maker(keys, each) if maker is not None else _of(keys, each)))
    return tuple(found)


_MAKERS: dict[type, Any] = {}
_BY_BASE: tuple[tuple[Any, Any], ...] = (
    (StrEnum, _same),
    (str, _text),
    (Enum, lambda keys, value: value._value_),
    ((bool, type(None)), _same),
    (bytes, _bytes),
    ((int, float), _number),
    ((FunctionType, MethodType, BuiltinMethodType, type), lambda keys, value: 0),
    (dict, _of_dict),
    ((set, frozenset), _of_set),
    ((list, tuple, deque), _many),
    (Exception, lambda keys, value: type(value).__name__),
)
