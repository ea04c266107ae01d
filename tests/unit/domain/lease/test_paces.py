"""The paces: each is a set of timings that agree, and each is slower than the next."""

from dataclasses import fields, replace
from itertools import pairwise

import pytest

from understudy.domain.cluster.policy import Fencing, Policy
from understudy.domain.lease.paces import (
    FREQUENT_BELOW_S,
    KEYED_BELOW_S,
    PACES,
    TIMINGS,
    bridged_s,
    pace_of,
    paced,
    probe_limit_s,
    timings_of,
)
from understudy.domain.lease.terms import contradictions


@pytest.mark.parametrize("pace", PACES)
def test_the_timings_of_a_pace_agree_with_each_other(pace):  # B22
    assert contradictions(paced(Policy(), pace)) == []


@pytest.mark.parametrize("pace", PACES)
def test_a_pace_says_nothing_but_its_timings(pace):  # B22
    assert {each.name for each in fields(Policy)} > set(TIMINGS)
    assert replace(PACES[pace], **timings_of("normal")) == Policy()


def test_the_normal_pace_is_what_is_in_force_when_nothing_is_said():  # B22
    assert paced(Policy(), "normal") == Policy()
    assert pace_of(Policy()) == "normal"


def test_each_pace_notices_silence_later_and_beats_less_often_than_the_next():  # B22
    for slower, faster in pairwise(PACES.values()):
        assert slower.silence_limit_s > faster.silence_limit_s
        assert slower.heartbeat_interval_s > faster.heartbeat_interval_s
        assert bridged_s(slower) > bridged_s(faster)


@pytest.mark.parametrize("pace", PACES)
def test_one_lost_beat_of_a_witness_costs_nothing_at_any_pace(pace):  # B22
    policy = PACES[pace]
    assert 2 * policy.heartbeat_interval_s < policy.hearing_s


def test_the_calm_pace_bridges_two_lost_beats_without_any_key():  # B22
    assert bridged_s(PACES["calm"]) >= 2 * PACES["calm"].heartbeat_interval_s


def test_the_fastest_pace_alone_asks_for_a_key_and_is_warned_of():  # B22
    assert [pace for pace, policy in PACES.items() if policy.silence_limit_s < KEYED_BELOW_S] == ["fastest"]
    assert [pace for pace, policy in PACES.items() if policy.heartbeat_interval_s < FREQUENT_BELOW_S] == ["fastest"]


def test_a_policy_is_recognised_by_its_timings_whatever_else_it_says():  # B22
    chosen = Policy(retry_failed_start=False, fencing=Fencing(stop_instance=True))
    assert [pace_of(paced(chosen, pace)) for pace in PACES] == list(PACES)
    assert pace_of(replace(paced(chosen, "fast"), lease_s=6.5)) is None


def test_how_long_a_probe_may_take_follows_the_beat():  # B22 S12
    """A round ends before the next one begins, and one lost round costs nothing."""
    limits = {pace: probe_limit_s(policy) for pace, policy in PACES.items()}
    assert limits == {"calm": 2, "normal": 2, "fast": 2, "fastest": 1}
    short = Policy(heartbeat_interval_s=2, lease_read_interval_s=0.2, kill_limit_s=0.2, lease_s=5.4, silence_limit_s=10)
    assert contradictions(short) == []
    assert probe_limit_s(short) == pytest.approx(1.4)
