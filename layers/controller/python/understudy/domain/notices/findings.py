"""The words for events about what was put or found: definitions, records, addresses, nodes, readiness."""

from collections.abc import Mapping
from typing import Any

from understudy.domain.notices.layout import LINES_LIMIT, Words, cluster_of, part, parts, word, words

Detail = Mapping[str, Any]
SILENCE_SECTION = "silence-of-many"
GOES_ON = "Nothing was moved by this. What was in service goes on."


def definition_refused(detail: Detail) -> Words:
    """A definition has faults."""
    return _refused(
        f"The definition of {cluster_of(detail)} that was put", f"{cluster_of(detail)}: definition refused", detail
    )


def definition_put_off(detail: Detail) -> Words:
    """A definition waits for something that cannot be read."""
    cluster = cluster_of(detail)
    return Words(
        f"{cluster}: a definition that was put waits",
        (f"The definition of {cluster} that was put cannot be judged yet: {word(detail.get('why'))}",),
        ("It is not in force. The one before it, if any, stays.", GOES_ON),
        ("Mend what cannot be read, most often a right. It is tried again each minute, and need not be put again.",),
        "a-text-that-is-not-in-force",
    )


def tuning_refused(detail: Detail) -> Words:
    """The tunables of the stack have faults."""
    return _refused("The tunables that were put", "tunables refused", detail)


def _refused(what: str, headline: str, detail: Detail) -> Words:
    return Words(
        headline,
        (f"{what} has faults and is not in force. The last good text stays.", *words(detail.get("faults"))),
        (GOES_ON,),
        ("Mend each fault, and put the text again. There is no hurry.",),
        "a-text-that-is-not-in-force",
    )


def drifted(detail: Detail) -> Words:
    """Somebody changed a record, and it is put right."""
    cluster = cluster_of(detail)
    return Words(
        f"{cluster}: somebody changed a protected record",
        tuple(f"{word(each.get('record'))}: {word(each.get('why'))}" for each in parts(detail, "records")),
        ("Clients may have been led astray. The record is put right within a minute, under a new epoch.",),
        ("Find out who writes to the zone (CloudTrail): the change comes back otherwise.",),
        "an-address-that-somebody-changed",
    )


def withheld(detail: Detail) -> Words:
    """A record is not as written, and not put right."""
    cluster, records = cluster_of(detail), parts(detail, "records")
    return Words(
        f"{cluster}: a record is not put right, look at it",
        tuple(
            f"{word(each.get('record'))} is {word(each.get('standing'), 40)}: {word(each.get('why'))}"
            for each in records
        ),
        ("Nothing was moved. Clients may be going to a wrong address, and a failover would not move this record.",),
        tuple(f"{word(each.get('record'))}: {word(each.get('advice'))}" for each in records),
        "a-record-that-is-not-put-right",
    )


def address_changed(detail: Detail) -> Words:
    """Somebody changed a route or an Elastic IP."""
    cluster, found = cluster_of(detail), part(detail, "addresses")
    return Words(
        f"{cluster}: somebody changed a route or an Elastic IP",
        tuple(f"{word(label)} leads to {word(found[label] or 'nowhere')}" for label in list(found)[:LINES_LIMIT]),
        ("Clients may have been led astray. It is put right within a minute, under a new epoch.",),
        ("Find out who changes it (CloudTrail): the change comes back otherwise.",),
        "an-address-that-somebody-changed",
    )


def node_changed(detail: Detail) -> Words | None:
    """EC2 contradicts the definition; None when it does so no more."""
    if not detail.get("fault"):
        return None
    cluster, node, is_active = cluster_of(detail), word(detail.get("node")), detail.get("is_active")
    return Words(
        f"{cluster}: {node} is not as the definition says",
        (f"EC2 says of {node} ({word(detail.get('instance_id'))}): {word(detail['fault'])}.",),
        ("It is the active node. It goes on serving." if is_active else "It is a standby, and cannot take over now.",),
        ("Put the definition again with the instance and address that are right.",),
        "understudy-node-changed",
    )


def peers_degraded(detail: Detail) -> Words | None:
    """Nodes could not give each other promises; None when they could again."""
    if not detail.get("faults"):
        return None
    return Words(
        f"{cluster_of(detail)}: an outage of AWS would stop the service",
        words(detail.get("faults")),
        (GOES_ON, "The nodes could not give each other the promises by which the active one goes on without AWS."),
        ("The readiness checks keys-alike, peers-addressed and peers-answer say what to do for each.",),
        "understudy-peers-degraded",
    )


def readiness_failed(detail: Detail) -> Words:
    """A failover would not work."""
    cluster, checks = cluster_of(detail), parts(detail, "checks")
    return Words(
        f"{cluster}: not ready for a failover",
        tuple(f"{word(each.get('name'))}: {word(each.get('found'))}" for each in checks),
        (GOES_ON, "The next failover may not work."),
        tuple(f"{word(each.get('name'))}: {word(each.get('advice'))}" for each in checks),
        "understudy-readiness-failed",
    )


def silence_doubted(detail: Detail) -> Words:
    """Many nodes are silent and no zone explains it, or that is over."""
    if not detail.get("clusters"):
        return Words(
            "silence of many: over",
            ("No failover is put off any more because many nodes are silent.",),
            ("Each cluster that still waited has moved, or its node is heard again.",),
            ("Nothing at once. Find out what kept so many nodes from being heard.",),
            SILENCE_SECTION,
        )
    clusters, of_clusters = word(detail["clusters"]), word(detail.get("of_clusters"))
    silent, of_nodes = word(detail.get("silent_nodes")), word(detail.get("of_nodes"))
    places, moves = part(detail, "places"), word(detail.get("moves_a_minute"))
    return Words(
        f"{clusters} of {of_clusters} clusters silent in no pattern, failovers are put off",
        (
            f"{silent} of {of_nodes} nodes are silent, and neither an Availability Zone nor a subnet explains it.",
            *(f"{word(place, 60)}: {word(found, 60)} nodes silent" for place, found in places.items()),
        ),
        (
            f"{clusters} clusters wait. {moves} of them fail over each minute, the oldest first. The others stay.",
            "A node that is only not heard may still serve. One that has died does not.",
        ),
        (
            "If only the heartbeats do not come through (network, DNS, credentials, EventBridge), repair that.",
            "If the nodes are dead, start a failover for each cluster that cannot wait: it is not put off.",
        ),
        SILENCE_SECTION,
    )
