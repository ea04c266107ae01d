"""What is written about scale and cost follows from what was counted, and what was counted is so."""

import pytest

from bench import agents, cost, prices, scale, usage
from understudy.usecases.watch.run import JUDGE_LIMIT_S, LOOK_LIMIT_S

AGAIN = "run `make cost`"


def test_the_documents_are_as_they_are_computed():  # B9 B12
    assert scale.PAGE.read_text(encoding="utf-8") == scale.document(), AGAIN
    assert cost.PAGE.read_text(encoding="utf-8") == cost.document(), AGAIN


@pytest.mark.parametrize("nodes", cost.SIZES)
def test_a_node_costs_no_more_than_a_dollar_and_a_half_a_month_whatever_is_fixed_left_aside(nodes):  # B9
    assert cost.per_node(nodes) <= cost.GOAL_USD


def test_a_beat_is_one_write_of_one_unit_and_prints_a_line_for_many():  # B9
    assert cost.COUNTS["beat"] == usage.beat(), AGAIN
    assert usage.beat()["calls"] == {"dynamodb.UpdateItem": 1}
    assert usage.beat()["printed_bytes"] < 60
    assert cost.COUNTS["cluster_bytes"]["state"] <= 1024


def test_an_agent_at_rest_reads_twice_for_each_beat_and_no_more_than_every_fiftieth_time_thrice():  # B9
    counted = agents.count()
    assert counted == cost.COUNTS["agents"], AGAIN
    assert agents.call_bytes() == pytest.approx(cost.COUNTS["call_bytes"], rel=0.1), AGAIN  # a client names its system
    for each in counted.values():
        assert each["beats"] == 150
        assert 2.0 <= each["reads"] / each["beats"] <= 2.02


def test_a_failover_and_a_watch_ask_for_what_the_price_is_computed_from():  # B9
    assert usage.failover() == cost.COUNTS["failover"], AGAIN
    assert usage.watch_calls(5) == cost.COUNTS["watch"]["5"], AGAIN
    assert sum(cost.failover().values()) < 0.001


def test_what_is_fixed_is_what_the_template_has_and_what_the_functions_really_emit():  # B9
    assert usage.stack() == cost.COUNTS["stack"], AGAIN
    assert usage.metrics_at_rest() == cost.COUNTS["metrics"], AGAIN


def test_every_price_says_where_it_is_from():  # B9
    assert all(price.source for price in prices.ALL)
    assert {name for name, each in vars(prices).items() if isinstance(each, prices.Price)} == {
        name for name, each in vars(prices).items() if each in prices.ALL
    }


def test_one_function_watches_ten_thousand_clusters_in_less_than_half_of_its_time():  # B12
    assert scale.watch_s(10_000, scale.VCPU_MB) < JUDGE_LIMIT_S / 2
    assert scale.watch_s(10_000, 256) > JUDGE_LIMIT_S  # the default memory is not enough: the document says so
    assert scale.watch_s(500, 256) < LOOK_LIMIT_S


def test_a_node_is_cheaper_among_many_and_with_longer_intervals():  # B9
    assert cost.per_node(1_000) < cost.per_node(10)
    assert cost.per_node(1_000, beat_s=8) < cost.per_node(1_000)
