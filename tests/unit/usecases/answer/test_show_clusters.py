"""The board: what it says of a cluster, in what order, with how many readings, and what becomes of failed ones."""

import re
import time
from dataclasses import replace

import pytest

from tests.support.balancers import LOAD_BALANCER
from tests.support.boards import (
    BoardWorld,
    a_check,
    degraded,
    failing_over,
    healthy,
    held,
    in_need,
    many,
    waiting,
    well,
)
from tests.support.builders import (
    ADDRESS_A,
    ADDRESS_B,
    CLUSTER,
    NODE_A,
    NODE_B,
    NOW,
    RECORD,
    a_definition,
    a_moving_state,
    a_previous,
    a_report,
    a_state,
    a_transition,
)
from tests.support.fakes import VirtualClock
from understudy.board.page import ROW_LIMIT, page
from understudy.board.views import HOLDS_IT, Attention, Served, Tone
from understudy.domain.advise.explain import DOUBTED
from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.definition import Record
from understudy.domain.cluster.doubt import Doubt
from understudy.domain.cluster.errors import AddressUnreadableError, UnreadableError
from understudy.domain.cluster.mismatch import Mismatch
from understudy.domain.cluster.record import RecordSet, guard_name
from understudy.domain.cluster.state import ServiceStatus, Stage
from understudy.domain.cluster.unaccepted import STACK_WIDE, Unaccepted
from understudy.domain.decide.rules import RULES, Action
from understudy.domain.events.definitions import FIX_FAULTS
from understudy.usecases.answer.show_clusters import ZONE_LIMIT, look_at_all

AFTER_MANY = UnreadableError("the cluster table cannot be read: AccessDenied")


def look(world, shown=""):
    return look_at_all(book=world.book, listing=world.zone, clock=VirtualClock(NOW), stack="understudy", shown=shown)


def only(world, name=CLUSTER):
    (view,) = [each for each in look(world).clusters if each.name == name]
    return view


# --- texts that are not in force ----------------------------------------------------------------


def test_a_text_that_was_refused_is_on_the_board_also_of_a_cluster_that_is_not_registered():
    world = BoardWorld()
    faults = tuple(f"fault {number}" for number in range(5))
    world.ledger.note_unaccepted("billing", Unaccepted("x 1", faults))
    world.ledger.note_unaccepted(STACK_WIDE, Unaccepted("y 1", ("line 2: found 'x'",)))
    board = look(world)
    assert [(each.what, each.faults) for each in board.texts] == [
        ("The submitted definition of billing was refused", ("fault 0", "fault 1", "fault 2", "and 2 more")),
        ("The submitted text of tunables was refused", ("line 2: found 'x'",)),
    ]
    assert {each.todo for each in board.texts} == {FIX_FAULTS}
    html = page(board)
    assert "fault 1" in html
    assert "2 submitted texts are not in force. What was in force before stays" in html
    assert "docs/on-call.md#a-text-that-is-not-in-force" in html
    assert look(world, "orders-db").texts == ()


def test_a_text_that_waits_is_on_the_board_with_how_long_and_why():
    world = BoardWorld()
    world.ledger.note_unaccepted("billing", Unaccepted("x 1", since=NOW - 180, why="AccessDenied"))
    (text,) = look(world, "billing").texts
    assert text.what == "The submitted definition of billing cannot be judged, for 3 min now"
    assert text.faults == ("AccessDenied",)
    assert "tried again each minute" in text.todo


def test_texts_that_cannot_be_read_hide_nothing_else():
    world = healthy()
    world.book.fail_next("unaccepted", AFTER_MANY)
    board = look(world)
    assert len(board.clusters) == 1
    assert board.notes == (f"Definitions that are not in force are missing here: {AFTER_MANY}",)


# --- a lease that was not renewed ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age_s", "promise_s", "lease"),
    [
        (13, 0, "holds it"),
        (35, 0, "not renewed for 35 s"),
        (35, 10, "not renewed for 35 s, unless by promises of the others"),
    ],
)
def test_a_lease_that_has_run_out_is_not_shown_as_held(age_s, promise_s, lease):  # B2
    state = a_state(node_a=a_report(service=ServiceStatus.IN_SERVICE, heard_at=NOW - age_s))
    world = BoardWorld().add(replace(state, terms=replace(state.terms, promise_s=promise_s)))
    node = only(world).nodes[0]
    assert node.lease == lease
    is_held = lease == HOLDS_IT
    assert (">holds it<" in world.html(), "last said <span" in world.html()) == (is_held, not is_held)
    assert (f'<span class="us-good">{lease}</span>' in world.html()) is is_held


def test_a_node_that_was_given_the_lease_and_was_never_heard_does_not_hold_it_on_the_board():  # B2
    state = a_state(node_a=a_report(heard_at=None))
    assert only(BoardWorld().add(state)).nodes[0].lease == "was given it, and never heard"


@pytest.mark.parametrize(
    ("mismatch", "said", "tone"),
    [
        (None, "it asks the nodes who serves", Tone.QUIET),
        (Mismatch(NOW - 30), "it asks the nodes who serves", Tone.QUIET),
        (Mismatch(NOW - 90, is_told=True), "a load balancer does not follow the lease, since", Tone.BAD),
    ],
    ids=["agrees", "not told yet", "told"],
)
def test_a_load_balancer_is_shown_as_the_watch_has_found_it(mismatch, said, tone):  # B21
    definition = a_definition(load_balancers=(LOAD_BALANCER,))
    shown = only(BoardWorld().add(a_state(mismatch=mismatch), definition)).addresses[-1]
    assert (shown.label, shown.status, shown.tone) == ("target group orders-db", "IN_SYNC", tone)
    assert said in shown.said


# --- what is said of a cluster ------------------------------------------------------------------


def test_a_cluster_in_service_is_shown_with_everything_that_is_known_of_it():  # S18 B5
    view = only(healthy())
    assert (view.attention, view.reasons) == (Attention.WELL, ())
    assert (view.active, view.epoch, view.rule, view.action) == ("node-a (us-east-1a)", 4, "active-is-ready", "WAIT")
    assert view.services == ("postgresql",)
    first, second, witness = view.nodes
    assert (first.name, first.zone, first.health, first.heard_age_s) == ("node-a", "us-east-1a", "READY", 2)
    assert (first.lease, first.service, first.quorum, first.obeys_epoch) == ("holds it", "IN_SERVICE", "3 of 3", 4)
    assert (second.lease, second.service, second.quorum) == ("", "OUT_OF_SERVICE", "2 of 3")
    assert (witness.lease, witness.service, witness.quorum) == ("witness", "", "not said")
    record, elastic_ip = view.addresses
    assert record.found == "10.0.1.10 (node-a), TTL 10 s"
    assert record.guard == "epoch 4, node-a (orders-db of understudy)"
    assert (record.status, record.said) == ("IN_SYNC", "as written")
    assert (elastic_ip.label, elastic_ip.found) == ("eipalloc-1", "")
    assert "EC2 is not asked" in elastic_ip.said
    assert [(move.epoch, move.action, move.outcome) for move in view.moves] == [
        (4, "failback", "IN_SERVICE"),
        (3, "failover", "IN_SERVICE"),
        (2, "repair", "DEGRADED"),
    ]
    assert view.readiness is not None
    assert (view.readiness.verdict, view.readiness.ago_s) == ("PASS", 3 * 3600)


def test_a_failover_under_way_says_from_where_to_where_and_how_far_it_has_come():  # S18 B2
    view = only(failing_over())
    assert view.attention is Attention.MOVING
    assert view.reasons[0] == "failover, node-a to node-b: STARTING for 6 s in all"
    assert view.rule == "transition-is-under-way"
    assert [phase.name for phase in view.moves[0].phases][-1] == "not yet in service"
    (record,) = view.addresses
    assert (record.found, record.said) == ("10.0.2.10 (node-b), TTL 10 s", "a transition is open")


def test_what_a_silent_node_said_last_is_not_what_it_does():  # S18 B3
    nodes = only(failing_over()).nodes
    assert [(node.name, node.service, node.is_fresh) for node in nodes] == [
        ("node-b", "STARTING", True),
        ("node-a", "IN_SERVICE", False),
    ]
    said = '<span class="us-quiet">last said <span class="us-n">IN_SERVICE</span></span>'
    assert said in failing_over().html(cluster=CLUSTER)


def test_a_cluster_that_lacks_what_the_next_failover_needs_is_degraded():  # S18
    view = only(degraded())
    assert view.attention is Attention.DEGRADED
    assert view.reasons == (
        "orders-db.corp.example.com: the record's TTL is 300 s and its guard's 10 s, and they are written with one",
        "no standby is fit to take over",
        "readiness: nodes-in-different-zones",
    )
    assert [node.notes for node in view.nodes] == [(), ("alarm disk is on", "EC2 says stopped")]
    assert [(each.verdict, each.name) for each in view.readiness.faults] == [
        ("FAIL", "nodes-in-different-zones"),
        ("WARN", "ttl-is-short"),
    ]


def test_a_held_cluster_says_until_when_and_why():  # S18 B6
    view = only(held())
    assert view.attention is Attention.HELD
    assert view.reasons == (
        "held for 25 min, until 2027-01-15 08:35:00 UTC: "
        "new kernel on both nodes; ask the storage team before you resume",
    )


def test_a_cluster_whose_move_waits_for_a_person_needs_somebody_and_not_only_time():  # S18 B4
    view = only(waiting())
    assert view.attention is Attention.CALLS
    assert view.reasons == ("a failover to node-b waits for a person's approval",)
    assert view.needs[0].detail == (
        "the controller asks: the active node has not been heard for silence_limit_s, and another node is fit "
        "(orders-db-epoch2-1). Without an answer in 5 min it is not made."
    )
    assert view.needs[0].commands == ("understudy approve orders-db", "understudy deny orders-db")


def test_a_question_says_who_asks_and_for_what_reason_and_an_older_ones_what_is_known():  # S18 B4
    world = waiting()
    asked = world.ledger.state().approval
    why = "an operator asked for a failover: node-a is dead"
    for question, said in (
        (replace(asked, why=why), f"{why} (orders-db-epoch2-1). Without"),
        (replace(asked, target=""), "asked for by orders-db-epoch2-1. Without"),
    ):
        world.ledger.put_state(replace(world.ledger.state(), approval=question))
        assert only(world).needs[0].detail.startswith(said)


@pytest.mark.parametrize(
    ("action", "attention"),
    [("failover", Attention.CALLS), ("switchover", Attention.MOVING)],
    ids=["of-what-is-due", "of-something-else"],
)
def test_a_no_is_shown_as_long_as_it_keeps_off_a_move_that_is_due(action, attention):  # S18 B4
    world = waiting()
    question = replace(world.ledger.state().approval, action=action, is_no=True)
    world.ledger.put_state(replace(world.ledger.state(), approval=question))
    view = only(world)
    assert view.attention is attention
    assert any("was not approved" in each for each in view.reasons) is (attention is Attention.CALLS)


def test_a_cluster_whose_move_is_put_off_needs_somebody_and_says_for_how_long():  # S18 B15
    world = BoardWorld()
    state, definition = well()
    silent = {**state.nodes, NODE_A: replace(state.nodes[NODE_A], heard_at=NOW - 60)}
    world.add(replace(state, nodes=silent, doubt=Doubt(NOW - 40, NOW + 560)), definition)
    view = only(world)
    assert view.attention is Attention.CALLS
    assert view.reasons[0] == f"{DOUBTED}, for 40 s now"


def test_a_hold_that_is_over_holds_nothing():
    world = held()
    state = world.ledger.state()
    world.ledger.put_state(replace(state, hold=replace(state.hold, until=NOW)))
    assert only(world).attention is Attention.WELL


@pytest.mark.parametrize(
    "state",
    [
        a_state(node_a=a_report(NODE_A, service=ServiceStatus.STARTING)),
        a_state(failover_times=(NOW - 1, NOW - 2, NOW - 3)),
        a_state(node_b=a_report(NODE_B, heard_at=None)),
    ],
    ids=["service starting", "budget spent", "standby never heard"],
)
def test_each_thing_that_is_missing_makes_a_cluster_degraded(state):  # S18
    assert only(BoardWorld().add(state)).attention is Attention.DEGRADED


@pytest.mark.parametrize(
    ("address", "attention"), [(ADDRESS_A, Attention.DEGRADED), (ADDRESS_B, Attention.CALLS), (None, Attention.CALLS)]
)
def test_an_owed_address_is_urgent_when_it_is_known_to_lead_elsewhere(address, attention):  # S18 S5
    world = BoardWorld().add(a_state(address=Address(AddressStatus.OWED, 1, retry_at=NOW + 60)))
    if address:
        world.zone.put(RECORD, RecordSet(RECORD.name, "A", 10, (address,)))
    view = only(world)
    assert view.attention is attention
    assert (view.service.served is Served.ASTRAY) is (attention is Attention.CALLS)


def test_who_served_last_without_a_proof_is_named():  # S18 B4
    state = a_moving_state(transition=None, previous=a_previous(), epoch=2, node_a=a_report(NODE_A, heard_at=NOW - 40))
    view = only(BoardWorld().add(replace(state, alert="last-holder-is-unproven")))
    assert (view.active, view.attention) == (
        "",
        Attention.MOVING if view.action != "CALL_OPERATOR" else Attention.CALLS,
    )
    assert view.nodes[0].lease == "held it: no proof yet that it is over"


@pytest.mark.parametrize("standing", ["foreign", "newer", "obstructed"])
def test_a_record_that_only_a_person_can_put_right_calls_for_one(standing):  # S18 S5
    world = BoardWorld().add(a_state())
    guard = "understudy stack={} cluster=orders-db epoch={} node=node-a"
    if standing == "obstructed":
        world.zone.obstruct(RECORD, "an alias stands there")
    else:
        text = guard.format(*(("another", 1) if standing == "foreign" else ("understudy", 99)))
        world.zone.put(RECORD, RecordSet(guard_name(RECORD), "TXT", 10, (f'"{text}"',)))
    view = only(world)
    assert view.attention is Attention.CALLS
    assert view.reasons[0].startswith("orders-db.corp.example.com: ")


def test_the_board_decides_as_the_controller_does():  # S18 B5
    view = only(in_need())
    assert (view.rule, view.action) == ("no-fit-candidate", "CALL_OPERATOR")
    assert view.why == next(rule.why for rule in RULES if rule.name == view.rule)
    assert dict(view.situation)["holder"] == "SILENT"
    assert view.action == Action.CALL_OPERATOR


def test_when_nobody_anywhere_is_heard_the_observer_is_doubted_and_not_the_nodes():  # S18 B3
    long_silent = {NODE_A: a_report(NODE_A, heard_at=NOW - 65), NODE_B: a_report(NODE_B, heard_at=NOW - 65)}
    world = BoardWorld().add(a_state(nodes=long_silent))
    assert only(world).rule == "observer-is-suspect"
    world.add(*well("billing"))
    assert only(world).rule == "no-fit-candidate"


def test_one_cluster_alone_is_judged_with_what_all_the_others_say():  # S18 B3
    """Whether silence can be believed is no question to a single cluster."""
    world = in_need()
    (alone,) = look(world, shown=CLUSTER).clusters
    assert alone.rule == only(world).rule == "no-fit-candidate"


# --- in what order, and how much ----------------------------------------------------------------


def test_who_needs_somebody_stands_first():  # S18
    views = look(many()).clusters
    ranks = [view.attention.rank for view in views]
    assert ranks == sorted(ranks)
    assert [view.name for view in views[:3]] == ["cluster-005", "cluster-072", "cluster-139"]
    assert len(views) == 200


def test_one_look_at_two_hundred_clusters_of_one_zone_reads_it_once_and_the_table_a_few_times():  # S18 B9
    world = many()
    world.html()
    assert world.zone.calls == ["read_many"]
    assert world.book.calls == ["clusters", "states", "remembered", "unaccepted", "histories", "histories"]


def test_two_hundred_clusters_take_less_than_a_second_of_the_processor():  # S18
    world = many()
    began = time.process_time()
    html = world.html()
    assert time.process_time() - began < 1
    assert len(html) < 400_000, "of Lambda's 6 MB"


def test_a_board_of_any_number_of_clusters_stays_small_and_says_what_it_leaves_out():  # S18
    html = many(ROW_LIMIT + 50).html()
    assert len(html) < 1_000_000
    assert re.search(r"and \d+ more, none of them worse than these", html)


def test_one_cluster_can_be_asked_for_alone_and_is_shown_in_full():  # S18
    html = many(30).html(cluster="cluster-007")
    assert "cluster-007 is well." in html
    assert "cluster-008" not in html
    assert re.search(r'<details class="us-line" open="open"><summary><b class="us-name"><bdi>cluster-007</bdi>', html)
    assert "Nodes of cluster-007" in html


def test_a_line_leads_to_the_whole_cluster_by_the_dashboards_own_means_or_by_a_link():  # S18
    button = 'aria-label="more of cluster-000">more</button>'
    asked = f'{button}<cwdb-action action="call" display="popup" endpoint="arn:board" event="click">'
    assert f"{asked}{{&quot;cluster&quot;: &quot;cluster-000&quot;}}</cwdb-action>" in many(20).html()
    elsewhere = many(20).show()
    assert '<a href="?cluster=cluster-000" aria-label="more of cluster-000">more</a>' in elsewhere
    assert "cwdb-action " not in elsewhere


# --- what cannot be read ------------------------------------------------------------------------


def test_a_zone_that_cannot_be_read_is_said_and_hides_nothing_else():  # S18 B3
    world = healthy()
    world.zone.fail_next("read_many", AddressUnreadableError("throttled"))
    board = look(world)
    assert board.notes == ("Hosted zone Z0EXAMPLE was not read, so it is not known what its names say: throttled",)
    (view,) = board.clusters
    assert view.attention is Attention.WELL, "unknown is not different"
    assert (view.addresses[0].found, view.addresses[0].said) == ("not read", "throttled")
    assert view.nodes[0].service == "IN_SERVICE"


def test_no_more_zones_are_read_than_route_53_can_spare_and_those_of_troubled_clusters_first():  # S18
    world = BoardWorld()
    for number in range(ZONE_LIMIT + 2):
        name = f"cluster-{number:02d}"
        state = a_state(cluster=name)
        if number == ZONE_LIMIT + 1:
            state = replace(state, active=None, previous=a_previous(), address=None)
        world.add(state, a_definition(cluster=name, records=(Record(f"Z{number:02d}", f"{name}.example.com"),)))
    board = look(world)
    assert world.zone.calls.count("read_many") == ZONE_LIMIT
    assert [note.split()[2] for note in board.notes] == ["Z09", "Z10"]


def test_a_cluster_that_makes_no_sense_is_shown_as_such_and_hides_no_other():  # S18 B3
    board = look(in_need())
    assert [(view.name, view.attention) for view in board.clusters] == [
        ("orders-db", Attention.CALLS),
        ("files", Attention.UNREAD),
        ("billing", Attention.WELL),
    ]


def test_a_lost_definition_is_said():  # S18
    world = healthy()
    del world.ledger.items[(CLUSTER, "definition#00000001")]
    view = only(world)
    assert view.attention is Attention.UNREAD
    assert "definition#00000001" in view.reasons[0]


@pytest.mark.parametrize("call", ["clusters", "states", "remembered"])
def test_a_table_that_cannot_be_read_is_not_an_empty_one(call):  # S18 B3
    world = healthy()
    world.book.fail_next(call, AFTER_MANY)
    html = world.html()
    assert "The board could not be read." in html
    assert "AccessDenied" in html
    assert "No cluster is registered" not in html


@pytest.mark.parametrize("answered", [0, 1])
def test_transitions_that_cannot_be_read_hide_nothing_else(answered):  # S18
    world = healthy()
    world.book.before_next("histories", lambda: None) if answered else None
    world.book.fail_next("histories", AFTER_MANY)
    board = look(world)
    assert board.notes == (f"Transitions are missing here: {AFTER_MANY}",)
    (view,) = board.clusters
    assert (view.attention, view.nodes[0].service, len(view.moves)) == (Attention.WELL, "IN_SERVICE", answered)


def test_a_board_of_nothing_says_so():  # S18
    assert "No cluster is registered." in BoardWorld().html()
    assert "orders is not registered." in healthy().html(cluster="orders")
    assert "is not registered." in healthy().html(cluster=["<b>"])


# --- the widget ---------------------------------------------------------------------------------


def test_asked_to_describe_itself_it_answers_with_its_manual_and_reads_nothing():  # S18
    world = healthy()
    answer = world.show(describe=True)
    assert set(answer) == {"markdown"}
    for each in Attention:
        assert f"**{each.value}**" in answer["markdown"]
    assert world.book.calls == world.zone.calls == []


@pytest.mark.parametrize(
    ("context", "theme"),
    [
        ({"theme": "dark"}, "dark"),
        ({"theme": "light"}, "light"),
        ({"theme": "<b>"}, "auto"),
        (None, "auto"),
        (5, "auto"),
    ],
)
def test_the_board_has_the_theme_of_its_dashboard(context, theme):  # S18
    assert f'class="us us-{theme}"' in healthy().show(widgetContext=context)


def test_there_is_no_script_and_nothing_that_cloudwatch_takes_out():  # S18
    html = healthy().html()
    assert not re.search(r"<(script|iframe|use|object|form|input)|\son\w+=|javascript:", html)
    assert '<div class="cwdb-no-default-styles"></div>' in html


def test_nothing_is_written():  # S18
    world = failing_over()
    before = dict(world.ledger.items), dict(world.zone.record_sets)
    world.html()
    assert (world.ledger.items, world.zone.record_sets) == before


def test_a_stage_that_outlived_its_deadline_is_due_again():  # S18
    stuck = a_transition(stage=Stage.STARTING, deadline_at=NOW - 1)
    down = a_report(service=ServiceStatus.OUT_OF_SERVICE)
    state = a_moving_state(active=NODE_B, previous=None, transition=stuck, node_a=down)
    view = only(BoardWorld().add(state, report=a_check()))
    assert (view.attention, view.action) == (Attention.MOVING, "REPAIR")


def test_a_second_server_stands_in_red_and_needs_a_person():  # S18 B4
    state = a_state(node_b=a_report(NODE_B, service=ServiceStatus.IN_SERVICE, keeps_lease=False))
    world = BoardWorld().add(state)
    view = only(world)
    assert (view.attention, view.rule) == (Attention.CALLS, "two-say-they-serve")
    assert [node.is_second for node in view.nodes] == [False, True]
    assert '<span class="us-bad">IN_SERVICE without the lease</span>' in world.html(cluster=CLUSTER)


def test_names_that_differ_stand_beside_the_node():  # S18 B4
    state = a_state(node_b=a_report(NODE_B, named="ffffff", misnamed="lacks postgresql"))
    assert only(BoardWorld().add(state)).nodes[1].notes == ("its agent lacks postgresql",)
