"""What is left of the controller's share of Route 53's buckets."""

from tests.support.builders import NOW
from understudy.domain.batching.rate_limits import Bucket, Purpose, Throughput


def moves(units, at, reads=45.0):
    return Throughput({Bucket.UNITS: units, Bucket.READS: reads, Bucket.CHANGES: 0.5}, at)


def test_what_is_left_is_written_only_over_what_was_read(rate_budgets):  # B12
    assert rate_budgets.left(Purpose.MOVES) is None
    assert rate_budgets.save(Purpose.MOVES, None, moves(1350.0, NOW + 0.25))
    assert not rate_budgets.save(Purpose.MOVES, None, moves(9.0, NOW))
    assert rate_budgets.left(Purpose.MOVES) == moves(1350.0, NOW + 0.25)
    assert not rate_budgets.save(Purpose.MOVES, moves(1350.0, NOW), moves(9.0, NOW))
    assert not rate_budgets.save(Purpose.MOVES, moves(1350.0, NOW + 0.25, reads=44.0), moves(9.0, NOW))
    assert rate_budgets.save(Purpose.MOVES, moves(1350.0, NOW + 0.25), moves(-3.5, NOW + 1.5))
    assert rate_budgets.left(Purpose.MOVES) == moves(-3.5, NOW + 1.5)


def test_who_only_looks_pays_from_another_budget_than_moves(rate_budgets):  # B12
    rate_budgets.save(Purpose.MOVES, None, moves(0.0, NOW))
    assert rate_budgets.left(Purpose.POLLS) is None
    assert rate_budgets.save(Purpose.POLLS, None, Throughput({Bucket.POLLS: 44.0}, NOW))
    assert rate_budgets.left(Purpose.MOVES) == moves(0.0, NOW)
