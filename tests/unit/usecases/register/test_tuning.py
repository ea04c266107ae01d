"""The stack's tunables, pasted from an existing /etc/default/LifeKeeper."""

import pytest

from tests.support.builders import CLUSTER, a_definition, a_state
from tests.support.fakes.announcer import FakeAnnouncer
from tests.support.fakes.ledger import FakeLedger
from tests.support.fakes.parameters import FakeParameters
from understudy.domain.cluster.tuning import Tuning
from understudy.domain.cluster.unaccepted import STACK_WIDE
from understudy.domain.events.definitions import TuningAccepted, TuningRefused
from understudy.usecases.register.cluster import RegisterOutcome, register_changed
from understudy.usecases.register.tuning import register_tuning
from understudy.usecases.step import definition_in_force

PASTED = """
# /etc/default/LifeKeeper
LKROOT="/opt/LifeKeeper"
export ROUTE53_TTL=30   # seconds
ROUTE53_CHANGEID_INTERVAL='10'
"""


class Office:
    def __init__(self):
        self.ledger = FakeLedger(a_state(), a_definition(tuning_set={"ROUTE53_TTL": 5}))
        self.announcer, self.parameters = FakeAnnouncer(), FakeParameters()

    def put(self, text):
        return self.register(self.parameters.put_tuning(text))

    def register(self, text):
        return register_tuning(text, registry=self.ledger, announcer=self.announcer)

    @property
    def in_force(self):
        return definition_in_force(self.ledger, self.ledger.state()).tuning


def test_pasted_lines_are_in_force_at_once_and_the_rest_is_named_as_ignored():  # S8
    office = Office()
    assert office.in_force == Tuning(ROUTE53_TTL=5)
    assert office.put(PASTED) is RegisterOutcome.ACCEPTED
    assert office.in_force == Tuning(ROUTE53_TTL=5, ROUTE53_CHANGEID_INTERVAL=10)
    assert office.announcer.details(TuningAccepted)[0]["ignored"] == ["LKROOT"]


def test_what_a_cluster_sets_wins_over_the_stack_and_the_stack_over_the_defaults():  # S8
    office = Office()
    office.ledger.put_definition(a_definition())
    office.put("ROUTE53_TTL=30")
    assert office.in_force == Tuning(ROUTE53_TTL=30)


def test_bad_values_are_refused_by_key_and_value_and_the_last_good_set_stays():  # S8
    office = Office()
    office.put(PASTED)
    assert (
        office.put("ROUTE53_TTL=0\nROUTE53_RECORD_TRY_COUNT=many\nROUTE53_CHANGEID_INTERVAL=7")
        is RegisterOutcome.REFUSED
    )
    assert office.announcer.details(TuningRefused)[0]["faults"] == [
        "line 1: ROUTE53_TTL is '0'; allowed: a whole number from 1 to 86400",
        "line 2: ROUTE53_RECORD_TRY_COUNT is 'many'; allowed: a whole number from 1 to 100",
    ]
    assert office.in_force.ROUTE53_CHANGEID_INTERVAL == 10


def test_the_operator_is_told_once_of_the_same_text():
    office = Office()
    bad = office.parameters.put_tuning("ROUTE53_TTL=x")
    assert [office.register(bad) for _ in range(2)] == [RegisterOutcome.REFUSED, RegisterOutcome.UNCHANGED]
    good = office.parameters.put_tuning(PASTED)
    assert [office.register(good) for _ in range(2)] == [RegisterOutcome.ACCEPTED, RegisterOutcome.UNCHANGED]
    assert len(office.announcer.events) == 2


@pytest.mark.parametrize(("text", "outcome"), [(PASTED, RegisterOutcome.ACCEPTED), (None, RegisterOutcome.DELETED)])
def test_a_change_event_of_the_tuning_parameter_registers_it_as_it_stands(text, outcome):  # S8
    office = Office()
    if text:
        office.parameters.put_tuning(text)
    event = {"detail": {"name": "/understudy/understudy/tuning", "operation": "Update"}}
    forgotten: list[str] = []
    outcomes = register_changed(event, parameters=office.parameters, register=office.register, forget=forgotten.append)
    assert outcomes is outcome
    assert office.ledger.state(CLUSTER) == a_state()
    assert forgotten == ([] if text else [STACK_WIDE])


def test_what_was_refused_of_the_tunables_is_forgotten_when_good_ones_are_in_force():  # S8
    office = Office()
    office.put("ROUTE53_TTL=x")
    assert office.ledger.unaccepted(STACK_WIDE).is_refused
    office.put(PASTED)
    assert office.ledger.unaccepted(STACK_WIDE) is None
    office.put("ROUTE53_TTL=x")
    office.put(PASTED)
    assert office.ledger.unaccepted(STACK_WIDE) is None


def test_tunables_whose_waits_outlast_an_execution_are_refused_with_the_numbers():  # S8
    office = Office()
    office.put(PASTED)
    assert office.put("ROUTE53_CHANGEID_INTERVAL=300\nROUTE53_CHANGEID_TRY_COUNT=9") is RegisterOutcome.REFUSED
    (fault,) = office.announcer.details(TuningRefused)[0]["faults"]
    assert "ROUTE53_CHANGEID_INTERVAL 300, ROUTE53_CHANGEID_TRY_COUNT 9" in fault
    assert "allowed: 2700 s" in fault
    assert office.in_force.ROUTE53_CHANGEID_INTERVAL == 10
