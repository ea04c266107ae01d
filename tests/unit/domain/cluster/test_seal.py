"""Names that cannot be guessed, and seals that are worth something in one place only."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.domain.cluster.request import CLUSTER_NAME
from understudy.domain.cluster.seal import SEAL, execution_name, is_sealed, sealed

SECRET = bytes(range(32))
REQUEST: dict[str, Any] = {"cluster": "orders-db", "action": "failover", "rule": "active-is-silent", "noticed_at": 1.5}
NAME = "orders-db-epoch8-5f62adce8e13fe42"


def test_all_who_ask_for_the_same_get_the_same_name():  # S10
    assert execution_name(SECRET, "orders-db-epoch8", 7) == execution_name(SECRET, "orders-db-epoch8", 7)


def test_another_epoch_moment_or_stack_has_another_name():  # S10
    names = {
        execution_name(secret, head, moment)
        for secret in (SECRET, bytes(32))
        for head in ("orders-db-epoch8", "orders-db-epoch9", "files-epoch8", "orders-db-epoch8-drill")
        for moment in (7, 77)
    }
    assert len(names) == 16
    assert len({name.rpartition("-")[2] for name in names}) == 16


def test_a_name_says_for_people_what_it_is_and_fits_into_what_step_functions_takes():  # S10
    longest = "a" * 40
    assert CLUSTER_NAME.fullmatch(longest)
    name = execution_name(SECRET, f"{longest}-epoch{10**9 - 1}-drill", 10**11)
    assert name.startswith(f"{longest}-epoch999999999-drill-")
    assert re.fullmatch(r"[0-9A-Za-z_-]{1,80}", name)


def test_a_seal_is_right_for_what_it_was_made_for():  # B5
    request = sealed(REQUEST, NAME, SECRET)
    assert {**request, SEAL: ""} == {**REQUEST, SEAL: ""}
    assert is_sealed(request, NAME, SECRET)
    assert is_sealed(dict(reversed(request.items())), NAME, SECRET)


@pytest.mark.parametrize(
    "changes",
    [
        {"rule": "drill-due"},
        {"noticed_at": 1.501},
        {"to": "node-b"},
        {"cluster": "files"},
        {"epoch": 1},
        {SEAL: "0" * 64},
    ],
    ids=str,
)
def test_a_seal_is_wrong_for_anything_else(changes):  # B5
    assert not is_sealed({**sealed(REQUEST, NAME, SECRET), **changes}, NAME, SECRET)


def test_a_seal_is_wrong_under_another_name_and_with_another_secret():  # B5
    request = sealed(REQUEST, NAME, SECRET)
    assert not is_sealed(request, NAME + "0", SECRET)
    assert not is_sealed(request, NAME, bytes(32))


@pytest.mark.parametrize(
    "seal", [None, 5, "", "0" * 63, "0" * 65, "\u00e9" * 64, "0" * 63 + "\n", ["0" * 64]], ids=repr
)
def test_what_is_no_seal_is_a_wrong_one(seal):
    assert not is_sealed({**REQUEST, SEAL: seal}, NAME, SECRET)
    assert not is_sealed(REQUEST, NAME, SECRET)


def test_words_cannot_be_shifted_from_one_key_into_the_next():  # B5
    one, other = {"reason": "xto1:y", "to": "z"}, {"reason": "x", "to": "1:yz"}
    assert sealed(one, NAME, SECRET)[SEAL] != sealed(other, NAME, SECRET)[SEAL]
    assert sealed({"why": "number 1000"}, NAME, SECRET)[SEAL] != sealed({"why": 1}, NAME, SECRET)[SEAL]


@given(st.floats(0, 10**10).map(lambda at: round(at, 3)), st.text(max_size=20))
def test_a_seal_outlives_the_way_through_json(noticed_at, why):  # B5
    request = sealed({"noticed_at": noticed_at, "why": why}, NAME, SECRET)
    back = json.loads(json.dumps(request))
    assert is_sealed(back, NAME, SECRET)
    if float(noticed_at).is_integer():
        assert is_sealed({**back, "noticed_at": int(noticed_at)}, NAME, SECRET)
