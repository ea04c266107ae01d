"""Definitions that nobody means well with: refused in short sentences that name the place, and nothing is changed."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.usecases.register.test_addresses_of_definitions import AAAA, EIP, ROUTE, an_office
from tests.unit.usecases.register.test_cluster import Office, a_document
from understudy.definition import DefinitionError, parse_document
from understudy.domain.cluster.quoting import FAULT_LENGTH_LIMIT, FAULT_LIMIT
from understudy.domain.cluster.unaccepted import Unaccepted
from understudy.domain.events.definitions import DefinitionRefused
from understudy.usecases.register.cluster import RegisterOutcome

ROLE = "arn:aws:iam::210987654321:role/zones"
WHOLE: dict[str, Any] = a_document(
    addresses=[{**AAAA, "role_arn": ROLE, "external_id": "x1"}, ROUTE, EIP],
    services=[{"name": "data"}, {"name": "postgresql", "depends_on": ["data"]}],
    policy={
        "heartbeat_interval_s": 4,
        "lease_read_interval_s": 2,
        "lease_s": 12,
        "kill_limit_s": 1,
        "drift_margin_s": 2,
        "silence_limit_s": 15,
        "observer_lag_limit_s": 5,
        "fencing": {"stop_instance": False, "accept": ["released", "lease_expired"], "limit_s": 60, "unproven": "hold"},
        "service_start_limit_s": 120,
        "failback": {"mode": "automatic", "stable_for_s": 600, "hours": "22:00-06:00", "days": ["mon"]},
        "max_failovers": {"count": 3, "window_s": 3600},
    },
    tuning={"ROUTE53_TTL": 10},
    client_vpcs=[{"vpc_id": "vpc-01234567", "region": "eu-west-1"}],
    dns_forwarder=True,
)
WHOLE["nodes"][0] = {**WHOLE["nodes"][0], "alarms": ["disk"]}
RIGHT_TO_LEFT = "text from right to left"
KELVIN = "a kelvin sign that lower case makes a k"
HUGE = "1" * 4000
HOSTILE = {
    "nothing": "null",
    "true": "true",
    "an object": "{a: 1}",
    "a list in lists": "[[[[[[]]]]]]",
    "not a number": ".nan",
    "infinite": ".inf",
    "minus infinite": "-.inf",
    "below zero": "-1",
    "a huge number": HUGE,
    "a huge number in base 16": "0x" + "f" * 8000,
    "a huge number in base 60": "1" + ":59" * 2000,
    "a huge fraction in base 60": "1" + ":59" * 2000 + ".5",
    "a list of huge numbers": "[0x" + "f" * 8000 + "]",
    "100 KB": '"' + "a" * 100_000 + '"',
    "control characters": '"a\\x00\\x1b[31m\\r\\nb"',
    "a line break at the end": '"node-a\\n"',
    "half a character": '"\\ud800"',
    RIGHT_TO_LEFT: '"\\u202enode-a"',
    "Cyrillic that looks like Latin": '"n\\u043ede-a.ex\\u0430mple.com"',
    KELVIN: '"\\u212a.example.com"',
    "wide digits": '"\\uff11\\uff12"',
    "an empty text": '""',
    "a space": '" "',
}


def paths(part: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value of a document, of objects and lists too."""
    if before:
        yield before
    each = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for key, value in each:
        yield from paths(value, (*before, key))


def text_with(path: tuple[Any, ...], hostile: str) -> str:
    """The whole document with a value in another's place, as people would write it."""
    document = json.loads(json.dumps(WHOLE))
    *parents, last = path
    part = document
    for parent in parents:
        part = part[parent]
    part[last] = "HERE"
    return json.dumps(document).replace('"HERE"', hostile)


def spelled(path: tuple[Any, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


@pytest.fixture
def office() -> Office:
    """It has accepted a definition."""
    made: Office = an_office()
    assert made.put(a_document(addresses=[ROUTE])) is RegisterOutcome.ACCEPTED
    return made


def faults_of(office: Office, text: str) -> list[str]:
    """What the operator is told. Whatever is refused leaves no trace but the refusal itself."""
    before, told_before = dict(office.ledger.items), len(office.announcer.details(DefinitionRefused))
    assert office.register(office.parameters.put("orders-db", text)) is RegisterOutcome.REFUSED
    noted: Unaccepted = office.ledger.items.pop(("orders-db", "refusal"))
    assert dict(office.ledger.items) == before
    (told,) = office.announcer.details(DefinitionRefused)[told_before:]
    assert noted.revision
    assert told["faults"] == list(noted.faults)
    return list(noted.faults)


def is_fit_to_be_shown(fault: str) -> bool:
    """On one line, not long, and in characters that every terminal and every table takes."""
    return 0 < len(fault) <= FAULT_LENGTH_LIMIT and fault.isprintable()


def test_the_whole_document_is_well_formed_else_the_others_prove_nothing():
    assert parse_document(json.dumps(WHOLE))


# What is right for a field although it looks hostile.
ALLOWED = {
    ("nodes", 0, "alarms", 0): {RIGHT_TO_LEFT, "Cyrillic that looks like Latin", "wide digits", "a space", KELVIN},
    ("addresses", 0, "external_id"): {"an empty text"},
    ("dns_forwarder",): {"true"},
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("path", list(paths(WHOLE)), ids=spelled)
def test_a_hostile_value_in_any_field_is_refused_by_its_path_and_changes_nothing(office, path):
    for name, hostile in HOSTILE.items():
        if name in ALLOWED.get(path, ()):
            continue
        faults = faults_of(office, text_with(path, hostile))
        assert all(map(is_fit_to_be_shown, faults)), (name, faults)
        is_named = any(fault.startswith(spelled(path[:1])) or "neither YAML nor JSON" in fault for fault in faults)
        assert is_named, (name, faults)


@pytest.mark.parametrize("hostile", ['"' + "k" * 100_000 + '"', '"a\\x1b[31m\\nb"', '"\\ud800"', '"\\u202enodes"'])
@pytest.mark.parametrize("twice", [False, True])
def test_a_hostile_key_is_refused_as_a_hostile_value_is(office, hostile, twice):
    text = json.dumps(WHOLE)[:-1] + f", {hostile}: 1" * (2 if twice else 1) + "}"
    assert all(map(is_fit_to_be_shown, faults_of(office, text)))
    nested = json.dumps(WHOLE).replace('"lease_s"', f"{hostile}: 1, " * (2 if twice else 1) + '"lease_s"')
    assert all(map(is_fit_to_be_shown, faults_of(office, nested)))


def test_a_thousand_faults_are_told_of_by_the_first_ones_and_their_number(office):
    faults = faults_of(office, "{" + ", ".join(f"k{n}: {n}" for n in range(1000)) + "}")
    assert len(faults) == FAULT_LIMIT + 1
    assert faults[-1] == f"and {1002 - FAULT_LIMIT} more"


def test_a_refusal_fits_into_an_item_of_the_table_and_into_an_event_whatever_was_put(office):
    names = [f"s{n:02d}-{'a' * 36}" for n in range(64)]
    services = [{"name": name} for name in names]
    services[0]["depends_on"] = [f"x{n}" for n in range(5000)]
    faults = faults_of(office, json.dumps({**WHOLE, "services": services}))
    assert len(json.dumps(faults).encode()) < 100_000


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.integers(10**300, 10**310),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(list(paths(WHOLE))), ANY)
def test_whatever_stands_in_any_field_a_definition_is_read_or_refused_and_never_breaks(path, value):
    try:
        parse_document(text_with(path, json.dumps(value)))
    except DefinitionError as error:
        assert all(error.faults)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=300) | st.from_regex(r"[-+0-9a-fxo:._eE]{1,60}", fullmatch=True))
def test_whatever_text_is_put_registration_ends_with_a_word_and_not_with_an_exception(text):
    office = Office()
    assert office.register(office.parameters.put("orders-db", text)) is RegisterOutcome.REFUSED
    assert office.ledger.read("orders-db") is None
