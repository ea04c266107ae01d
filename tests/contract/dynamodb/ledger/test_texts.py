"""What the table remembers of the texts that operators put."""

from understudy.domain.cluster.unaccepted import Unaccepted


def test_a_stack_without_tunables_sets_none(empty_ledger):  # S8
    assert empty_ledger.stack_wide().tuning == {}
    assert empty_ledger.tuning_digest() == ""


def test_the_stacks_tunables_are_those_that_were_put_last(empty_ledger):  # S8
    empty_ledger.put_tuning({"ROUTE53_TTL": 30, "ROUTE53_CHANGEID_INTERVAL": 5}, "first")
    empty_ledger.put_tuning({"ROUTE53_TTL": 60}, "second")
    assert empty_ledger.stack_wide().tuning == {"ROUTE53_TTL": 60}
    assert empty_ledger.tuning_digest() == "second"


def test_tunables_are_no_cluster(empty_ledger):
    empty_ledger.put_tuning({"ROUTE53_TTL": 30}, "digest")
    empty_ledger.note_unaccepted("stack#", Unaccepted("bad", ("a fault",)))
    assert list(empty_ledger.clusters()) == []
    assert empty_ledger.unaccepted("stack#") == Unaccepted("bad", ("a fault",))
    assert empty_ledger.tuning_digest() == "digest"
