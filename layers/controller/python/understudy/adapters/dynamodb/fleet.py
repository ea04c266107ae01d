"""What the cluster table knows of all clusters together: FleetBook.

The items stand under a key of their own, which no cluster can have: a name has no `#`. How many clusters there are
stands where every step reads it anyway.
"""

from collections.abc import Callable, Collection
from functools import cached_property
from typing import Any

from understudy.adapters.dynamodb import items, keys
from understudy.adapters.dynamodb.expressions import Update
from understudy.adapters.dynamodb.table import ClusterTable, NotWritten, written
from understudy.adapters.dynamodb.values import Item, from_item, to_item
from understudy.domain.cluster.state import ClusterState
from understudy.domain.decide.fleet import Sample
from understudy.domain.observe.signal import Shift
from understudy.ports.fleet import Places


class DynamoDbFleet:
    """By a function that makes a low-level boto3 client when one is needed: in a stack of few clusters, none is.

    Faults of DynamoDB come through as botocore raises them, or as UnreadableError.
    """

    def __init__(self, connect: Callable[[], Any], table_name: str) -> None:
        self._connect = connect
        self._table_name = table_name

    @cached_property
    def _table(self) -> ClusterTable:
        return ClusterTable(self._connect(), self._table_name)

    def places(self, names: Collection[str], zone_id: str, now: int) -> Places:
        """See FleetReader.places: one BatchGetItem."""
        wanted = [*map(keys.place_sk, names), *([keys.zone_sk(zone_id)] if zone_id else ())]
        found = self._table.read_items([(keys.FLEET, each) for each in wanted])
        values = {sk: from_item(item) for (_, sk), item in found.items()}
        samples = {
            name: {cluster: tuple(ids) for cluster, ids in values[keys.place_sk(name)]["sample"].items()}
            for name in names
            if keys.place_sk(name) in values
        }
        shifts = values.get(keys.zone_sk(zone_id), {})
        is_impaired = any(shifts.get(_until(shift), 0) > now for shift in Shift)
        return Places(samples, frozenset({zone_id} if is_impaired else ()))

    def states(self, clusters: Collection[str]) -> list[ClusterState]:
        """See FleetReader.states: half a read unit for each."""
        found = self._table.read_items([(name, keys.STATE) for name in clusters])
        return [state for state in map(_state, found.values()) if state is not None]

    def count_move(self, minute: int) -> int:
        """See FleetReader.count_move: one UpdateItem."""
        answer = written(
            self._table.change_item(
                keys.key(keys.FLEET, keys.minute_sk(minute)),
                UpdateExpression="ADD moves :one SET expires_at = :gone",
                ExpressionAttributeValues=to_item({":one": 1, ":gone": minute * 60 + keys.KEPT_S}),
                ReturnValues="UPDATED_NEW",
            )
        )
        return int(from_item(answer["Attributes"])["moves"])

    def note_shift(self, zone_id: str, shift: Shift, at: int, until: int) -> None:
        """See ZoneWords.note_shift: one conditional UpdateItem."""
        update = Update()
        update.set(_until(shift), to=until)
        update.set(_at(shift), to=at)
        update.set("expires_at", to=max(at, until) + keys.KEPT_S)
        update.require_at_most(_at(shift), at)
        self._update_if(keys.zone_sk(zone_id), update)

    def put_sample(self, place: str, sample: Sample) -> None:
        """See FleetBook.put_sample: one PutItem."""
        values = {"sample": {cluster: list(ids) for cluster, ids in sample.items()}}
        self._table.store_item({**keys.key(keys.FLEET, keys.place_sk(place)), **to_item(values)})

    def note_clusters(self, clusters: int) -> None:
        """See FleetBook.note_clusters: one UpdateItem of the item that every step reads."""
        self._set_for_all(items.CLUSTERS, clusters)

    def note_doubt(self, since: int) -> None:
        """See FleetBook.note_doubt."""
        self._set_for_all(items.DOUBTED, since)

    def take_turns(self, minute: int) -> bool:
        """See FleetBook.take_turns: one conditional UpdateItem."""
        update = Update()
        update.set("minute", to=minute)
        update.require_at_most("minute", minute - 1)
        return self._update_if(keys.TURNS, update)

    def _set_for_all(self, name: str, value: int) -> None:
        update = Update()
        update.set(name, to=value)
        self._table.change_item(keys.key(keys.STACK, keys.TUNING), **update.arguments())

    def _update_if(self, sk: str, update: Update) -> bool:
        answer = self._table.change_item(keys.key(keys.FLEET, sk), **update.arguments())
        return not isinstance(answer, NotWritten)


def _state(item: Item) -> ClusterState | None:
    try:
        return items.read_state(item)
    except Exception:  # one cluster that makes no sense says nothing of the others
        return None


def _until(shift: Shift) -> str:
    return f"{shift}_until"


def _at(shift: Shift) -> str:
    return f"{shift}_at"
