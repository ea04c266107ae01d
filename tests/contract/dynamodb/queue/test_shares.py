"""What is left of the controller's share of Route 53's buckets."""

from tests.support.builders import NOW
from understudy.domain.batching.rate_limits import Bucket, Purse, Throughput


def moves(units, at, reads=45.0):
    return Throughput({Bucket.UNITS: units, Bucket.READS: reads, Bucket.CHANGES: 0.5}, at)


def test_what_is_left_is_written_only_over_what_was_read(shares):  # B12
    assert shares.left(Purse.MOVES) is None
    assert shares.put_left(Purse.MOVES, None, moves(1350.0, NOW + 0.25))
    assert not shares.put_left(Purse.MOVES, None, moves(9.0, NOW))
    assert shares.left(Purse.MOVES) == moves(1350.0, NOW + 0.25)
    assert not shares.put_left(Purse.MOVES, moves(1350.0, NOW), moves(9.0, NOW))
    assert not shares.put_left(Purse.MOVES, moves(1350.0, NOW + 0.25, reads=44.0), moves(9.0, NOW))
    assert shares.put_left(Purse.MOVES, moves(1350.0, NOW + 0.25), moves(-3.5, NOW + 1.5))
    assert shares.left(Purse.MOVES) == moves(-3.5, NOW + 1.5)


def test_who_only_looks_pays_from_another_purse_than_moves(shares):  # B12
    shares.put_left(Purse.MOVES, None, moves(0.0, NOW))
    assert shares.left(Purse.POLLS) is None
    assert shares.put_left(Purse.POLLS, None, Throughput({Bucket.POLLS: 44.0}, NOW))
    assert shares.left(Purse.MOVES) == moves(0.0, NOW)
