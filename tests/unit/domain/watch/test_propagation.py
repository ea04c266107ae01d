"""Changes that were accepted: each address ends as its own change does, and nothing is claimed that nobody has said."""

from dataclasses import replace

import pytest

from tests.support.builders import NOW, RECORD, a_definition
from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.definition import ElasticIp, Record
from understudy.domain.cluster.record import ChangeReading
from understudy.domain.watch.propagation import address_followed, change_ids_of, propagating, reading_of

OWED, PROPAGATING, UNCONFIRMED, IN_SYNC = AddressStatus
HERE, PENDING, LOST = ChangeReading
ONE, OTHER, EIP = RECORD.label, "files.corp.example.com A Z0OTHER", "eipalloc-1"
SINGLE = Address(PROPAGATING, 2, ("C1",))
TWO_ZONES = Address(
    PROPAGATING,
    2,
    ("C1", "C2"),
    parts={ONE: PROPAGATING, OTHER: PROPAGATING, EIP: IN_SYNC},
    change_of={ONE: "C1", OTHER: "C2"},
)


def a_cluster(*records, **changes):
    return a_definition(records=records or (RECORD,), **changes)


SEVERAL = a_cluster(RECORD, Record("Z0OTHER", "files.corp.example.com"), elastic_ips=(ElasticIp("eipalloc-1"),))


@pytest.mark.parametrize(
    ("reading", "stands", "status"),
    [
        (HERE, {}, IN_SYNC),
        (PENDING, {}, PROPAGATING),
        (None, {}, PROPAGATING),
        (LOST, {}, PROPAGATING),
        (LOST, {ONE: True}, UNCONFIRMED),
        (LOST, {ONE: False}, OWED),
        (HERE, {ONE: False}, IN_SYNC),  # a record that was read although nobody had to is not looked at
    ],
)
def test_a_change_ends_as_route_53_says_and_what_it_does_not_say_stays(reading, stands, status):  # S7 B2
    readings = {} if reading is None else {"C1": reading}
    after = address_followed(SINGLE, a_cluster(), readings, stands, NOW)
    assert after == replace(SINGLE, status=status, retry_at=NOW if status is OWED else 0)


def test_of_two_addresses_each_ends_as_its_own_change():  # S7 B2
    after = address_followed(TWO_ZONES, SEVERAL, {"C1": HERE, "C2": LOST}, {OTHER: False}, NOW)
    assert after.parts == {ONE: IN_SYNC, OTHER: OWED, EIP: IN_SYNC}
    assert (after.status, after.retry_at) == (OWED, NOW)
    after = address_followed(TWO_ZONES, SEVERAL, {"C1": HERE, "C2": LOST}, {OTHER: True}, NOW)
    assert after.parts == {ONE: IN_SYNC, OTHER: UNCONFIRMED, EIP: IN_SYNC}
    assert after.status is UNCONFIRMED
    after = address_followed(TWO_ZONES, SEVERAL, {"C1": PENDING, "C2": LOST}, {OTHER: True}, NOW)
    assert after.parts == {ONE: PROPAGATING, OTHER: UNCONFIRMED, EIP: IN_SYNC}
    assert propagating(after, SEVERAL) == (ONE,)
    assert change_ids_of(after, propagating(after, SEVERAL)) == ("C1",)


def test_two_addresses_of_one_change_can_end_apart():  # S7 B2
    v6 = Record(RECORD.hosted_zone_id, RECORD.name, "AAAA")
    both = Address(PROPAGATING, 2, ("C1",), parts={ONE: PROPAGATING, v6.label: PROPAGATING})
    after = address_followed(both, a_cluster(RECORD, v6), {"C1": LOST}, {ONE: True, v6.label: False}, NOW)
    assert after.parts == {ONE: UNCONFIRMED, v6.label: OWED}


@pytest.mark.parametrize(
    ("readings", "word"),
    [
        ({"C1": HERE, "C2": HERE}, HERE),
        ({"C1": HERE, "C2": LOST}, LOST),
        ({"C1": LOST, "C2": PENDING}, PENDING),
        ({"C1": LOST}, PENDING),
    ],
)
def test_where_it_is_not_known_which_change_brought_an_address_all_count(readings, word):  # S7
    """So it stands in items that an older version has written."""
    older = replace(TWO_ZONES, change_of={})
    assert reading_of(older, ONE, readings) is word


def test_an_address_without_a_change_cannot_be_asked_for():
    assert reading_of(replace(SINGLE, change_ids=()), ONE, {}) is LOST


def test_an_address_that_is_no_part_of_the_definition_any_more_is_not_followed():
    gone = Address(PROPAGATING, 2, ("C1",), parts={"gone A Z1": PROPAGATING, "gone A Z2": PROPAGATING})
    assert propagating(gone, a_cluster()) == ()
    assert address_followed(gone, a_cluster(), {"C1": HERE}, {}, NOW) == gone


def test_what_was_owed_before_keeps_its_own_time():
    """Another part comes in sync: that makes nothing due earlier."""
    owed = replace(TWO_ZONES, status=OWED, retry_at=NOW + 60, parts={**TWO_ZONES.parts, OTHER: OWED})
    after = address_followed(owed, SEVERAL, {"C1": HERE}, {}, NOW)
    assert (after.status, after.retry_at, after.parts[ONE]) == (OWED, NOW + 60, IN_SYNC)
