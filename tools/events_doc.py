"""Prints the catalogue of events for those who build on them."""

import json
from typing import Any

from tools.event_catalogue import EVENTS
from tools.event_shapes import Event

WIDTH = 120

HEAD = """<!-- Printed from tools/event_catalogue.py by `make docs`. Do not edit. -->

# What Understudy says on its bus

Each event has the source `understudy` and is on the stack's own bus (output BusName). What to do about each stands in
[on-call.md](on-call.md#notices). Every event that a test of the project announces is held against its schema here.

- Delivered at least once, in no certain order. The same event can come twice, and one can be lost while EventBridge is
  down: the history in the table has everything all the same.
- `version` in a detail is the version of its shape, 1 when it is missing. New properties can come within a version: the
  schemas forbid them for the sake of our tests, but your code is to ignore what it does not know.
- Texts (`why`, `fault`, `faults`, `reason`) are for people and may be worded differently tomorrow. Match on `rule`,
  `outcome`, `reasons`, `standing`.
- `cluster`: its name. `epoch`: the transition that the event belongs to. Nodes are named as in the definition.

Nodes put `Understudy Heartbeat` on the same bus, with their instance's ARN as source. So a rule of yours begins with
`"source": ["understudy"]`:

    aws events put-rule --event-bus-name BUS --name my-rule --event-pattern file://pattern.json
    # pattern.json: {"source": ["understudy"], "detail-type": ["Understudy Transition Closed"]}

## Which events people are told of

The function `notify_operator` makes a notice of these and sends it to the topic of the stack (output OperatorTopicArn).
The others are for the record, and wake nobody. Chats and pagers: [notices.md](notices.md).

| event | people are told |
|---|---|"""


def events_doc() -> str:
    """The whole document."""
    rows = [f"| [{event.detail_type}](#{_anchor(event)}) | {event.told} |" for event in EVENTS.values()]
    return "\n".join([HEAD, *rows, *map(_section, EVENTS.values())]) + "\n"


def _anchor(event: Event) -> str:
    return event.detail_type.lower().replace(" ", "-")


def _section(event: Event) -> str:
    sample = {"source": "understudy", "detail-type": event.detail_type, "detail": event.sample}
    return "\n".join(
        [
            f"\n## {event.detail_type}\n",
            f"{event.meaning}\n\nPeople are told: {event.told}.\n",
            _json(sample),
            "\nSchema of `detail`:\n",
            _json(event.schema),
        ]
    )


def _json(value: Any) -> str:
    return f"```json\n{laid_out(value)}\n```"


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
