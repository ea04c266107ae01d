"""What a function's code can call is found through every indirection that the product uses, and nothing beside it."""

from pathlib import Path

import pytest

from tests.support.aws_calls import actions_from, actions_in

WIRING = """
def _client(service):
    return make(service)

def table():
    from pack.adapters.table import Table
    return Table(_client("dynamodb"))

def zone():
    from pack.adapters.zone import Zone
    return Zone(lambda: _client("route53"))
"""
TABLE = """
class Texts:
    def __init__(self, client):
        self._client = client

    def text(self):
        return self._client.get_item()

class Table(Texts):
    def move(self):
        self._transact([{"Update": 1}, {"Put": 2}])

    def pages(self):
        return self._client.get_paginator("query").paginate()

    def _transact(self, writes):
        self._client.transact_write_items(TransactItems=writes)

    def forget(self):
        self._client.delete_item()
"""
ZONE = """
class Zone:
    def __init__(self, connect):
        self._connect = connect

    def change(self):
        self._once(self._connect().change_resource_record_sets)

    def _once(self, call):
        return call()
"""


@pytest.fixture
def called(tmp_path):
    package = tmp_path / "pack"
    (package / "adapters").mkdir(parents=True)
    for name, source in {"wiring": WIRING, "adapters/table": TABLE, "adapters/zone": ZONE}.items():
        (package / f"{name}.py").write_text(source)

    def ask(use: str) -> set[str]:
        entry = tmp_path / "function" / f"app{abs(hash(use))}.py"
        entry.parent.mkdir(exist_ok=True)
        entry.write_text(f"from pack import wiring\n{use}\n")
        return actions_from(entry, package, clients="wiring.py")

    return ask


@pytest.mark.parametrize(
    ("use", "actions"),
    [
        ("wiring.table()", set()),
        ("wiring.table().text()", {"dynamodb:GetItem"}),
        ("def handler(table):\n    table.pages()\nhandler(wiring.table())", {"dynamodb:Query"}),
        ("wiring.table().move()", {"dynamodb:UpdateItem", "dynamodb:PutItem"}),
        ("run = lambda: wiring.zone().change()", {"route53:ChangeResourceRecordSets"}),
    ],
)
def test_a_call_is_found_where_it_is_made_and_only_if_it_can_be_reached(called, use, actions):
    assert called(use) == actions


def test_an_annotation_calls_nothing(called):
    assert called("def handler(table: wiring.table) -> wiring.zone:\n    table.text()\n    table.change()") == set()


def test_whole_modules_are_searched_for_clients_of_the_given_services(tmp_path: Path):
    source = tmp_path / "aws.py"
    source.write_text("def beat(client):\n    client.put_events()\n    client.get_item()\n")
    assert actions_in([source], ["events"]) == {"events:PutEvents"}
    assert actions_in([source], ["events", "dynamodb"]) == {"events:PutEvents", "dynamodb:GetItem"}
