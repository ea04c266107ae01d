"""The cluster table: BeatLedger, StateLedger, ClusterIndex and Registry on DynamoDB."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from understudy.adapters.aws_errors import code_of
from understudy.adapters.dynamodb import beats, items
from understudy.adapters.dynamodb.commits import commit_update
from understudy.adapters.dynamodb.expressions import Update
from understudy.adapters.dynamodb.registration import registration
from understudy.adapters.dynamodb.seals import DynamoDbSeals
from understudy.adapters.dynamodb.values import Item
from understudy.adapters.dynamodb.views import DynamoDbViews
from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.errors import LedgerConflictError
from understudy.domain.cluster.state import ClusterState
from understudy.domain.observe.heartbeat import Beat
from understudy.domain.observe.signal import Signal
from understudy.ports.ledger import Refusal

INDEX = "clusters"
CONDITION_FAILED = "ConditionalCheckFailedException"
NOT_IN_THE_ITEM = "ValidationException"
"""Among other things: an expression refers to what is not in the item."""
TRANSACTION_IN_THE_WAY = "TransactionConflictException"
LOST_RACES = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
TRY_COUNT = 5
"""A write that depends on nothing read before is tried this often when a transaction holds the item."""
PAUSE_S = (0.02, 0.05)
"""Between two of these tries, by chance: a transaction holds an item for milliseconds, and others wait for it, too."""


class DynamoDbLedger(DynamoDbViews):
    """The table, by a low-level boto3 client.

    Faults of DynamoDB itself (throttled, unreachable, forbidden) come through as botocore raises them: then it is not
    known whether a write was done.
    """

    def __init__(
        self,
        client: Any,
        table_name: str,
        sleep: Callable[[float], object] = lambda seconds: None,
        random: Callable[[], float] = lambda: 0,
    ) -> None:
        """`sleep` waits (seconds); `random` gives 0 to 1."""
        super().__init__(client, table_name)
        self._seals = DynamoDbSeals(client, table_name)
        self._sleep, self._random = sleep, random

    # BeatLedger

    def record_beat(self, beat: Beat) -> ClusterState | Refusal:
        """Store a beat unless a newer one is there: one UpdateItem that is also the read (B3, B9).

        The first beat after a gap of hearing_s, or after one that was lost, takes a second one.

        Answers the whole state after it, or why it was refused.
        """
        try:
            return self._record_beat(beat)
        except ClientError as fault:
            if code_of(fault) != NOT_IN_THE_ITEM or not self._mend(beat.cluster):
                raise
        return self._record_beat(beat)

    def _record_beat(self, beat: Beat) -> ClusterState | Refusal:
        recorded = self._record(beat.cluster, beats.beat_update(beat), partial(beats.refusal_of_beat, beat))
        if recorded not in (beats.RUN_BROKEN, beats.BEAT_LOST):
            return recorded
        first = beats.first_beat_update(beat, after_loss=recorded == beats.BEAT_LOST)
        return self._record(beat.cluster, first, partial(beats.refusal_of, beat.instance_id))

    def _mend(self, cluster: str) -> bool:
        """Give an item of before there was `hearing_s` that term: a beat is written by it. Whether it was missing."""
        item = self._get(cluster, items.STATE)
        if "hearing_s" in item["terms"]["M"]:
            return False
        update = Update()
        update.require_absent("terms", "hearing_s")
        update.set("terms", "hearing_s", to=items.read_state(item).terms.hearing_s)
        with suppress(self._client.exceptions.ConditionalCheckFailedException):  # another beat has mended it
            self._update(TableName=self._table, Key=items.key(cluster, items.STATE), **update.arguments())
        return True

    def record_signal(self, cluster: str, signal: Signal) -> ClusterState | Refusal:
        """Store EC2's or CloudWatch's word unless a newer one (by `at`, seconds) is there: one UpdateItem."""
        return self._record(cluster, beats.signal_update(signal), partial(beats.refusal_of, signal.instance_id))

    # StateLedger

    def read(self, cluster: str) -> ClusterState | None:
        """The state, strongly consistent; None when the cluster is not registered."""
        item = self._get(cluster, items.STATE)
        return items.read_state(item) if item else None

    def commit(
        self,
        before: ClusterState,
        after: ClusterState,
        *,
        holding_still: str | None = None,
        saying_the_same: Collection[str] = (),
        history: Mapping[int, Mapping[str, Any]] | None = None,
    ) -> ClusterState:
        """Write everything of the state but the nodes, on condition that nobody else has written since (B1).

        Revision and epoch must be those of `before`; with `holding_still` (an instance id) that node must not have
        beaten since, and those of `saying_the_same` must have said nothing else of their services. `history` (epoch to
        facts) is written in the same transaction. Answers the state as written: its nodes are newest without history,
        and with history those of `before`, since a transaction answers nothing and a read after it could show another
        writer's state as if it were ours. Raises LedgerConflictError.
        """
        update = commit_update(before, after, holding_still, saying_the_same)
        key = items.key(before.cluster, items.STATE)
        if not history:
            answer = self._write_state(TableName=self._table, Key=key, ReturnValues="ALL_NEW", **update.arguments())
            return items.read_state(answer["Attributes"])
        self._transact(
            [
                {"Update": {"TableName": self._table, "Key": key, **update.arguments()}},
                *({"Update": self._facts_update(before.cluster, epoch, facts)} for epoch, facts in history.items()),
            ]
        )
        return replace(after, revision=before.revision + 1, nodes=before.nodes)

    def note(self, cluster: str, epoch: int, facts: Mapping[str, Any]) -> None:
        """Set facts on the history item of an epoch; a fact `stages.<name>` sets one entry of `stages` (S10)."""
        self._update(**self._facts_update(cluster, epoch, facts))

    def history(self, cluster: str, epoch: int) -> Mapping[str, Any]:
        """The facts of the history item of an epoch, strongly consistent; empty when there is none."""
        return items.read_history(self._get(cluster, items.history_sk(epoch)))

    def secret(self, now: float, *, anew: bool = False) -> bytes:
        """See SealBook.secret."""
        return self._seals.secret(now, anew=anew)

    # ClusterIndex

    def clusters(self) -> Iterator[str]:
        """The name of every registered cluster, page by page, as the index has it (eventually consistent)."""
        condition = {
            "KeyConditionExpression": "kind = :kind",
            "ExpressionAttributeValues": {":kind": {"S": items.KIND}},
        }
        return (item["pk"]["S"] for item in self._query(IndexName=INDEX, **condition))

    def clusters_of_instance(self, instance_id: str) -> Iterable[str]:
        """The clusters that have this instance as a member."""
        return [found[0] for found in self._look_up(items.instance_pk(instance_id))]

    def nodes_of_alarm(self, alarm: str) -> Iterable[tuple[str, str]]:
        """(cluster, instance id) for each node whose definition names this alarm."""
        return [(cluster, instance_id) for cluster, instance_id in self._look_up(items.alarm_pk(alarm))]

    # Registry

    def claimed(self, definition: Definition) -> Mapping[str, str]:
        """Those of the addresses, by label, that another cluster has, strongly consistent: one GetItem for each."""
        owners = {label: self._claimant(address) for address, label in definition.claims.items()}
        return {label: owner for label, owner in owners.items() if owner not in ("", definition.cluster)}

    def register(self, before: ClusterState | None, after: ClusterState, definition: Definition) -> None:
        """Store a new version of a definition with its state, look-ups and claims, in one transaction (S9).

        On condition that the state is still `before` (None: that there is none), that this version is not there yet
        with another content, and that no other cluster has one of the addresses. The revision is one higher than
        before, 1 at first. Raises LedgerConflictError; TooManyEntriesError for more than one transaction takes;
        KeyError when the definition that `before` names is lost.
        """
        old = self.definition(before.cluster, before.definition_version) if before else None
        gone = old.claims.keys() - definition.claims.keys() if old else set()
        # One that is another cluster's by now (ours was made before there were claims) stays as it is.
        ours = [each for each in gone if self._claimant(each) == definition.cluster]
        self._transact(registration(self._table, before, after, definition, old, ours))

    # How it is done

    def _claimant(self, address: str) -> str:
        return items.read_claim(self._get(items.claim_pk(address), items.CLAIM))

    def _record(
        self, cluster: str, update: Mapping[str, Any], refuse: Callable[[Mapping[str, Any] | None], Refusal]
    ) -> ClusterState | Refusal:
        try:
            answer = self._update(
                TableName=self._table,
                Key=items.key(cluster, items.STATE),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **update,
            )
        except ClientError as fault:
            if code_of(fault) == CONDITION_FAILED:
                return refuse(fault.response.get("Item"))
            raise
        return items.read_state(answer["Attributes"])

    def _update(self, try_count: int = TRY_COUNT, **arguments: Any) -> Mapping[str, Any]:
        try:
            answer: Mapping[str, Any] = self._client.update_item(**arguments)
        except ClientError as fault:
            if code_of(fault) != TRANSACTION_IN_THE_WAY or try_count == 1:
                raise
            least, most = PAUSE_S
            self._sleep(least + (most - least) * self._random())
            return self._update(try_count - 1, **arguments)
        return answer

    def _write_state(self, **arguments: Any) -> Mapping[str, Any]:
        try:
            answer: Mapping[str, Any] = self._client.update_item(**arguments)
        except ClientError as fault:
            if code_of(fault) in (CONDITION_FAILED, TRANSACTION_IN_THE_WAY):
                raise LedgerConflictError(str(fault)) from fault
            raise
        return answer

    def _transact(self, writes: list[dict[str, Any]]) -> None:
        try:
            self._client.transact_write_items(TransactItems=writes)
        except ClientError as fault:
            reasons = {str(reason.get("Code")) for reason in fault.response.get("CancellationReasons", ())}
            if reasons & LOST_RACES:
                raise LedgerConflictError(str(fault)) from fault
            raise

    def _facts_update(self, cluster: str, epoch: int, facts: Mapping[str, Any]) -> dict[str, Any]:
        update = Update()
        for name, value in items.facts_as_attributes(facts).items():
            update.set(name, to=value)
        key = items.key(cluster, items.history_sk(epoch))
        return {"TableName": self._table, "Key": key, **update.arguments()}

    def _look_up(self, pk: str) -> list[list[str]]:
        condition = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": pk}}}
        found = self._query(ConsistentRead=True, **condition)
        return [item["sk"]["S"].split("#")[1:] for item in found]

    def _query(self, **arguments: Any) -> Iterator[Item]:
        for page in self._client.get_paginator("query").paginate(TableName=self._table, **arguments):
            yield from page["Items"]
