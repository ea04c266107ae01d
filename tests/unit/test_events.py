"""Events as types: what one is stands in one place, and the bus, the notices and the documents have it from there."""

import ast
import json
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, ValidationError

from tests.support.events import EXAMPLES
from tests.support.fakes import FakeAnnouncer
from tests.support.fakes.announcer import held_to_its_shape
from tools.event_schema import detail_schema, laid_out, schema_of
from tools.events_doc import events_doc
from understudy.domain.events.alerts import OperatorCalled
from understudy.domain.events.catalogue import EVENTS, SHAPES, read_event
from understudy.domain.events.event import Event

PACKAGE = Path("layers/controller/python/understudy")
WIDTH_LIMIT = 160
"""What a row of a table may have, so that it is read without scrolling."""


def on_bus(detail_type, detail):
    return {"detail-type": detail_type, "detail": detail}


def test_the_catalogue_has_every_event_of_the_folder():
    defined = [
        value
        for path in sorted((PACKAGE / "domain/events").glob("*.py"))
        for value in vars(import_module(f"understudy.domain.events.{path.stem}")).values()
        if isinstance(value, type) and issubclass(value, Event) and value.__module__.endswith(f".{path.stem}")
    ]
    assert sorted(map(str, EVENTS)) == sorted(str(each) for each in defined if each is not Event)


def test_every_event_is_published_by_a_use_case_and_by_nobody_under_another_name():
    trees = [
        ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py") if "events" not in path.parts
    ]
    named = {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}
    texts = {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert [each.__name__ for each in EVENTS if each.__name__ not in named] == []
    assert texts & set(SHAPES) == set()


@pytest.mark.parametrize("event", EVENTS)
def test_every_example_is_as_its_schema_says_and_is_read_as_what_it_is(event):
    example = event.example()
    Draft202012Validator.check_schema(detail_schema(SHAPES[event.detail_type]))
    held_to_its_shape(event.detail_type, example.detail())
    detail = json.loads(json.dumps({"version": 1, **example.detail()}))
    found = read_event(on_bus(event.detail_type, detail))
    assert type(found) is event
    assert found.detail() == example.detail()
    assert (found.words(), found.concern()) == (example.words(), example.concern())


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_that_lacks_something_or_has_something_else_is_found_out(event):
    detail = event.example().detail()
    for key in detail:
        with pytest.raises(ValidationError):
            held_to_its_shape(event.detail_type, {k: v for k, v in detail.items() if k != key})
    with pytest.raises(ValidationError):
        held_to_its_shape(event.detail_type, {**detail, "colour": "red"})


@pytest.mark.parametrize("event", EVENTS)
def test_people_hear_what_an_older_version_says_less_and_a_newer_one_more(event):
    """During an upgrade both are on the bus."""
    detail = event.example().detail()
    newer = read_event(on_bus(event.detail_type, {**detail, "colour": "red"}))
    assert newer is not None
    assert newer.words() == event.example().words()
    for key in detail:
        older = read_event(on_bus(event.detail_type, {k: v for k, v in detail.items() if k != key}))
        assert older is not None
        assert older.detail().get(key) is None
        older.words()
        older.concern()


def test_a_type_that_is_not_known_here_is_no_event_and_no_fault():
    assert read_event(on_bus("Understudy Cat Found", {})) is None
    assert read_event({"detail-type": ["Understudy Operator Called"], "detail": "?"}) is None


def test_an_announcer_takes_no_event_whose_detail_is_not_as_it_is_described():
    with pytest.raises(ValidationError):
        FakeAnnouncer().announce(replace(OperatorCalled.example(), epoch=-1))


@pytest.mark.parametrize("type_", [set[str], bytes, Mapping[str, object]])
def test_a_field_that_json_does_not_know_has_no_schema(type_):
    with pytest.raises(TypeError, match="allowed: what JSON knows"):
        schema_of(type_)


@pytest.mark.parametrize("kind", EXAMPLES)
def test_what_is_laid_out_in_few_lines_is_the_same(kind):
    schema = detail_schema(SHAPES[kind])
    assert json.loads(laid_out(schema)) == schema


def test_the_document_has_a_heading_for_each_detail_type_and_no_row_that_has_to_be_scrolled():
    lines = events_doc().splitlines()
    assert [kind for kind in SHAPES if f"## {kind}" not in lines] == []
    assert [line for line in lines if line.startswith("|") and len(line) > WIDTH_LIMIT] == []


def test_the_document_says_what_a_field_means_and_whether_people_are_told():
    text = events_doc()
    assert "| `start_failed` | list of text | the nodes on which the service is known not to have started |" in text
    assert "| `record` | text | name and type |" in text.partition("### WithheldFacts")[2]
    assert "People are told: yes, but not when it is right again." in text
