"""The events about moves, and about the people who are called."""

from collections.abc import Mapping
from typing import Any

from tools import event_shapes as shapes
from tools.event_shapes import CLUSTER, TEXT, Event, detail_of, or_null

WHERE: Mapping[str, Any] = {"cluster": "orders-db", "epoch": 7}
A_NODE: Mapping[str, Any] = {
    "instance_id": "i-0a1b2c3d4e5f60718",
    "health": "SILENT",
    "heard_age_s": 21,
    "service": "IN_SERVICE",
    "fault": "",
    "unfit": "",
    "start_failed_at": None,
    "quorum": "",
    "power": "unknown",
    "goes": "",
    "alarms_on": [],
}
B_NODE: Mapping[str, Any] = {
    **A_NODE,
    "instance_id": "i-0c2d3e4f5a6b70819",
    "health": "UNKNOWN",
    "heard_age_s": None,
    "service": "OUT_OF_SERVICE",
}
MOVES: tuple[Event, ...] = (
    Event(
        "Understudy Transition Opened",
        "A move begins: the lease of the node before has been taken back.",
        "no: its end follows, or an alarm",
        detail_of(
            {
                **CLUSTER,
                "action": shapes.ACTION,
                "source": or_null(TEXT),
                "target": TEXT,
                "rule": TEXT,
                "why": TEXT,
                "reason": TEXT,
                "execution": TEXT,
            }
        ),
        {
            **WHERE,
            "action": "failover",
            "source": "node-a",
            "target": "node-b",
            "rule": "active-is-silent",
            "why": "the active node has not been heard for silence_limit_s, and another node is fit",
            "reason": "",
            "execution": "orders-db-epoch7-0c41b7a2d95e6f38",
        },
    ),
    Event(
        "Understudy Transition Closed",
        "A move has ended: IN_SERVICE, DEGRADED or HELD with `reasons`, or BROKEN with what broke. `start_failed`: the "
        "nodes on which the service is known not to have started.",
        "yes, but not of a switchover, a placement or a repair that ended IN_SERVICE",
        shapes.CLOSED,
        {
            **WHERE,
            "action": "failover",
            "outcome": "DEGRADED",
            "reasons": ["ADDRESS_OWED"],
            "source": "node-a",
            "active": "node-b",
            "address": "OWED",
            "start_failed": [],
            "rule": "active-is-silent",
            "execution": "orders-db-epoch7-0c41b7a2d95e6f38",
        },
    ),
    Event(
        "Understudy Operator Called",
        "A rule needs a person. Once when it begins to hold, rarely twice.",
        "yes",
        detail_of({**CLUSTER, "rule": TEXT, "why": TEXT, "facts": shapes.FACTS}),
        {
            **WHERE,
            "rule": "no-fit-candidate",
            "why": "the active node has not been heard for silence_limit_s, and no other node is fit to take over",
            "facts": {
                "now": 1790000021,
                "epoch": 7,
                "active": "node-a",
                "silence_limit_s": 15,
                "nodes": {"node-a": A_NODE, "node-b": B_NODE},
            },
        },
    ),
    Event(
        "Understudy Alert Over",
        "The rule that called a person holds no more. `now` and `why`: what holds instead.",
        "yes",
        detail_of({**CLUSTER, "rule": TEXT, "now": TEXT, "why": TEXT}),
        {
            **WHERE,
            "rule": "no-fit-candidate",
            "now": "active-is-ready",
            "why": "the active node is heard and well, and nothing is due",
        },
    ),
    Event(
        "Understudy Cluster Degraded",
        "The service runs, and for five minutes no other node has been fit to take over, but for those on which the "
        "service did not start. Told again, with `fault` and "
        "`since` null, when one is.",
        "yes, but not when a node is fit again",
        detail_of(
            {**CLUSTER, "fault": or_null(TEXT), "since": or_null(shapes.SECONDS_1970), "facts": shapes.FACTS},
        ),
        {
            **WHERE,
            "fault": "no other node is fit to take over",
            "since": 1790000000,
            "facts": {
                "now": 1790000300,
                "epoch": 7,
                "active": "node-b",
                "silence_limit_s": 15,
                "nodes": {"node-a": A_NODE, "node-b": B_NODE},
            },
        },
    ),
    Event(
        "Understudy Failed Start Cleared",
        "An operator has cleared a node on which the service did not start, since `start_failed_at`.",
        "no",
        detail_of({**CLUSTER, "node": TEXT, "start_failed_at": shapes.SECONDS_1970, "reason": TEXT}),
        {**WHERE, "node": "node-b", "start_failed_at": 1790000000, "reason": "disk replaced"},
    ),
    Event(
        "Understudy Cluster Held",
        "An operator holds the cluster: it does not move by itself.",
        "no; an alarm tells of a hold of more than a day",
        shapes.HOLD,
        {**WHERE, "reason": "patching", "since": 1790000000, "until": 1790003600},
    ),
    Event(
        "Understudy Cluster Resumed",
        "The hold was ended by an operator, or is over.",
        "no",
        shapes.HOLD,
        {**WHERE, "reason": "the hold is over", "since": None, "until": None},
    ),
)
