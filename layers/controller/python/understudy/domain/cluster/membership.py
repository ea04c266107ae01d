"""Who knows of a new node. A holder that is cut off goes on by the promises of the nodes that it knows."""

from understudy.domain.cluster.state import ClusterState


def is_known_to_holder(state: ClusterState, instance_id: str) -> bool:
    """Whether the node that holds the lease, or held it last, would ask this one for a promise before it goes on.

    One that it does not know has promised it nothing, so its lease that has run out is no proof for that one. Its beat
    must say so from the epoch of its own grant or later: from then on it gives no promise to those before it either. A
    holder that asks nobody, or that EC2 says is off, does not go on by promises.
    """
    holder_id = state.active or (state.previous.node if state.previous else None)
    report, holder = state.nodes.get(instance_id), state.nodes.get(holder_id or "")
    if report is None or holder is None or instance_id == holder_id or not report.joined:
        return True
    if not holder.knows or holder.power_now.is_off:
        return True
    granted_under = state.previous.ended_epoch - 1 if state.previous and not state.active else state.epoch
    # What there has not been yet, nobody can have read: such a word is worth nothing.
    knows_it = report.joined <= holder.knows <= state.definition_version
    return knows_it and granted_under <= holder.read_epoch <= state.epoch
