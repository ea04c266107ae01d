"""Members that are named by a tag: which instance is meant now."""

from collections.abc import Mapping

from understudy.definition.document import NodeDocument
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
    return known, [*faults, *_twice(known)]


def _twice(known: Mapping[int, NodeDocument]) -> list[str]:
    """One instance that is two members by its tag: it would count twice in a majority."""
    places: dict[str, list[int]] = {}
    for position, node in known.items():
        places.setdefault(node.known_id, []).append(position)
    return [
        f"{' and '.join(f'nodes[{each}]' for each in several)}: are the same instance, {instance_id}; allowed: one each"
        for instance_id, several in places.items()
        if len(several) > 1 and any(known[each].tag for each in several)
    ]
