"""The paper's procedure, as the script that is measured beside the product does it."""

from random import Random

import pytest

from bench import paper
from bench.route53_model import Route53Model
from bench.virtual_time import VirtualTime

ZONE, NAME = "Z0", "orders-db.example.com"
RECORD = {"Name": NAME, "Type": "A", "TTL": 10, "ResourceRecords": [{"Value": "10.0.2.10"}]}


def moved(propagation_s):
    """(when the service was started, what the move says, the model) with changes in sync after exactly so long."""
    time = VirtualTime()
    route53 = Route53Model(time, Random(0), (propagation_s, 0.0))
    route53.put(ZONE, NAME, "A", "10.0.1.10")
    served, said = [], []

    def program():
        try:
            said.append(paper.move(route53, ZONE, RECORD, lambda: served.append(time()), time, time.sleep))
        except paper.NeverInSync as never:
            said.append(never)

    time.start(0, program)
    time.run()
    return served, said[0], route53


@pytest.mark.parametrize(("propagation_s", "polls"), [(0, 1), (5, 2), (19, 2), (30, 3), (60, 4), (79, 5)])
def test_the_service_starts_at_the_first_poll_that_says_in_sync(propagation_s, polls):
    served, said, route53 = moved(propagation_s)
    assert (said.polls, route53.requests["GetChange"]) == (polls, polls)
    assert 20 * (polls - 1) < served[0] - said.accepted < 20 * (polls - 1) + 2
    assert served[0] >= said.in_sync >= said.accepted + propagation_s


def test_a_change_that_is_in_sync_too_late_starts_nothing_although_the_record_is_right():
    served, said, route53 = moved(100)
    assert isinstance(said, paper.NeverInSync)
    assert (served, route53.requests["GetChange"]) == ([], 5)
    assert list(route53.accepted_at) == [NAME]


def test_the_waits_are_told_for_each_propagation():
    assert paper.waits((0.0, 5.0, 30.0, 60.0)) == [
        {"propagation_s": 0.0, "polls": 1, "waited_s": 0},
        {"propagation_s": 5.0, "polls": 2, "waited_s": 20},
        {"propagation_s": 30.0, "polls": 3, "waited_s": 40},
        {"propagation_s": 60.0, "polls": 4, "waited_s": 60},
    ]


def test_detection_is_added_as_a_number_and_named_as_assumed():
    told = paper.figures(5.0, paper.Move(101.0, 121.0, 122.0, polls=2), began=100.0, ended=123.0)
    assert told["at_s"] == {"noticed": 15.0, "accepted": 16.0, "in_sync": 36.0, "in_service": 37.0, "client": 38.0}
    assert told["assumed"] == ["noticed"]
