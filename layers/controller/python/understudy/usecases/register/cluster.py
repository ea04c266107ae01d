"""Registration: a parameter that was put becomes the definition in force, or is refused with every fault named."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.errors import (
    KeyNotMadeError,
    LedgerConflictError,
    TooManyEntriesError,
)
from understudy.domain.cluster.quoting import FAULT_LENGTH_LIMIT, plain, quoted, truncated
from understudy.domain.cluster.request import CLUSTER_NAME
from understudy.domain.cluster.state import ClusterState, PowerReading
from understudy.domain.cluster.tuning import effective
from understudy.domain.cluster.unaccepted import STACK_WIDE, Unaccepted, put_off
from understudy.domain.decide.replacing import is_terminated, needed_and_left_out
from understudy.domain.events.definitions import DefinitionAccepted, DefinitionPutOff, DefinitionRefused
from understudy.domain.transition.limits import exceeding_execution_limit
from understudy.domain.transition.stopping import stop_faults
from understudy.ports.announcer import Announcer
from understudy.ports.keys import NodeKeys
from understudy.ports.ledger import Registry
from understudy.ports.network import Network
from understudy.ports.parameters import DefinitionReading, Parameters, ParameterText
from understudy.ports.readiness import ZoneReader
from understudy.ports.route53 import RecordReader
from understudy.usecases.register.addresses import Survey
from understudy.usecases.register.look import look_at
from understudy.usecases.register.state import TransitionOpenError, first_state, next_state
from understudy.usecases.step import Clock, publish

log = logging.getLogger(__name__)


class RegisterOutcome(StrEnum):
    """What became of a parameter."""

    ACCEPTED = "ACCEPTED"
    UNCHANGED = "UNCHANGED"  # this text was accepted or refused before
    REFUSED = "REFUSED"  # the last good definition stays in force
    DEFERRED = "DEFERRED"  # it cannot be judged now; the next watch tries again
    DELETED = "DELETED"  # the definition stays in force
    IGNORED = "IGNORED"  # neither a cluster's definition nor the tunables


ReadDefinition = Callable[[ParameterText, int], DefinitionReading]
"""What a parameter's text stands for, as a definition of this version."""


@dataclass(frozen=True)
class Judgement:
    """What speaks against a text. `faults`: what waiting cannot fix; `unread`: why it cannot be judged now."""

    definition: Definition | None
    found: Survey | None = None
    faults: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Registrar:
    """Whoever judges texts. `power`: EC2's word on an instance, which never raises. `stack`: the stack's name.

    `may_stop`: whether the stack may stop instances. A definition that wants it is refused where it may not.
    """

    registry: Registry
    records: RecordReader
    zones: ZoneReader
    network: Network
    power: Callable[[str], PowerReading]
    keys: NodeKeys
    read_definition: ReadDefinition
    announcer: Announcer
    clock: Clock
    stack: str
    may_stop: bool = False

    def register(self, text: ParameterText, *, anew: bool = False) -> RegisterOutcome:
        """Accept or refuse the text of a cluster's parameter. Doing it twice is harmless; a refusal changes nothing.

        What was refused is judged again when it is put again, the same text as well: an instance that EC2 did not know
        may exist by then. The key is made before the state, so whoever reads the state finds the key.
        `anew`: the text in force means something else by now, for a tag is on another instance.
        """
        state, before = self.registry.read(text.cluster), self.registry.unaccepted(text.cluster)
        in_force = self.registry.definition(state.cluster, state.definition_version).digest if state else ""
        if in_force == text.digest and not anew:
            self._forget(text, before)
            return RegisterOutcome.UNCHANGED
        if before is not None and before.is_refused and before.revision == text.revision and not anew:
            return RegisterOutcome.UNCHANGED
        judged = self._judge(text, state)
        if judged.faults:
            return self._refuse(text, judged.faults, before)
        if judged.unread or judged.definition is None or judged.found is None:
            return self._put_off(text, before, "; ".join(judged.unread))
        make_key(judged.definition.cluster, self.keys)
        try:
            self._accept(judged.definition, state, judged.found)
        except TooManyEntriesError as fault:
            return self._refuse(text, [str(fault)], before)
        except (LedgerConflictError, TransitionOpenError) as fault:
            return self._put_off(text, before, str(fault))
        self._forget(text, before)
        return RegisterOutcome.ACCEPTED

    def _judge(self, text: ParameterText, state: ClusterState | None) -> Judgement:
        """Every fault in one round: of the text, of its nodes in EC2, of its names in Route 53, and with all else."""
        if not CLUSTER_NAME.fullmatch(text.cluster):
            allowed = "1 to 40 of a-z, 0-9 and -, not - at an end"
            return Judgement(None, faults=(f"the cluster's name is {quoted(text.cluster)}; allowed: {allowed}",))
        # The version is the time (seconds): no other life of the cluster has used it.
        version = max(int(self.clock()), state.definition_version + 1 if state else 1)
        looked = look_at(self.read_definition(text, version), self.zones, self.records, self.network, self.stack)
        definition, found, faults = looked.definition, looked.found, [*looked.faults]
        if definition is not None:
            faults += [*stop_faults(definition, self.may_stop), *self._misfits(definition, state)]
        if definition is not None and found is not None:
            faults += [*found.faults, *_several_holders(definition, state, found), *_left_out(state, found)]
        return Judgement(definition, found, tuple(faults), looked.unread)

    def _misfits(self, definition: Definition, state: ClusterState | None) -> list[str]:
        """In what a definition does not fit to the tunables, the state and other clusters."""
        return [
            *_too_long_waits(definition, self.registry),
            *_contradictions_with_state(definition, state, self.power),
            *_taken(definition, self.registry),
        ]

    def _refuse(self, text: ParameterText, faults: Iterable[str], before: Unaccepted | None) -> RegisterOutcome:
        told = truncated([*faults])
        if before == Unaccepted(text.revision, tuple(told)):
            return RegisterOutcome.REFUSED  # people know: it was judged anew, and nothing is better yet
        event = DefinitionRefused(cluster=text.cluster, parameter_version=text.version, faults=told)
        log.error("definition refused", extra=event.detail())
        publish(self.announcer, event)
        self.registry.note_unaccepted(text.cluster, Unaccepted(text.revision, tuple(told)))
        return RegisterOutcome.REFUSED

    def _put_off(self, text: ParameterText, before: Unaccepted | None, why: str) -> RegisterOutcome:
        """The next watch tries again. People are told when that goes on."""
        after = put_off(before, text.revision, plain(why, FAULT_LENGTH_LIMIT), int(self.clock()))
        event = DefinitionPutOff(cluster=text.cluster, parameter_version=text.version, since=after.since, why=after.why)
        log.warning("definition put off", extra=event.detail())
        if after.is_told and not (before and before.is_told and before.revision == text.revision):
            publish(self.announcer, event)
        if after != before:
            self.registry.note_unaccepted(text.cluster, after)
        return RegisterOutcome.DEFERRED

    def _forget(self, text: ParameterText, before: Unaccepted | None) -> None:
        if before is not None:
            self.registry.forget_unaccepted(text.cluster)

    def _accept(self, definition: Definition, state: ClusterState | None, found: Survey) -> None:
        if state is None:
            after = first_state(definition, found)
        else:
            old = self.registry.definition(state.cluster, state.definition_version)
            after = next_state(definition, state, old, int(self.clock()))
        self.registry.register(state, after, definition)
        event = DefinitionAccepted(
            cluster=definition.cluster,
            definition_version=definition.version,
            last_holder=definition.name_of(after.previous.node) if after.previous and state is None else None,
        )
        log.info("definition accepted", extra=event.detail())
        publish(self.announcer, event)


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
    event: Mapping[str, Any],
    *,
    parameters: Parameters,
    register: Callable[[ParameterText], str],
    forget: Callable[[str], object],
) -> str:
    """Register what a `Parameter Store Change` event names, as it stands now.

    A deleted parameter changes nothing: what it said stays in force, so that a slip cannot take the protection away.
    But a text that was refused, or put off, is there no more: `forget`.
    """
    name = event["detail"]["name"]
    folder, _, last = name.rpartition("/")
    if folder.endswith("/clusters"):
        text, of = parameters.cluster_text(last), last
    elif last == "tuning":
        text, of = parameters.tuning_text(), STACK_WIDE
    else:
        return RegisterOutcome.IGNORED
    if text is None:
        forget(of)
        log.error("parameter deleted; its last definition stays in force", extra={"parameter": name})
        return RegisterOutcome.DELETED
    return register(text)


def _too_long_waits(definition: Definition, registry: Registry) -> list[str]:
    """Policy and tunables must fit into one execution together, those of the stack as they are now among them."""
    faults = exceeding_execution_limit(
        definition.policy, effective(registry.stack_wide().tuning, definition.tuning_set)
    )
    return [f"policy and tuning: {fault}" for fault in faults]


def _contradictions_with_state(
    definition: Definition, state: ClusterState | None, power: Callable[[str], PowerReading]
) -> list[str]:
    """A node that serves, may still serve, or is to serve next is neither taken out nor made a witness.

    But one that EC2 says is terminated can do neither any more, whatever is said of it.
    """
    if state is None:
        return []
    return [
        f"nodes: {each} ({state.nodes[each].name}) is in service or may still serve, and cannot be "
        "taken out or made a witness; switch over first"
        for each in needed_and_left_out(definition, state)
        if not (definition.node(each) is None and is_terminated(state, each, power))
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
