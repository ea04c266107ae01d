"""Names and record sets as Route 53 writes them."""

import re
from collections.abc import Mapping
from typing import Any

from understudy.domain.cluster.record import Change, RecordSet

ESCAPED = re.compile(r"\\([0-7]{3})")
NAMED = re.compile(r"name='([^']+)'")


class ForeignRecordError(ValueError):
    """What stands there is no simple record: an alias, one of several under a routing policy, or a traffic policy's."""


def plain_name(name: str) -> str:
    r"""A name without its trailing dot, in lower case, with Route 53's octal escapes (`\052` for `*`) undone."""
    return ESCAPED.sub(lambda found: chr(int(found[1], 8)), name).lower().rstrip(".")


def names_in(refusal: str) -> frozenset[str]:
    """The names of the record sets that Route 53 gives as reason when it refuses a batch, as `plain_name` has them."""
    return frozenset(plain_name(name) for name in NAMED.findall(refusal))


def listing_order(name: str) -> str:
    """By what ListResourceRecordSets sorts: the labels reversed, with their dots. `a-b.x` comes before `a.x`."""
    return ".".join(reversed(name.split("."))) + "."


def read_record_set(answer: Mapping[str, Any]) -> RecordSet:
    """A simple record set of an answer.

    Raises ForeignRecordError for an alias and for a record with a routing or traffic policy. An alias has no TTL and no
    values to compare or to put back, and one of several weighted records is not what clients see: the controller did
    not make them, so it does not know what moving them would mean, and leaves them to the operator.
    """
    name = plain_name(answer["Name"])
    if "AliasTarget" in answer:
        target = answer["AliasTarget"].get("DNSName", "")
        raise ForeignRecordError(f"{name} {answer['Type']} is an alias of {target}, not a record with values")
    if "SetIdentifier" in answer:
        raise ForeignRecordError(f"{name} {answer['Type']} has a routing policy (set {answer['SetIdentifier']!r:.60})")
    if "TrafficPolicyInstanceId" in answer:
        policy = answer["TrafficPolicyInstanceId"]
        raise ForeignRecordError(f"{name} {answer['Type']} is made by a traffic policy (instance {policy!r:.60})")
    values = tuple(record["Value"] for record in answer.get("ResourceRecords", ()))
    return RecordSet(name, answer["Type"], int(answer["TTL"]), values, answer.get("HealthCheckId", ""))


def write_change(change: Change) -> dict[str, Any]:
    """One line of a batch as ChangeResourceRecordSets takes it."""
    record_set = change.record_set
    checked = {"HealthCheckId": record_set.health_check} if record_set.health_check else {}
    return {
        "Action": change.verb.value,
        "ResourceRecordSet": {
            "Name": record_set.name,
            "Type": record_set.type,
            "TTL": record_set.ttl,
            "ResourceRecords": [{"Value": value} for value in record_set.values],
            **checked,
        },
    }
