"""EC2 or CloudWatch says something of a member: store it, and judge every cluster that it concerns."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from understudy.domain.cluster.departure import Cause, Departure
from understudy.domain.cluster.quoting import quoted
from understudy.domain.decide.situation import observer_by_clock
from understudy.domain.observe.heartbeat import MalformedBeatError
from understudy.domain.observe.signal import (
    SHIFTS,
    AlarmSignal,
    DepartureSignal,
    MalformedSignalError,
    PowerSignal,
    Signal,
    read_alarm,
    read_instance,
    read_lifecycle_action,
    read_power,
    read_shift,
)
from understudy.ports.fleet import ZoneWords
from understudy.ports.ledger import BeatLedger, ClusterIndex, Refusal, StateLedger
from understudy.usecases.observe.judge import Judge
from understudy.usecases.observe.let_go import Releaser
from understudy.usecases.observe.record_heartbeat import MALFORMED, whole_seconds
from understudy.usecases.step import Clock, for_each

EC2_STATE = "EC2 Instance State-change Notification"
ALARM_STATE = "CloudWatch Alarm State Change"
LIFECYCLE_ACTION = "EC2 Instance-terminate Lifecycle Action"
SPOT_EVENTS = {
    "EC2 Spot Instance Interruption Warning": Cause.SPOT,
    "EC2 Instance Rebalance Recommendation": Cause.REBALANCE,
}
SPOT_LIMIT_S = 180
"""How old (seconds) the warning of an interruption may be: two minutes after it EC2 has done what it said. A node that
is back by then has not to go again."""
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
    releaser: Releaser,
    zones: ZoneWords | None = None,
) -> list[str]:
    """Record one event of the default bus; the clusters that were judged by it.

    The event's own `time` is AWS's: these sources cannot be forged. A word of AWS's counts even when it comes late, and
    not at all when it comes from the future. An event that says nothing we know is told of in the log and changes
    nothing; it would be no better the next time, so it is not tried again. The watch asks EC2 itself where a proof is
    missing. What AWS says of an Availability Zone is noted in `zones`: no cluster is judged by it. An instance
    that its Auto Scaling group is about to end is let go by `releaser`, at once where no cluster needs it.

    More than six parameters, since an event may be of any kind, and each kind needs a port of its own.
    """
    now = clock()
    try:
        if zones is not None and event.get("detail-type") in SHIFTS:
            _note_shift(event, zones, now)
            return []
        going = _departure(event, now)
        signals = _of_members(going, index) if going else _signals(event, index, now)
    except MalformedSignalError as fault:
        log.warning("signal refused", extra={"reason": MALFORMED, "fault": str(fault)})
        return []
    judged = for_each(signals, lambda each: _judge(*each, beats, ledger, judge, clock), "signal not dealt with")
    if going and going.departure.hook:
        releaser.release(going.instance_id, going.departure)
    return [cluster for cluster in judged if cluster]


def _judge(cluster: str, signal: Signal, beats: BeatLedger, ledger: StateLedger, judge: Judge, clock: Clock) -> str:
    """Record a signal of one cluster, and judge it; the cluster, or nothing when the signal was refused."""
    recorded = beats.record_signal(cluster, signal)
    if isinstance(recorded, Refusal):
        log.info("signal refused", extra={"reason": recorded.reason, "cluster": cluster})
        return ""
    policy, now = ledger.definition(cluster, recorded.definition_version).policy, int(clock())
    decision = judge.judge(recorded, now, observer_by_clock(recorded, policy, now))
    log.warning("signal received", extra={"cluster": cluster, "signal": str(signal), "rule": decision.rule})
    return cluster


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
    allowed = ", ".join([EC2_STATE, ALARM_STATE, LIFECYCLE_ACTION, *SPOT_EVENTS])
    raise MalformedSignalError(f"detail-type is {quoted(kind)}; allowed: {allowed}")


def _departure(event: Mapping[str, Any], now: float) -> DepartureSignal | None:
    """AWS's word that an instance goes; None: the event is another. Raises MalformedSignalError."""
    kind, detail = event.get("detail-type"), event.get("detail")
    cause = SPOT_EVENTS.get(kind) if isinstance(kind, str) else None
    if cause is None and kind != LIFECYCLE_ACTION:
        return None
    at = _time(event.get("time"), now)
    if cause is Cause.SPOT and now - at > SPOT_LIMIT_S:
        raise MalformedSignalError(f"time is {now - at:.0f} s ago; allowed: at most {SPOT_LIMIT_S} s")
    return DepartureSignal(read_instance(detail), Departure(cause, at)) if cause else read_lifecycle_action(detail, at)


def _of_members(going: DepartureSignal, index: ClusterIndex) -> Iterable[tuple[str, Signal]]:
    return [(cluster, going) for cluster in index.clusters_of_instance(going.instance_id)]


def _time(text: Any, now: float) -> int:
    try:
        at = whole_seconds(text if isinstance(text, str) else "")
    except MalformedBeatError as fault:
        raise MalformedSignalError(f"time: {fault}") from None
    if at - now > AHEAD_LIMIT_S:
        told = f"time is {quoted(text)}, {at - now:.0f} s ahead of the clock"
        raise MalformedSignalError(f"{told}; allowed: at most {AHEAD_LIMIT_S} s")
    return at
