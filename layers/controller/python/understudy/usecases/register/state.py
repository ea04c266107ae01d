"""The state that goes with a new version of a definition."""

from collections.abc import Mapping
from dataclasses import replace

from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.failed_start import FailedStart
from understudy.domain.cluster.policy import FitnessPolicy
from understudy.domain.cluster.state import ClusterState, Lease, NodeReport
from understudy.domain.decide.replacing import needed_and_left_out, without_the_gone
from understudy.domain.lease.terms import terms_of
from understudy.domain.observe.quorum import hosts_of
from understudy.domain.transition.steps import kept_terms
from understudy.usecases.register.addresses import Survey


class TransitionOpenError(Exception):
    """The addresses cannot be changed under a transition that is moving them."""


def first_state(definition: Definition, found: Survey) -> ClusterState:
    """A new cluster. The member that an address leads to already may be serving now: it counts as last holder.

    The epoch goes on from the guards, should one stand there from an earlier life of this cluster.
    """
    previous = [
        Lease(node=each, renewed_at=None, lease_s=0, keeps_lease=False, ended_epoch=found.epoch + 1)
        for each in found.holders[:1]
    ]
    return ClusterState(
        cluster=definition.cluster,
        revision=1,
        epoch=found.epoch,
        definition_version=definition.version,
        terms=terms_of(definition.policy),
        nodes={node.instance_id: NodeReport(name=node.name, ip=node.address) for node in definition.nodes},
        previous=next(iter(previous), None),
        quorum=hosts_of(definition.quorum),
    )


def next_state(definition: Definition, state: ClusterState, old: Definition, now: int) -> ClusterState:
    """The state under a new version. Other addresses are owed at once; a shorter lease waits for the next grant.

    A guard that is ahead of the table (it was restored from a backup) lifts no epoch here: the node that the guard
    names may be serving. The next move lifts it, and fences that node first (see transition.epoch_lift). Raises
    TransitionOpenError when a transition is open that has begun with other addresses, or is about a node that goes.
    """
    if state.transition is not None and needed_and_left_out(definition, state):
        raise TransitionOpenError(f"{state.cluster}: epoch {state.epoch} is about a node that is to be left out")
    state = without_the_gone(state, definition)
    # Whoever holds the lease, or held it last, must come to know a new node before that may take over.
    joined = definition.version if state.active or state.previous else 0
    nodes = {
        node.instance_id: replace(
            state.nodes.get(node.instance_id, NodeReport(name=node.name, joined=joined)),
            name=node.name,
            ip=node.address,
            fault="",
        )
        for node in definition.nodes
    }
    leads, led = _leads(definition), _leads(old)
    if state.transition is not None and any(leads[each] != led[each] for each in leads.keys() & led.keys()):
        raise TransitionOpenError(f"{state.cluster}: epoch {state.epoch} is moving {', '.join(old.labels)}")
    is_owed = state.active is not None and leads.get(state.active) != led.get(state.active)
    return replace(
        state,
        definition_version=definition.version,
        terms=kept_terms(state, definition),
        nodes=nodes,
        address=Address(AddressStatus.OWED, state.epoch, retry_at=now) if is_owed else state.address,
        quorum=hosts_of(definition.quorum),
        preferred_since=None,  # another node may be the preferred one now
        failed_starts=_kept_failures(definition, state, old),
    )


def _kept_failures(definition: Definition, state: ClusterState, old: Definition) -> Mapping[str, FailedStart]:
    """What is defined otherwise may start. Another text that means the same is no reason to think so."""
    if _of_a_start(definition) != _of_a_start(old):
        return {}
    return state.failed_starts  # the members are the same, too


def _of_a_start(definition: Definition) -> Definition:
    """Without what tells texts apart, and without what is to follow from a start that failed."""
    policy = replace(definition.policy, retry_failed_start=True, fitness=FitnessPolicy())
    return replace(definition, version=0, digest="", policy=policy)


def _leads(definition: Definition) -> dict[str, Mapping[str, str]]:
    """What each address is to carry for each member: it changes with the addresses, and with a node's own."""
    return {node.instance_id: definition.leads_to(node) for node in definition.nodes}
