"""Of the comparison with peers: what is counted from what was seen, and what the document says of it."""

import pytest

from bench.peers import rounds
from tools import peers_doc
from tools.performance_doc import _table

OWN, PEER = "Understudy, normal", "Pacemaker"


class Cluster:
    """A contender of whom only the times are known at which its nodes answered."""

    def __init__(self, **times):
        self.served = {name: lambda at=at: at for name, at in times.items()}


def every_10_ms(begin, end):
    return [begin + number / 100 for number in range(int((end - begin) * 100))]


def test_two_nodes_that_answer_at_the_same_time_have_both_served():
    seen = Cluster(a=every_10_ms(10, 20), b=every_10_ms(19, 30))
    assert rounds.doubled(seen, 10) == pytest.approx(100, abs=2)
    assert rounds.moves(seen, 10) > 1


def test_nodes_that_answer_one_after_the_other_have_not_and_that_is_one_move():
    seen = Cluster(a=every_10_ms(10, 20), b=every_10_ms(25, 30), c=[])
    assert rounds.doubled(seen, 10) == 0
    assert rounds.moves(seen, 10) == 1


def test_a_single_answer_of_a_node_that_has_just_thawed_counts():
    seen = Cluster(a=[*every_10_ms(10, 20), 40.005], b=every_10_ms(25, 50))
    assert rounds.doubled(seen, 10) == 1


def test_what_was_seen_before_the_fault_is_not_counted():
    seen = Cluster(a=every_10_ms(10, 20) + every_10_ms(40, 50), b=every_10_ms(12, 30))
    assert rounds.doubled(seen, 41.5) == 0
    assert rounds.moves(seen, 41.5) == 0


def one(contender, fault, seconds, *, doubled=0, lost=0):
    outage_s = {"record": seconds}
    return {
        "contender": contender,
        "fault": fault,
        "outage_s": outage_s,
        "doubled": doubled,
        "moved": True,
        "lost": lost,
    }


def measured(*found, losses=()):
    return {
        "runs": 1,
        "propagation_s": 5.0,
        "loss_s": 600.0,
        "versions": {"pacemaker": "2.1.5"},
        "settings": {PEER: {"corosync": "defaults"}},
        "rounds": list(found),
        "losses": list(losses),
    }


def test_the_median_stands_with_the_least_and_the_most():
    text = peers_doc.peers_section(measured(*(one(OWN, "power cut", each) for each in (15.0, 16.0, 20.0))), _table)
    assert "| Understudy, normal, record | **16.0** (15.0–20.0) | none |" in text


def test_where_a_peer_is_better_the_document_says_so():
    better = measured(one(OWN, "power cut", 20.0), one(PEER, "power cut", 12.0))
    worse = measured(one(OWN, "power cut", 12.0), one(PEER, "power cut", 20.0))
    assert "Pacemaker is better: power cut, by the record, 12.0 s against 20.0 s." in peers_doc.peers_section(
        better, _table
    )
    assert "is better" not in peers_doc.peers_section(worse, _table)


def test_each_time_that_two_served_and_each_lost_write_is_told():
    loss = {"contender": PEER, "moves": 3, "outage_s": {"record": 40.0}, "doubled": 0, "lost": 0}
    found = measured(
        one("Patroni", "power cut", 9.0, doubled=15, lost=2), one("Patroni", "power cut", 9.0), losses=[loss]
    )
    text = peers_doc.peers_section(found, _table)
    assert "| Patroni | 2 | 1, 15 answers in all | 2 |" in text
    assert "| Pacemaker | 3 | 40.0 s by the record | 0 | nothing is written |" in text
