"""What a new version of a definition changes in the nodes of the state: members come, go, and change their names."""

from understudy.adapters import dynamodb_items as items
from understudy.adapters.dynamodb_expressions import Update
from understudy.domain.definition import Definition
from understudy.domain.model import ClusterState


def state_update(
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
        if kept.address != report.address:
            update.set("nodes", instance_id, "address", to=report.address)
        if kept.fault:  # a new version has the node as EC2 says that it is
            update.remove("nodes", instance_id, "fault")
        told = {*kept.alarms, *_named(old, instance_id)}
        for alarm in sorted(told - _named(definition, instance_id)):
            update.remove("nodes", instance_id, "alarms", alarm)
    return update


def _named(definition: Definition, instance_id: str) -> set[str]:
    spec = definition.node(instance_id)
    return set(spec.alarms) if spec else set()
