"""Prints the events for those who build on them."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, is_typeddict

from tools.event_schema import fields_of
from tools.line_comments import meanings
from understudy.domain.events.catalogue import EVENTS, SHAPES, has_words
from understudy.domain.events.event import Event

HEAD = """<!-- Printed from layers/controller/python/understudy/domain/events/ by `make docs`. Do not edit. -->

# What Understudy says on its bus

Each event has the source `understudy` and is on the stack's own bus (output BusName). What to do about each stands in
[on-call.md](on-call.md#notices). The JSON Schema of each detail, with an example, is in
[events.schema.json](events.schema.json); every event that a test of the project publishes is held against it.

- Delivered at least once, in no certain order. The same event can come twice, and one can be lost while EventBridge is
  down: the history in the table has everything all the same.
- `version` in a detail is the version of its shape, 1 when it is missing. New properties can come within a version: the
  schemas forbid them for the sake of our tests, but your code is to ignore what it does not know.
- Texts (`why`, `fault`, `faults`, `reason`) are for people and may be worded differently tomorrow. Match on `rule`,
  `outcome`, `reasons`, `standing`.
- `cluster`: its name. `epoch`: the transition that the event belongs to. `rule`: which one of the
  [decision table](decision-table.md). `execution`: its name in Step Functions. Nodes are named as in the definition.

A bus keeps nothing. `understudy events --follow` ([the tool](command-line.md)) shows what was said, from
the functions' logs.

Nodes put `Understudy Heartbeat` on the same bus, with their instance's ARN as source. So a rule of yours begins with
`"source": ["understudy"]`:

    aws events put-rule --event-bus-name BUS --name my-rule --event-pattern file://pattern.json
    # pattern.json: {"source": ["understudy"], "detail-type": ["Understudy Transition Closed"]}

## Which events people are told of

The function `notify_operator` makes a notice of these and sends it to the topic of the stack (output OperatorTopicArn).
The others are for the record, and wake nobody. Chats and pagers: [notices.md](notices.md).

| event | people are told |
|---|---|"""
TABLE = "| field | holds | which is |\n|---|---|---|"
PLAIN: Mapping[Any, str] = {
    str: "text",
    bool: "true or false",
    int: "whole number",
    float: "number",
    Any: "anything",
    NoneType: "null",
}


def events_doc() -> str:
    """The whole document."""
    rows = [f"| [{kind}](#{_anchor(kind)}) | {_told(shapes[0])} |" for kind, shapes in SHAPES.items()]
    used = list(dict.fromkeys(each for event in EVENTS for each in _used(event)))
    objects = [each for each in used if is_typeddict(each)]
    enums = [each for each in used if not is_typeddict(each)]
    parts = [
        HEAD,
        *rows,
        *(_section(kind, shapes) for kind, shapes in SHAPES.items()),
        "\n## What stands within details",
        *(f"\n### {each.__name__}\n\n{_said(each)}\n\n{_table(each)}" for each in objects),
        "\n## Words that are one of several",
        *map(_vocabulary, enums),
    ]
    return "\n".join(parts) + "\n"


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


def _told(event: type[Event]) -> str:
    note = event.told_note
    if has_words(event):
        return f"yes, but {note}" if note else "yes"
    return f"no: {note}" if note else "no"


def _section(kind: str, shapes: Sequence[type[Event]]) -> str:
    told = f"People are told: {_told(shapes[0])}."
    return (
        f"\n## {kind}\n\n" + "\n\nOr:\n\n".join(f"{_said(each)}\n\n{_table(each)}" for each in shapes) + f"\n\n{told}"
    )


def _said(kind: type) -> str:
    return inspect.cleandoc(kind.__doc__ or "")


def _table(kind: type) -> str:
    said = meanings(kind)
    rows = [f"| `{name}` | {_holds(hint)} | {said.get(name, '')} |" for name, hint in fields_of(kind).items()]
    return "\n".join([TABLE, *rows])


def _holds(hint: Any) -> str:
    """A type in words."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _holds(inner[1]) if isinstance(inner[1], type) else _narrowed(_holds(inner[0]), inner[1])
    if hint in PLAIN:
        return PLAIN[hint]
    if origin in (Union, UnionType):
        return " or ".join(map(_holds, inner))
    if origin is Sequence:
        return f"list of {_holds(inner[0])}"
    if origin is Mapping:
        return f"map to {_holds(inner[1])}"
    return f"[{hint.__name__}](#{_anchor(hint.__name__)})"


def _narrowed(words: str, more: Mapping[str, Any]) -> str:
    """What JSON Schema says beside a type, in words."""
    if "const" in more:
        return f"`{more['const']}`"
    if "enum" in more:
        return " or ".join(f"`{each}`" for each in more["enum"])
    if "maxLength" in more:
        return f"{words} of {more['maxLength']} characters at most"
    return f"{words} like `{more['pattern']}`" if "pattern" in more else words


def _used(hint: Any) -> Iterator[Any]:
    """The enums and objects that stand in a type, each with those within it."""
    inner = fields_of(hint).values() if is_typeddict(hint) or _is(hint, Event) else get_args(hint)
    if is_typeddict(hint) or _is(hint, StrEnum):
        yield hint
    for each in inner:
        yield from _used(each)


def _is(hint: Any, kind: type) -> bool:
    return isinstance(hint, type) and issubclass(hint, kind)


def _vocabulary(enum: type[StrEnum]) -> str:
    comments = meanings(enum)
    lines = [(value, getattr(value, "meaning", "") or comments.get(value.name, "")) for value in enum]
    said = [f"- `{value}`: {words}" if words else f"- `{value}`" for value, words in lines]
    return "\n".join([f"\n### {enum.__name__}\n\n{_said(enum)}\n", *said])
