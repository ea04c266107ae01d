"""The events about what was put and what was found: definitions, records, addresses, nodes, readiness."""

from collections.abc import Mapping
from typing import Any

from tools import event_shapes as shapes
from tools.event_shapes import CLUSTER, TEXT, Event, detail_of, list_of, map_of, object_of, or_null
from understudy.domain.watch.drift import ADVICE, RecordStatus

WHERE: Mapping[str, Any] = {"cluster": "orders-db", "epoch": 7}
CHECK = object_of({"name": TEXT, "verdict": TEXT, "found": TEXT, "advice": TEXT})
OURS: Mapping[str, Any] = {"stack": "understudy", "cluster": "orders-db", "epoch": 7, "node": "node-b"}
DRIFT: Mapping[str, Any] = {
    "record": "orders-db.corp.example.com A",
    "standing": "DRIFTED",
    "why": "the record has 203.0.113.9, not 10.0.2.10",
    "expected": "10.0.2.10",
    "expected_ttl_s": 10,
    "expected_writer": OURS,
    "found": ["203.0.113.9"],
    "found_ttl_s": 300,
    "guard": ['"understudy stack=understudy cluster=orders-db epoch=7 node=node-b"'],
    "guard_ttl_s": 10,
    "guard_writer": OURS,
}
FINDINGS: tuple[Event, ...] = (
    Event(
        "Understudy Definition Accepted",
        "A definition is in force. `definition_version` is its; `last_holder`: who served before, for a new cluster.",
        "no",
        detail_of({"cluster": TEXT, "definition_version": shapes.INTEGER, "last_holder": or_null(TEXT)}),
        {"cluster": "orders-db", "definition_version": 1790000000, "last_holder": "node-a"},
    ),
    Event(
        "Understudy Definition Refused",
        "A definition has faults; the last good one stays in force. `parameter_version`: which one of the parameter's.",
        "yes",
        detail_of({"cluster": TEXT, "parameter_version": shapes.INTEGER, "faults": list_of(TEXT)}),
        {"cluster": "orders-db", "parameter_version": 4, "faults": ["policy: lease_s is 40; allowed: 4 to 30"]},
    ),
    Event(
        "Understudy Definition Put Off",
        "A definition that was put cannot be judged, `since` when and `why`. It is tried again each minute.",
        "yes",
        detail_of({"cluster": TEXT, "parameter_version": shapes.INTEGER, "since": shapes.INTEGER, "why": TEXT}),
        {
            "cluster": "orders-db",
            "parameter_version": 4,
            "since": 1790000000,
            "why": "hosted zone Z0EXAMPLE cannot be read: AccessDenied",
        },
    ),
    Event(
        "Understudy Tuning Accepted",
        "Tunables of the stack are in force; `ignored` names the keys that are not ours.",
        "no",
        detail_of({"parameter_version": shapes.INTEGER, "values": map_of(shapes.INTEGER), "ignored": list_of(TEXT)}),
        {"parameter_version": 2, "values": {"ROUTE53_TTL": 10}, "ignored": ["LKROOT"]},
    ),
    Event(
        "Understudy Tuning Refused",
        "The tunables have faults; the last good ones stay in force.",
        "yes",
        detail_of({"parameter_version": shapes.INTEGER, "faults": list_of(TEXT)}),
        {"parameter_version": 3, "faults": ["ROUTE53_TTL is 0; allowed: 1 to 86400"]},
    ),
    Event(
        "Understudy Record Drifted",
        "Somebody changed a protected record or its guard. It is put right within a minute.",
        "yes",
        detail_of({**CLUSTER, "records": list_of(object_of(shapes.FINDING))}),
        {**WHERE, "records": [DRIFT]},
    ),
    Event(
        "Understudy Record Guarded",
        "A record has a guard that is not this cluster's, or is newer than its table. Nothing was moved.",
        "yes",
        shapes.RECORDS_WITHHELD,
        {
            **WHERE,
            "records": [
                {
                    **DRIFT,
                    "standing": "FOREIGN",
                    "why": "the guard says that cluster files of stack understudy protects it",
                    "guard": ['"understudy stack=understudy cluster=files epoch=3 node=node-x"'],
                    "guard_writer": {"stack": "understudy", "cluster": "files", "epoch": 3, "node": "node-x"},
                    "advice": ADVICE[RecordStatus.FOREIGN],
                }
            ],
        },
    ),
    Event(
        "Understudy Record Obstructed",
        "An alias, a routing policy or a CNAME stands in the place of a record or its guard. Nothing was moved.",
        "yes",
        shapes.RECORDS_WITHHELD,
        {
            **WHERE,
            "records": [
                {
                    **DRIFT,
                    "standing": "OBSTRUCTED",
                    "why": "orders-db.corp.example.com is a CNAME",
                    "found": [],
                    "found_ttl_s": None,
                    "advice": ADVICE[RecordStatus.OBSTRUCTED],
                }
            ],
        },
    ),
    Event(
        "Understudy Address Changed",
        "A protected route or Elastic IP leads elsewhere (`addresses`: where; empty: nowhere). It is put right.",
        "yes",
        detail_of({**CLUSTER, "addresses": map_of(TEXT)}),
        {**WHERE, "addresses": {"route 192.0.2.10/32 in rtb-0a1b2c3d": "eni-0f0f0f0f"}},
    ),
    Event(
        "Understudy Node Changed",
        "EC2 says that a member is not as the definition has it, or (`fault` empty) that it is so again.",
        "yes, but not when it is right again",
        detail_of({"cluster": TEXT, "node": TEXT, "instance_id": TEXT, "fault": TEXT, "is_active": shapes.FLAG}),
        {
            "cluster": "orders-db",
            "node": "node-b",
            "instance_id": "i-0c2d3e4f5a6b70819",
            "fault": "its address is 10.0.2.99, not 10.0.2.10",
            "is_active": False,
        },
    ),
    Event(
        "Understudy Peers Degraded",
        "Nodes could not give each other promises: no key, different keys, no answer. Once for each change.",
        "yes, but not when `faults` is empty: all is well again",
        detail_of({**CLUSTER, "faults": list_of(TEXT)}),
        {"cluster": "orders-db", "epoch": 7, "faults": ["node-a gets no answer from node-b"]},
    ),
    Event(
        "Understudy Readiness Failed",
        "A check found what would break a failover. Once for each change of `failed`.",
        "yes",
        detail_of({"cluster": TEXT, "failed": list_of(TEXT), "checks": list_of(CHECK)}),
        {
            "cluster": "orders-db",
            "failed": ["stop-allowed"],
            "checks": [
                {
                    "name": "stop-allowed",
                    "verdict": "FAIL",
                    "found": "node-b has no tag understudy:stack",
                    "advice": "tag the instance with understudy:stack and the stack's name",
                }
            ],
        },
    ),
    Event(
        "Understudy Silence Doubted",
        "Many nodes are silent, no Availability Zone and no subnet explains it, and failovers that rest on silence "
        "alone are put off: those of `clusters`, of which the `oldest` are named. `places`: where nodes are silent. "
        "Told once, and once more with `clusters` 0 when none is put off any more.",
        "yes",
        detail_of(
            {
                "clusters": shapes.INTEGER,
                "of_clusters": shapes.INTEGER,
                "silent_nodes": shapes.INTEGER,
                "of_nodes": shapes.INTEGER,
                "places": map_of(TEXT),
                "moves_a_minute": shapes.INTEGER,
                "oldest": list_of(TEXT),
            }
        ),
        {
            "clusters": 495,
            "of_clusters": 1000,
            "silent_nodes": 1002,
            "of_nodes": 2000,
            "places": {"us-east-1a": "338 of 667", "us-east-1b": "330 of 667", "us-east-1c": "334 of 666"},
            "moves_a_minute": 5,
            "oldest": ["orders-db", "invoices-db"],
        },
    ),
)
