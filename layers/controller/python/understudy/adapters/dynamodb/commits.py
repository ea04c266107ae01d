"""The one write that changes a state, on condition that nobody else has changed it since it was read.

What newer code has added to the item is left alone: an attribute that this code does not know, and a field within one
that goes on being about the same thing.
"""

from collections.abc import Collection, Mapping
from typing import Any

from understudy.adapters.dynamodb import items
from understudy.adapters.dynamodb.expressions import Update
from understudy.domain.cluster.state import ClusterState, ServiceStatus

SAME_THING: Mapping[str, tuple[str, ...]] = {
    "terms": (),
    "previous": ("node", "ended_epoch"),
    "transition": ("opened_at", "execution", "target"),
    "address": ("epoch",),
    "hold": ("since",),
}
"""By which fields an attribute goes on being about the same thing. Another one is written whole: a field of newer code
that spoke of the old transition must not be taken for one of the new."""


def commit_update(
    before: ClusterState,
    after: ClusterState,
    if_no_newer_beat_of: str | None = None,
    saying_the_same: Collection[str] = (),
) -> Update:
    """Everything of `after` but its nodes, under the next revision; the conditions as in StateLedger.commit."""
    update = Update()
    update.require("revision", equals=before.revision)
    update.require("epoch", equals=before.epoch)
    update.set("revision", to=before.revision + 1)
    update.require_at_most("v", items.FORMAT)
    update.set("v", to=items.FORMAT)
    known, values = items.committed(before), items.committed(after)
    for name in items.COMMITTED:
        if name not in values:
            update.remove(name)
        elif _is_same_thing(name, known.get(name), values[name]):
            _merge(update, name, known[name], values[name])
        else:
            update.set(name, to=values[name])
    if if_no_newer_beat_of is not None:
        _require_no_newer_beat(update, before, if_no_newer_beat_of)
    for instance_id in saying_the_same:
        _require_same_word(update, before, instance_id)
    return update


def _require_no_newer_beat(update: Update, before: ClusterState, instance_id: str) -> None:
    report = before.nodes.get(instance_id)
    if report is None:
        update.require_absent("nodes", instance_id)
        return
    update.require("nodes", instance_id, "beat", equals=report.beat)
    update.require("nodes", instance_id, "boot", equals=report.boot)


def _require_same_word(update: Update, before: ClusterState, instance_id: str) -> None:
    report = before.nodes.get(instance_id)
    if report is None:
        update.require_absent("nodes", instance_id)
    elif report.heard_at is None:
        update.require_absent("nodes", instance_id, "heard_at")
    elif report.service is not ServiceStatus.OUT_OF_SERVICE:
        _require_no_newer_beat(update, before, instance_id)  # it has been silent since, so whatever it says is new
    else:
        update.require("nodes", instance_id, "service", equals=report.service)
        update.require("nodes", instance_id, "keeps_lease", equals=report.keeps_lease)


def _is_same_thing(name: str, known: Any, value: Any) -> bool:
    return name in SAME_THING and known is not None and all(known[each] == value[each] for each in SAME_THING[name])


def _merge(update: Update, name: str, known: Mapping[str, Any], value: Mapping[str, Any]) -> None:
    """Only the fields that change: the others, and those that this code does not know, stay as they are."""
    for field in known.keys() - value.keys():
        update.remove(name, field)
    for field in value:
        if field not in known or known[field] != value[field]:
            update.set(name, field, to=value[field])
