"""The watch's look at the alarms: is each one that the table has as on still on?

The event that an alarm is over can be lost. Without this look its node would be unfit for ever.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence

from understudy.domain.cluster.state import Alarm, ClusterState
from understudy.domain.cluster.view import ClusterView
from understudy.domain.observe.signal import AlarmSignal
from understudy.ports.ledger import BeatLedger, Refusal
from understudy.ports.nodes import Alarms

log = logging.getLogger(__name__)


def check_alarms(views: Sequence[ClusterView], *, alarms: Alarms, beats: BeatLedger) -> dict[str, ClusterState]:
    """Ask CloudWatch again for every alarm that is noted as on, of all clusters together; the states that this changed.

    One that is on no more is noted with the time of its last change, so an alarm that has come on since stays on.
    Raises UnreadableError when CloudWatch cannot be read; one that it does not know stays as it is: not knowing is not
    being well.
    """
    names = {name for view in views for _, name in _on(view.state)}
    found = alarms.read(sorted(names)) if names else {}
    if missing := sorted(names - found.keys()):
        log.warning("alarms unknown to CloudWatch stay on: remove them from the definitions", extra={"alarms": missing})
    changed: dict[str, ClusterState] = {}
    for view in views:
        for signal in _over(view.state, found):
            after = beats.record_signal(view.state.cluster, signal)
            if isinstance(after, Refusal):
                log.info("end of an alarm not noted", extra={"cluster": view.state.cluster, "reason": after.reason})
                continue
            log.warning("end of an alarm was not heard", extra={"cluster": view.state.cluster, "signal": str(signal)})
            changed[view.state.cluster] = after
    return changed


def _on(state: ClusterState) -> Iterator[tuple[str, str]]:
    """(instance id, alarm) for each alarm of a member that is noted as on."""
    for instance_id, report in state.nodes.items():
        yield from ((instance_id, name) for name, alarm in report.alarms.items() if alarm.on)


def _over(state: ClusterState, found: Mapping[str, Alarm]) -> Iterator[AlarmSignal]:
    for instance_id, name in _on(state):
        if name in found and not found[name].on:
            yield AlarmSignal(instance_id, name, on=False, at=found[name].at)
