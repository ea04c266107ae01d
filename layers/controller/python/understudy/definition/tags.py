"""Members that are named by a tag: which instance is meant now (B17)."""

from collections.abc import Mapping

from understudy.document import NodeDocument
from understudy.ports.nodes import Nodes


def found_by_tag(listed: Mapping[int, NodeDocument], nodes: Nodes) -> tuple[dict[int, NodeDocument], list[str]]:
    """The nodes with the ids of their instances, by their places in the list, and why some of them have none.

    Raises NodesUnreadableError.
    """
    tags = sorted({node.tag for node in listed.values() if node.tag})
    living = nodes.tagged(tags) if tags else {}
    known, faults = dict[int, NodeDocument](), []
    for position, node in listed.items():
        ids = living.get(node.tag, ())
        if not node.tag:
            known[position] = node
        elif len(ids) == 1:
            known[position] = node.model_copy(update={"instance_id": ids[0]})
        else:
            there = f"{len(ids)} living instances have it ({', '.join(ids)})" if ids else "no living instance has it"
            faults.append(f"nodes[{position}].instance.tag: found {node.tag!r}; {there}; allowed: one")
    return known, faults
