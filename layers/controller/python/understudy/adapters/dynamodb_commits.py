"""The one write that changes a state, on condition that nobody else has changed it since it was read."""

from understudy.adapters import dynamodb_items as items
from understudy.adapters.dynamodb_expressions import Update
from understudy.domain.model import ClusterState


def commit_update(before: ClusterState, after: ClusterState, holding_still: str | None = None) -> Update:
    """Everything of `after` but its nodes, under the next revision; `holding_still` as in StateLedger.commit."""
    update = Update()
    update.require("revision", equals=before.revision)
    update.require("epoch", equals=before.epoch)
    update.set("revision", to=before.revision + 1)
    values = items.committed(after)
    for name in items.COMMITTED:
        if name in values:
            update.set(name, to=values[name])
        else:
            update.remove(name)
    if holding_still is not None:
        _require_stillness(update, before, holding_still)
    return update


def _require_stillness(update: Update, before: ClusterState, instance_id: str) -> None:
    report = before.nodes.get(instance_id)
    if report is None:
        update.require_absent("nodes", instance_id)
        return
    update.require("nodes", instance_id, "beat", equals=report.beat)
    update.require("nodes", instance_id, "boot", equals=report.boot)
