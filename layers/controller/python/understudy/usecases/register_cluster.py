"""Registration: a parameter that was put becomes the definition in force, or is refused with every fault named."""

import logging
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from understudy.domain.definition import Definition
from understudy.domain.errors import (
    AddressUnreadableError,
    KeyNotMadeError,
    LedgerConflictError,
    NodesUnreadableError,
    TooManyEntriesError,
)
from understudy.domain.execution import outlasting
from understudy.domain.model import ClusterState
from understudy.domain.quoting import few_and_short, quoted
from understudy.domain.request import CLUSTER_NAME
from understudy.domain.stopping import stop_faults
from understudy.domain.tuning import effective
from understudy.ports import Announcer, RecordReader, Registry
from understudy.ports.keys import NodeKeys
from understudy.ports.network import Network
from understudy.ports.parameters import Parameters, ParameterText
from understudy.usecases.registered_state import TransitionOpenError, first_state, next_state
from understudy.usecases.step import Clock, tell
from understudy.usecases.survey_addresses import Survey, survey_addresses

DEFINITION_ACCEPTED = "Understudy Definition Accepted"
DEFINITION_REFUSED = "Understudy Definition Refused"
log = logging.getLogger(__name__)


class RegisterOutcome(StrEnum):
    """What became of a parameter."""

    ACCEPTED = "ACCEPTED"
    UNCHANGED = "UNCHANGED"  # this text was accepted or refused before
    REFUSED = "REFUSED"  # the last good definition stays in force
    DEFERRED = "DEFERRED"  # it cannot be judged now; the next watch tries again
    DELETED = "DELETED"  # the definition stays in force
    IGNORED = "IGNORED"  # neither a cluster's definition nor the tunables


ReadDefinition = Callable[[ParameterText, int], tuple[Definition | None, list[str]]]
"""A definition of this version from a parameter's text, or the list of its faults. Raises NodesUnreadableError."""


def register_cluster(
    text: ParameterText,
    *,
    registry: Registry,
    records: RecordReader,
    network: Network,
    keys: NodeKeys,
    read_definition: ReadDefinition,
    announcer: Announcer,
    clock: Clock,
    stack: str,
    may_stop: bool = False,
) -> RegisterOutcome:
    """Accept or refuse the text of a cluster's parameter. Doing it twice is harmless; a refusal changes nothing.

    What was refused is judged again when it is put again, the same text as well: an instance that EC2 did not know may
    exist by then. The key is made before the state, so whoever reads the state finds the key (B13).
    `may_stop`: whether the stack may stop instances. A definition that wants it is refused where it may not.
    """
    state = registry.read(text.cluster)
    if state and registry.definition(state.cluster, state.definition_version).digest == text.digest:
        return RegisterOutcome.UNCHANGED
    if registry.refused_putting(text.cluster) == text.putting:
        return RegisterOutcome.UNCHANGED
    try:
        definition, faults = _read(text, state, read_definition, int(clock()))
        if definition is None:
            return _refuse(text, faults, registry, announcer)
        found = survey_addresses(definition, records, network, stack)
        if faults := [*stop_faults(definition, may_stop), *_misfits(definition, state, found, registry)]:
            return _refuse(text, faults, registry, announcer)
        make_key(definition.cluster, keys)
        return _accept(definition, state, found, registry, announcer, int(clock()))
    except TooManyEntriesError as fault:
        return _refuse(text, [str(fault)], registry, announcer)
    except (NodesUnreadableError, AddressUnreadableError, LedgerConflictError, TransitionOpenError) as fault:
        log.warning("definition deferred", extra={"cluster": text.cluster, "fault": repr(fault)})
        return RegisterOutcome.DEFERRED


def make_key(cluster: str, keys: NodeKeys) -> None:
    """Make the cluster's key, unless it has one. A fault keeps nobody from being registered: the watch makes it later.

    Until then the beats say that no node has a key, which people are told of.
    """
    try:
        if keys.make(cluster):
            log.info("key made", extra={"cluster": cluster})
    except KeyNotMadeError as fault:
        log.warning("key not made", extra={"cluster": cluster, "fault": repr(fault)})


def register_changed(
    event: Mapping[str, Any], *, parameters: Parameters, register: Callable[[ParameterText], str]
) -> str:
    """Register what a `Parameter Store Change` event names, as it stands now.

    A deleted parameter changes nothing: what it said stays in force, so that a slip cannot take the protection away.
    """
    name = event["detail"]["name"]
    folder, _, last = name.rpartition("/")
    if folder.endswith("/clusters"):
        text = parameters.cluster_text(last)
    elif last == "tuning":
        text = parameters.tuning_text()
    else:
        return RegisterOutcome.IGNORED
    if text is None:
        log.error("parameter deleted; what it said stays in force", extra={"parameter": name})
        return RegisterOutcome.DELETED
    return register(text)


def _misfits(definition: Definition, state: ClusterState | None, found: Survey, registry: Registry) -> list[str]:
    """In what a definition does not fit to what there is: tunables, the state, other clusters, and AWS."""
    return [
        *_too_long_waits(definition, registry),
        *_contradictions_with_state(definition, state),
        *_taken(definition, registry),
        *found.faults,
        *_several_holders(definition, state, found),
        *_left_out(state, found),
    ]


def _too_long_waits(definition: Definition, registry: Registry) -> list[str]:
    """Policy and tunables must fit into one execution together, those of the stack as they are now among them (S8)."""
    faults = outlasting(definition.policy, effective(registry.stack_wide().tuning, definition.tuning_set))
    return [f"policy and tuning: {fault}" for fault in faults]


def _contradictions_with_state(definition: Definition, state: ClusterState | None) -> list[str]:
    """A node that serves, may still serve, or is to serve next is neither taken out nor made a witness."""
    if state is None:
        return []
    needed = {state.active, state.previous.node if state.previous else None}
    needed |= {state.transition.target} if state.transition else set()
    serving = {node.instance_id for node in definition.serving}
    return [
        f"nodes: {instance_id} ({state.nodes[instance_id].name}) is in service or may still serve, and cannot be "
        "taken out or made a witness; switch over first"
        for instance_id in sorted(filter(None, needed))
        if instance_id not in serving and instance_id in state.nodes
    ]


def _taken(definition: Definition, registry: Registry) -> list[str]:
    """Two clusters that name one address would take it from each other for ever: routes and Elastic IPs have no guard.

    A registration at the same moment is not seen here. The table then takes one of the two, and the other is judged
    again by the next watch.
    """
    return [
        f"addresses: {label}: belongs to cluster {owner}; allowed: an address that no other cluster of this stack names"
        for label, owner in registry.claimed(definition).items()
    ]


def _several_holders(definition: Definition, state: ClusterState | None, found: Survey) -> list[str]:
    """Who serves a new cluster must be clear. Later a move that is owed may have left addresses apart."""
    if state is not None or len(found.holders) < 2:
        return []
    names = ", ".join(definition.name_of(each) for each in found.holders)
    return [
        f"addresses: they and the guards beside them name several nodes ({names}); allowed: one, or none. Find "
        "out which one serves, and let the others name it, or delete their guards"
    ]


def _left_out(state: ClusterState | None, found: Survey) -> list[str]:
    """The node that moved the addresses last, in an earlier life of the table, may be serving: it must be a member."""
    if state is not None:
        return []
    return [
        f"nodes: {quoted(name)} had the addresses last, says a guard beside them, and is no member that serves: it may "
        "be serving. Name it, or stop its service and delete the guard"
        for name in found.strangers
    ]


def _read(
    text: ParameterText, state: ClusterState | None, read_definition: ReadDefinition, now: int
) -> tuple[Definition | None, list[str]]:
    """The definition, or its faults. Its version is the time (seconds): no other life of the cluster has used it."""
    if not CLUSTER_NAME.fullmatch(text.cluster):
        return None, [
            f"the cluster's name is {quoted(text.cluster)}; allowed: 1 to 40 of a-z, 0-9 and -, not - at an end"
        ]
    return read_definition(text, max(now, state.definition_version + 1 if state else 1))


def _refuse(text: ParameterText, faults: list[str], registry: Registry, announcer: Announcer) -> RegisterOutcome:
    faults = few_and_short(faults)
    detail = {"cluster": text.cluster, "parameter_version": text.version, "faults": faults}
    log.error("definition refused", extra=detail)
    tell(announcer, DEFINITION_REFUSED, detail)
    registry.note_refusal(text.cluster, text.putting, faults)
    return RegisterOutcome.REFUSED


def _accept(
    definition: Definition,
    state: ClusterState | None,
    found: Survey,
    registry: Registry,
    announcer: Announcer,
    now: int,
) -> RegisterOutcome:
    if state is None:
        after = first_state(definition, found)
    else:
        old = registry.definition(state.cluster, state.definition_version)
        after = next_state(definition, state, old, now)
    registry.register(state, after, definition)
    detail = {
        "cluster": definition.cluster,
        "definition_version": definition.version,
        "last_holder": definition.name_of(after.previous.node) if after.previous and state is None else None,
    }
    log.info("definition accepted", extra=detail)
    tell(announcer, DEFINITION_ACCEPTED, detail)
    return RegisterOutcome.ACCEPTED
