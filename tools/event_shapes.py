"""The shapes of what the controller puts on its bus, in the words of JSON Schema."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.state import TransitionAction
from understudy.domain.observe.health import NodeHealth
from understudy.domain.watch.drift import RecordStatus
from understudy.usecases.transition.close_transition import Reason

Schema = dict[str, Any]


@dataclass(frozen=True)
class Event:
    """One detail-type. `told`: whether the stack's topic gets a notice of it, in words; it begins with yes or no."""

    detail_type: str
    meaning: str
    told: str
    schema: Schema
    sample: Mapping[str, Any]


def object_of(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """Exactly these properties."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def detail_of(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """What every event of ours carries beside its own: `version`, that of the shape; 1 when it is missing."""
    return object_of(required, {"version": INTEGER, **(optional or {})})


def list_of(of: Schema) -> Schema:
    """A list of such entries."""
    return {"type": "array", "items": of}


def map_of(of: Schema) -> Schema:
    """An object with any keys and such values."""
    return {"type": "object", "additionalProperties": of}


def or_null(schema: Schema) -> Schema:
    """This, or nothing."""
    return {"anyOf": [schema, {"type": "null"}]}


def _one_of(kind: type[StrEnum]) -> Schema:
    return {"enum": [str(each) for each in kind]}


TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
INTEGER: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
EPOCH: Schema = {"type": "integer", "minimum": 0}
SECONDS_1970: Schema = {"type": "integer", "description": "seconds since 1970"}
ACTION: Schema = _one_of(TransitionAction)
NODE_FACTS = object_of(
    {
        "instance_id": TEXT,
        "health": _one_of(NodeHealth),
        "heard_age_s": or_null(NUMBER),
        "service": TEXT,
        "fault": TEXT,
        "unfit": TEXT,
        "start_failed_at": or_null(SECONDS_1970),
        "quorum": TEXT,
        "power": TEXT,
        "goes": TEXT,
        "alarms_on": list_of(TEXT),
    }
)
FACTS = object_of(
    {
        "now": INTEGER,
        "epoch": EPOCH,
        "active": or_null(TEXT),
        "silence_limit_s": NUMBER,
        "nodes": map_of(NODE_FACTS),
    }
)
WRITER = or_null(object_of({"stack": TEXT, "cluster": TEXT, "epoch": EPOCH, "node": TEXT}))
FINDING: Mapping[str, Schema] = {
    "record": TEXT,
    "standing": _one_of(RecordStatus),
    "why": TEXT,
    "expected": TEXT,
    "expected_ttl_s": INTEGER,
    "expected_writer": WRITER,
    "found": list_of(TEXT),
    "found_ttl_s": or_null(INTEGER),
    "guard": list_of(TEXT),
    "guard_ttl_s": or_null(INTEGER),
    "guard_writer": WRITER,
}
CLUSTER: Mapping[str, Schema] = {"cluster": TEXT, "epoch": EPOCH}
HOLD = detail_of({**CLUSTER, "reason": TEXT, "since": or_null(SECONDS_1970), "until": or_null(SECONDS_1970)})
RECORDS_WITHHELD = detail_of({**CLUSTER, "records": list_of(object_of({**FINDING, "advice": TEXT}))})
CLOSED: Schema = {
    "anyOf": [
        detail_of(
            {
                **CLUSTER,
                "action": ACTION,
                "outcome": {"enum": ["IN_SERVICE", "DEGRADED", "HELD"]},
                "reasons": list_of(_one_of(Reason)),
                "source": or_null(TEXT),
                "active": or_null(TEXT),
                "address": or_null(_one_of(AddressStatus)),
                "start_failed": list_of(TEXT),
                "rule": TEXT,
                "execution": TEXT,
            }
        ),
        detail_of({**CLUSTER, "outcome": {"const": "BROKEN"}, "broken": {"type": "object"}}),
    ]
}
