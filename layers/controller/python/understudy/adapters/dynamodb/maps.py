"""Frozen dataclasses as plain maps and back, by their fields and type hints.

Keys that this code does not know are ignored, and missing ones take their defaults: so old code reads what newer
code has stored, and the other way round.
"""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
PLAIN = frozenset({str, int, float, bool, NoneType})
"""Types whose values are plain as they are. Texts and numbers of enums are of other types."""


def to_map(value: Any, *, sparse: bool = False) -> dict[str, Any]:
    """A dataclass as a map of plain values. None is left out; with `sparse` so is every field at its default."""
    return {
        field.name: content if type(content) in PLAIN else _plain(content, sparse)
        for field in _fields(type(value))  # type: ignore[arg-type]
        if (content := getattr(value, field.name)) is not None and not (sparse and content == _default(field))
    }


def from_map(kind: type[T], stored: Mapping[str, Any]) -> T:
    """The dataclass `kind` that `to_map` has stored.

    What is missing takes its default, or is None when its type allows that. Raises TypeError when neither is possible.
    """
    hints = _hints(kind)  # type: ignore[arg-type]
    absent = {field.name: None for field in fields(kind) if _is_none_when_missing(field, hints)}  # type: ignore[arg-type]
    known = {name: _revived(hint, stored[name]) for name, hint in hints.items() if name in stored}
    return kind(**{**absent, **known})


def _plain(value: Any, sparse: bool) -> Any:
    if type(value) in PLAIN:
        return value
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value):
        return to_map(value, sparse=sparse)
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
    if isinstance(hint, type) and issubclass(hint, tuple):
        return hint(*value)
    if is_dataclass(hint):
        return from_map(hint, value)  # type: ignore[arg-type]
    return hint(value) if isinstance(hint, type) and issubclass(hint, Enum) else value


def _default(field: "Field[Any]") -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _is_none_when_missing(field: "Field[Any]", hints: Mapping[str, Any]) -> bool:
    has_default = field.default is not MISSING or field.default_factory is not MISSING
    return not has_default and NoneType in get_args(hints[field.name])


@cache
def _fields(kind: type) -> "tuple[Field[Any], ...]":
    return fields(kind)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
