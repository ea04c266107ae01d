"""The one transaction that registers a version of a definition: every write of it, each with its condition."""

from collections.abc import Iterable
from typing import Any

from understudy.adapters.dynamodb import items, keys
from understudy.adapters.dynamodb.commits import commit_update
from understudy.adapters.dynamodb.expressions import Update
from understudy.adapters.dynamodb.table import TRANSACTION_LIMIT
from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.errors import TooManyEntriesError
from understudy.domain.cluster.state import ClusterState


def registration(
    table: str,
    before: ClusterState | None,
    after: ClusterState,
    definition: Definition,
    old: Definition | None,
    released: Iterable[str],
) -> list[dict[str, Any]]:
    """The writes that store `definition` in place of `old`, and release these claims. Raises TooManyEntriesError.

    All claims are written, also those that were there: a cluster that was registered before there were claims has none.
    """
    new_keys = keys.look_ups(definition)
    old_keys = keys.look_ups(old) if old else set()
    writes = [
        _state_write(table, before, after, definition, old),
        _definition_put(table, definition),
        *({"Put": {"TableName": table, "Item": keys.key(*each)}} for each in sorted(new_keys - old_keys)),
        *({"Delete": {"TableName": table, "Key": keys.key(*each)}} for each in sorted(old_keys - new_keys)),
        *(_claim(table, definition.cluster, each) for each in sorted(definition.claims)),
        *(_release(table, definition.cluster, each) for each in sorted(released)),
    ]
    if len(writes) > TRANSACTION_LIMIT:
        raise TooManyEntriesError(
            f"nodes, alarms and addresses that are new, go or stay make {len(writes) - 2} entries at once; allowed: "
            f"{TRANSACTION_LIMIT - 2}. Name fewer alarms and route tables, or change the definition in several steps"
        )
    return writes


def _claim(table: str, cluster: str, address: str) -> dict[str, Any]:
    """On condition that no other cluster has it: of two registrations at once, one wins."""
    return {"Put": {"TableName": table, "Item": items.claim_item(cluster, address), **_if_ours(cluster)}}


def _release(table: str, cluster: str, address: str) -> dict[str, Any]:
    key = keys.key(keys.claim_pk(address), keys.CLAIM)
    return {"Delete": {"TableName": table, "Key": key, **_if_ours(cluster)}}


def _if_ours(cluster: str) -> dict[str, Any]:
    return {
        "ConditionExpression": "attribute_not_exists(pk) OR #cluster = :ours",
        "ExpressionAttributeNames": {"#cluster": "cluster"},
        "ExpressionAttributeValues": {":ours": {"S": cluster}},
    }


def _state_write(
    table: str, before: ClusterState | None, after: ClusterState, definition: Definition, old: Definition | None
) -> dict[str, Any]:
    if before is None or old is None:
        put = {"Item": items.state_item(after, revision=1), "ConditionExpression": "attribute_not_exists(pk)"}
        return {"Put": {"TableName": table, **put}}
    key = keys.key(before.cluster, keys.STATE)
    update = _state_update(commit_update(before, after), before, after, definition, old)
    return {"Update": {"TableName": table, "Key": key, **update.arguments()}}


def _definition_put(table: str, definition: Definition) -> dict[str, Any]:
    item = items.definition_item(definition)
    return {
        "Put": {
            "TableName": table,
            "Item": item,
            "ConditionExpression": "attribute_not_exists(pk) OR #definition = :same",
            "ExpressionAttributeNames": {"#definition": "definition"},
            "ExpressionAttributeValues": {":same": item["definition"]},
        }
    }


def _state_update(
    update: Update, before: ClusterState, after: ClusterState, definition: Definition, old: Definition
) -> Update:
    """`update` with the changes of membership. What was heard of members that stay is left as the table has it.

    Membership changes under a new revision only, so the members of `before` are those of the table.
    """
    for instance_id in before.nodes.keys() - after.nodes.keys():
        update.remove("nodes", instance_id)
    for instance_id, report in after.nodes.items():
        kept = before.nodes.get(instance_id)
        if kept is None:
            update.set("nodes", instance_id, to=items.node_map(report))
            continue
        if kept.name != report.name:
            update.set("nodes", instance_id, "name", to=report.name)
        if kept.ip != report.ip:
            update.set("nodes", instance_id, "ip", to=report.ip)
        if kept.fault:  # a new version has the node as EC2 says that it is
            update.remove("nodes", instance_id, "fault")
        told = {*kept.alarms, *_named(old, instance_id)}
        for alarm in sorted(told - _named(definition, instance_id)):
            update.remove("nodes", instance_id, "alarms", alarm)
    return update


def _named(definition: Definition, instance_id: str) -> set[str]:
    spec = definition.node(instance_id)
    return set(spec.alarms) if spec else set()
