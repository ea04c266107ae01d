"""The edge: a definition as people write it, in YAML or JSON, read with every fault named by path and value found.

The JSON Schema for editors (`docs/cluster.schema.json`) is printed from these classes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from understudy.domain.definition import Definition, FailoverBudget, NodeSpec, Policy, Record, ServiceSpec
from understudy.domain.lease import contradictions
from understudy.domain.tuning import Tuning
from understudy.ports import InstanceFacts, Nodes, ParameterText

NAME = r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"
DNS_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"

Name = Annotated[str, StringConstraints(pattern=NAME)]
InstanceId = Annotated[str, StringConstraints(pattern=r"^i-[0-9a-f]{8,17}$")]
ZoneId = Annotated[str, StringConstraints(pattern=r"^Z[A-Z0-9]{1,31}$")]
RecordName = Annotated[
    str,
    StringConstraints(to_lower=True, max_length=240, pattern=rf"^({DNS_LABEL}\.)+{DNS_LABEL}\.?$"),
]
AlarmName = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Seconds = Annotated[float, Field(gt=0, le=3600)]
Interval = Annotated[int, Field(ge=1, le=300)]
Tries = Annotated[int, Field(ge=1, le=100)]


class DefinitionError(Exception):
    """No acceptable definition. `faults`: a sentence for each, with path, value found and what is allowed."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class NodeDocument(_Part):
    """An EC2 instance that can run the service."""

    name: Name = Field(description="What people call the node.")
    instance_id: InstanceId
    priority: int = Field(ge=1, le=1000, description="The fit node with the lowest number is taken first.")
    alarms: tuple[AlarmName, ...] = Field(
        (), max_length=10, description="CloudWatch alarms that mean: this node failed."
    )


class AddressDocument(_Part):
    """What clients use and the controller moves."""

    kind: Literal["route53_record"]
    hosted_zone_id: ZoneId
    name: RecordName = Field(description="The protected host name.")
    type: Literal["A"] = "A"


class ServiceDocument(_Part):
    """A service by name. What it is, the agent's own file on the node says."""

    name: Name
    depends_on: tuple[Name, ...] = ()


class BudgetDocument(_Part):
    """How many automatic failovers are allowed in a window of time."""

    count: Annotated[int, Field(ge=1, le=1000)] = 3
    window_s: Annotated[int, Field(ge=60, le=604800)] = 3600


class PolicyDocument(_Part):
    """Timings in seconds, and choices. The timings must agree with each other."""

    heartbeat_interval_s: Seconds = 4
    lease_read_interval_s: Seconds = 2
    lease_s: Seconds = 12
    kill_limit_s: Seconds = 1
    drift_margin_s: Seconds = 2
    silence_limit_s: Seconds = 15
    observer_lag_limit_s: Seconds = 5
    fence_limit_s: Seconds = 60
    service_start_limit_s: Seconds = 120
    failback: Literal["manual"] = "manual"
    max_failovers: BudgetDocument = BudgetDocument()


class TuningDocument(_Part):
    """The tunables of the Recovery Kit for Route 53, under its names and with its defaults."""

    ROUTE53_TTL: Annotated[int, Field(ge=1, le=86400)] = 10
    ROUTE53_RECORD_INTERVAL: Interval = 2
    ROUTE53_RECORD_TRY_COUNT: Tries = 3
    ROUTE53_CHANGEID_INTERVAL: Interval = 20
    ROUTE53_CHANGEID_TRY_COUNT: Tries = 5
    ROUTE53_RECORDCHECK_INTERVAL: Interval = 2
    ROUTE53_RECORDCHECK_TRY_COUNT: Tries = 4


class ClusterDocument(_Part):
    """One protected service group: its nodes, its address, its services and its policy."""

    nodes: tuple[NodeDocument, ...] = Field(min_length=2, max_length=10)
    addresses: tuple[AddressDocument, ...] = Field(min_length=1, max_length=1)
    services: tuple[ServiceDocument, ...] = Field((), max_length=64)
    policy: PolicyDocument = PolicyDocument()
    tuning: TuningDocument = TuningDocument()


class _PlainLoader(yaml.SafeLoader):
    """YAML without what could surprise: no aliases (a few lines can stand for gigabytes), no key said twice."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.constructor.ConstructorError(None, None, "aliases are not allowed", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str) or key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} is said twice or is no text", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def parse_document(text: str) -> ClusterDocument:
    """Read the text of a cluster's parameter. Raises DefinitionError with every fault that can be seen without AWS."""
    try:
        content = yaml.load(text, Loader=_PlainLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, RecursionError) as fault:
        raise DefinitionError([f"the text is neither YAML nor JSON: {' '.join(str(fault).split())}"]) from None
    if not isinstance(content, dict):
        raise DefinitionError([f"the text is {content!r:.60}, not an object with nodes and addresses"])
    try:
        document = ClusterDocument.model_validate(content)
    except ValidationError as fault:
        raise DefinitionError([_sentence(error) for error in fault.errors(include_url=False)]) from None
    faults = [*_twice(document), *_bad_dependencies(document), *_timing_faults(document)]
    if faults:
        raise DefinitionError(faults)
    return document


def read_definition(text: ParameterText, version: int, nodes: Nodes) -> tuple[Definition | None, list[str]]:
    """The definition, under `version`, that a parameter's text stands for, or the list of its faults.

    Raises NodesUnreadableError when EC2 cannot be asked for the addresses: then the text cannot be judged yet.
    """
    try:
        document = parse_document(text.text)
        instances = nodes.facts([node.instance_id for node in document.nodes])
        return replace(define(text.cluster, version, document, instances), digest=text.digest), []
    except DefinitionError as fault:
        return None, fault.faults


def define(cluster: str, version: int, document: ClusterDocument, instances: Mapping[str, InstanceFacts]) -> Definition:
    """The normalised definition, with the addresses that EC2 gave (S1, S3).

    Raises DefinitionError for an instance that EC2 does not know and for nodes that are all in one Availability Zone.
    """
    faults = [
        f"nodes[{position}].instance_id: found {node.instance_id!r}; EC2 knows no such instance here"
        for position, node in enumerate(document.nodes)
        if node.instance_id not in instances
    ]
    zones = {facts.zone for facts in instances.values()}
    if not faults and len(zones) < 2:
        faults = [f"nodes: all are in {zones.pop()}; allowed: nodes in at least two Availability Zones"]
    if faults:
        raise DefinitionError(faults)
    address = document.addresses[0]
    policy = document.policy.model_dump()
    budget = FailoverBudget(**policy.pop("max_failovers"))
    return Definition(
        cluster=cluster,
        version=version,
        nodes=tuple(
            NodeSpec(
                name=node.name,
                instance_id=node.instance_id,
                priority=node.priority,
                address=instances[node.instance_id].address,
                zone=instances[node.instance_id].zone,
                alarms=node.alarms,
            )
            for node in document.nodes
        ),
        record=Record(address.hosted_zone_id, address.name.rstrip("."), address.type),
        services=tuple(ServiceSpec(service.name, service.depends_on) for service in document.services),
        policy=Policy(**policy, max_failovers=budget),
        tuning=Tuning(**document.tuning.model_dump()),
    )


def _sentence(error: Any) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).lstrip(".")
    if error["type"] == "missing":
        return f"{path}: is missing"
    if error["type"] == "extra_forbidden":
        return f"{path}: is not a key of a definition"
    return f"{path}: found {error['input']!r:.80}; {error['msg']}"


def _twice(document: ClusterDocument) -> Iterator[str]:
    for key in ("name", "instance_id", "priority"):
        seen: dict[Any, int] = {}
        for position, node in enumerate(document.nodes):
            value = getattr(node, key)
            if value in seen:
                yield f"nodes[{position}].{key}: found {value!r}, which nodes[{seen[value]}] has already"
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


def _timing_faults(document: ClusterDocument) -> list[str]:
    policy = document.policy.model_dump()
    budget = FailoverBudget(**policy.pop("max_failovers"))
    return [f"policy: {fault}" for fault in contradictions(Policy(**policy, max_failovers=budget))]
