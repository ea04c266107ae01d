"""What must always hold where many clusters move at once (B12), each as a method with a name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any

from tests.simulation.crowd_calls import Invocation
from tests.simulation.invariants import Violation
from understudy.domain.batching.group_commit import ASK_GAP_S, INTENT_KEPT_S, Intent, Settled
from understudy.domain.batching.rate_limits import A_SECOND, BURST, Bucket, Cost
from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.record import GUARD_PREFIX, Guard, RecordSet, read_guard
from understudy.domain.cluster.state import ClusterState

if TYPE_CHECKING:
    from tests.simulation.crowd import Crowd

Submitted = tuple[str, int, str]
"""A cluster, its epoch, and the name of a record."""


def parts_of(changes: Iterable[Mapping[str, Any]]) -> dict[str, Guard]:
    """The records that a batch moves, by name, and the guard that it writes for each."""
    found = {}
    for change in changes:
        body = change["ResourceRecordSet"]
        if body["Type"] == "TXT" and change["Action"] != "DELETE":
            values = tuple(each["Value"] for each in body["ResourceRecords"])
            guard = read_guard(RecordSet(body["Name"], "TXT", body["TTL"], values))
            if guard is not None:
                found[body["Name"].removeprefix(GUARD_PREFIX)] = guard
    return found


@dataclass(frozen=True)
class Noted:
    """When the answer for a part was written down, and whether by somebody whose turn it was.

    `is_alone`: its own cluster did, which had moved without the queue.
    """

    at_s: float
    is_in_turn: bool = False
    is_alone: bool = False
    by: Invocation | None = None

    def is_of_another_try(self, caller: Invocation) -> bool:
        """Whether it was written by another try of the caller's own step, with which it shares its turn."""
        return self.by is not None and self.by is not caller and str(self.by) == str(caller)


@dataclass
class Checks:
    """Told of everything that happens. Raises Violation."""

    crowd: Crowd
    accepted: dict[str, set[Submitted]] = field(default_factory=dict)  # by the change's id
    twice: int = 0
    epochs: dict[str, int] = field(default_factory=dict)
    _noted: dict[Submitted, Noted] = field(default_factory=dict)
    _known_at: dict[Submitted, float] = field(default_factory=dict)
    """When a part's own cluster has written down that it is accepted."""
    _submitted: set[Submitted] = field(default_factory=set)
    _guilty: defaultdict[str, list[tuple[str, float, float]]] = field(default_factory=lambda: defaultdict(list))
    _asked_since: dict[str, float] = field(default_factory=dict)
    _left: dict[Bucket, tuple[float, float]] = field(default_factory=dict)

    # --- what is told ---------------------------------------------------------------------------

    def rejected(self, cluster: str, why: str) -> None:
        """Route 53 has a reason to refuse this cluster, from now on."""
        self._guilty[cluster].append((why, self.crowd.time(), inf))

    def no_longer_guilty(self, cluster: str, why: str) -> None:
        """That reason is gone."""
        now = self.crowd.time()
        self._guilty[cluster] = [
            (each, since, min(until, now) if each == why else until) for each, since, until in self._guilty[cluster]
        ]

    def is_handed_in(self, caller: Invocation, parts: Mapping[str, Guard]) -> None:
        """A batch is on its way to Route 53, by whoever has the turn or thinks so."""
        if caller.has_turn:
            self._nobody_pays_for_what_nobody_waits_for(caller, parts)

    def is_accepted(self, caller: Invocation | None, change_id: str, parts: Mapping[str, Guard]) -> None:
        """Route 53 has accepted a batch. No `caller`: it came late, and its sender has heard nothing."""
        for name, guard in parts.items():
            if guard.epoch < self.epochs.get(name, 0):
                found = f"{name}: a batch of epoch {guard.epoch} is accepted after one of {self.epochs[name]}"
                raise Violation("record_obeys_the_newest_epoch", found)
            self.epochs[name] = guard.epoch
        submitted = {(guard.cluster, guard.epoch, name) for name, guard in parts.items()}
        if caller is not None:
            self._nothing_is_handed_in_twice(caller, submitted)
        self._submitted |= submitted
        self.accepted[change_id] = submitted

    def is_touched(self, name: str) -> None:
        """Somebody else has written the guard of this record: to write it again is to put it right."""
        self._submitted = {part for part in self._submitted if part[2] != name}

    def is_settled(self, caller: Invocation, intent: Intent, settled: Settled, *, is_kept: bool) -> None:
        """Somebody has written down what became of an intent. Not `is_kept`: it had been withdrawn meanwhile."""
        names = {record.label: record.name for record in intent.records}
        for moved in settled.moved:
            part = (intent.cluster, intent.epoch, names[moved.label])
            if moved.status is AddressStatus.PROPAGATING:
                self._what_is_told_is_true(part, moved.change_id)
                if is_kept:
                    now = self.crowd.time()
                    self._noted.setdefault(part, Noted(now, now < caller.turn_ends_at, by=caller))
            elif not moved.may_pass:
                self._only_the_guilty_are_refused(intent, moved.why)
        if settled.guard is not None:
            self._only_the_overtaken_are_stale(intent, settled.guard)

    def is_committed(self, before: ClusterState, after: ClusterState) -> None:
        """A step has written down what it knows."""
        address = after.address
        if address is None or before.address == address:
            return
        for change_id in address.change_ids:
            mine = {part for part in self.accepted.get(change_id, ()) if part[:2] == (after.cluster, address.epoch)}
            if not mine:
                found = f"{after.cluster} is said to be moved by {change_id}, which does not bring it"
                raise Violation("what_is_told_is_true", found)
            for part in mine:
                self._noted.setdefault(part, Noted(self.crowd.time(), is_alone=True))
                self._known_at.setdefault(part, self.crowd.time())

    def is_answered(self, cluster: str, epoch: int, answer: Mapping[str, Any]) -> None:
        """What a step has told the workflow."""
        newest = self.crowd.ledger.state(cluster).epoch
        if answer["outcome"] == "STALE" and newest <= epoch and "why" not in answer:
            raise Violation("only_the_overtaken_are_stale", f"{cluster}/{epoch} is told so, and nobody is newer")

    def is_paid(self, caller: Invocation, cost: Cost, at_s: float, share: float) -> None:
        """The table has taken so much from the share, for a function that looked at the clock at `at_s`."""
        caller.paid.update(cost)
        for bucket, taken in cost.items():
            self._the_share_is_kept(bucket, taken, share, at_s)

    def is_spent(self, caller: Invocation, bucket: Bucket, amount: int) -> None:
        """Route 53 has taken so much out of one of its buckets, for whoever has to pay for it."""
        caller.used[bucket] += amount
        if caller.used[bucket] > caller.paid[bucket]:
            found = f"{caller} has used {caller.used[bucket]} {bucket} and paid for {caller.paid[bucket]}"
            raise Violation("what_is_used_was_paid_for", found)

    def is_asked(self, caller: Invocation, change_id: str) -> None:
        """Route 53 has answered a question of GetChange that was asked for many.

        It counts from when the function looked at the clock: whoever freezes after that asks late, and somebody else
        has asked meanwhile.
        """
        if caller.asks != change_id:
            raise Violation("a_change_is_asked_for_once", f"{caller} asks for {change_id}, which was not its to ask")
        caller.asks = ""
        since = self._asked_since.get(change_id, -inf)
        if abs(caller.asks_since - since) < ASK_GAP_S:
            found = f"{change_id} is asked for {caller.asks_since - since:.1f} s after the last time"
            raise Violation("a_change_is_asked_for_once", found)
        self._asked_since[change_id] = max(since, caller.asks_since)

    # --- what must hold -------------------------------------------------------------------------

    def _nobody_pays_for_what_nobody_waits_for(self, caller: Invocation, parts: Mapping[str, Guard]) -> None:
        for guard in parts.values():
            intent = caller.waiting.get(guard.cluster)
            if intent is None or caller.turn_at - intent.renewed_at >= INTENT_KEPT_S:
                found = f"{caller} hands in {guard.cluster}/{guard.epoch}, which nobody has waited for"
                raise Violation("nobody_pays_for_what_nobody_waits_for", found)

    def _nothing_is_handed_in_twice(self, caller: Invocation, submitted: set[Submitted]) -> None:
        """Unless an answer was lost, or came too late: it was not there when the queue was read, and whoever wrote it
        down after that was no longer in its turn. Who reads the records after another turn's answer has overslept.
        Nor does a turn know of a cluster that has queued up and moved alone since, because the crowd was over.
        And two tries of one step share their turn: one that freezes for longer than its task has, and thaws. Nor does a
        try that begins when the crowd is over look into the queue, where an answer may be that its cluster never read.
        """
        since = caller.waiting_at if caller.has_turn else caller.begun_at
        for part in submitted & self._submitted:
            self.twice += 1
            if part[:2] in self.crowd.calls.unread:
                continue
            noted = self._noted.get(part)
            if noted and caller.has_turn and (noted.is_alone or noted.is_of_another_try(caller)):
                continue
            if caller.comes_late and self._known_at.get(part, inf) >= caller.begun_at:
                continue
            if noted and (noted.at_s < since or (noted.is_in_turn and noted.at_s < caller.read_at)):
                found = (
                    f"{caller} hands in {part} again, {self.crowd.time() - noted.at_s:.1f} s after its answer was there"
                )
                raise Violation("nothing_is_handed_in_twice", found)

    def _what_is_told_is_true(self, part: Submitted, change_id: str) -> None:
        if part not in self.accepted.get(change_id, ()):
            raise Violation("what_is_told_is_true", f"{part} is told that {change_id} brings it, which does not")

    def _only_the_guilty_are_refused(self, intent: Intent, why: str) -> None:
        reasons = self._guilty[intent.cluster]
        if not any(since <= self.crowd.time() and until >= intent.left_at for _, since, until in reasons):
            raise Violation("only_the_guilty_are_refused", f"{intent.cluster}/{intent.epoch} is refused: {why}")

    def _only_the_overtaken_are_stale(self, intent: Intent, guard: Guard) -> None:
        names = [record.name for record in intent.records]
        highest = max((self.crowd.route53.guard_of(name) for name in names), key=lambda each: each.epoch)
        # A foreign hand may have raised a guard to just this epoch: it is overtaken when that is for another node.
        is_its_own = guard.epoch == intent.epoch and guard.node == intent.node
        if guard.epoch < intent.epoch or is_its_own or highest.epoch < guard.epoch:
            found = f"{intent.cluster}/{intent.epoch} is told of {guard}, and {highest} stands there"
            raise Violation("only_the_overtaken_are_stale", found)

    def _the_share_is_kept(self, bucket: Bucket, taken: int, share: float, at_s: float) -> None:
        """A bucket of our own beside the one in the table, filled and emptied by the same rule."""
        burst = BURST[bucket] * share
        left, since_s = self._left.get(bucket, (burst, at_s))
        now = max(at_s, since_s)
        left = min(burst, left + (now - since_s) * A_SECOND[bucket] * share)
        if min(taken, burst) > left + 0.01 * burst:
            raise Violation("the_share_is_kept", f"{taken} {bucket} are given out, and {left:.1f} are left")
        self._left[bucket] = (left - taken, now)
