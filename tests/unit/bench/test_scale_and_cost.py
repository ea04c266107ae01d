"""What is written about scale and cost follows from its inputs."""

from bench import calls, cost, scale
from understudy.usecases.watch_run import JUDGE_LIMIT_S, LOOK_LIMIT_S


def test_the_documents_are_as_they_are_computed():  # B9 B12
    assert scale.PAGE.read_text(encoding="utf-8") == scale.document()
    assert cost.PAGE.read_text(encoding="utf-8") == cost.document()


def test_one_function_watches_ten_thousand_clusters_in_less_than_half_of_its_time():  # B12
    assert scale.watch_s(10_000, scale.VCPU_MB) < JUDGE_LIMIT_S / 2
    assert scale.watch_s(10_000, 256) > JUDGE_LIMIT_S  # the default memory is not enough: the document says so
    assert scale.watch_s(500, 256) < LOOK_LIMIT_S


def test_a_beat_costs_the_one_write_that_the_price_is_computed_from():  # B9
    assert calls.by_operation(calls.count()["beat_warm"]) == {"dynamodb.UpdateItem": 1}


def test_a_node_is_cheaper_among_many_and_with_longer_intervals():  # B9
    assert cost.per_node(10_000) < cost.per_node(1_000) < cost.per_node(10)
    assert cost.per_node(1_000, beat_s=8, read_s=4) < cost.per_node(1_000)
