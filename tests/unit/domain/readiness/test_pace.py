"""Readiness of a pace: short timings ask for a key, and are told their price."""

import pytest

from tests.support.builders import a_definition, a_state, with_keys
from tests.support.readiness import says
from understudy.domain.cluster.policy import Policy
from understudy.domain.lease.paces import PACES, paced
from understudy.domain.readiness import pace
from understudy.domain.readiness.facts import Verdict

PASS, WARN, FAIL, UNKNOWN = Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.UNKNOWN
FASTEST = a_definition(policy=paced(Policy(), "fastest"))


def node_b_says(key: str):
    return with_keys(a_state(), node_b={"key": key})


def test_below_nine_seconds_of_silence_the_nodes_must_share_a_key():  # B22
    said = "silence_limit_s is 7, below 9, and the lease bridges 1 s; "
    says(pace.pace_keyed, PASS, f"{said}all nodes know the same key", definition=FASTEST, state=node_b_says("a1b2c3+"))
    says(pace.pace_keyed, FAIL, f"{said}node-b knows no key", definition=FASTEST, state=node_b_says("-"))
    apart = "node-a and node-b have different keys"
    says(pace.pace_keyed, FAIL, said + apart, definition=FASTEST, state=node_b_says("d4e5f6"))


def test_a_node_that_does_not_say_which_key_it_knows_has_not_said_that_it_knows_none():  # B22 B3
    says(pace.pace_keyed, UNKNOWN, "no beat says which key it knows", definition=FASTEST, state=node_b_says(""))


def test_slower_timings_demand_no_key():  # B22
    for slow in ("calm", "normal", "fast"):
        definition = a_definition(policy=paced(Policy(), slow))
        says(pace.pace_keyed, PASS, "no key is demanded", definition=definition, state=node_b_says("-"))
    just = a_definition(policy=Policy(silence_limit_s=9))
    says(pace.pace_keyed, PASS, "silence_limit_s is 9: no key is demanded", definition=just, state=node_b_says("-"))


@pytest.mark.parametrize(
    ("policy", "verdict", "found"),
    [
        (PACES["fastest"], WARN, "a beat every 1 s, fastest"),
        (Policy(heartbeat_interval_s=1.9), WARN, "a beat every 1.9 s, timings of its own"),
        (PACES["fast"], PASS, "a beat every 2 s, fast"),
        (Policy(), PASS, "a beat every 4 s, normal"),
    ],
)
def test_beats_more_often_than_every_two_seconds_are_warned_of(policy, verdict, found):  # B22
    says(pace.pace_priced, verdict, found, definition=a_definition(policy=policy))
