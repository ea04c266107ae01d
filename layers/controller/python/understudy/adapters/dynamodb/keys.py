"""Where everything stands in the cluster table: every key, and the names of the attributes that several items share.

What belongs to a cluster stands under its name. What does not has a `#` in its partition key, which no name has.
"""

from understudy.adapters.dynamodb.values import Item, to_item
from understudy.domain.cluster.definition import Definition, ZoneKey

INDEX = "clusters"
"""The index by `kind`."""
KIND = "cluster"
KIND_UNACCEPTED = "unaccepted"

STATE = "state"
UNACCEPTED = "refusal"
"""As the first version called it, which knew no texts that are put off."""
READINESS = "readiness"
DRILL = "drill"

STACK = "stack#"
TUNING = "tuning"
FLEET = "fleet#"
SEAL = "seal#"
RATE_BUDGETS = "zone#"
"""They are the account's: no zone is called like them."""
SECRET = "secret"  # noqa: S105 - the name of the attribute, too
CLAIM = "claim"
INTENT = "intent#"
TURN = "turn"

KEPT_S = 86_400
"""When DynamoDB may delete what nobody needs any more, counted from when it was of use last (seconds)."""


def key(pk: str, sk: str) -> Item:
    """The key of an item."""
    return to_item({"pk": pk, "sk": sk})


def definition_sk(version: int) -> str:
    """Where a version of a definition stands."""
    return f"definition#{version:08d}"


def history_sk(epoch: int) -> str:
    """Where the history of an epoch stands."""
    return f"history#{epoch:08d}"


def instance_pk(instance_id: str) -> str:
    """Where the clusters of an instance are looked up."""
    return f"instance#{instance_id}"


def alarm_pk(alarm: str) -> str:
    """Where the nodes of an alarm are looked up."""
    return f"alarm#{alarm}"


def claim_pk(address: str) -> str:
    """Where the cluster stands that an address belongs to."""
    return f"address#{address}"


def look_ups(definition: Definition) -> set[tuple[str, str]]:
    """The keys (pk, sk) of all look-up items of a definition."""
    cluster = f"cluster#{definition.cluster}"
    instances = {(instance_pk(node.instance_id), cluster) for node in definition.nodes}
    alarms = {(alarm_pk(alarm), f"{cluster}#{node.instance_id}") for node in definition.nodes for alarm in node.alarms}
    return instances | alarms


def zone_pk(zone: ZoneKey) -> str:
    """Where the queue of a hosted zone stands: an item for each cluster's intent, and one for the turn."""
    return f"zone#{'#'.join(zone)}"


def rate_budget_sk(purpose: str) -> str:
    """Where it is kept what is left of the share of Route 53's buckets, as the first version called it."""
    return f"share#{purpose}"


def change_key(change_id: str) -> Item:
    """Where it is kept who asks for a change of Route 53."""
    return key(f"change#{change_id}", "status")


def place_sk(place: str) -> str:
    """Where the clusters stand that speak for a place."""
    return f"place#{place}"


def zone_sk(zone_id: str) -> str:
    """Where the shifts away from an availability zone stand."""
    return f"zone#{zone_id}"


def minute_sk(minute: int) -> str:
    """Where the moves of a minute are counted."""
    return f"minute#{minute}"


TURNS = "turns"
"""Where it stands for which minute the watch has let moves through."""
