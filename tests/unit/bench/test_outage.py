"""A small outage through the real use cases: what it costs, counted. No time of this machine is in it."""

from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from bench import outage
from understudy.domain.batching.group_commit import ASK_GAP_S, CROWDED_S

CLUSTERS, ZONES = 60, 2


class Played:
    """The day, with every change that was accepted and every question that was asked."""

    def __init__(self, way):
        scene = outage.Scene(CLUSTERS, ZONES, seed=0)
        self.questions, self.moves, self.batches = defaultdict(list), Counter(), {}
        model = scene.route53
        get_change, change = model.get_change, model.change_resource_record_sets

        def ask(*, Id):  # noqa: N803 - botocore's names
            answer = get_change(Id=Id)  # one that is throttled is asked again, and counts when it is answered
            self.questions[Id].append(scene.time())
            return answer

        def submit(**batch):
            answer = change(**batch)
            names = [e["ResourceRecordSet"]["Name"] for e in batch["ChangeBatch"]["Changes"] if e["Action"] == "UPSERT"]
            self.moves.update(names)
            self.batches[answer["ChangeInfo"]["Id"].removeprefix("/change/")] = len(names)
            return answer

        model.get_change, model.change_resource_record_sets = ask, submit
        self.result = scene.play(way)


@pytest.fixture(scope="module")
def grouped():
    return Played(outage.grouped)


def test_every_record_is_accepted_and_changed_once(grouped):  # B12
    assert len(grouped.result["accepted_s"]) == CLUSTERS
    assert set(grouped.moves.values()) == {1}
    assert grouped.result["units"] == CLUSTERS * outage.UNITS_OF_A_MOVE


def test_a_crowd_spends_less_requests_than_a_cluster_for_itself_would(grouped):  # B12
    asked = grouped.result["requests"]
    assert asked["ChangeResourceRecordSets"] + asked["ListResourceRecordSets"] < 2 * CLUSTERS
    assert asked["GetChange"] < 2 * CLUSTERS


def test_in_a_crowd_a_change_for_many_is_asked_for_once_in_five_seconds_at_most(grouped):  # B12
    shared = {change_id for change_id, size in grouped.batches.items() if size > 1}
    assert sum(grouped.batches[each] for each in shared) > CLUSTERS / 2
    crowded = {each: [at for at in grouped.questions[each] if at < outage.BEGIN_S + CROWDED_S] for each in shared}
    gaps = [b - a for asked in crowded.values() for a, b in pairwise(asked)]
    assert gaps
    assert min(gaps) > ASK_GAP_S - 1  # the table counts whole seconds, cut off


def test_each_for_itself_is_refused_more_often(grouped):  # B12
    alone = Played(outage.alone)
    assert sum(alone.result["refused"].values()) > 2 * sum(grouped.result["refused"].values())


def test_the_same_day_is_the_same_again(grouped):
    assert Played(outage.grouped).result == grouped.result


def test_what_the_buckets_allow_is_1500_units_at_once_and_100_a_second():  # B12
    least = outage.least_s([0.0] * 1000)
    assert (least[374], least[375], least[999]) == (0.0, 0.04, 25.0)


def test_a_share_of_the_buckets_allows_less_and_later():  # B12
    least = outage.least_s([0.0] * 1000, share=0.9)
    assert least[336] == 0.0
    assert least[999] == pytest.approx(29.444)


def test_a_share_that_was_never_reached_has_no_time():
    assert outage.at_share([1.0, 2.0], clusters=4, share=0.5) == 2.0
    assert outage.at_share([1.0, 2.0], clusters=4, share=1.0) is None
