"""What the state remembers from one judgement to the next, and what of it is over."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from understudy.domain.cluster.failed_start import FailedStart
from understudy.domain.cluster.state import ClusterState
from understudy.domain.cluster.view import ClusterView
from understudy.domain.observe.health import NodeHealth, diagnose


@dataclass(frozen=True)
class Upkeep:
    """What should stand in the state: since when (seconds) the preferred node has been fit without a break, and the
    failed starts that count still.
    """

    preferred_since: int | None = None
    failed_starts: Mapping[str, FailedStart] = field(default_factory=dict, hash=False)


def kept_up(view: ClusterView, upkeep: Upkeep) -> ClusterState:
    """The state as it should be, without the doubt of a node that is heard again."""
    state = view.state
    report = state.nodes.get(state.active or "")
    is_doubted = report is not None and diagnose(report, view.policy, view.now) is NodeHealth.SILENT
    return replace(
        state,
        doubt=state.doubt if is_doubted else None,
        preferred_since=upkeep.preferred_since,
        failed_starts=upkeep.failed_starts,
    )
