"""What stands first on the board: what is not served, since when, by which cause, and what a person does first."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import boards
from tests.support.builders import (
    NODE_A,
    NODE_B,
    NOW,
    a_moving_state,
    a_previous,
    a_report,
    a_state,
    an_off_report,
)
from tests.support.fakes import VirtualClock
from tests.unit.test_documents import anchors
from understudy.board import words
from understudy.board.lines import SEEN
from understudy.board.page import CARD_LIMIT, ROW_LIMIT, page
from understudy.board.triage import PLACES_FROM, grouped, most_urgent_first, places, verdict, worst
from understudy.board.views import Attention, Need, Served, ShownCluster, ShownService
from understudy.domain.cluster.hold import Hold
from understudy.domain.cluster.state import Alarm, PowerReading, Proof, ServiceStatus
from understudy.domain.decide.rules import ADVICE
from understudy.domain.events.addresses import FIND_WRITER
from understudy.domain.events.nodes import ABOUT_PEERS
from understudy.usecases.answer.show_clusters import look_at_all

LONGEST = "the longest for 49 s"


def board_of(world):
    return look_at_all(book=world.book, listing=world.zone, clock=VirtualClock(NOW), stack=boards.STACK)


def first(world):
    return board_of(world).clusters[0]


def service(state, **how):
    return first(boards.BoardWorld().add(state, **how)).service


def a_need(attention=Attention.CALLS, cause="no-fit-candidate", title="nobody is fit"):
    return Need(attention, title, f"{title}, here", cause, ("bring one back",), (), cause)


def a_cluster(name, need=None, served=Served.YES, since_s=None):
    return ShownCluster(name, ShownService(served, "", since_s), (need,) if need else ())


# --- whether clients are served, and since when -------------------------------------------------


def test_a_heard_holder_that_says_so_serves():  # S18
    assert service(a_state()) == ShownService(Served.YES, "by node-a")


@pytest.mark.parametrize(
    ("node_a", "promise_s", "served", "how", "since_s"),
    [
        (a_report(heard_at=NOW - 40), 10, Served.PERHAPS, "node-a was last heard 40 s ago, and last said", 40),
        (a_report(heard_at=NOW - 40), 0, Served.NO, "node-a was last heard 40 s ago, and last said", 40),
        (a_report(heard_at=NOW - 14), 0, Served.PERHAPS, "node-a was last heard 14 s ago", 14),
        (a_report(heard_at=NOW - 40, keeps_lease=False), 0, Served.PERHAPS, "node-a was last heard 40 s ago", 40),
        (an_off_report(heard_at=NOW - 90, power_at=NOW - 80), 10, Served.NO, "EC2 says that node-a is stopped", 80),
        (
            an_off_report(power=PowerReading.STOPPING, power_at=NOW - 3),
            10,
            Served.PERHAPS,
            "EC2 says that node-a is stopping",
            3,
        ),
        (a_report(heard_at=None), 10, Served.PERHAPS, "node-a was given the lease, and was never heard", None),
        (a_report(service=ServiceStatus.FAILED), 10, Served.NO, "node-a says FAILED", None),
        (
            a_report(service=ServiceStatus.IN_SERVICE, alarms={"disk": Alarm(True, NOW - 70)}),
            10,
            Served.PERHAPS,
            "node-a says IN_SERVICE, and its alarm disk is on",
            70,
        ),
    ],
    ids=["silent", "lapsed", "late", "leaseless", "off", "going-off", "never-heard", "failed", "alarm"],
)
def test_a_service_is_said_to_be_down_only_when_that_is_known(node_a, promise_s, served, how, since_s):  # S18 B3
    state = a_state(node_a=node_a)
    found = service(replace(state, terms=replace(state.terms, promise_s=promise_s)))
    assert (found.served, found.since_s) == (served, since_s)
    assert found.how.startswith(how)


@pytest.mark.parametrize(
    ("proof", "served"), [(Proof.STOPPED, Served.NO), (None, Served.PERHAPS)], ids=["proved", "unproven"]
)
def test_with_nobody_holding_the_lease_the_last_holder_may_serve_until_a_proof(proof, served):  # S18 B4
    previous = a_previous(proof=proof, renewed_at=NOW - 100)
    silent = a_report(NODE_A, heard_at=NOW - 100, keeps_lease=False)
    state = a_moving_state(active=None, transition=None, previous=previous, epoch=2, node_a=silent)
    found = service(state, histories={2: {"action": "failover", "stages": {"noticed_at": NOW - 85}}})
    assert (found.served, found.since_s) == (served, 100)
    assert found.how.startswith("nobody holds the lease")


def test_an_outage_that_a_move_ends_counts_from_when_its_cause_was_noticed():  # S18
    found = first(boards.failing_over()).service
    assert (found.served, found.how, found.since_s) == (Served.NO, "node-b says STARTING", 7)


def test_a_name_that_leads_to_a_stranger_leads_clients_astray_although_the_service_runs():  # S18 S5
    board = board_of(boards.astray())
    (view, _) = board.clusters
    assert view.service.served is Served.ASTRAY
    assert view.service.how == "orders-db.corp.example.com leads to 203.0.113.9 (no node of it), not to node-a"
    assert view.attention is Attention.CALLS
    assert FIND_WRITER in view.needs[0].todo[0]
    assert verdict(board) == "Clients of orders-db are led astray."
    html = page(board)
    assert '<span class="us-bad">203.0.113.9 (no node of it), TTL 300 s</span>' in html
    assert '<span class="us-bad">the record is 203.0.113.9' in html


def test_a_record_that_is_on_its_way_leads_nobody_astray():  # S18
    world = boards.failing_over()
    assert '<span class="us-bad">10.0' not in world.html()


def test_a_held_cluster_whose_record_was_changed_is_repaired_by_who_resumes_it():  # S18 B6
    world = boards.astray()
    world.ledger.put_state(replace(world.ledger.state(), hold=Hold(NOW - 60, None, "patching")))
    assert first(world).needs[0].commands == ("understudy resume orders-db",)


def test_two_that_say_they_serve_are_no_service_that_is_well():  # S18 B4
    view = first(boards.two_serve())
    assert view.service.served is Served.TWICE
    assert view.service.how == "node-a says that it serves without the lease, and node-b holds it"
    assert verdict(board_of(boards.two_serve())) == "orders-db is perhaps served by two."


# --- the first words ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("world", "said", "colour"),
    [
        (boards.both_dead, "orders-db is perhaps not served, for 3 min.", "calls"),
        (boards.waiting, "orders-db is perhaps not served, for 40 s.", "calls"),
        (boards.failing_over, "orders-db is not served, for 7 s.", "calls"),
        (boards.zone_down, f"Of 200 clusters, 54 are not served and 46 are perhaps not served, {LONGEST}.", "calls"),
        (boards.failed_start, "orders-db is served, and degraded.", "degraded"),
        (boards.keys_differ, "orders-db is served, and degraded.", "degraded"),
        (boards.held, "orders-db is served, and held.", "held"),
        (boards.healthy, "orders-db is well.", "well"),
    ],
)  # fmt: skip
def test_the_first_words_say_what_is_not_served_and_for_how_long_in_the_colour_of_the_worst(world, said, colour):
    board = board_of(world())
    assert verdict(board) == said
    assert words.TONE_OF[worst(board)] == colour


def test_no_word_of_what_is_not_served_is_green():  # S18
    assert {each for each in Served if words.SERVED.get(each) == "good"} == {Served.YES}
    assert "well" not in {words.TONE_OF[each] for each in Served if each is not Served.YES}


def test_many_that_are_well_are_so_all_together():
    world = boards.BoardWorld().add(*boards.well("a")).add(*boards.well("b"))
    assert verdict(board_of(world)) == "All 2 clusters are well."


# --- groups -------------------------------------------------------------------------------------


def test_clusters_are_grouped_by_cause_and_the_biggest_group_of_those_that_call_comes_first():  # S18
    few = [a_cluster(f"few-{number}", a_need(cause="quorum-is-lost")) for number in range(2)]
    many = [a_cluster(f"many-{number}", a_need()) for number in range(3)]
    moving = [a_cluster(f"moving-{number}", a_need(Attention.MOVING, "active-is-silent")) for number in range(9)]
    found = grouped([*few, *moving, *many, a_cluster("well")])
    assert [(each.need.cause, len(each.clusters)) for each in found] == [
        ("no-fit-candidate", 3),
        ("quorum-is-lost", 2),
        ("active-is-silent", 9),
    ]


def test_in_a_group_who_is_not_served_for_longest_comes_first():  # S18
    ages = {"new": 5, "old": 500, "middle": 50}
    need = a_need()
    clusters = [a_cluster(name, need, Served.NO, age) for name, age in ages.items()]
    clusters += [a_cluster("served", need), a_cluster("perhaps", need, Served.PERHAPS, 9999)]
    assert [each.name for each in most_urgent_first(clusters)] == ["old", "middle", "new", "perhaps", "served"]


def test_a_zone_that_is_gone_is_named_and_its_clusters_are_one_group_for_each_rule():  # S18
    board = board_of(boards.zone_down())
    assert places(board.clusters) == "Nodes silent or off: us-east-1a 200 of 200, us-east-1b 0 of 200."
    found = [(each.need.attention, each.need.cause, each.zones, len(each.clusters)) for each in grouped(board.clusters)]
    down = ("us-east-1a",)
    assert found == [
        (Attention.CALLS, "no-fit-candidate", down, 20),
        (Attention.MOVING, "active-is-silent", down, 54),
        (Attention.MOVING, "active-is-silent", down, 26),
        (Attention.DEGRADED, "nostandbyalarm", down, 100),
    ]


def test_a_few_nodes_that_are_down_follow_no_line():
    world = boards.BoardWorld()
    for number in range(PLACES_FROM - 1):
        state, definition = boards.well(f"c{number}", number)
        silent = a_report(NODE_B, heard_at=NOW - 60)
        world.add(replace(state, nodes={**state.nodes, NODE_B: silent}), definition)
    assert places(board_of(world).clusters) == ""


# --- what to do, once, with where it goes on ----------------------------------------------------


def test_what_to_do_first_stands_once_for_all_clusters_of_a_group():  # S18
    html = boards.zone_down().html()
    assert html.count(ADVICE["no-fit-candidate"]) == 1
    assert f'href="{boards.RUNBOOK}#no-fit-candidate"' in html
    assert f"20 clusters: {grouped(board_of(boards.zone_down()).clusters)[0].need.title}" in html
    assert f"and {54 - SEEN} more" in html


@pytest.mark.parametrize(
    ("world", "todo", "command", "section"),
    [
        (boards.both_dead, ADVICE["no-fit-candidate"], None, "no-fit-candidate"),
        (boards.waiting, "Look first.", "understudy approve orders-db", "approval"),
        (boards.failed_start, "When it will, clear the node.", "understudy clear orders-db node-b", "nostandbyalarm"),
        (boards.keys_differ, ABOUT_PEERS, None, "understudy-peers-degraded"),
        (boards.two_serve, ADVICE["two-say-they-serve"], None, "two-say-they-serve"),
        (boards.held, ADVICE["held-and-not-served"], "understudy resume orders-db", "heldtoolongalarm"),
    ],
)
def test_each_state_says_what_to_do_with_the_command_and_the_section_of_the_runbook(world, todo, command, section):
    html = world().html()
    assert todo in html
    assert f'<a href="{boards.RUNBOOK}#{section}" target="_blank" rel="noopener noreferrer">' in html
    assert (f"<code>{command}</code>" in html) if command else ("<code>understudy" not in html)


def test_a_runbook_that_is_no_web_address_is_text_and_no_link():
    html = page(replace(board_of(boards.both_dead()), runbook="javascript:alert(1)//"))
    assert "<a href" not in html
    assert "javascript:alert(1)//#no-fit-candidate" in html


def test_every_section_that_the_board_names_is_a_heading_of_the_runbook():
    worlds = (boards.both_dead, boards.zone_down, boards.astray, boards.refused, boards.two_serve, boards.waiting)
    worlds += (boards.failed_start, boards.keys_differ, boards.held, boards.degraded)
    named = {each for world in worlds for each in re.findall(rf"{boards.RUNBOOK}#([\w-]+)", world().html())}
    assert len(named) > 8
    assert named <= anchors(Path("docs/on-call.md"))


def test_the_situation_stands_only_where_a_rule_acts_on_it():  # S18
    assert first(boards.healthy()).situation == ()
    assert first(boards.failed_start()).situation == ()
    assert dict(first(boards.both_dead()).situation)["holder"] == "SILENT"


def test_a_question_is_not_said_twice_and_nothing_says_that_it_goes_on_by_itself():  # S18 B4
    html = boards.waiting().html()
    assert html.count("waits for a person&#x27;s approval") == 1
    assert "by itself. You are called" not in html


def test_what_a_node_said_when_it_was_last_heard_is_old():  # B2
    html = boards.both_dead().html()
    assert 'last said <span class="us-n">IN_SERVICE<' in html
    assert '<span class="us-bad">not renewed for 3 min, unless by promises of the others</span>' in html
    before_billing = html.split("<bdi>billing</bdi>")[0]
    assert '<span class="us-good">IN_SERVICE</span></span>' not in before_billing, "nothing old is green"
    assert '<span class="us-good">holds it</span>' not in before_billing


def test_what_is_special_to_a_cluster_stands_on_its_line_where_the_heading_is_about_several():  # S18
    world = boards.keys_differ()
    other = world.ledger.state()
    world.ledger.put_state(replace(other, cluster="billing"))
    html = world.html()
    assert "2 clusters: an outage of AWS would stop the service</span>" in html
    assert html.count('<span class="us-how">an outage of AWS would stop the service: node-a and node-b have') == 2


# --- size ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "limit"), [(200, 200_000), (1000, 600_000)])
def test_a_fleet_in_trouble_is_a_small_answer_with_no_more_cards_than_a_person_can_read(count, limit):  # S18
    html = boards.zone_down(count).html()
    assert len(html) < limit
    assert html.count('<details class="us-line"') == CARD_LIMIT
    assert len(re.findall(r'class="us-line"', html)) == min(count, ROW_LIMIT)
    assert f"{count // 2} clusters: no standby is fit to take over" in html, "all are counted, also those left out"
    assert ("none of them worse than these" in html) == (count > ROW_LIMIT)
