"""What stands in the cluster table, and how it is read: pure mapping, no call.

The hot item is written on every heartbeat, and a write costs one unit a kilobyte: so it leaves out whatever is at its
default, except what the agents read of their own node.
"""

from collections.abc import Mapping
from typing import Any

from understudy.adapters.dynamodb.keys import CLAIM, KIND, KIND_UNACCEPTED, STATE, UNACCEPTED, claim_pk, definition_sk
from understudy.adapters.dynamodb.maps import from_map, to_map
from understudy.adapters.dynamodb.values import Item, from_item, to_item
from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.errors import NewerFormatError
from understudy.domain.cluster.state import ClusterState, NodeReport
from understudy.domain.cluster.tuning import LIMITS, StackWide
from understudy.domain.cluster.unaccepted import Unaccepted

CROWDED = "crowded_until"
CLUSTERS = "cluster_count"
DOUBTED = "doubted_since"
STAGES = "stages"
POWER_WORDS = ("power", "power_at", "power_boot")
WORDS_OF_SOME = (
    *("fault", "ip", "joined", "knows", "named", "misnamed", "unfit", "config", "key", "silent"),
    *("late_at", "accepted", "lost_at", "waits", "departure", "departure_boot"),
)

FORMAT = 1
"""The format of the state item that this code writes, in its attribute `v`; items without it have format 1.

A field more is no new format: whoever does not know it leaves it alone. A new one is what older code would misread: it
then refuses the item, and does nothing."""
OBSERVER_LAG_S = 5
"""What `hearing_s` is above the interval of the beats, for items that were written before there was such a term."""

COMMITTED = (
    "epoch",
    "definition_version",
    "terms",
    "active",
    "previous",
    "transition",
    "failover_times",
    "address",
    "alert",
    "quorum",
    "hold",
    "preferred_since",
    "approval",
    "lone",
    "doubt",
    "peers",
    "mismatch",
    "failed_starts",
)
"""The attributes of the state that `commit` writes: everything but the revision, which counts, and the nodes."""


def claim_item(cluster: str, address: str) -> Item:
    """The item that says which cluster alone may move an address."""
    return to_item({"pk": claim_pk(address), "sk": CLAIM, "cluster": cluster})


def read_claim(item: Mapping[str, Mapping[str, Any]]) -> str:
    """The cluster that has claimed an address; empty without an item."""
    return str(from_item(item).get("cluster", ""))


def state_item(state: ClusterState, revision: int) -> Item:
    """The whole state item, as a first registration puts it."""
    nodes = {instance_id: node_map(report) for instance_id, report in state.nodes.items()}
    head = {"pk": state.cluster, "sk": STATE, "kind": KIND, "v": FORMAT, "revision": revision}
    return to_item({**head, **committed(state), "nodes": nodes})


def committed(state: ClusterState) -> dict[str, Any]:
    """What `commit` writes of a state; a name of COMMITTED that is missing here is to be removed."""
    values = to_map(state, sparse=True)
    return {name: values[name] for name in COMMITTED if name in values}


def node_map(report: NodeReport) -> dict[str, Any]:
    """One node as it stands in the state item. What EC2 says is there from its first word on."""
    values = to_map(report)
    absent = () if report.power_at else POWER_WORDS
    left_out = {*absent, *(word for word in WORDS_OF_SOME if not values.get(word))}
    return {name: values[name] for name in values if name not in left_out}


def read_state(item: Mapping[str, Mapping[str, Any]]) -> ClusterState:
    """The state that an item holds, of this format or any before. Raises NewerFormatError."""
    values = from_item(item)
    if (found := format_of(item)) > FORMAT:
        raise NewerFormatError(values["pk"], found, FORMAT)
    terms = {"hearing_s": values["terms"]["heartbeat_interval_s"] + OBSERVER_LAG_S, **values["terms"]}
    return from_map(ClusterState, {**values, "cluster": values["pk"], "terms": terms})


def format_of(item: Mapping[str, Mapping[str, Any]]) -> int:
    """The format of a state item."""
    return int(item.get("v", {"N": "1"})["N"])


def definition_item(definition: Definition) -> Item:
    """The item of one version of a definition."""
    sk = definition_sk(definition.version)
    return to_item({"pk": definition.cluster, "sk": sk, "definition": to_map(definition)})


def read_definition(item: Mapping[str, Mapping[str, Any]]) -> Definition:
    """The definition that an item holds."""
    return from_map(Definition, _in_words_of_today(from_item(item)["definition"]))


def _in_words_of_today(values: Mapping[str, Any]) -> dict[str, Any]:
    """Definitions of version 0.1.0 had one address, their `record`; `fence_limit_s`; and one word for `failback`."""
    policy = dict(values.get("policy", {}))
    if "fence_limit_s" in policy:
        policy.setdefault("fencing", {"limit_s": policy["fence_limit_s"]})
    if isinstance(policy.get("failback"), str):
        policy["failback"] = {"mode": policy["failback"]}
    records = {"records": [values["record"]]} if "record" in values else {}
    return {**records, **values, "policy": policy}


def unaccepted_item(cluster: str, text: Unaccepted) -> Item:
    """The item of a text that is not in force. An earlier version takes a `putting` that is there for a refused one."""
    which = {"putting" if text.is_refused else "put_off": text.revision}
    how = {"faults": list(text.faults), "since": text.since, "why": text.why, "told": text.is_told}
    return to_item({"pk": cluster, "sk": UNACCEPTED, "kind": KIND_UNACCEPTED, **which, **how})


def read_unaccepted(item: Mapping[str, Mapping[str, Any]]) -> Unaccepted | None:
    """The text that is not in force; None without an item."""
    values = from_item(item)
    if not values:
        return None
    return Unaccepted(
        revision=str(values.get("putting") or values.get("put_off", "")),
        faults=tuple(values.get("faults", ())),
        since=values.get("since", 0),
        why=values.get("why", ""),
        is_told=values.get("told", False),
    )


def read_stack_wide(item: Mapping[str, Mapping[str, Any]]) -> StackWide:
    """The stack's tunables, none without an item, and what else holds for all clusters.

    Tunables that this code does not know are ignored.
    """
    values = from_item(item)
    tuning = {name: int(value) for name, value in values.get("values", {}).items() if name in LIMITS}
    return StackWide(
        tuning,
        crowded_until=values.get(CROWDED, 0),
        cluster_count=values.get(CLUSTERS, 0),
        doubted_since=values.get(DOUBTED, 0),
    )


def read_digest(item: Mapping[str, Mapping[str, Any]]) -> str:
    """The digest of the text that an item came from; empty without an item."""
    return str(from_item(item).get("digest", ""))


def facts_as_attributes(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of a transition as attributes of its history item.

    The times of the stages come one by one, each from its own step. DynamoDB cannot set an entry of a map that may not
    be there yet, so each is an attribute of its own whose name has a dot in it: `stages.opened_at`.
    """
    whole = facts.get(STAGES, {})
    return {
        **{name: value for name, value in facts.items() if name != STAGES},
        **{f"{STAGES}.{stage}": at for stage, at in whole.items()},
    }


def read_history(item: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The facts that a history item holds, the times of the stages as one map under `stages`."""
    values = {name: value for name, value in from_item(item).items() if name not in ("pk", "sk")}
    dotted = f"{STAGES}."
    facts = {name: value for name, value in values.items() if not name.startswith(dotted)}
    stages = {name.removeprefix(dotted): value for name, value in values.items() if name.startswith(dotted)}
    return {**facts, STAGES: stages} if stages else facts
