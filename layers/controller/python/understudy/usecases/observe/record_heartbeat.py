"""A heartbeat comes in: store it with one conditional write, and judge the whole cluster by what that write answers."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.quoting import quoted
from understudy.domain.cluster.service_names import misnamed_in
from understudy.domain.cluster.state import ClusterState
from understudy.domain.decide.situation import observer_by_beat
from understudy.domain.observe.heartbeat import Beat, MalformedBeatError, parse_beat
from understudy.domain.observe.signal import LateSignal, NamesSignal
from understudy.ports.ledger import STALE, BeatLedger, Refusal, StateLedger
from understudy.ports.measure import Measure, unmeasured
from understudy.usecases.observe.judge import Judge
from understudy.usecases.step import Clock

RECORDED = "recorded"
MALFORMED = "malformed"
INGESTION_LIMIT_S = 600
"""No beat is under way for so long: the rule and Lambda together give up after two minutes. A time farther from the
clock is none of EventBridge's, and must not be remembered as when a node was heard."""
log = logging.getLogger(__name__)


def record_heartbeat(
    event: Mapping[str, Any],
    *,
    beats: BeatLedger,
    ledger: StateLedger,
    judge: Judge,
    clock: Clock,
    measure: Measure = unmeasured,
) -> str:
    """Record one beat and answer what became of it: `recorded`, or the reason why it was refused.

    `event`: {"source": instance ARN, "ingested_at": ISO time of EventBridge, "detail": the sender's own words}.
    A beat that is refused changes nothing and raises nothing. The metric Heartbeats counts beats by what became of
    them; HeartbeatAgeSeconds is their age when they have been dealt with, up to a second too much: EventBridge cuts
    its time off.
    """
    try:
        beat = _read(event, clock)
    except MalformedBeatError as fault:
        log.warning("heartbeat refused", extra={"reason": MALFORMED, "fault": str(fault)})
        measure({"Heartbeats": 1}, outcome=MALFORMED)
        return MALFORMED
    outcome = _record(beat, beats, ledger, judge, clock)
    age_s = round(max(0.0, clock() - beat.heard_at), 3)
    measure({"Heartbeats": 1, "HeartbeatAgeSeconds": age_s}, outcome=outcome)
    return outcome


def _record(beat: Beat, beats: BeatLedger, ledger: StateLedger, judge: Judge, clock: Clock) -> str:
    recorded = beats.record_beat(beat)
    if isinstance(recorded, Refusal):
        log.info("heartbeat refused", extra={"reason": recorded.reason, "cluster": beat.cluster})
        if recorded is STALE and beat.late_s:
            _remember_lateness_of_stale(beat, beats, ledger, clock)
        return recorded.reason
    definition = ledger.definition(recorded.cluster, recorded.definition_version)
    recorded = _compare_names(beat, recorded, definition, beats)
    late_s, now = clock() - beat.heard_at, clock()
    if late_s > definition.policy.observer_lag_limit_s:
        recorded = _remember_lateness(beat, recorded, beats, now)
    observer = observer_by_beat(recorded, definition.policy, beat.instance_id, late_s, now)
    judge.judge(recorded, beat.heard_at, observer)
    return RECORDED


def _remember_lateness(beat: Beat, state: ClusterState, beats: BeatLedger, now: float) -> ClusterState:
    """The state in which it is written down that a beat of this node was late."""
    log.warning("heartbeat late", extra={"cluster": beat.cluster, "late_s": round(now - beat.heard_at, 3)})
    told = beats.record_signal(beat.cluster, LateSignal(beat.instance_id, int(now)))
    return state if isinstance(told, Refusal) else told


def _remember_lateness_of_stale(beat: Beat, beats: BeatLedger, ledger: StateLedger, clock: Clock) -> None:
    """A beat that a newer one has overtaken tells of the way of the beats as well."""
    state = ledger.read(beat.cluster)
    if state is not None:
        policy, now = ledger.definition(state.cluster, state.definition_version).policy, clock()
        if now - beat.heard_at > policy.observer_lag_limit_s:
            _remember_lateness(beat, state, beats, now)


def _compare_names(beat: Beat, state: ClusterState, definition: Definition, beats: BeatLedger) -> ClusterState:
    """The state with the words for how the beat's services differ from the definition's; written when that changes.

    That they differ is known by the digest in the beat's own write: the words are for people.
    """
    misnamed = misnamed_in(beat.services, definition, beat.instance_id)
    if misnamed == state.nodes[beat.instance_id].misnamed:
        return state
    extra = {"cluster": beat.cluster, "node": definition.name_of(beat.instance_id), "misnamed": misnamed}
    log.warning(
        "services are named otherwise than in the definition" if misnamed else "services are as named", extra=extra
    )
    told = beats.record_signal(beat.cluster, NamesSignal(beat.instance_id, misnamed, beat.named))
    return state if isinstance(told, Refusal) else told


def _read(event: Mapping[str, Any], clock: Clock) -> Beat:
    ingested_at = event.get("ingested_at")
    if not isinstance(ingested_at, str):
        raise MalformedBeatError(f"ingested_at is {quoted(ingested_at)}, not a time; the rule's transformer sets it")
    heard_at, now = whole_seconds(ingested_at), clock()
    if abs(now - heard_at) > INGESTION_LIMIT_S:
        told = f"ingested_at is {quoted(ingested_at)}, {abs(now - heard_at):.0f} s from the clock"
        raise MalformedBeatError(f"{told}; allowed: at most {INGESTION_LIMIT_S} s")
    late_s = max(0, int(now) - heard_at)
    return parse_beat(event.get("source"), heard_at, event.get("detail"), late_s)


def whole_seconds(iso_time: str) -> int:
    """An ISO 8601 time of AWS's as whole seconds since the epoch, cut off. Raises MalformedBeatError for others."""
    try:
        moment = datetime.fromisoformat(iso_time)
    except ValueError:
        raise MalformedBeatError(f"{quoted(iso_time)} is no ISO 8601 time") from None
    if moment.tzinfo is None:
        raise MalformedBeatError(f"{quoted(iso_time)} names no time zone")
    return int(moment.timestamp())
