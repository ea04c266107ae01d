"""The secret that the controller seals with: one for a stack, whoever needs it first (S10)."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.builders import NOW
from understudy.adapters.dynamodb.keys import SEAL, SECRET, key
from understudy.adapters.dynamodb.ledger import DynamoDbLedger
from understudy.adapters.dynamodb.table import ClusterTable
from understudy.domain.cluster.seal import SECRET_LENGTH
from understudy.ports.seals import SECRET_KEPT_S


class Recorded:
    """A client that writes down what is called."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.calls.append(name)
        return getattr(self._client, name)


def forget(ledger: Any) -> None:
    """Somebody deletes the secret."""
    if isinstance(ledger, DynamoDbLedger):
        ledger._table.remove_item(key(SEAL, SECRET))
    else:
        ledger.items[(SEAL, SECRET)] = bytes(range(SECRET_LENGTH))


def test_the_first_who_needs_the_secret_makes_it_and_it_stays(ledger):  # S10
    made = ledger.secret(NOW)
    assert len(made) == SECRET_LENGTH
    assert ledger.secret(NOW + 1) == ledger.secret(NOW + SECRET_KEPT_S) == ledger.secret(NOW + 2, anew=True) == made


def test_a_secret_that_was_deleted_is_made_anew_and_is_in_force_a_minute_later(ledger):
    made = ledger.secret(NOW)
    forget(ledger)
    assert ledger.secret(NOW + SECRET_KEPT_S - 1) == made
    assert ledger.secret(NOW + SECRET_KEPT_S) != made


def test_who_asks_for_it_as_it_stands_does_not_get_the_one_of_before(ledger):
    made = ledger.secret(NOW)
    forget(ledger)
    assert ledger.secret(NOW, anew=True) != made
    assert ledger.secret(NOW) != made


def test_a_clock_that_was_set_back_does_not_keep_a_secret_for_ever(ledger):
    made = ledger.secret(NOW)
    forget(ledger)
    assert ledger.secret(NOW - 3600) != made


def test_every_process_of_a_stack_gets_the_same_and_every_stack_another(dynamodb, table):  # S10
    ledgers = [DynamoDbLedger(dynamodb, table) for _ in range(3)]
    assert len({ledger.secret(NOW) for ledger in ledgers}) == 1
    from tests.contract.dynamodb.tables import create_table

    assert DynamoDbLedger(dynamodb, create_table(dynamodb)).secret(NOW) != ledgers[0].secret(NOW)


def test_of_two_who_make_it_at_once_one_does_and_both_have_the_same(dynamodb, table):  # S10
    other = DynamoDbLedger(dynamodb, table)
    late = DynamoDbLedger(dynamodb, table)
    read, first = late._seals._read, []

    def read_before_the_other_writes():
        found = read()
        if not first:
            first.append(other.secret(NOW))
        return found

    late._seals._read = read_before_the_other_writes
    assert late.secret(NOW) == first[0]


def test_reading_it_again_within_the_minute_costs_no_call(dynamodb, table):  # B9
    client = Recorded(dynamodb)
    ledger = DynamoDbLedger(client, table)
    ledger.secret(NOW)
    assert client.calls == ["get_item", "update_item"]
    ledger.secret(NOW + SECRET_KEPT_S - 1)
    assert client.calls == ["get_item", "update_item"]


def test_a_table_that_does_not_answer_is_no_empty_one(dynamodb):  # B3
    with pytest.raises(ClientError):
        DynamoDbLedger(dynamodb, "no-such-table").secret(NOW)


def test_a_fault_of_the_table_while_it_is_made_comes_through(dynamodb, table):  # B3
    ledger = DynamoDbLedger(dynamodb, table)
    ledger._seals._read = lambda: b""
    ledger._seals._table = ClusterTable(dynamodb, "no-such-table")
    with pytest.raises(ClientError):
        ledger.secret(NOW)
