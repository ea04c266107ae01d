"""Frozen dataclasses as plain maps and back, by their fields and type hints.

Keys that this code does not know are left aside, and missing ones take their defaults: so old code reads what newer
code has stored, and the other way round.
"""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def to_map(value: Any, *, sparse: bool = False) -> dict[str, Any]:
    """A dataclass as a map of plain values. None is left out; with `sparse` so is every field at its default."""
    return {
        field.name: _plain(content, sparse)
        for field in fields(value)
        if (content := getattr(value, field.name)) is not None and not (sparse and content == _default(field))
    }


def from_map(kind: type[T], stored: Mapping[str, Any]) -> T:
    """The dataclass `kind` that `to_map` has stored: a missing field that may be None is None, as it was stored.

    Raises TypeError when another field without a default is missing.
    """
    hints = _hints(kind)  # type: ignore[arg-type]
    found = {name: _revived(hint, stored[name]) for name, hint in hints.items() if name in stored}
    absent = {name: None for name in _optional(kind) if name not in stored}  # type: ignore[arg-type]
    return kind(**absent, **found)


def _plain(value: Any, sparse: bool) -> Any:
    if is_dataclass(value):
        return to_map(value, sparse=sparse)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {key: _plain(each, sparse) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, sparse) for each in value]
    return value


def _revived(hint: Any, value: Any) -> Any:
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        (hint,) = (each for each in get_args(hint) if each is not NoneType)
        return _revived(hint, value)
    if origin is tuple:
        return tuple(_revived(get_args(hint)[0], each) for each in value)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: _revived(get_args(hint)[1], each) for key, each in value.items()}
    if is_dataclass(hint):
        return from_map(hint, value)  # type: ignore[arg-type]
    return hint(value) if isinstance(hint, type) and issubclass(hint, Enum) else value


def _default(field: "Field[Any]") -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


@cache
def _optional(kind: type) -> tuple[str, ...]:
    """The fields without a default that may be None."""
    required = {field.name for field in fields(kind) if _default(field) is MISSING}
    return tuple(name for name, hint in _hints(kind).items() if name in required and NoneType in get_args(hint))
