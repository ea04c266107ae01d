"""The facts that a decision saw, in words that stay readable in the history."""

from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.leaving import departures
from understudy.domain.decide.situation import health_of
from understudy.domain.events.facts import ClusterFacts, NodeFacts
from understudy.domain.observe.fitness import fitness_objection
from understudy.domain.observe.quorum import objection
from understudy.domain.observe.starts import failed_starts


def facts_of(view: ClusterView) -> ClusterFacts:
    """Every node with its health and what it was judged by; ages in seconds at `now`.

    `quorum`: why quorum keeps the node from taking over; empty when it does not. `fitness`: the number that it says;
    `not_fit`: why its own word keeps it from taking over; empty when it does not. `start_failed_at`: since when the
    service is known not to start on it (seconds); None when it is not. `goes`: who is about to take the node away;
    empty when nobody is.
    """
    nodes: dict[str, NodeFacts] = {}
    failed, going = failed_starts(view.state, view.definition), departures(view.state)
    for instance_id, report in view.state.nodes.items():
        nodes[report.name] = {
            "instance_id": instance_id,
            "health": str(health_of(view, instance_id)),
            "heard_age_s": None if report.heard_at is None else view.now - report.heard_at,
            "service": str(report.service),
            "fault": report.fault,
            "unfit": report.unfit,
            "start_failed_at": failed[instance_id].at if instance_id in failed else None,
            "quorum": objection(view, instance_id),
            "fitness": report.fitness.number if report.fitness else None,
            "not_fit": fitness_objection(view, instance_id),
            "power": str(report.power_now),
            "goes": going[instance_id].words if instance_id in going else "",
            "alarms_on": sorted(name for name, alarm in report.alarms.items() if alarm.on),
        }
    return {
        "now": view.now,
        "epoch": view.state.epoch,
        "active": view.definition.name_of(view.state.active) if view.state.active else None,
        "silence_limit_s": view.policy.silence_limit_s,
        "nodes": nodes,
    }
