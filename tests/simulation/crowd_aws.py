"""The table and Route 53 as a crowd meets them: the fakes and the model, watched, with what can go wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from bench.route53_model import UNITS, Route53Model
from tests.simulation.crowd_calls import no_answer, refusal
from tests.simulation.crowd_checks import parts_of
from tests.simulation.crowd_plan import LEFT_BEHIND_S
from tests.support.fakes.ledger import FakeLedger
from tests.support.fakes.queue import FakeQuestions, FakeQueue, FakeRateBudgets
from understudy.domain.batching.group_commit import Intent, Settled
from understudy.domain.batching.rate_limits import Bucket, Cost, Purpose, Throughput
from understudy.domain.cluster.definition import ZoneKey
from understudy.domain.cluster.record import GUARD_PREFIX, ChangeReading, Guard, RecordSet, read_guard
from understudy.domain.cluster.state import ClusterState
from understudy.domain.cluster.tuning import StackWide
from understudy.usecases.batching.rate_budget import RateBudget

if TYPE_CHECKING:
    from tests.simulation.crowd import Crowd

NO_GUARD = Guard("", "", 0, "")
PROPAGATION_S = (15.0, 0.5)
"""Until a change is in sync: lognormal, median and sigma."""


class WatchedLedger(FakeLedger):
    """The table's states."""

    def __init__(self, crowd: Crowd) -> None:
        super().__init__()
        self._crowd = crowd

    def commit(self, before: ClusterState, after: ClusterState, **how: Any) -> ClusterState:
        written = super().commit(before, after, **how)
        self._crowd.checks.is_committed(before, written)
        return written

    def stack_wide(self) -> StackWide:
        found = super().stack_wide()
        self._crowd.calls.now.crowded_until = found.crowded_until
        return found


class WatchedQueue(FakeQueue):
    """What waits for the zones."""

    def __init__(self, crowd: Crowd) -> None:
        super().__init__(crowd.ledger)
        self._crowd = crowd

    def take_turn(self, zone: ZoneKey, who: str, now: int, until: int) -> bool:
        taken = super().take_turn(zone, who, now, until)
        if taken:
            caller = self._crowd.calls.now
            caller.has_turn, caller.turn_at, caller.turn_ends_at = True, now, until
        return taken

    def waiting(self, zone: ZoneKey) -> Sequence[Intent]:
        found, caller = super().waiting(zone), self._crowd.calls.now
        caller.waiting_at = self._crowd.time()
        caller.waiting = {intent.cluster: intent for intent in found}
        return found

    def settle(self, zone: ZoneKey, intent: Intent, settled: Settled) -> None:
        super().settle(zone, intent, settled)
        there = self.intents.get((zone, intent.cluster))
        self._crowd.checks.is_settled(
            self._crowd.calls.now, intent, settled, is_kept=there is not None and there.settled == settled
        )
        self._crowd.story.tell(f"{intent.cluster}/{intent.epoch}", f"is settled: {_words(settled)}")


class WatchedQuestions(FakeQuestions):
    """Who asks for changes."""

    def __init__(self, crowd: Crowd) -> None:
        super().__init__()
        self._crowd = crowd

    def take_question(self, change_id: str, now: int, until: int) -> ChangeReading | None:
        known = super().take_question(change_id, now, until)
        if known is None:
            self._crowd.calls.now.asks, self._crowd.calls.now.asks_since = change_id, now
        return known


@dataclass(frozen=True)
class WatchedRateBudget(RateBudget):
    """A rate budget that remembers what the function wants to pay, and when it looked at the clock."""

    crowd: Any = None

    def take(self, cost: Cost) -> float:
        self.crowd.calls.now.wants = (cost, self.clock())
        return super().take(cost)


class WatchedRateBudgets(FakeRateBudgets):
    """What is left of the share."""

    def __init__(self, crowd: Crowd) -> None:
        super().__init__()
        self._crowd = crowd

    def save(self, purpose: Purpose, before: Throughput | None, after: Throughput) -> bool:
        is_written = super().save(purpose, before, after)
        if is_written:
            caller = self._crowd.calls.now
            self._crowd.checks.is_paid(caller, *caller.wants, self._crowd.plan.share)
        return is_written


class WatchedRoute53:
    """A client of Route 53 as the functions have it: the model behind a network, shared with others."""

    def __init__(self, crowd: Crowd, rng: Random) -> None:
        self.model = Route53Model(crowd.time, rng, PROPAGATION_S)
        self._crowd, self._rng = crowd, rng
        self.denied: dict[str, str] = {}
        """Why Route 53 refuses a batch with this name, for AccessDenied and for InvalidChangeBatch."""

    def guard_of(self, name: str) -> Guard:
        """What stands beside a record now."""
        body = self._body_of(name)
        return read_guard(_record_set(name, body)) or NO_GUARD if body else NO_GUARD

    def value_of(self, name: str) -> str:
        """Where a record leads now."""
        found = (body for (_, each, kind), body in self.model._sets.items() if (each, kind) == (name, "A"))
        return str(next(found)["ResourceRecords"][0]["Value"])

    def _body_of(self, name: str) -> dict[str, Any] | None:
        guard = GUARD_PREFIX + name
        return next((body for (_, each, _), body in self.model._sets.items() if each == guard), None)

    def list_resource_record_sets(self, **asked: str) -> dict[str, Any]:
        """As the operation of that name."""
        answer = self._ask("list_resource_record_sets", partial(self.model.list_resource_record_sets, **asked))
        caller = self._crowd.calls.now
        if caller.has_turn:
            caller.read_at = self._crowd.time()
            self._crowd.checks.is_spent(caller, Bucket.READS, 1)
        return answer

    def get_change(self, *, Id: str) -> dict[str, Any]:  # noqa: N803 - botocore's names
        """As the operation of that name."""
        caller = self._crowd.calls.now
        answer = self._ask("get_change", partial(self.model.get_change, Id=Id))
        if caller.asks:
            self._crowd.checks.is_spent(caller, Bucket.POLLS, 1)
            self._crowd.checks.is_asked(caller, Id)
        return answer

    def change_resource_record_sets(self, **asked: Any) -> dict[str, Any]:
        """As the operation of that name."""
        weather, story = self._crowd.weather, self._crowd.story
        for fault in weather.of("batch_is_late"):
            weather.spend(fault)
            late_s = fault.level * LEFT_BEHIND_S
            story.tell("route53", f"does not answer to '{_comment(asked)}'; it gets there {late_s:.0f} s later")
            self._crowd.time.start(self._crowd.time() + late_s, partial(self._arrive, asked))
            raise no_answer()
        return self._ask("change_resource_record_sets", partial(self._change, asked))

    def _arrive(self, asked: dict[str, Any]) -> None:
        try:
            answer = self.model.change_resource_record_sets(**asked)
        except ClientError as fault:
            self._crowd.story.tell("route53", f"refuses the late '{_comment(asked)}': {fault}")
            return
        self._crowd.story.tell("route53", f"accepts the late '{_comment(asked)}'")
        self._crowd.checks.is_accepted(None, _id(answer), parts_of(asked["ChangeBatch"]["Changes"]))

    def _change(self, asked: dict[str, Any]) -> dict[str, Any]:
        checks, caller = self._crowd.checks, self._crowd.calls.now
        parts = parts_of(asked["ChangeBatch"]["Changes"])
        checks.is_handed_in(caller, parts)
        try:
            if self._crowd.calls.happens("zone_taken"):
                raise refusal("ChangeResourceRecordSets", "PriorRequestNotComplete", "somebody else's batch is in work")
            self._demand_rights(asked["ChangeBatch"]["Changes"])
            answer = self.model.change_resource_record_sets(**asked)
        except ClientError as fault:
            self._crowd.story.tell("route53", f"refuses '{_comment(asked)}': {fault}")
            if caller.has_turn and fault.response["Error"]["Code"] != "Throttling":
                checks.is_spent(caller, Bucket.CHANGES, 1)
            raise
        self._crowd.story.tell("route53", f"accepts '{_comment(asked)}' as {_id(answer)}")
        if caller.has_turn:
            checks.is_spent(caller, Bucket.CHANGES, 1)
            checks.is_spent(
                caller, Bucket.UNITS, sum(UNITS[each["Action"]] for each in asked["ChangeBatch"]["Changes"])
            )
        checks.is_accepted(caller, _id(answer), parts)
        return answer

    def _demand_rights(self, changes: Sequence[dict[str, Any]]) -> None:
        for each in changes:
            name = each["ResourceRecordSet"]["Name"].removeprefix(GUARD_PREFIX)
            code = self.denied.get(name)
            if code == "AccessDenied":
                raise refusal("ChangeResourceRecordSets", code, "not authorized to perform this", 403)
            if code:
                why = f"[Tried to create resource record set [name='{GUARD_PREFIX}{name}.', type='TXT'] but it is bad]"
                raise refusal("ChangeResourceRecordSets", code, why)

    def _ask(self, method: str, work: Any) -> dict[str, Any]:
        def answer() -> dict[str, Any]:
            if self._crowd.calls.happens("route53_down"):
                raise no_answer() if self._rng.random() < 0.5 else refusal(method, "ServiceUnavailable", "", 503)
            if self._crowd.calls.happens("throttled"):
                raise refusal(method, "Throttling", "Rate exceeded")
            found: dict[str, Any] = work()
            return found

        return self._crowd.calls.call(method, answer, no_answer)


def _record_set(name: str, body: dict[str, Any]) -> RecordSet:
    return RecordSet(GUARD_PREFIX + name, "TXT", body["TTL"], tuple(each["Value"] for each in body["ResourceRecords"]))


def _comment(asked: dict[str, Any]) -> str:
    return str(asked["ChangeBatch"]["Comment"])


def _id(answer: dict[str, Any]) -> str:
    return str(answer["ChangeInfo"]["Id"]).removeprefix("/change/")


def _words(settled: Settled) -> str:
    if settled.guard is not None:
        return f"overtaken by {settled.guard}"
    return "; ".join(f"{each.status} {each.change_id}{each.why}" for each in settled.moved)
