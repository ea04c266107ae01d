"""The table of checks, and the report that they make."""

from dataclasses import replace

import pytest

from tests.support.builders import (
    CLUSTER,
    NOW,
)
from tests.support.readiness import (
    UNREAD,
    a_zone,
    facts,
    instances,
    of_all_kinds,
)
from understudy.domain.cluster.state import PowerReading
from understudy.domain.readiness.facts import (
    Finding,
    Verdict,
    together,
    worst,
)
from understudy.domain.readiness.report import CheckResult, Report, examine, is_news, make_report
from understudy.domain.readiness.table import CHECKS

STOPPED = instances(node_b={"power": PowerReading.STOPPED})


def report(last=None, **changes) -> Report:
    seen = facts(**changes)
    return make_report(seen, examine(seen), NOW, last)


def test_a_cluster_without_a_fault_passes_every_check():  # S1 S2 S13 S17
    results = examine(facts())
    assert [each.name for each in results] == [check.name for check in CHECKS]
    assert {each.verdict for each in results} == {Verdict.PASS}
    assert {each.advice for each in results} == {""}


def test_a_cluster_of_all_kinds_of_addresses_without_a_fault_passes_every_check():  # S14 S15
    forwarding = {"forwards": True}
    found = facts(definition=of_all_kinds(), instances=instances(node_a=forwarding, node_b=forwarding))
    assert {each.name: each.verdict for each in examine(found) if each.verdict is not Verdict.PASS} == {}


def test_a_cluster_of_routes_only_is_asked_nothing_of_names():  # S14
    found = facts(definition=of_all_kinds(records=()), zones={}, records={}, endpoints=UNREAD)
    of_names = {each.name: each for each in examine(found)}
    for name in ("route53-answers", "zone-owns-name", "record-movable", "guard-ours", "premises-resolve"):
        assert (of_names[name].verdict, of_names[name].found) == (Verdict.PASS, "no address of kind route53_record")


def test_every_check_that_does_not_pass_says_what_to_do():  # S1
    results = {each.name: each for each in examine(facts(instances=STOPPED, endpoints=(), zones={}))}
    assert results["instances-run"].advice.startswith("Start the instance.")
    assert results["premises-resolve"].verdict is Verdict.UNKNOWN
    assert "aws route53resolver list-resolver-endpoints" in results["premises-resolve"].advice


def test_a_report_says_the_worst_and_names_what_would_break_a_failover():
    made = report(instances=STOPPED, endpoints=())
    assert (made.cluster, made.checked_at, made.definition_version) == (CLUSTER, NOW, 1)
    assert (made.verdict, made.failed) == (Verdict.FAIL, ("instances-run",))
    assert [each.name for each in made.named(Verdict.WARN)] == ["premises-resolve"]


def test_a_rule_that_leaves_a_failover_possible_fails_without_alarm():
    same = instances(3, node_c={"zone": "us-east-1a"})
    made = report(members=3, instances=same)
    assert [each.name for each in made.named(Verdict.FAIL)] == ["standbys-apart"]
    assert made.failed == ()


def test_what_failed_is_news_until_it_was_told_and_again_when_it_changes():
    first = report(instances=STOPPED)
    assert is_news(first)
    told = replace(first, told=first.failed)
    assert not is_news(report(last=told, instances=STOPPED))
    assert is_news(report(last=told, instances=STOPPED, zones={"Z0EXAMPLE": a_zone(name="example.org")}))


def test_a_read_that_fails_in_between_does_not_make_the_same_failure_news():  # B3
    told = replace(report(instances=STOPPED), told=("instances-run",))
    gap = report(last=told, instances=UNREAD)
    assert gap.failed == ("instances-run",)
    assert not is_news(gap)
    assert not is_news(report(last=gap, instances=STOPPED))


def test_a_failure_that_was_put_right_is_news_when_it_comes_back():
    told = replace(report(instances=STOPPED), told=("instances-run",))
    well = report(last=told)
    assert (well.failed, well.told, is_news(well)) == ((), (), False)
    assert is_news(report(last=well, instances=STOPPED))


def test_what_was_never_readable_is_no_failure():  # B3
    made = report(instances=UNREAD, rights=UNREAD, endpoints=UNREAD)
    assert (made.verdict, made.failed) == (Verdict.UNKNOWN, ())


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [((), "PASS"), (("PASS", "WARN"), "WARN"), (("WARN", "UNKNOWN"), "UNKNOWN"), (("UNKNOWN", "FAIL", "PASS"), "FAIL")],
)
def test_a_failure_outweighs_what_is_not_known_and_that_a_warning(verdicts, expected):
    assert worst(map(Verdict, verdicts)) is Verdict(expected)


def test_the_same_words_are_not_said_twice():
    assert together([Finding(Verdict.WARN, "a"), Finding(Verdict.WARN, "a"), Finding(Verdict.PASS, "b")]).found == "a"


def test_a_result_that_passed_needs_no_advice():
    assert CheckResult("zones-differ", Verdict.PASS, "all is well").advice == ""
