"""The commands, on a stack in memory."""

import json

import pytest

from tests.support.builders import NODE_A, NODE_B, NOW, a_report, a_state
from tests.support.fakes.cli_stack import FakeCliStack
from tests.unit.cli.running import a_stack, a_story, document, run
from understudy.domain.cluster.approval import Question
from understudy.domain.cluster.hold import Hold
from understudy_cli.app import Settings
from understudy_cli.core import exits
from understudy_cli.core.faults import Fault
from understudy_cli.core.lines import safe

NAME = f"by-hand-orders-db-switchover-{NOW}-1a2b3c4d"
BUSY = Fault("AWS is busy", "Wait", exits.NOT_KNOWN)


def interrupted(stack):
    raise KeyboardInterrupt


def opens(stack: FakeCliStack) -> None:
    stack.put(a_story(2, stack.started[-1][0]))


def moves(stack: FakeCliStack) -> None:
    """The move goes through between two looks."""
    times = {"fenced": 1.5, "accepted": 2.0, "granted": 2.2, "in_service": 4.5, "in_sync": 6.0, "closed": 6.5}
    stages = {f"stages.{stage}_at": NOW + after for stage, after in times.items()}
    stack.put(a_story(2, stack.started[-1][0], outcome="IN_SERVICE", proof="RELEASED", **stages))
    stack.ends("SUCCEEDED", output={"outcome": "IN_SERVICE"})(stack)


def test_the_status_of_all_clusters_is_that_of_the_worst():  # S18 B23
    stack = a_stack(a_state(), a_state(cluster="files", active=None))
    result = run(stack, "status")
    assert result.output.splitlines()[0] == "files      not served: nobody holds the lease"
    assert result.exit_code == 4
    assert run(stack, "status", "orders-db").exit_code == 0


def test_a_stack_without_clusters_says_so():
    result = run(a_stack(), "status")
    assert (result.output, result.exit_code) == ("No cluster is registered in this stack.\n", 0)


def test_a_cluster_that_there_is_not_is_a_wrong_command_and_the_nearest_name_is_offered():  # B23
    result = run(a_stack(a_state()), "status", "order-db")
    assert result.exit_code == 2
    assert "No cluster order-db is registered in this stack." in result.stderr
    assert "Did you mean orders-db?" in result.stderr


def test_a_status_is_looked_at_again_and_again_until_somebody_stops_it():  # S18
    stack = a_stack(a_state())

    def fails(stack):
        stack.put({**stack.items[("orders-db", "state")], "active": None})

    stack.scenes = [fails, interrupted]
    result = run(stack, "status", "orders-db", "--watch")
    sentences = [each for each in result.output.splitlines() if each.startswith("orders-db")]
    assert sentences == ["orders-db  in service on node-a", "orders-db  not served: nobody holds the lease"]
    assert result.exit_code == 0


def test_the_history_has_the_newest_move_first_and_one_move_has_its_stages():  # S18 B5
    stack = a_stack(a_state())
    assert run(stack, "history").output == "orders-db has not moved yet.\n"
    stack.put(a_story(1, "first", outcome="IN_SERVICE", **{"stages.in_service_at": NOW + 4.0}))
    stack.put(a_story(2, "second", outcome="DEGRADED", reasons=["ADDRESS_OWED"], proof="RELEASED"))
    rows = run(stack, "history", "orders-db").output.splitlines()
    assert [each.split()[0] for each in rows] == ["epoch", "2", "1"]
    assert "switchover node-a -> node-b  IN_SERVICE  3.5 s  patching" in rows[2]
    whole = run(stack, "history", "orders-db", "2").output
    for words in (
        "DEGRADED",
        "missing    ADDRESS_OWED",
        "08:00:00      +0 s  switchover node-a -> node-b opened, epoch 2",
    ):
        assert words in whole
    assert run(stack, "history", "orders-db", "3").exit_code == 2
    assert run(stack, "history", "2").output == whole, "of the only cluster"


def test_every_field_is_shown_raw_as_the_table_has_it_and_nothing_in_it_is_obeyed():  # S18 B23
    stack = a_stack(a_state(hold=Hold(NOW, None, HOSTILE)))
    stack.put(a_story(2, "x", withheld=["A x"], **{"stages.closed_at": NOW + 1.5}))
    shown = run(stack, "status", "--raw").stdout
    assert json.loads(shown) == document(stack, "status", "--raw")["item"]
    assert json.loads(shown)["nodes"][NODE_A]["name"] == "node-a"
    assert "\x1b" not in shown
    move = json.loads(run(stack, "history", "orders-db", "2", "--raw").stdout)
    assert (move["withheld"], move["stages.closed_at"]) == (["A x"], NOW + 1.5)
    assert run(stack, "history", "--raw").exit_code == 2


def test_a_switchover_shows_each_stage_with_its_time_and_ends_with_one_sentence():  # S2 B23
    stack = a_stack(a_state())
    stack.scenes = [opens, moves]
    result = run(stack, "switchover", "orders-db", "--to", "node-b", "--reason", "patching", "--yes")
    assert stack.started == [
        (NAME, {"cluster": "orders-db", "action": "switchover", "to": "node-b", "reason": "patching"})
    ]
    where = "orders-db is in service on node-b, 4 s after the move was opened (epoch 2)"
    assert result.output.splitlines() == [
        f"asked: {NAME}",
        "  08:00:00      +0 s  switchover node-a -> node-b opened, epoch 2",
        "  08:00:01      +1 s  the old node can no longer serve: RELEASED",
        "  08:00:02    +1.5 s  Route 53 has accepted the change",
        "  08:00:02    +1.7 s  the lease is granted to node-b",
        "  08:00:04      +4 s  the services are in service on node-b",
        "  08:00:06    +5.5 s  the change is on all servers of Route 53",
        "  08:00:06      +6 s  closed: IN_SERVICE",
        f"Done: {where}. Clients follow with the TTL.",
    ]
    assert result.exit_code == 0


def test_a_move_is_asked_about_before_it_is_asked_for_and_not_where_nobody_can_answer():  # B23
    stack = a_stack(a_state())
    result = run(stack, "switchover", "orders-db")
    assert result.exit_code == 2
    assert "Add --yes when you are sure." in result.stderr
    assert stack.started == []


def test_a_node_that_the_cluster_has_not_is_a_wrong_command():  # B23
    stack = a_stack(a_state())
    result = run(stack, "failover", "orders-db", "--to", "node-x", "--yes")
    assert (result.exit_code, stack.started) == (2, [])
    assert "Its nodes are: node-a, node-b." in result.stderr


def test_a_refused_move_says_why_and_exits_with_three():  # B23
    stack = a_stack(a_state())
    stack.scenes = [stack.ends("FAILED", error="Refused", cause="node-b is SILENT, not READY")]
    result = run(stack, "failback", "--yes")
    assert (result.output.splitlines()[-1], result.exit_code) == ("Refused: node-b is SILENT, not READY", 3)


def test_a_move_that_a_person_must_approve_exits_with_five_and_names_the_next_commands():  # B23
    stack = a_stack(a_state())

    def is_asked(stack):
        question = Question("switchover", stack.started[-1][0], NOW, NOW + 600)
        stack.items.update(a_stack(a_state(approval=question)).items)

    stack.scenes = [is_asked]
    result = run(stack, "switchover", "--yes")
    assert result.exit_code == 5
    assert result.output.splitlines()[-1] == (
        "It waits for a person until 08:10:00 (in 9 min): understudy approve orders-db. Nothing is moved before. "
        f"Look on: understudy follow {NAME}"
    )


def test_a_question_of_another_execution_is_not_taken_for_ones_own():  # B23
    stack = a_stack(a_state(approval=Question("failover", "another", NOW, NOW + 600)))
    stack.scenes = [stack.ends("FAILED", error="Refused", cause="a question is open")]
    assert run(stack, "switchover", "--yes").exit_code == 3


def test_ctrl_c_leaves_the_move_running_and_says_how_to_look_at_it_again():  # B23
    stack = a_stack(a_state())
    stack.scenes = [opens, interrupted]
    result = run(stack, "switchover", "--yes")
    assert result.exit_code == 6
    assert f"Look again: understudy follow {NAME}, or: understudy status orders-db" in result.output
    stack.scenes = [moves]
    again = run(stack, "follow", NAME)
    assert again.exit_code == 0
    assert again.output.splitlines()[-1].startswith("Done: orders-db is in service on node-b")


def test_an_aws_that_is_busy_for_a_while_says_nothing_of_the_move():  # B23
    stack = a_stack(a_state())
    stack.scenes = [opens, lambda stack: stack.fails_once(BUSY), lambda stack: stack.fails_once(BUSY), moves]
    result = run(stack, "switchover", "--yes")
    assert result.exit_code == 0
    assert result.stderr.count("AWS is busy. What runs goes on; asking again.") == 1


def test_a_watch_goes_on_while_aws_is_busy(monkeypatch):  # B23
    stack = a_stack(a_state())
    answers = [BUSY, stack.clusters()]

    def clusters():
        found = answers.pop(0)
        if isinstance(found, Fault):
            raise found
        return found

    monkeypatch.setattr(stack, "clusters", clusters)
    stack.scenes = [lambda stack: None, interrupted]
    result = run(stack, "status", "--watch")
    assert "AWS is busy. What runs goes on; asking again." in result.stderr
    assert "orders-db  in service on node-a" in result.stdout


def test_a_hold_without_an_end_says_that_it_lasts():  # B23
    stack = a_stack(a_state())
    stack.scenes = [stack.ends("SUCCEEDED", output={"outcome": "MODE_SET"})]
    assert run(stack, "hold").output.splitlines()[-1] == "Done: orders-db is held until it is resumed."


def test_who_follows_may_stop_looking_as_well():  # B23
    stack = a_stack(a_state())
    stack.start("another", {"cluster": "orders-db", "action": "failover"})
    stack.scenes = [interrupted]
    result = run(stack, "follow", "arn:aws:states:eu-west-1:123456789012:execution:transition:another")
    assert (result.exit_code, "Look again: understudy follow another" in result.output) == (6, True)


def test_the_region_is_that_of_the_aws_cli(monkeypatch):  # B23
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("UNDERSTUDY_STACK", "ha")
    assert (Settings().region, Settings().stack) == ("eu-west-1", "ha")


def test_a_hold_says_until_when_and_a_resume_ends_it():  # B23
    stack = a_stack(a_state())
    stack.scenes = [stack.ends("SUCCEEDED", output={"outcome": "MODE_SET"})]
    result = run(stack, "hold", "--for", "2h", "--reason", "patching")
    assert stack.started[0][1] == {"cluster": "orders-db", "action": "hold", "for_s": 7200, "reason": "patching"}
    assert (result.output.splitlines()[-1], result.exit_code) == ("Done: orders-db is held for 2 h.", 0)
    stack.scenes = [stack.ends("SUCCEEDED", output={"outcome": "MODE_SET"})]
    stack.time += 1
    assert run(stack, "resume").output.splitlines()[-1] == "Done: orders-db is resumed."
    held = a_stack(a_state(hold=Hold(NOW, NOW + 7200, "patching")))
    assert run(held, "status").output.splitlines()[-1] == "  held until 10:00:00 (in 2 h): patching"


@pytest.mark.parametrize(
    "arguments",
    [
        ("hold", "orders-db", "--for", "soon"),
        ("hold", "orders-db", "--for", "2h", "--until", "2027-01-15T10:00"),
        ("failover", "orders-db", "--unproven", "--yes"),
        ("clear", "orders-db", "node-x"),
        ("status", "--every", "0"),
        ("fly",),
    ],
)
def test_a_wrong_command_exits_with_two_and_asks_for_nothing(arguments):  # B23
    stack = a_stack(a_state())
    assert run(stack, *arguments).exit_code == 2
    assert stack.started == []


def test_a_failed_start_is_cleared_by_the_name_of_the_node():
    stack = a_stack(a_state())
    stack.scenes = [stack.ends("SUCCEEDED", output={"outcome": "CLEARED"})]
    result = run(stack, "clear", "orders-db", "node-b", "--reason", "disk replaced")
    assert result.exit_code == 0
    assert stack.started[0][1] == {
        "cluster": "orders-db",
        "action": "clear",
        "node": "node-b",
        "reason": "disk replaced",
    }


def test_why_prints_what_the_controller_says_line_by_line():  # B5
    stack = a_stack(a_state())
    output = {"outcome": "ADVISED", "action": "explain", "text": ["nothing is done: all-is-well", "node-a is READY"]}
    stack.scenes = [stack.ends("SUCCEEDED", output=output)]
    result = run(stack, "why")
    assert result.output.splitlines()[1:3] == ["nothing is done: all-is-well", "node-a is READY"]
    assert result.exit_code == 0


def test_a_rehearsal_that_would_not_succeed_exits_with_one():  # B7
    stack = a_stack(a_state())
    output = {"outcome": "ADVISED", "action": "rehearse", "verdict": "NOT_READY", "text": ["node-b is SILENT"]}
    stack.scenes = [stack.ends("SUCCEEDED", output=output)]
    result = run(stack, "rehearse", "--to", "node-b")
    assert "verdict  NOT_READY\nnode-b is SILENT\n" in result.output
    assert result.exit_code == 1


REPORT = [
    {"name": "zones-differ", "verdict": "PASS", "found": "two zones", "advice": ""},
    {"name": "instances-run", "verdict": "FAIL", "found": "node-b is stopped", "advice": "Start it."},
]


@pytest.mark.parametrize(
    ("ending", "exit_status"),
    [
        ({"status": "SUCCEEDED", "output": {"outcome": "CHECKED"}}, 0),
        ({"status": "FAILED", "error": "NotReady", "cause": "instances-run: node-b is stopped"}, 1),
    ],
)
def test_a_check_shows_what_failed_first_and_what_to_do(ending, exit_status):  # S1
    stack = a_stack(a_state())

    def checked(stack):
        stack.put({"pk": "orders-db", "sk": "readiness", "report": {"checked_at": stack.time, "checks": REPORT}})
        stack.ends(**ending)(stack)

    stack.scenes = [checked]
    result = run(stack, "check")
    shown = ["FAIL  instances-run  node-b is stopped", "    Start it.", "PASS  zones-differ   two zones"]
    assert result.output.splitlines()[1:4] == shown
    assert result.exit_code == exit_status


def test_an_old_report_is_not_shown_for_a_new_one():  # S1
    stack = a_stack(a_state())
    stack.put({"pk": "orders-db", "sk": "readiness", "report": {"checked_at": NOW - 60, "checks": REPORT}})
    stack.scenes = [stack.ends("SUCCEEDED", output={"outcome": "CHECKED"})]
    assert document(stack, "check")["checks"] == []


def test_where_there_is_more_than_one_cluster_one_must_be_named():  # B23
    result = run(a_stack(a_state(), a_state(cluster="files")), "why")
    assert result.exit_code == 2
    assert "Name one of: files, orders-db." in result.stderr


def test_names_of_clusters_are_completed():  # B23
    stack = a_stack(a_state(), a_state(cluster="files"))
    environment = {"_UNDERSTUDY_COMPLETE": "bash_complete", "COMP_WORDS": "understudy status o", "COMP_CWORD": "2"}
    assert run(stack, environment=environment).output == "plain,orders-db\n"
    assert "_UNDERSTUDY_COMPLETE=bash_complete" in run(stack, "completion", "bash").output


HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\n\x9b31m\u202e"


def test_nothing_in_a_hostile_table_reaches_the_terminal_as_it_stands():  # B23
    """Names, reasons, faults, causes and answers with escape sequences, in every command that shows any."""
    nodes = {NODE_A: a_report(), NODE_B: a_report(NODE_B, name=f"node-b{HOSTILE}", fault=HOSTILE, agent=HOSTILE)}
    state = a_state(
        nodes=nodes, alert=HOSTILE, hold=Hold(NOW, None, HOSTILE), approval=Question(HOSTILE, HOSTILE, NOW, NOW + 9)
    )
    stack = a_stack(state)
    words = ("action", "source", "target", "rule", "why", "reason", "outcome", "proof")
    stack.put(a_story(1, HOSTILE, **dict.fromkeys(words, HOSTILE), reasons=[HOSTILE], explained=[HOSTILE]))
    checks = [dict.fromkeys(("name", "verdict", "found", "advice"), HOSTILE)]
    stack.put({"pk": "orders-db", "sk": "readiness", "report": {"checked_at": NOW + 9, "checks": checks}})
    answer = {"outcome": "ADVISED", "verdict": HOSTILE, "text": [HOSTILE]}
    endings = {
        ("status",): {},
        ("history",): {},
        ("history", "orders-db", "1"): {},
        ("why",): {"status": "SUCCEEDED", "output": answer},
        ("check",): {"status": "FAILED", "error": "NotReady", "cause": HOSTILE},
        ("switchover", "--yes"): {"status": "FAILED", "error": HOSTILE, "cause": HOSTILE},
        ("switchover", "--to", "node-x", "--yes"): {},
    }
    for arguments, ending in endings.items():
        stack.scenes, stack.executions = [stack.ends(**ending)] if ending else [], {}
        for options in ((), ("--json",)):
            scenes = list(stack.scenes)
            result = run(stack, *arguments, *options)
            stack.scenes, stack.executions = scenes, {}
            shown = (result.stdout + result.stderr).replace("\n", "")
            assert shown == safe(shown), arguments
