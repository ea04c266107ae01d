"""Snapshots of a graph of objects, taken and put back in place.

Every object stays what it is, so what refers to it (a bound method, a lambda) needs no copying. Values that never
change (frozen dataclasses, numbers, texts) are shared. A type that nobody has told of is refused, not passed over.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import is_dataclass
from enum import Enum
from functools import partial
from types import BuiltinMethodType, FunctionType, MethodType, ModuleType
from typing import Any

Saved = list[tuple[Any, Any]]
"""Objects with what they held. What they hold tells how it is put back."""

ATOMS = (str, bytes, int, float, type(None), Enum, type, ModuleType, FunctionType, frozenset, Exception)
VALUES = ("understudy.domain", "understudy.ports", "understudy_agent")
"""Where frozen dataclasses are values; elsewhere they may hold what changes."""
HOLDERS = {"Means"}
"""Frozen dataclasses among them that hold what changes."""

_atoms: dict[type, bool] = {}
_fixed: set[type] = set()


def never_changes(kind: type) -> type:
    """Declare that objects of a class, and whatever only they hold, never change. A decorator."""
    _fixed.add(kind)
    return kind


def _is_atom(kind: type) -> bool:
    found = _atoms.get(kind)
    if found is None:
        found = _atoms[kind] = kind in _fixed or issubclass(kind, ATOMS) or _is_value(kind)
    return found


def _is_value(kind: type) -> bool:
    return is_frozen(kind) and kind.__module__.startswith(VALUES) and kind.__name__ not in HOLDERS


def is_frozen(kind: type) -> bool:
    """Whether it is a frozen dataclass."""
    return is_dataclass(kind) and bool(getattr(kind, "__dataclass_params__").frozen)  # noqa: B009


def save(root: object) -> Saved:
    """What everything holds that can be reached from `root`."""
    saved: Saved = []
    seen: set[int] = set()
    stack: list[Any] = [root]
    is_atom = _atoms
    while stack:
        each = stack.pop()
        kind = type(each)
        if is_atom.get(kind) or id(each) in seen:
            continue
        if kind not in is_atom and _is_atom(kind):
            continue
        seen.add(id(each))
        found = _LOOKS.get(kind)
        if found is not None:
            found(each, saved, stack)
        else:
            held = each.__dict__  # AttributeError: a type that this module does not know
            saved.append((each, held.copy()))
            stack.extend(held.values())
    return saved


def restore(saved: Saved) -> None:
    """Let everything hold again what it held."""
    for each, held in saved:
        put_back = _PUT_BACK.get(type(each))
        if put_back is not None:
            put_back(each, held)
        else:
            now = each.__dict__
            now.clear()
            now.update(held)


def _list(each: Any, saved: Saved, stack: list[Any]) -> None:
    saved.append((each, tuple(each)))
    stack.extend(each)


def _dict(each: Any, saved: Saved, stack: list[Any]) -> None:
    saved.append((each, each.copy()))
    stack.extend(each.values())


def _set(each: Any, saved: Saved, stack: list[Any]) -> None:
    saved.append((each, each.copy()))


def _tuple(each: Any, saved: Saved, stack: list[Any]) -> None:
    stack.extend(each)


def _method(each: Any, saved: Saved, stack: list[Any]) -> None:
    stack.append(each.__self__)


def _partial(each: Any, saved: Saved, stack: list[Any]) -> None:
    stack.extend(each.args)
    stack.extend(each.keywords.values())


_LOOKS: dict[type, Callable[[Any, Saved, list[Any]], None]] = {
    list: _list,
    deque: _list,
    dict: _dict,
    defaultdict: _dict,
    set: _set,
    tuple: _tuple,
    MethodType: _method,
    BuiltinMethodType: _method,
    partial: _partial,
}


def _refill(each: Any, held: Any) -> None:
    each.clear()
    each.extend(held)


def _update(each: Any, held: Any) -> None:
    each.clear()
    each.update(held)


_PUT_BACK: dict[type, Callable[[Any, Any], None]] = {
    list: _refill,
    deque: _refill,
    dict: _update,
    defaultdict: _update,
    set: _update,
}
