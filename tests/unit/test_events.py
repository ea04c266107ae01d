"""The catalogue of events and the code say the same: no event without a shape, no shape without an event."""

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, ValidationError

from tests.support.fakes import FakeAnnouncer
from tests.support.fakes.announcer import held_to_its_shape
from tools.event_catalogue import EVENTS
from tools.events_doc import laid_out

USECASES = Path("layers/controller/python/understudy/usecases")
CONSTANT = re.compile(r'^([A-Z_]+) = "(Understudy [A-Z][A-Za-z ]+)"$', flags=re.MULTILINE)


def announced():
    """The detail-types that use cases have a name for, with that name."""
    return {
        kind: name
        for path in USECASES.rglob("*.py")
        for name, kind in CONSTANT.findall(path.read_text(encoding="utf-8"))
    }


def test_every_event_that_is_announced_has_a_shape_and_every_shape_an_event():
    assert set(announced()) == set(EVENTS)


def test_every_name_of_an_event_is_used_to_announce_it():
    code = "".join(path.read_text(encoding="utf-8") for path in USECASES.rglob("*.py"))
    assert [name for name in announced().values() if len(re.findall(rf"\b{name}\b", code)) < 2] == []


@pytest.mark.parametrize("kind", EVENTS)
def test_every_sample_is_as_its_schema_says(kind):
    Draft202012Validator.check_schema(EVENTS[kind].schema)
    held_to_its_shape(kind, EVENTS[kind].sample)
    held_to_its_shape(kind, {**EVENTS[kind].sample, "version": 1})


@pytest.mark.parametrize("kind", EVENTS)
def test_an_event_that_lacks_something_or_has_something_else_is_found_out(kind):
    for key in EVENTS[kind].sample:
        with pytest.raises(ValidationError):
            held_to_its_shape(kind, {k: v for k, v in EVENTS[kind].sample.items() if k != key})
    with pytest.raises(ValidationError):
        held_to_its_shape(kind, {**EVENTS[kind].sample, "colour": "red"})


def test_an_announcer_takes_no_event_that_nobody_described():
    with pytest.raises(AssertionError, match="Cat Found"):
        FakeAnnouncer().announce("Understudy Cat Found", {})


@pytest.mark.parametrize("kind", EVENTS)
def test_what_is_laid_out_in_few_lines_is_the_same(kind):
    assert json.loads(laid_out(EVENTS[kind].schema)) == EVENTS[kind].schema
