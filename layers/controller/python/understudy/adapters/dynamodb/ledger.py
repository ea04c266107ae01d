"""The cluster table: BeatLedger, StateLedger, ClusterIndex and Registry on DynamoDB."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from understudy.adapters.aws_errors import code_of
from understudy.adapters.dynamodb import beats, items, keys
from understudy.adapters.dynamodb.commits import commit_update
from understudy.adapters.dynamodb.definitions import KeptDefinitions
from understudy.adapters.dynamodb.expressions import Update
from understudy.adapters.dynamodb.registration import registration
from understudy.adapters.dynamodb.seals import DynamoDbSeals
from understudy.adapters.dynamodb.table import ClusterTable, NotWritten
from understudy.adapters.dynamodb.values import Item
from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.state import ClusterState
from understudy.domain.cluster.tuning import StackWide
from understudy.domain.cluster.unaccepted import Unaccepted
from understudy.domain.observe.heartbeat import Beat
from understudy.domain.observe.signal import Signal
from understudy.ports.ledger import Read, Refusal

NOT_IN_THE_ITEM = "ValidationException"
"""Among other things: an expression refers to what is not in the item."""


class DynamoDbLedger:
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
        self._table = ClusterTable(client, table_name, sleep, random)
        self._definitions = KeptDefinitions(self._table)
        self._seals = DynamoDbSeals(self._table)

    # BeatLedger

    def record_beat(self, beat: Beat) -> ClusterState | Refusal:
        """Store a beat unless a newer one is there: one UpdateItem that is also the read.

        The first beat after a gap of hearing_s, or after one that was lost, takes a second one.

        Answers the whole state after it, or why it was refused.
        """
        try:
            return self._record_beat(beat)
        except ClientError as fault:
            if code_of(fault) != NOT_IN_THE_ITEM or not self._repair_item(beat.cluster):
                raise
        return self._record_beat(beat)

    def _record_beat(self, beat: Beat) -> ClusterState | Refusal:
        recorded = self._record(beat.cluster, beats.beat_update(beat), partial(beats.refusal_of_beat, beat))
        if recorded not in (beats.RUN_BROKEN, beats.BEAT_LOST):
            return recorded
        first = beats.first_beat_update(beat, after_loss=recorded == beats.BEAT_LOST)
        return self._record(beat.cluster, first, partial(beats.refusal_of, beat.instance_id))

    def _repair_item(self, cluster: str) -> bool:
        """Give an older item, without `hearing_s`, that term: a beat is written by it. Whether it was missing."""
        item = self._table.read_item(cluster, keys.STATE)
        if "hearing_s" in item["terms"]["M"]:
            return False
        update = Update()
        update.require_absent("terms", "hearing_s")
        update.set("terms", "hearing_s", to=items.read_state(item).terms.hearing_s)
        # When that is not written, another beat has done it.
        self._table.change_when_free(keys.key(cluster, keys.STATE), **update.arguments())
        return True

    def record_signal(self, cluster: str, signal: Signal) -> ClusterState | Refusal:
        """Store EC2's or CloudWatch's word unless a newer one (by `at`, seconds) is there: one UpdateItem."""
        return self._record(cluster, beats.signal_update(signal), partial(beats.refusal_of, signal.instance_id))

    # StateLedger

    def read(self, cluster: str) -> ClusterState | None:
        """The state, strongly consistent; None when the cluster is not registered."""
        item = self._table.read_item(cluster, keys.STATE)
        return items.read_state(item) if item else None

    def read_states(self, clusters: Collection[str]) -> Mapping[str, Read | Exception]:
        """See StateLedger.read_states: one BatchGetItem for a hundred states, and one for definitions not yet kept."""
        return self._definitions.read_states(clusters)

    def definition(self, cluster: str, version: int) -> Definition:
        """The accepted definition of this version. Raises KeyError when there is none."""
        return self._definitions.definition(cluster, version)

    def stack_wide(self) -> StackWide:
        """The tunables that the stack sets, and until when Route 53 is crowded: one read, strongly consistent."""
        return items.read_stack_wide(self._table.read_item(keys.STACK, keys.TUNING))

    def commit(
        self,
        before: ClusterState,
        after: ClusterState,
        *,
        if_no_newer_beat_of: str | None = None,
        saying_the_same: Collection[str] = (),
        history: Mapping[int, Mapping[str, Any]] | None = None,
    ) -> ClusterState:
        """Write everything of the state but the nodes, on condition that nobody else has written since.

        Revision and epoch must be those of `before`; no beat of the node `if_no_newer_beat_of` (an instance id) may
        have been recorded since, and those of `saying_the_same` must have said nothing else of their services.
        `history` (epoch to facts) is written in the same transaction. Answers the state as written: its nodes are
        newest without history, and with history those of `before`, since a transaction answers nothing and a read
        after it could show another writer's state as if it were ours. Raises LedgerConflictError.
        """
        update = commit_update(before, after, if_no_newer_beat_of, saying_the_same)
        key = keys.key(before.cluster, keys.STATE)
        if not history:
            answer = self._table.change_as_read(key, ReturnValues="ALL_NEW", **update.arguments())
            return items.read_state(answer["Attributes"])
        writes = [(key, update), *(_facts_update(before.cluster, epoch, facts) for epoch, facts in history.items())]
        self._table.transact(
            [{"Update": {"TableName": self._table.name, "Key": key, **each.arguments()}} for key, each in writes]
        )
        return replace(after, revision=before.revision + 1, nodes=before.nodes)

    def note(self, cluster: str, epoch: int, facts: Mapping[str, Any]) -> None:
        """Set facts on the history item of an epoch; a fact `stages.<name>` sets one entry of `stages`."""
        key, update = _facts_update(cluster, epoch, facts)
        self._table.change_when_free(key, **update.arguments())

    def history(self, cluster: str, epoch: int) -> Mapping[str, Any]:
        """The facts of the history item of an epoch, strongly consistent; empty when there is none."""
        return items.read_history(self._table.read_item(cluster, keys.history_sk(epoch)))

    def secret(self, now: float, *, anew: bool = False) -> bytes:
        """See SealBook.secret."""
        return self._seals.secret(now, anew=anew)

    # ClusterIndex

    def clusters(self) -> Iterator[str]:
        """The name of every registered cluster, page by page, as the index has it (eventually consistent)."""
        return self._table.keys_of_kind(keys.KIND)

    def clusters_of_instance(self, instance_id: str) -> Iterable[str]:
        """The clusters that have this instance as a member."""
        return [found[0] for found in self._look_up(keys.instance_pk(instance_id))]

    def nodes_of_alarm(self, alarm: str) -> Iterable[tuple[str, str]]:
        """(cluster, instance id) for each node whose definition names this alarm."""
        return [(cluster, instance_id) for cluster, instance_id in self._look_up(keys.alarm_pk(alarm))]

    # Registry

    def claimed(self, definition: Definition) -> Mapping[str, str]:
        """Those of the addresses, by label, that another cluster has, strongly consistent: one GetItem for each."""
        owners = {label: self._claimant(address) for address, label in definition.claims.items()}
        return {label: owner for label, owner in owners.items() if owner not in ("", definition.cluster)}

    def register(self, before: ClusterState | None, after: ClusterState, definition: Definition) -> None:
        """Store a new version of a definition with its state, look-ups and claims, in one transaction.

        On condition that the state is still `before` (None: that there is none), that this version is not there yet
        with another content, and that no other cluster has one of the addresses. The revision is one higher than
        before, 1 at first. Raises LedgerConflictError; TooManyEntriesError for more than one transaction takes;
        KeyError when the definition that `before` names is lost.
        """
        old = self.definition(before.cluster, before.definition_version) if before else None
        gone = old.claims.keys() - definition.claims.keys() if old else set()
        # One that is another cluster's by now (ours was made before there were claims) stays as it is.
        ours = [each for each in gone if self._claimant(each) == definition.cluster]
        self._table.transact(registration(self._table.name, before, after, definition, old, ours))

    def tuning_digest(self) -> str:
        """The digest of the text that the stack's tunables are from; empty when there is none."""
        return items.read_digest(self._table.read_item(keys.STACK, keys.TUNING))

    def put_tuning(self, values: Mapping[str, int], digest: str) -> None:
        """Let these be the stack's tunables, from the text of this digest."""
        update = Update()
        update.set("values", to=dict(values))
        update.set("digest", to=digest)
        self._table.change_item(keys.key(keys.STACK, keys.TUNING), **update.arguments())

    def unaccepted(self, cluster: str) -> Unaccepted | None:
        """The text that was submitted last, when it is not in force; None when it is."""
        return items.read_unaccepted(self._table.read_item(cluster, keys.UNACCEPTED))

    def note_unaccepted(self, cluster: str, text: Unaccepted) -> None:
        """Remember it in place of the one before. The state is not touched."""
        self._table.store_item(items.unaccepted_item(cluster, text))

    def forget_unaccepted(self, cluster: str) -> None:
        """The text that was submitted last is in force."""
        self._table.remove_item(keys.key(cluster, keys.UNACCEPTED))

    # How it is done

    def _claimant(self, address: str) -> str:
        return items.read_claim(self._table.read_item(keys.claim_pk(address), keys.CLAIM))

    def _record(
        self, cluster: str, update: Mapping[str, Any], refuse: Callable[[Mapping[str, Any] | None], Refusal]
    ) -> ClusterState | Refusal:
        answer = self._table.change_when_free(
            keys.key(cluster, keys.STATE),
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
            **update,
        )
        return refuse(answer.item) if isinstance(answer, NotWritten) else items.read_state(answer["Attributes"])

    def _look_up(self, pk: str) -> list[list[str]]:
        condition = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": pk}}}
        found = self._table.query_items(ConsistentRead=True, **condition)
        return [item["sk"]["S"].split("#")[1:] for item in found]


def _facts_update(cluster: str, epoch: int, facts: Mapping[str, Any]) -> tuple[Item, Update]:
    update = Update()
    for name, value in items.facts_as_attributes(facts).items():
        update.set(name, to=value)
    return keys.key(cluster, keys.history_sk(epoch)), update
