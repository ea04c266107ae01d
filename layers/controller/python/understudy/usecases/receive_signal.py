"""EC2 or CloudWatch says something of a member (S11): store it, and judge every cluster that it concerns."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from understudy.domain.heartbeat import MalformedBeatError
from understudy.domain.quoting import quoted
from understudy.domain.signal import (
    SHIFTS,
    AlarmSignal,
    MalformedSignalError,
    PowerSignal,
    Signal,
    read_alarm,
    read_power,
    read_shift,
)
from understudy.domain.situation import observer_by_clock
from understudy.ports import BeatLedger, ClusterIndex, Refusal, StateLedger
from understudy.ports.fleet import ZoneWords
from understudy.usecases.judging import Judge
from understudy.usecases.record_heartbeat import MALFORMED, whole_seconds
from understudy.usecases.step import Clock

EC2_STATE = "EC2 Instance State-change Notification"
ALARM_STATE = "CloudWatch Alarm State Change"
SHIFT_KEPT_S = 86_400
"""How long a zone is taken for impaired (seconds) when nothing is heard of its end: such events come on a best effort
basis. An Availability Zone has been without power for 20 hours."""
AHEAD_LIMIT_S = 60
"""AWS's clocks agree within seconds. A time farther ahead of ours is none, and everything after it would be older."""
log = logging.getLogger(__name__)


def receive_signal(
    event: Mapping[str, Any],
    *,
    beats: BeatLedger,
    ledger: StateLedger,
    index: ClusterIndex,
    judge: Judge,
    clock: Clock,
    zones: ZoneWords | None = None,
) -> list[str]:
    """Record one event of the default bus; the clusters that were judged by it.

    The event's own `time` is AWS's: these sources cannot be forged. A word of AWS's counts even when it comes late, and
    not at all when it comes from the future. An event that says nothing we know is told of in the log and changes
    nothing; it would be no better the next time, so it is not tried again. The watch asks EC2 itself where a proof is
    missing. What AWS says of an Availability Zone is noted in `zones`: no cluster is judged by it (B15).
    """
    judged: list[str] = []
    try:
        if zones is not None and event.get("detail-type") in SHIFTS:
            _note_shift(event, zones, clock())
            return judged
        signals = _signals(event, index, clock())
    except MalformedSignalError as fault:
        log.warning("signal refused", extra={"reason": MALFORMED, "fault": str(fault)})
        return judged
    for cluster, signal in signals:
        recorded = beats.record_signal(cluster, signal)
        if isinstance(recorded, Refusal):
            log.info("signal refused", extra={"reason": recorded.reason, "cluster": cluster})
            continue
        policy = ledger.definition(cluster, recorded.definition_version).policy
        now = int(clock())
        decision = judge.judge(recorded, now, observer_by_clock(recorded, policy, now))
        log.warning("signal received", extra={"cluster": cluster, "signal": str(signal), "rule": decision.rule})
        judged.append(cluster)
    return judged


def _note_shift(event: Mapping[str, Any], zones: ZoneWords, now: float) -> None:
    at = _time(event.get("time"), now)
    zone_id, shift, begins = read_shift(event.get("detail-type"), event.get("detail"))
    log.warning("traffic is shifted", extra={"zone_id": zone_id, "shift": str(shift), "begins": begins})
    zones.note_shift(zone_id, shift, at, at + SHIFT_KEPT_S if begins else 0)


def _signals(event: Mapping[str, Any], index: ClusterIndex, now: float) -> Iterable[tuple[str, Signal]]:
    at, kind, detail = _time(event.get("time"), now), event.get("detail-type"), event.get("detail")
    if kind == EC2_STATE:
        instance_id, power = read_power(detail)
        return [(cluster, PowerSignal(instance_id, power, at)) for cluster in index.clusters_of_instance(instance_id)]
    if kind == ALARM_STATE:
        name, is_on = read_alarm(detail)
        return [(cluster, AlarmSignal(node, name, is_on, at)) for cluster, node in index.nodes_of_alarm(name)]
    raise MalformedSignalError(f"detail-type is {quoted(kind)}; allowed: {EC2_STATE}, {ALARM_STATE}")


def _time(text: Any, now: float) -> int:
    try:
        at = whole_seconds(text if isinstance(text, str) else "")
    except MalformedBeatError as fault:
        raise MalformedSignalError(f"time: {fault}") from None
    if at - now > AHEAD_LIMIT_S:
        told = f"time is {quoted(text)}, {at - now:.0f} s ahead of the clock"
        raise MalformedSignalError(f"{told}; allowed: at most {AHEAD_LIMIT_S} s")
    return at
