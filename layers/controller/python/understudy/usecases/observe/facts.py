"""The facts that a decision saw, in words that stay readable in the history (B5)."""

from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.state import ClusterState
from understudy.domain.decide.leaving import departures
from understudy.domain.decide.situation import health_of
from understudy.domain.events.facts import ClusterFacts, NodeFacts
from understudy.domain.observe.quorum import objection
from understudy.domain.observe.starts import failed_starts


def facts_of(state: ClusterState, definition: Definition, now: int) -> ClusterFacts:
    """Every node with its health and what it was judged by; ages in seconds at `now`.

    `quorum`: why quorum keeps the node from taking over; empty when it does not. `start_failed_at`: since when the
    service is known not to start on it (seconds); None when it is not. `goes`: who is about to take the node away;
    empty when nobody is.
    """
    nodes: dict[str, NodeFacts] = {}
    failed, going = failed_starts(state, definition), departures(state)
    for instance_id, report in state.nodes.items():
        nodes[report.name] = {
            "instance_id": instance_id,
            "health": str(health_of(state, definition, instance_id, now)),
            "heard_age_s": None if report.heard_at is None else now - report.heard_at,
            "service": str(report.service),
            "fault": report.fault,
            "unfit": report.unfit,
            "start_failed_at": failed[instance_id].at if instance_id in failed else None,
            "quorum": objection(state, definition, instance_id, now),
            "power": str(report.power_now),
            "goes": going[instance_id].words if instance_id in going else "",
            "alarms_on": sorted(name for name, alarm in report.alarms.items() if alarm.on),
        }
    return {
        "now": now,
        "epoch": state.epoch,
        "active": definition.name_of(state.active) if state.active else None,
        "silence_limit_s": definition.policy.silence_limit_s,
        "nodes": nodes,
    }
