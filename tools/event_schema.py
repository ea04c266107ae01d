"""The JSON Schema of an event, from its fields."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints, is_typeddict

from understudy.domain.events.catalogue import SHAPES
from understudy.domain.events.event import Event

Schema = dict[str, Any]
WIDTH = 120
PLAIN: Mapping[Any, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    Any: {},
    NoneType: {"type": "null"},
}


def fields_of(kind: type[Event] | type[Mapping[str, Any]]) -> dict[str, Any]:
    """The types of an event's fields, or of a TypedDict's, in their order."""
    hints = get_type_hints(kind, include_extras=True)
    return {each.name: hints[each.name] for each in fields(kind)} if is_dataclass(kind) else hints


def schema_of(hint: Any) -> Schema:
    """The schema of a type as fields of events have it. Raises TypeError for one that JSON does not know."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return schema_of(inner[1]) if isinstance(inner[1], type) else {**schema_of(inner[0]), **inner[1]}
    if hint in PLAIN:
        return dict(PLAIN[hint])
    if origin in (Union, UnionType):
        return {"anyOf": [schema_of(each) for each in inner]}
    if origin is Sequence:
        return {"type": "array", "items": schema_of(inner[0])}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": schema_of(inner[1])}
    if is_typeddict(hint):
        return _object_of(hint)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return {"enum": [str(each) for each in hint]}
    raise TypeError(f"{hint} is the type of an event's field; allowed: what JSON knows, enums and TypedDicts of it")


def _object_of(kind: type, optional: Mapping[str, Schema] | None = None) -> Schema:
    """Exactly these properties."""
    properties = {name: schema_of(hint) for name, hint in fields_of(kind).items()}
    return {
        "type": "object",
        "properties": {**properties, **(optional or {})},
        "required": list(properties),
        "additionalProperties": False,
    }


def detail_schema(shapes: Sequence[type[Event]]) -> Schema:
    """Of the detail of a detail-type, with an example. `version`: that of the shape, 1 when it is missing."""
    found = [
        {**_object_of(each, {"version": schema_of(int)}), "examples": [each.example().detail()]} for each in shapes
    ]
    return found[0] if len(found) == 1 else {"anyOf": found}


def events_schema() -> str:
    """The schemas of all details, by detail-type."""
    return laid_out({kind: detail_schema(shapes) for kind, shapes in SHAPES.items()}) + "\n"


def laid_out(value: Any, margin: str = "") -> str:
    """JSON in few lines: whatever fits into one is in one."""
    flat = json.dumps(value)
    if len(margin) + len(flat) <= WIDTH or not isinstance(value, dict | list) or not value:
        return flat
    deeper = margin + "  "
    if isinstance(value, list):
        return _between("[", [laid_out(each, deeper) for each in value], "]", margin)
    return _between("{", [f"{json.dumps(key)}: {laid_out(each, deeper)}" for key, each in value.items()], "}", margin)


def _between(opened: str, entries: list[str], closed: str, margin: str) -> str:
    return f"{opened}\n{margin}  " + f",\n{margin}  ".join(entries) + f"\n{margin}{closed}"
