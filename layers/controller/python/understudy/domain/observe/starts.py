"""Which nodes are known to have failed to start the service, and since when.

A node that failed to start looks well as soon as another one serves: its services are down, as a standby's should be.
So its failed start is kept in the state until it has served, has booted anew, its agent's configuration or the
definition has changed, or a person clears it.
"""

from collections.abc import Mapping
from hashlib import sha256

from understudy.domain.cluster.definition import Definition, QuorumMode
from understudy.domain.cluster.failed_start import FailedStart
from understudy.domain.cluster.service_names import means_the_same
from understudy.domain.cluster.state import ClusterState, NodeReport, ServiceStatus, Stage
from understudy.domain.cluster.view import ClusterView
from understudy.domain.observe.quorum import reach_objection

DIGEST_LENGTH = 6
DOWN = (ServiceStatus.OUT_OF_SERVICE, ServiceStatus.STOPPING)


def obeys(report: NodeReport, state: ClusterState) -> bool:
    """Whether the report was made under this epoch: there is no higher one. A node without an agent knows none."""
    return report.read_epoch == state.epoch or not report.keeps_lease


def failed_starts(state: ClusterState, definition: Definition) -> Mapping[str, FailedStart]:
    """The failed starts that count now, by instance id. What they rest on may have changed since they were noted."""
    return {
        instance_id: failed
        for instance_id, failed in state.failed_starts.items()
        if (report := state.nodes.get(instance_id)) is not None
        and failed.of == tried_with(report)
        and not _has_served(instance_id, report, failed, state, definition)
    }


def failed_words(view: ClusterView, instance_id: str) -> str:
    """That the service did not start on a node, and how long ago that was; empty where no failed start counts."""
    failed = failed_starts(view.state, view.definition).get(instance_id)
    if failed is None:
        return ""
    name = view.definition.name_of(instance_id)
    return f"the service did not start on {name} {view.now - failed.at} s ago (epoch {failed.epoch})"


def with_failure_of_holder(view: ClusterView) -> Mapping[str, FailedStart]:
    """The failed starts that count at `now` (seconds), with that of the lease's holder, should its service be down.

    Its start has failed when its service is not in service and the lease is taken from it while it was to start, or
    when it says FAILED: then its agent has tried to start the service again and has given up.
    """
    counting = failed_starts(view.state, view.definition)
    holder, report = view.state.active, view.state.nodes.get(view.state.active or "")
    if holder is None or report is None or not _has_failed(holder, report, view):
        return counting
    since = counting[holder].at if holder in counting else view.now
    return {**counting, holder: FailedStart(since, view.state.epoch, tried_with(report))}


def start_objection(report: NodeReport, view: ClusterView) -> str:
    """Why an agent that holds the lease starts nothing at all, by its own word; empty when it does.

    One that reaches no majority of the quorum hosts does not, whatever it was granted. It may say nothing of
    them: unknown is not failed.
    """
    is_lost = report.quorum is not None and not report.quorum.is_majority
    is_asked = view.definition.quorum.mode is QuorumMode.TCP_REMOTE
    is_down = obeys(report, view.state) and report.service in DOWN
    return reach_objection(report.quorum, view.definition.quorum) if is_lost and is_asked and is_down else ""


def _has_failed(instance_id: str, report: NodeReport, view: ClusterView) -> bool:
    """A node that did not try, for a reason of its own that is told by itself, has not failed to start."""
    if not means_the_same(report, view.definition, instance_id) or start_objection(report, view):
        return False
    if obeys(report, view.state) and report.service in (ServiceStatus.IN_SERVICE, ServiceStatus.FAILED):
        return report.service is ServiceStatus.FAILED
    return view.state.transition is not None and view.state.transition.stage is Stage.STARTING


def _has_served(
    instance_id: str, report: NodeReport, failed: FailedStart, state: ClusterState, definition: Definition
) -> bool:
    """Whether the node says that it serves under its lease of now, or says late that it did under that one."""
    is_under_lease = report.read_epoch == failed.epoch or (instance_id == state.active and obeys(report, state))
    is_meant = means_the_same(report, definition, instance_id)
    return report.service is ServiceStatus.IN_SERVICE and is_under_lease and is_meant


def tried_with(report: NodeReport) -> str:
    """What a start on a node is made with: a digest of its boot and of its agent's configuration."""
    text = f"{report.boot}\n{report.config}"
    return sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]
