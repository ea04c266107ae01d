"""The edge: a definition as people write it, in YAML or JSON, read with every fault named by path and value found."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from understudy.definition.addresses import (
    KINDS,
    contradicting_addresses,
    elastic_ips_of,
    load_balancers_of,
    records_of,
    routes_of,
    unfit_nodes,
)
from understudy.definition.document import AddressDocument, ClusterDocument, InstanceDocument, NodeDocument
from understudy.definition.plain_yaml import read_plain_yaml
from understudy.definition.policy import RENAMED, policy_faults, policy_of
from understudy.definition.quorum import contradicting_quorum, own_hosts, quorum_of
from understudy.definition.sound import sound_parts
from understudy.definition.tags import found_by_tag
from understudy.definition.unknown_keys import about_key
from understudy.domain.cluster.definition import (
    LAST_PRIORITY,
    ClientVpc,
    Definition,
    NodeSpec,
    Role,
    ServiceSpec,
)
from understudy.domain.cluster.errors import NodesUnreadableError
from understudy.domain.cluster.quoting import plain, quoted
from understudy.domain.cluster.state import PowerReading
from understudy.ports.nodes import InstanceFacts, Nodes
from understudy.ports.parameters import DefinitionReading, ParameterText


class DefinitionError(Exception):
    """No acceptable definition. `faults`: a sentence for each, with path, value found and what is allowed."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def parse_document(text: str) -> ClusterDocument:
    """Read the text of a cluster's parameter. Raises DefinitionError with every fault that can be seen without AWS."""
    document = _shaped(_content(text))
    if faults := [*_disagreements(document)]:
        raise DefinitionError(faults)
    return document


def read_definition(text: ParameterText, version: int, nodes: Nodes) -> DefinitionReading:
    """What a parameter's text stands for: a definition under `version`, or every fault of its text and its nodes.

    Parts without a fault are looked at also when others have one.
    """
    try:
        content = _content(text.text)
    except DefinitionError as error:
        return DefinitionReading(None, tuple(error.faults))
    document, faults = _judged(content)
    listed: dict[int, NodeDocument] = sound_parts(content, "nodes", NodeDocument)
    records = records_of(sound_parts(content, "addresses", AddressDocument).values())
    try:
        listed, untold = found_by_tag(listed, nodes)
        instances = nodes.facts([node.known_id for node in listed.values()]) if listed else {}
    except NodesUnreadableError as error:
        return DefinitionReading(None, tuple(faults), records, str(error))
    if document is None or untold:
        return DefinitionReading(None, (*faults, *untold, *_unusable_nodes(listed, instances)), records)
    document = document.model_copy(update={"nodes": tuple(listed.values())})
    faults += _unfit(document, instances)
    if faults:
        return DefinitionReading(None, tuple(faults), records)
    return DefinitionReading(
        replace(define(text.cluster, version, document, instances), digest=text.digest), records=records
    )


def _judged(content: Mapping[str, Any]) -> tuple[ClusterDocument | None, list[str]]:
    try:
        document = _shaped(content)
    except DefinitionError as error:
        return None, error.faults
    return document, [*_disagreements(document)]


def _content(text: str) -> Mapping[str, Any]:
    try:
        content = read_plain_yaml(text)
    except ValueError as fault:
        raise DefinitionError([f"the text is neither YAML nor JSON: {fault}"]) from None
    if not isinstance(content, dict):
        raise DefinitionError([f"the text is {quoted(content)}, not an object with nodes and addresses"])
    return content


def _shaped(content: Mapping[str, Any]) -> ClusterDocument:
    try:
        return ClusterDocument.model_validate(content)
    except ValidationError as fault:
        raise DefinitionError(list(_sentences(fault.errors(include_url=False)))) from None


def _disagreements(document: ClusterDocument) -> Iterator[str]:
    """In what its parts do not fit together."""
    yield from _twice(document)
    yield from contradicting_addresses(document)
    yield from _bad_dependencies(document)
    yield from policy_faults(document)
    yield from contradicting_quorum(document)


def define(cluster: str, version: int, document: ClusterDocument, instances: Mapping[str, InstanceFacts]) -> Definition:
    """The normalised definition, with the addresses that EC2 gave.

    Raises DefinitionError for an instance that can be no node, and for nodes that are all in one Availability Zone.
    """
    if faults := _unfit(document, instances):
        raise DefinitionError(faults)
    return Definition(
        cluster=cluster,
        version=version,
        nodes=tuple(_node(node, instances[node.known_id]) for node in document.nodes),
        records=records_of(document.addresses),
        routes=routes_of(document),
        elastic_ips=elastic_ips_of(document),
        load_balancers=load_balancers_of(document),
        services=tuple(ServiceSpec(service.name, service.depends_on) for service in document.services),
        policy=policy_of(document),
        tuning_set=document.tuning.model_dump(exclude_unset=True),
        client_vpcs=tuple(ClientVpc(each.vpc_id, each.region) for each in document.client_vpcs),
        dns_forwarder=document.dns_forwarder,
        quorum=quorum_of(document),
    )


def _unfit(document: ClusterDocument, instances: Mapping[str, InstanceFacts]) -> list[str]:
    """What EC2 says against the nodes. Of those that are fit in themselves also what they are together."""
    listed = dict(enumerate(document.nodes))
    usable = {name: facts for name, facts in instances.items() if not _unusable(facts)}
    faults = _unusable_nodes(listed, instances)
    together = [] if faults else _one_zone(document, usable)
    return [*faults, *together, *unfit_nodes(document, usable), *own_hosts(document, usable)]


def _unusable_nodes(listed: Mapping[int, NodeDocument], instances: Mapping[str, InstanceFacts]) -> list[str]:
    """Those that can be no nodes at all, by their places in the list."""
    return [
        f"nodes[{position}].{f'instance.tag: {node.tag!r} is on' if node.tag else 'instance_id: found'} "
        f"{node.known_id!r}; {why}"
        for position, node in listed.items()
        if (why := _unusable(instances.get(node.known_id)))
    ]


def _unusable(facts: InstanceFacts | None) -> str:
    """Why an instance can be no node; empty when it can."""
    if facts is None:
        return "EC2 knows no such instance here"
    if facts.power in (PowerReading.SHUTTING_DOWN, PowerReading.TERMINATED):
        return f"EC2 says that it is {facts.power}"
    if not facts.address:
        return (
            "it has no private IPv4 address on its primary network interface; allowed: an instance that has one (in a "
            "subnet that is not for IPv6 only)"
        )
    return ""


def _one_zone(document: ClusterDocument, instances: Mapping[str, InstanceFacts]) -> list[str]:
    zones = {instances[node.known_id].zone for node in document.nodes if node.role == "serving"}
    if len(zones) >= 2:
        return []
    return [f"nodes: all that serve are in {zones.pop()}; allowed: nodes in at least two Availability Zones"]


def _node(node: NodeDocument, facts: InstanceFacts) -> NodeSpec:
    return NodeSpec(
        name=node.name,
        instance_id=node.known_id,
        tag=node.tag,
        priority=node.priority or LAST_PRIORITY,
        address=facts.address,
        zone=facts.zone,
        alarms=node.alarms,
        interface_id=facts.interface_id,
        address_v6=facts.address_v6,
        role=Role(node.role),
        subnet=facts.subnet,
        zone_id=facts.zone_id,
    )


def _sentences(errors: list[Any]) -> Iterator[str]:
    """A list is not too short when what it holds is faulty: that has its own sentence."""
    faulty_parts = {error["loc"][:-depth] for error in errors for depth in range(1, len(error["loc"]))}
    for error in errors:
        if error["type"] != "too_short" or error["loc"] not in faulty_parts:
            yield _sentence(error)


def _sentence(error: Any) -> str:
    # pydantic puts the kind of an address into the path; people did not write it there.
    parts = [part for position, part in enumerate(error["loc"]) if (position, part in KINDS) != (2, True)]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{plain(part, 60)}" for part in parts).lstrip(".")
    if error["type"] == "missing":
        return f"{path}: is missing"
    if error["type"] == "union_tag_not_found":
        return f"{path}.kind: is missing"
    if error["type"] == "union_tag_invalid":
        return f"{path}.kind: found {error['ctx']['tag']!r:.80}; allowed: {', '.join(KINDS)}"
    if error["type"] == "extra_forbidden":
        under = ".".join(part for part in parts[:-1] if isinstance(part, str))
        hint = f"; it is called {RENAMED[path]} now" if path in RENAMED else about_key(under, str(parts[-1]))
        return f"{path}: is not a key of a definition{hint}"
    return f"{path}: found {error['input']!r:.80}; {error['msg']}"


def _twice(document: ClusterDocument) -> Iterator[str]:
    for key in ("name", "instance_id", "instance", "priority"):
        seen: dict[Any, int] = {}
        for position, node in enumerate(document.nodes):
            value = getattr(node, key)
            if value in seen and value is not None:
                found = repr(value.tag if isinstance(value, InstanceDocument) else value)
                yield f"nodes[{position}].{key}: found {found}, which nodes[{seen[value]}] has already"
            seen.setdefault(value, position)


def _bad_dependencies(document: ClusterDocument) -> Iterator[str]:
    names = [service.name for service in document.services]
    for position, service in enumerate(document.services):
        if service.name in names[:position]:
            yield f"services[{position}].name: found {service.name!r} a second time"
        for dependency in service.depends_on:
            if dependency not in names:
                yield f"services[{position}].depends_on: found {dependency!r}; allowed: {', '.join(names)}"
    cycle = _cycle({service.name: service.depends_on for service in document.services})
    if cycle:
        yield f"services: depend on each other in a circle: {' -> '.join(cycle)}"


def _cycle(depends_on: dict[str, tuple[str, ...]]) -> list[str]:
    """The names along one circle of dependencies, the first one again at the end; empty when there is none."""
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for dependency in depends_on.get(name, ()):
            if found := walk(dependency, [*path, name]):
                return found
        done.add(name)
        return []

    for name in depends_on:
        if found := walk(name, []):
            return found
    return []
