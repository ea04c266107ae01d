"""EC2 or CloudWatch says something of a member (S11): store it, and judge every cluster that it concerns."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from understudy.domain.model import PowerReading
from understudy.domain.signal import AlarmSignal, PowerSignal, Signal
from understudy.domain.situation import observer_by_clock
from understudy.ports import BeatLedger, ClusterIndex, Refusal, StateLedger
from understudy.usecases.judging import Judge
from understudy.usecases.record_heartbeat import whole_seconds
from understudy.usecases.step import Clock

EC2_STATE = "EC2 Instance State-change Notification"
ALARM_STATE = "CloudWatch Alarm State Change"
log = logging.getLogger(__name__)


def receive_signal(
    event: Mapping[str, Any],
    *,
    beats: BeatLedger,
    ledger: StateLedger,
    index: ClusterIndex,
    judge: Judge,
    clock: Clock,
) -> list[str]:
    """Record one event of the default bus; the clusters that were judged by it.

    The event's own `time` is AWS's: these sources cannot be forged. A word of AWS's counts even when it comes late.
    """
    judged = []
    for cluster, signal in _signals(event, index):
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


def _signals(event: Mapping[str, Any], index: ClusterIndex) -> Iterable[tuple[str, Signal]]:
    at = whole_seconds(event["time"])
    detail = event["detail"]
    if event["detail-type"] == EC2_STATE:
        word = PowerSignal(detail["instance-id"], PowerReading(detail["state"]), at)
        return [(cluster, word) for cluster in index.clusters_of_instance(word.instance_id)]
    name, is_on = detail["alarmName"], detail["state"]["value"] == "ALARM"
    return [(cluster, AlarmSignal(node, name, is_on, at)) for cluster, node in index.nodes_of_alarm(name)]
