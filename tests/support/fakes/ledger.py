"""The cluster table in memory. Every method keeps the conditions of its port, all or nothing."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from enum import Enum
from typing import Any

from tests.support.fakes.faults import Faulty
from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.departure import Cause, Departure
from understudy.domain.cluster.errors import LedgerConflictError, TooManyEntriesError
from understudy.domain.cluster.seal import SECRET_LENGTH
from understudy.domain.cluster.state import Alarm, ClusterState, NodeReport, ServiceStatus
from understudy.domain.cluster.tuning import StackWide
from understudy.domain.cluster.unaccepted import Unaccepted
from understudy.domain.observe.heartbeat import Beat
from understudy.domain.observe.signal import DepartureSignal, FaultSignal, LateSignal, NamesSignal, PowerSignal, Signal
from understudy.ports.ledger import NOT_A_MEMBER, STALE, UNKNOWN_CLUSTER, Read, Refusal
from understudy.ports.seals import SECRET_KEPT_S

STAGE_PREFIX = "stages."
SECRET = ("seal#", "secret")


class FakeLedger(Faulty):
    """BeatLedger, StateLedger with its SealBook, ClusterIndex and Registry over one dict, keyed as the table is.

    States are frozen, so what a caller has read never changes under it.
    """

    def __init__(self, state: ClusterState | None = None, definition: Definition | None = None) -> None:
        super().__init__()
        self.items: dict[tuple[str, str], Any] = {}
        self.crowded_until = 0
        self.clusters_counted = 0
        self.doubted_since = 0
        self.cached_secret: tuple[bytes, float] | None = None
        if definition is not None:
            self.put_definition(definition)
        if state is not None:
            self.put_state(state)

    # What tests use to set the scene and look at it; not counted as calls.

    def put_state(self, state: ClusterState) -> None:
        """Let a state stand, whatever stood there."""
        self.items[(state.cluster, "state")] = state

    def put_definition(self, definition: Definition) -> None:
        """Let a definition stand, with the look-ups of its members and alarms."""
        self.items[(definition.cluster, _definition_key(definition.version))] = definition
        for key in _look_ups(definition):
            self.items[key] = None
        for address in definition.claims:
            self.items[(f"address#{address}", "claim")] = definition.cluster

    def state(self, cluster: str = "orders-db") -> ClusterState:
        """The state as it stands. Raises KeyError when there is none."""
        state: ClusterState = self.items[(cluster, "state")]
        return state

    # BeatLedger

    def record_beat(self, beat: Beat) -> ClusterState | Refusal:
        """As BeatLedger.record_beat."""
        with self._called("record_beat"):
            report = self._report(beat.cluster, beat.instance_id)
            if isinstance(report, Refusal):
                return report
            if not _is_newer(beat, report):
                return STALE
            is_after_loss = report.accepted is not None and report.accepted + 1 < (beat.accepted or 0)
            goes_on = report.due_by >= beat.recorded_at and not is_after_loss
            return self._set_report(
                beat.cluster,
                beat.instance_id,
                replace(
                    report,
                    beat=beat.beat,
                    heard_at=beat.heard_at,
                    heard_since=report.heard_since if goes_on else beat.recorded_at,
                    due_by=beat.heard_at + self.state(beat.cluster).terms.hearing_s,
                    boot=beat.boot,
                    service=beat.service,
                    keeps_lease=beat.keeps_lease,
                    read_epoch=beat.read_epoch,
                    agent=beat.agent,
                    quorum=beat.quorum,
                    knows=beat.knows,
                    named=beat.named,
                    unfit=beat.unfit,
                    waits=beat.waits,
                    key=beat.key,
                    silent=beat.silent,
                    accepted=beat.accepted or None,
                    lost_at=beat.recorded_at if is_after_loss else report.lost_at,
                    config=beat.config,
                    fitness=beat.fitness,
                ),
            )

    def record_signal(self, cluster: str, signal: Signal) -> ClusterState | Refusal:
        """As BeatLedger.record_signal."""
        with self._called("record_signal"):
            report = self._report(cluster, signal.instance_id)
            if isinstance(report, Refusal):
                return report
            after = _after_signal(report, signal, self.state(cluster).definition_version)
            if after is None:
                return STALE
            return self._set_report(cluster, signal.instance_id, after)

    # StateLedger, Registry

    def read(self, cluster: str) -> ClusterState | None:
        """As StateLedger.read."""
        with self._called("read"):
            return self.items.get((cluster, "state"))

    def definition(self, cluster: str, version: int) -> Definition:
        """As StateLedger.definition."""
        with self._called("definition"):
            definition: Definition = self.items[(cluster, _definition_key(version))]
            return definition

    def read_states(self, clusters: Collection[str]) -> Mapping[str, Read | Exception]:
        """As StateLedger.read_states, by as many readings of one: each can be failed and come between."""
        found = {name: self._read_one(name) for name in clusters}
        return {name: each for name, each in found.items() if each is not None}

    def _read_one(self, name: str) -> Read | Exception | None:
        try:
            state = self.read(name)
            return None if state is None else (state, self.definition(name, state.definition_version))
        except Exception as fault:
            return fault

    def commit(
        self,
        before: ClusterState,
        after: ClusterState,
        *,
        if_no_newer_beat_of: str | None = None,
        saying_the_same: Collection[str] = (),
        history: Mapping[int, Mapping[str, Any]] | None = None,
    ) -> ClusterState:
        """As StateLedger.commit."""
        with self._called("commit"):
            there = self._expect(before)
            if if_no_newer_beat_of is not None and _beat_of(there, if_no_newer_beat_of) != _beat_of(
                before, if_no_newer_beat_of
            ):
                raise LedgerConflictError(f"{if_no_newer_beat_of} has beaten since revision {before.revision} was read")
            for instance_id in saying_the_same:
                if _word_of(there, instance_id) != _word_of(before, instance_id):
                    raise LedgerConflictError(f"{instance_id} has said something else since {before.revision} was read")
            written = replace(after, revision=before.revision + 1, nodes=there.nodes)
            self.put_state(written)
            for epoch, facts in (history or {}).items():
                self._set_facts(before.cluster, epoch, facts)
        return written

    def note(self, cluster: str, epoch: int, facts: Mapping[str, Any]) -> None:
        """As StateLedger.note."""
        with self._called("note"):
            self._set_facts(cluster, epoch, facts)

    def history(self, cluster: str, epoch: int) -> Mapping[str, Any]:
        """As StateLedger.history."""
        with self._called("history"):
            return _plain(self.items.get((cluster, _history_key(epoch)), {}))  # type: ignore[no-any-return]

    # SealBook

    def secret(self, now: float, *, anew: bool = False) -> bytes:
        """As SealBook.secret. The first is always the same, so that a seed of the simulation tells one story."""
        with self._called("secret"):
            if anew or self.cached_secret is None or not 0 <= now - self.cached_secret[1] < SECRET_KEPT_S:
                self.cached_secret = (self.items.setdefault(SECRET, bytes(SECRET_LENGTH)), now)
            return self.cached_secret[0]

    # ClusterIndex

    def clusters(self) -> Iterator[str]:
        """As ClusterIndex.clusters."""
        with self._called("clusters"):
            yield from [pk for pk, sk in self.items if sk == "state"]

    def clusters_of_instance(self, instance_id: str) -> Iterable[str]:
        """As ClusterIndex.clusters_of_instance."""
        with self._called("clusters_of_instance"):
            return [sk.removeprefix("cluster#") for pk, sk in self.items if pk == f"instance#{instance_id}"]

    def nodes_of_alarm(self, alarm: str) -> Iterable[tuple[str, str]]:
        """As ClusterIndex.nodes_of_alarm."""
        with self._called("nodes_of_alarm"):
            found = [sk.split("#") for pk, sk in self.items if pk == f"alarm#{alarm}"]
            return [(cluster, instance_id) for _, cluster, instance_id in found]

    # Registry

    def claimed(self, definition: Definition) -> Mapping[str, str]:
        """As Registry.claimed."""
        with self._called("claimed"):
            return self._claimed(definition)

    def register(self, before: ClusterState | None, after: ClusterState, definition: Definition) -> None:
        """As Registry.register."""
        with self._called("register"):
            there = self._expect(before, after.cluster)
            key = (definition.cluster, _definition_key(definition.version))
            if self.items.get(key, definition) != definition:
                raise LedgerConflictError(f"version {definition.version} of {definition.cluster} is another definition")
            if taken := self._claimed(definition):
                raise LedgerConflictError(f"taken: {taken}")
            old = self.items[(there.cluster, _definition_key(there.definition_version))] if there else None
            _demand_one_transaction(old, definition)
            for gone in _look_ups(old) if old else ():
                self.items.pop(gone, None)
            for claim in [(f"address#{each}", "claim") for each in old.claims] if old else ():
                if self.items.get(claim) == definition.cluster:
                    del self.items[claim]
            nodes = {each: _merged(report, each, there, definition) for each, report in after.nodes.items()}
            self.put_definition(definition)
            self.put_state(replace(after, revision=there.revision + 1 if there else 1, nodes=nodes))

    def stack_wide(self) -> StackWide:
        """As StateLedger.stack_wide."""
        with self._called("stack_wide"):
            tuning = dict(self.items.get(("stack#", "tuning"), ({}, ""))[0])
            return StackWide(tuning, self.crowded_until, self.clusters_counted, self.doubted_since)

    def tuning_digest(self) -> str:
        """As Registry.tuning_digest."""
        with self._called("tuning_digest"):
            return str(self.items.get(("stack#", "tuning"), ({}, ""))[1])

    def put_tuning(self, values: Mapping[str, int], digest: str) -> None:
        """As Registry.put_tuning."""
        with self._called("put_tuning"):
            self.items[("stack#", "tuning")] = (dict(values), digest)

    def unaccepted(self, cluster: str) -> Unaccepted | None:
        """As Registry.unaccepted."""
        with self._called("unaccepted"):
            noted: Unaccepted | None = self.items.get((cluster, "refusal"))
            return noted

    def note_unaccepted(self, cluster: str, text: Unaccepted) -> None:
        """As Registry.note_unaccepted."""
        with self._called("note_unaccepted"):
            self.items[(cluster, "refusal")] = text

    def forget_unaccepted(self, cluster: str) -> None:
        """As Registry.forget_unaccepted."""
        with self._called("forget_unaccepted"):
            self.items.pop((cluster, "refusal"), None)

    def _claimed(self, definition: Definition) -> dict[str, str]:
        owners = {label: self.items.get((f"address#{each}", "claim")) for each, label in definition.claims.items()}
        return {label: owner for label, owner in owners.items() if owner not in (None, definition.cluster)}

    def _report(self, cluster: str, instance_id: str) -> NodeReport | Refusal:
        state: ClusterState | None = self.items.get((cluster, "state"))
        if state is None:
            return UNKNOWN_CLUSTER
        return state.nodes.get(instance_id, NOT_A_MEMBER)

    def _set_report(self, cluster: str, instance_id: str, report: NodeReport) -> ClusterState:
        state = self.state(cluster)
        self.put_state(replace(state, nodes={**state.nodes, instance_id: report}))
        return self.state(cluster)

    def _expect(self, before: ClusterState | None, cluster: str = "") -> Any:
        there: ClusterState | None = self.items.get((before.cluster if before else cluster, "state"))
        found = (there.revision, there.epoch) if there else None
        expected = (before.revision, before.epoch) if before else None
        if found != expected:
            raise LedgerConflictError(f"(revision, epoch) is {found}, not {expected}")
        return there

    def _set_facts(self, cluster: str, epoch: int, facts: Mapping[str, Any]) -> None:
        item = self.items.setdefault((cluster, _history_key(epoch)), {})
        for key, value in _plain(facts).items():
            if key.startswith(STAGE_PREFIX):
                item.setdefault("stages", {})[key.removeprefix(STAGE_PREFIX)] = value
            elif key == "stages":
                item.setdefault("stages", {}).update(value)
            else:
                item[key] = value


def _after_signal(report: NodeReport, signal: Signal, definition_version: int) -> NodeReport | None:
    """What is known of a node after a signal; None: it is of no use any more."""
    match signal:
        case FaultSignal():
            return replace(report, fault=signal.fault) if signal.definition_version == definition_version else None
        case NamesSignal():
            return replace(report, misnamed=signal.misnamed) if signal.named == report.named else None
        case LateSignal():
            return replace(report, late_at=signal.at) if signal.at > report.late_at else None
        case PowerSignal():
            is_new = signal.at >= report.power_at
            told = replace(report, power=signal.power, power_at=signal.at, power_boot=report.boot)
            return told if is_new else None
        case DepartureSignal():
            told = replace(report, departure=signal.departure, departure_boot=report.boot)
            return told if _is_certain_enough(signal.departure, report) else None
    known = report.alarms.get(signal.alarm)
    told = replace(report, alarms={**report.alarms, signal.alarm: Alarm(signal.on, signal.at)})
    return None if known is not None and signal.at < known.at else told


def _is_certain_enough(departure: Departure, report: NodeReport) -> bool:
    known = report.departure_now
    if known is None:
        return True
    ranks = [Cause.REBALANCE, Cause.SPOT, Cause.AUTO_SCALING]
    more_certain = ranks.index(departure.cause) - ranks.index(known.cause)
    return more_certain > 0 or (more_certain == 0 and departure.at >= known.at)


def _is_newer(beat: Beat, report: NodeReport) -> bool:
    if report.heard_at is None:
        return True
    if beat.boot == report.boot:
        return beat.beat > report.beat and beat.heard_at >= report.heard_at
    return beat.heard_at > report.heard_at


def _word_of(state: ClusterState, instance_id: str) -> object:
    report = state.nodes.get(instance_id)
    if report is None or report.heard_at is None:
        return report is None
    is_down = report.service is ServiceStatus.OUT_OF_SERVICE
    return (report.service, report.keeps_lease) if is_down else (report.boot, report.beat)


def _beat_of(state: ClusterState, instance_id: str) -> tuple[str, int] | None:
    report = state.nodes.get(instance_id)
    return (report.boot, report.beat) if report else None


def _merged(report: NodeReport, instance_id: str, there: ClusterState | None, definition: Definition) -> NodeReport:
    """A member that stays keeps what was heard of it, under its new name, without alarms that are named no more."""
    kept = there.nodes.get(instance_id) if there else None
    if kept is None:
        return report
    spec = definition.node(instance_id)
    named = spec.alarms if spec else ()
    alarms = {each: kept.alarms[each] for each in kept.alarms if each in named}
    return replace(kept, name=report.name, ip=report.ip, fault="", alarms=alarms)


def _look_ups(definition: Definition) -> list[tuple[str, str]]:
    of_instances = [(f"instance#{node.instance_id}", f"cluster#{definition.cluster}") for node in definition.nodes]
    of_alarms = [
        (f"alarm#{alarm}", f"cluster#{definition.cluster}#{node.instance_id}")
        for node in definition.nodes
        for alarm in node.alarms
    ]
    return of_instances + of_alarms


def _demand_one_transaction(old: Definition | None, new: Definition) -> None:
    """As the table counts: look-ups that come or go, and every claim; the state and the definition take two of 100."""
    look_ups = set(_look_ups(old) if old else ()) ^ set(_look_ups(new))
    claims = {*(old.claims if old else ()), *new.claims}
    if len(look_ups) + len(claims) > 98:
        raise TooManyEntriesError(f"{len(look_ups) + len(claims)} entries at once; allowed: 98")


def _plain(value: Any) -> Any:
    """What the table keeps of a fact: enums as their text, tuples as lists; a copy, so nobody can change it later."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.value if isinstance(value, Enum) else value


def _definition_key(version: int) -> str:
    return f"definition#{version:08d}"


def _history_key(epoch: int) -> str:
    return f"history#{epoch:08d}"
