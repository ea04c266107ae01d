"""The glossary: one sentence for each word, and a place that exists."""

import re
from collections import Counter
from dataclasses import fields, is_dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_runbook import NODE, STATE
from understudy.adapters.dynamodb import items
from understudy.domain.cluster.policy import Policy

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
ENTRY = re.compile(r"- \*\*([^*]+)\*\*: (.+)\. `([^` ]+)`")
ENTRIES = [line for line in TEXT.splitlines() if line.startswith("- ")]
PLACES = [match[3] for line in ENTRIES if (match := ENTRY.fullmatch(line))]
FIELD_WORDS = """lease, holder, epoch, fencing, fencing token, candidate, quorum, witness, drift, readiness, heartbeat,
observer, hold, switchover, failover, failback, guard, revision, record, intent, group commit, drill, rehearsal"""


def exists(place: str) -> bool:
    """Whether a place of the glossary is in the code, or an attribute that is written."""
    root, _, name = place.partition(".")
    if root == "state":
        written = items.state_item(STATE, revision=5)
        return name in {*written, *(f"nodes.{each}" for each in items.node_map(STATE.nodes[NODE]))}
    if root == "policy":
        return name in {field.name for field in fields(Policy)}
    return _is_in_a_module(place.split("."))


def _is_in_a_module(words: list[str]) -> bool:
    """Whether the longest part of the name that is a module has an attribute of what is left."""
    length = len(words)
    while length and not _is_module(".".join(words[:length])):
        length -= 1
    found: Any = import_module(".".join(words[:length])) if length else None
    for word in words[length:]:
        if is_dataclass(found) and word in {field.name for field in fields(found)}:
            return True
        found = getattr(found, word, None)
    return found is not None


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("line", ENTRIES, ids=lambda line: line.split("**")[1].replace(" ", "-"))
def test_a_word_has_one_sentence_and_one_place(line):
    entry = ENTRY.fullmatch(line)
    assert entry, "the form is: - **word**: one sentence. `place`"
    assert ". " not in entry[2], "one sentence"


@pytest.mark.parametrize("place", PLACES)
def test_the_place_of_a_word_exists(place):
    assert exists(place)


@pytest.mark.parametrize(
    "place",
    [
        "understudy.domain.nowhere",
        "understudy.domain.cluster.state.Nobody",
        "state.nothing",
        "policy.nothing",
        "nobody",
    ],
)
def test_a_place_that_is_gone_is_noticed(place):
    assert not exists(place)


def test_the_words_of_the_field_are_there_and_none_is_explained_twice():
    words = [match[1] for line in ENTRIES if (match := ENTRY.fullmatch(line))]
    assert [word for word, times in Counter(words).items() if times > 1] == []
    assert {word.strip() for word in FIELD_WORDS.replace("\n", " ").split(",")} - {*words} == set()
