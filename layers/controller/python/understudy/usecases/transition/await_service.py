"""AwaitService: granted is not in service. Wait until the node says so itself, under this epoch."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.service_names import means_the_same
from understudy.domain.cluster.state import ClusterState, NodeReport, ServiceStatus, Stage
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.situation import Observer, health_of, observer_by_clock
from understudy.domain.observe.health import NodeHealth
from understudy.domain.observe.starts import failed_starts, obeys, start_objection
from understudy.domain.transition.outcomes import AwaitOutcome
from understudy.domain.transition.steps import STAGE_SLACK_S, entered
from understudy.ports.ledger import StateLedger
from understudy.usecases.step import Clock, Outcome, answer, do_step

POLL_S = 1


def await_service(payload: Mapping[str, Any], *, ledger: StateLedger, clock: Clock) -> Outcome:
    """Look whether the service has started. FAILED: the node says so, is lost, or needs over service_start_limit_s."""
    return do_step(
        "await service", payload, ledger, lambda step, state, definition: _await(state, definition, ledger, clock)
    )


def _await(state: ClusterState, definition: Definition, ledger: StateLedger, clock: Clock) -> Outcome:
    if state.transition is None or state.transition.stage is Stage.CONFIRMING:
        return answer(AwaitOutcome.IN_SERVICE)
    now = clock()
    report = state.nodes.get(state.transition.target)
    is_meant = report is not None and means_the_same(report, definition, state.transition.target)
    if report is not None and is_meant and obeys(report, state) and report.service is ServiceStatus.IN_SERVICE:
        serving = replace(state, failed_starts=failed_starts(state, definition))  # its own counts no more
        after = entered(ClusterView(serving, definition, int(now)), Stage.CONFIRMING)
        ledger.commit(state, after, history={state.epoch: {"stages.in_service_at": now}})
        return answer(AwaitOutcome.IN_SERVICE)
    fault = _fault(report, ClusterView(state, definition, int(now)))
    return answer(AwaitOutcome.FAILED, why=fault) if fault else answer(AwaitOutcome.NOT_YET, wait_s=POLL_S)


def _misnamed(report: NodeReport) -> str:
    return report.misnamed or "names other services"


def _fault(report: NodeReport | None, view: ClusterView) -> str | None:
    assert view.state.transition is not None  # noqa: S101 - the caller has looked
    target = view.state.transition.target
    health = health_of(view, target)
    # Silence is believed only when somebody else has been heard all the time.
    is_silent = (
        health is NodeHealth.SILENT and observer_by_clock(view.state, view.policy, int(view.now)) is Observer.TRUSTED
    )
    if report is None or is_silent or health is NodeHealth.GONE:
        return f"{view.definition.name_of(target)} was lost while its service started: {health}"
    if not means_the_same(report, view.definition, target):
        return (
            f"{view.definition.name_of(target)} does not serve what the definition names: its agent {_misnamed(report)}"
        )
    if obeys(report, view.state) and report.service is ServiceStatus.FAILED:
        return f"{view.definition.name_of(target)} reports that its service failed to start"
    if against := start_objection(report, view):
        return f"{view.definition.name_of(target)} does not start its service: {against}"
    # The stage's deadline is the limit and the slack of a dead execution together.
    if view.now >= view.state.transition.deadline_at - STAGE_SLACK_S:
        return (
            f"the service did not start on {view.definition.name_of(target)} within service_start_limit_s "
            f"{view.policy.service_start_limit_s:g}"
        )
    return None
