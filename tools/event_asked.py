"""The events about questions to people, rehearsals and drills, and what the table and Route 53 disagree on."""

from tools import event_shapes as shapes
from tools.event_moves import A_NODE, B_NODE, WHERE
from tools.event_shapes import CLUSTER, EPOCH, FLAG, INTEGER, NUMBER, TEXT, Event, detail_of, list_of, map_of, or_null
from understudy.domain.advise.rehearsal import RehearsalVerdict
from understudy.domain.cluster.approval import commands
from understudy.domain.notices.incident import PRIORITIES, TEXT_LIMIT, EventAction, Severity
from understudy.domain.transition.drill import DrillOutcome
from understudy.usecases.answer.notify_operator import INCIDENT

EXECUTION = "orders-db-epoch8-5f62adce8e13fe42"
MOVE = {"action": shapes.ACTION, "source": or_null(TEXT), "target": TEXT}
ASKED: tuple[Event, ...] = (
    Event(
        "Understudy Approval Asked",
        "A move waits for a person. `approve` and `deny` are whole commands: one of them answers.",
        "yes",
        detail_of(
            {
                **CLUSTER,
                **MOVE,
                "rule": TEXT,
                "why": TEXT,
                "facts": shapes.FACTS,
                "wait_s": INTEGER,
                "on_timeout": {"enum": ["hold", "proceed"]},
                "execution": TEXT,
                "approve": TEXT,
                "deny": TEXT,
            }
        ),
        {
            **WHERE,
            "action": "failover",
            "source": "node-a",
            "target": "node-b",
            "rule": "active-is-silent",
            "why": "the active node has not been heard for silence_limit_s, and another node is fit",
            "facts": {
                "now": 1790000021,
                "epoch": 7,
                "active": "node-a",
                "silence_limit_s": 15,
                "nodes": {"node-a": A_NODE, "node-b": B_NODE},
            },
            "wait_s": 600,
            "on_timeout": "hold",
            "execution": EXECUTION,
            **commands("AQCEAAAAKgAAAAMAAAAAAAAAAd", "eu-central-1"),
        },
    ),
    Event(
        "Understudy Approval Ended",
        "A question is closed: APPROVED, DENIED, UNANSWERED, UNREADABLE or WITHDRAWN.",
        "yes, but not of a move that was approved",
        detail_of(
            {
                **CLUSTER,
                **MOVE,
                "outcome": {"enum": ["APPROVED", "DENIED", "UNANSWERED", "UNREADABLE", "WITHDRAWN"]},
                "by": TEXT,
                "reason": TEXT,
                "why": TEXT,
                "execution": TEXT,
                "asked_again_at": or_null(shapes.SECONDS_1970),
            }
        ),
        {
            **WHERE,
            "action": "failover",
            "source": "node-a",
            "target": "node-b",
            "outcome": "DENIED",
            "by": "the person on call",
            "reason": "the network is being worked on",
            "why": "the person on call said no: the network is being worked on",
            "execution": EXECUTION,
            "asked_again_at": 1790000621,
        },
    ),
    Event(
        "Understudy Rehearsal Finished",
        "A move was thought through, and nothing was changed. The plan is in the execution's output.",
        "no: whoever asked reads the execution",
        detail_of(
            {
                **CLUSTER,
                "verdict": {"enum": [str(each) for each in RehearsalVerdict]},
                "reasons": list_of(TEXT),
                "warnings": list_of(TEXT),
                "source": or_null(TEXT),
                "target": or_null(TEXT),
                "usual_outage_s": map_of(NUMBER),
                "outage_budget_s": or_null(NUMBER),
            }
        ),
        {
            **WHERE,
            "verdict": "READY",
            "reasons": [],
            "warnings": [],
            "source": "node-a",
            "target": "node-b",
            "usual_outage_s": {"switchover": 12.5, "failover": 31.0},
            "outage_budget_s": 60,
        },
    ),
    Event(
        "Understudy Drill Finished",
        "A planned drill has ended, or was due and not begun.",
        "yes, but not of one that passed within its budget",
        detail_of(
            {
                **CLUSTER,
                "active": or_null(TEXT),
                "outcome": {"enum": [str(each) for each in DrillOutcome]},
                "why": TEXT,
                "outages_s": map_of(NUMBER),
                "measured_s": or_null(NUMBER),
                "budget_s": or_null(NUMBER),
                "within": or_null(FLAG),
            }
        ),
        {
            **WHERE,
            "active": "node-a",
            "outcome": "PASSED",
            "why": "out and back",
            "outages_s": {"out": 41.0, "back": 12.0},
            "measured_s": 41.0,
            "budget_s": 30,
            "within": False,
        },
    ),
    Event(
        "Understudy Epoch Lifted",
        "A guard of the cluster's own was ahead of the table: the move goes on above it.",
        "yes",
        detail_of({**CLUSTER, "lifted_from": EPOCH, "guard_epoch": EPOCH, "guard_node": TEXT, "is_fenced_anew": FLAG}),
        {**WHERE, "lifted_from": 4, "guard_epoch": 6, "guard_node": "node-b", "is_fenced_anew": True},
    ),
    Event(
        "Understudy State Too New",
        "A newer stack has written the states of these clusters: this one does nothing for them. Every minute.",
        "yes",
        detail_of({"clusters": list_of(TEXT), "format": INTEGER, "known": INTEGER}),
        {"clusters": ["orders-db"], "format": 2, "known": 1},
    ),
    Event(
        INCIDENT,
        "An incident for a pager begins (`trigger`) or is over (`resolve`): what the event `event` opens or ends. The "
        "two have the same `dedup_key`. `summary` is of 130 characters at most, `text` is the notice. How to pass it "
        "on: [notices.md](notices.md).",
        "no: it is made of the events that they are told of",
        detail_of(
            {
                "cluster": or_null(TEXT),
                "event_action": {"enum": [str(each) for each in EventAction]},
                "dedup_key": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,255}$"},
                "severity": {"enum": [str(each) for each in Severity]},
                "priority": {"enum": sorted(set(PRIORITIES.values()))},
                "summary": {"type": "string", "maxLength": 130},
                "service": TEXT,
                "text": {"type": "string", "maxLength": TEXT_LIMIT},
                "runbook": or_null(TEXT),
                "event": TEXT,
                "event_id": TEXT,
            }
        ),
        {
            "cluster": "orders-db",
            "event_action": "trigger",
            "dedup_key": "123456789012:eu-central-1:understudy:orders-db:rule.no-fit-candidate",
            "severity": "critical",
            "priority": "P1",
            "summary": "[understudy] orders-db: you are needed (no-fit-candidate)",
            "service": "understudy/orders-db",
            "text": "Understudy, stack understudy, ...",
            "runbook": "docs/on-call.md#no-fit-candidate",
            "event": "Understudy Operator Called",
            "event_id": "4f3c1f0e-6f5c-4a8e-9d0a-6b1f2c3d4e5f",
        },
    ),
)
