"""The controller's own choice, by the beats that the agents have really sent: which node takes over, if any does."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from tests.nodes.agents import CLUSTER
from tests.nodes.leases import Leases
from tests.nodes.machine import Machine
from understudy.domain.cluster.definition import Definition, NodeSpec, ServiceSpec
from understudy.domain.cluster.policy import Policy
from understudy.domain.cluster.state import ClusterState, NodeReport
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.rules import Action, decide
from understudy.domain.decide.situation import Observer, survey
from understudy.domain.lease.terms import terms_of
from understudy.domain.observe.heartbeat import parse_beat


def report_of(leases: Leases, machine: Machine, now: int) -> NodeReport:
    """What the controller would know of a node by its newest beat, heard at `now`."""
    *_, newest = leases.beats_of(machine, CLUSTER)
    beat = parse_beat(newest.source, now, newest.said)
    words = ("heard_at", "beat", "boot", "service", "keeps_lease", "read_epoch", "agent", "knows", "named", "unfit")
    said = {word: getattr(beat, word) for word in words}
    return NodeReport(machine.name, heard_since=now - 3600, due_by=now + 9, fitness=beat.fitness, **said)


def view_after_death(
    leases: Leases, machines: Sequence[Machine], dead: Machine, service: str, policy: Policy
) -> ClusterView:
    """The cluster as it is once the active node has been silent for long enough. `machines`: best priority first."""
    now = int(time.time())
    ids = {machine: machine.metadata.instance.instance_id for machine in machines}
    nodes = {ids[machine]: report_of(leases, machine, now) for machine in machines}
    last_heard = now - int(policy.silence_limit_s)
    nodes[ids[dead]] = replace(nodes[ids[dead]], heard_at=last_heard, due_by=last_heard + 9)
    specs = tuple(
        NodeSpec(machine.name, ids[machine], number, machine.address, f"zone-{number}")
        for number, machine in enumerate(machines, 1)
    )
    definition = Definition(CLUSTER, 1, specs, (), services=(ServiceSpec(service),), policy=policy)
    epoch = max(node.read_epoch for node in nodes.values())
    state = ClusterState(CLUSTER, 1, epoch, 1, terms_of(policy), nodes, active=ids[dead])
    return ClusterView(state, definition, now)


def chosen(view: ClusterView, machines: Sequence[Machine]) -> Machine | None:
    """Who is failed over to; None: nothing is moved."""
    situation = survey(view, Observer.TRUSTED)
    if decide(situation).action is not Action.FAIL_OVER:
        return None
    (found,) = (each for each in machines if each.metadata.instance.instance_id == situation.target)
    return found
