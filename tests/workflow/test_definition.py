"""The transition definition with functions that answer by a script: every state, outcome, retry, break."""

from collections.abc import Iterator

import pytest

from tests.support.asl_definition import snake_case
from tests.support.asl_runner import LambdaFault, Status
from tests.template.outcomes import ASKING_STEPS, LEFT, OUTCOMES, TRANSITION_STEPS
from tests.workflow.script import DEFINITION, GOOD, REQUEST, Script, run

EXTRAS: dict[str, dict[str, object]] = {
    "NOT_YET": {"wait_s": 3},
    "RETRY": {"wait_s": 2, "attempt": 1},
    "PENDING": {"wait_s": 20, "attempt": 1},
    "REFUSED": {"why": "no node is called node-z"},
    "UNFENCED": {"why": "node-a says that it serves", "wait_s": 1},
    "OPENED": {"epoch": 7},
    "EXHAUSTED": {"epoch": 7, "why": "nobody is fit"},
    "DEGRADED": {"reasons": ["the record is owed"]},
    "HELD": {"reasons": ["no proof"]},
    "APPROVAL_NEEDED": {"wait_s": 300, "target": "i-0b"},
    "NOT_APPROVED": {"why": "denied by the one on call"},
    "NOT_READY": {"reasons": ["zones-differ: subnet-1 in us-east-1a"]},
}
BUSY = "Lambda.TooManyRequestsException"


def every_outcome() -> Iterator[tuple[str, str, str]]:
    for step, outcomes in OUTCOMES.items():
        for outcome, target in outcomes.items():
            yield step, outcome, target


def answering(step: str, outcome: str) -> Script:
    return Script(**{snake_case(step): [{"outcome": outcome, **EXTRAS.get(outcome, {})}]})


def asking_for(step: str) -> dict[str, str]:
    action = {"CheckReadiness": "check", "Advise": "explain"}.get(step)
    return {**REQUEST, "action": action} if action else REQUEST


def test_a_transition_goes_through_all_its_steps_in_order():  # S10
    script = Script()
    execution = run(script)
    assert execution.status is Status.SUCCEEDED
    assert execution.output == {"outcome": "IN_SERVICE", "cluster": "orders-db", "epoch": 7}
    assert [name for name, _ in script.calls] == [snake_case(step) for step in TRANSITION_STEPS]
    assert execution.clock.now_s == 0


def test_every_step_is_given_what_it_was_promised():
    script = Script()
    run(script, {"cluster": "orders-db", "action": "switchover", "to": "node-b"})
    by_epoch = {"cluster": "orders-db", "epoch": 7}
    (opening,) = script.payloads("open_transition")
    assert opening["request"] == {"cluster": "orders-db", "action": "switchover", "to": "node-b"}
    assert opening["execution"].startswith("arn:aws:states:")
    assert set(opening) == {"request", "execution"}
    for function in ("fence_node", "grant_lease", "await_service", "close_transition"):
        assert script.payloads(function) == [by_epoch]
    for function in ("move_address", "check_change"):
        assert script.payloads(function) == [{**by_epoch, "attempt": 0}]


@pytest.mark.parametrize(("step", "outcome", "target"), list(every_outcome()))
def test_every_outcome_is_followed(step, outcome, target):
    trail = run(answering(step, outcome), asking_for(step)).trail
    assert trail[trail.index(f"After{step}") + 1] == target


def test_every_state_is_reached():
    reached: set[str] = set()
    for step, outcome, _ in every_outcome():
        reached |= set(run(answering(step, outcome), asking_for(step)).trail)
    reached |= set(run(answering("FenceNode", "SOMETHING_ELSE")).trail)
    assert reached == set(DEFINITION.states)


@pytest.mark.parametrize("step", [step for step, outcomes in OUTCOMES.items() if "STALE" in outcomes])
def test_a_superseded_execution_of_the_controller_leaves_quietly_and_touches_nothing_more(step):  # B1
    script = answering(step, "STALE")
    execution = run(script, {"cluster": "orders-db", "action": "failover", "rule": "active-is-silent"})
    assert execution.status is Status.SUCCEEDED
    assert execution.output == {"outcome": "STALE", "cluster": "orders-db", "epoch": 7}
    assert script.calls[-1][0] == snake_case(step)


@pytest.mark.parametrize("step", [step for step, outcomes in OUTCOMES.items() if outcomes.get("STALE") == LEFT])
def test_what_a_person_asked_for_and_another_move_replaced_has_failed(step):  # B2
    script = answering(step, "STALE")
    execution = run(script)
    assert (execution.status, execution.error) == (Status.FAILED, "Superseded")
    assert execution.cause == (
        "a higher epoch than 7 of orders-db is in charge: look at the newer move before you ask again"
    )
    assert script.calls[-1][0] == snake_case(step)


def test_a_cause_that_went_away_ends_well_and_says_why():
    execution = run(Script(open_transition=[{"outcome": "STOOD_DOWN", "why": "the node beats again"}]))
    assert execution.status is Status.SUCCEEDED
    assert execution.output["outcome"] == "STOOD_DOWN"
    assert execution.output["why"] == "the node beats again"


@pytest.mark.parametrize("request_", [{}, {"bogus": 1}, [], "orders-db", {"cluster": 5}])
def test_a_bad_request_reaches_the_function_as_it_is_and_fails_with_its_answer(request_):
    script = Script(open_transition=[{"outcome": "REFUSED", "why": "cluster is missing"}])
    execution = run(script, request_)
    assert (execution.status, execution.error, execution.cause) == (
        Status.FAILED,
        "Refused",
        "cluster is missing",
    )
    assert script.payloads("open_transition")[0]["request"] == request_


def test_a_check_moves_nothing_and_ends_with_its_report():  # S1 S10
    report = {"outcome": "CHECKED", "verdict": "WARN", "checks": [{"name": "ttl-short", "verdict": "WARN"}]}
    script = Script(check_readiness=[report])
    request_ = {"cluster": "orders-db", "action": "check"}
    execution = run(script, request_)
    assert script.calls == [("check_readiness", {"request": request_})]
    assert execution.status is Status.SUCCEEDED
    assert execution.output == {**report, "cluster": "orders-db"}


@pytest.mark.parametrize("reasons", [["zones-differ: one"], ["zones-differ: one", "guard-ours: two"]])
def test_a_check_that_fails_is_a_failure_that_names_it(reasons):  # S1
    execution = run(
        Script(check_readiness=[{"outcome": "NOT_READY", "reasons": reasons}]), asking_for("CheckReadiness")
    )
    assert (execution.status, execution.error, execution.cause) == (Status.FAILED, "NotReady", "; ".join(reasons))


@pytest.mark.parametrize("action", ["explain", "rehearse"])
def test_a_question_moves_nothing_and_ends_with_its_answer(action):  # B5 B7
    script = Script(advise=[{"outcome": "ADVISED", "text": ["WAIT by active-is-ready"]}])
    request_ = {"cluster": "orders-db", "action": action}
    execution = run(script, request_)
    assert script.calls == [("advise", {"request": request_})]
    assert execution.status is Status.SUCCEEDED
    assert execution.output == {"outcome": "ADVISED", "text": ["WAIT by active-is-ready"], "cluster": "orders-db"}


@pytest.mark.parametrize("action", ["Check", "checks", "Explain", "rehearsal", "", None, ["checking"], {"check": 1}, 5])
def test_whatever_is_not_just_a_check_is_for_the_opening_to_judge(action):
    script = Script(open_transition=[{"outcome": "REFUSED", "why": "action"}])
    run(script, {"cluster": "orders-db", "action": action})
    assert [name for name, _ in script.calls] == ["open_transition"]


@pytest.mark.parametrize(("outcome", "error"), [("DEGRADED", "Degraded"), ("HELD", "Held")])
@pytest.mark.parametrize("reasons", [["one"], ["one", "two"]])
def test_an_ending_that_owes_something_is_a_failure_that_lists_it(outcome, error, reasons):  # B2
    execution = run(Script(close_transition=[{"outcome": outcome, "reasons": reasons}]))
    assert (execution.status, execution.error, execution.cause) == (Status.FAILED, error, "; ".join(reasons))


@pytest.mark.parametrize("outcome", ["REFUSED", "GAVE_UP"])
def test_a_record_that_cannot_be_moved_does_not_keep_the_service_down(outcome):
    script = answering("MoveAddress", outcome)
    run(script)
    assert script.payloads("grant_lease"), "the old node is fenced, nobody else can serve"


def test_without_proof_nothing_moves():  # B4
    script = answering("FenceNode", "GAVE_UP")
    run(script)
    assert [name for name, _ in script.calls] == ["open_transition", "fence_node", "close_transition"]


def test_proof_is_asked_for_until_it_comes_at_the_pace_of_the_function():
    waits = [{"outcome": "NOT_YET", "wait_s": wait_s} for wait_s in (1, 5, 0)]
    execution = run(Script(fence_node=waits))
    assert execution.clock.now_s == 6
    assert execution.trail.count("FenceNode") == 4


def test_a_wait_is_rounded_up_to_whole_seconds():
    assert run(Script(fence_node=[{"outcome": "NOT_YET", "wait_s": 1.2}])).clock.now_s == 2


def test_the_tries_of_the_record_are_counted_by_the_function():  # S6
    script = Script(move_address=[{"outcome": "RETRY", "wait_s": 2, "attempt": n} for n in (1, 2)])
    execution = run(script)
    assert [payload["attempt"] for payload in script.payloads("move_address")] == [0, 1, 2]
    assert script.payloads("check_change")[0]["attempt"] == 0, "each counts for itself"
    assert execution.clock.now_s == 4


def test_a_pending_change_is_asked_for_again_until_the_tries_are_spent():  # S7
    pending = [{"outcome": "PENDING", "wait_s": 20, "attempt": n} for n in range(1, 5)]
    script = Script(check_change=[*pending, {"outcome": "PROPAGATING"}])
    execution = run(script)
    assert execution.status is Status.SUCCEEDED, "a pending change is no failure"
    assert execution.clock.now_s == 80
    assert [payload["attempt"] for payload in script.payloads("check_change")] == [0, 1, 2, 3, 4]


def test_a_service_that_fails_to_start_is_tried_on_the_next_candidate_under_a_new_epoch():
    script = Script(
        open_transition=[{"outcome": "OPENED", "epoch": 7}, {"outcome": "OPENED", "epoch": 8}],
        await_service=[{"outcome": "FAILED", "why": "exit status 1"}],
    )
    execution = run(script)
    first, second = script.payloads("open_transition")
    assert "failed_epoch" not in first
    assert second == {**first, "failed_epoch": 7}
    assert [payload["epoch"] for payload in script.payloads("grant_lease")] == [7, 8]
    assert execution.output["epoch"] == 8


def test_with_no_candidate_left_the_transition_is_closed_under_the_epoch_that_opening_gave():
    script = Script(
        open_transition=[
            GOOD["open_transition"],
            {"outcome": "EXHAUSTED", "epoch": 9, "why": "nobody is fit"},
        ],
        await_service=[{"outcome": "FAILED", "why": "exit status 1"}],
        close_transition=[{"outcome": "HELD", "reasons": ["nobody is fit"]}],
    )
    execution = run(script)
    assert script.payloads("close_transition") == [{"cluster": "orders-db", "epoch": 9}]
    assert execution.error == "Held"


def test_a_second_opening_that_is_refused_or_stood_down_ends_the_execution():
    for outcome, error in (("REFUSED", "Refused"), ("STOOD_DOWN", "")):
        script = Script(
            open_transition=[GOOD["open_transition"], {"outcome": outcome, "why": "held by the operator"}],
            await_service=[{"outcome": "FAILED", "why": "exit status 1"}],
        )
        assert run(script).error == error


@pytest.mark.parametrize("step", OUTCOMES)
def test_lambdas_own_faults_are_waited_out(step):
    script = Script(**{snake_case(step): [LambdaFault(BUSY)] * 6})
    execution = run(script, asking_for(step))
    assert execution.status is Status.SUCCEEDED
    assert execution.clock.now_s == 1 + 2 + 4 + 5 + 5 + 5


@pytest.mark.parametrize("step", OUTCOMES)
@pytest.mark.parametrize(("error", "tries"), [(BUSY, 7), ("States.Timeout", 3), ("ClientError", 3)])
def test_a_step_whose_tries_are_spent_is_recorded_as_broken(step, error, tries):
    function = snake_case(step)
    script = Script(**{function: [LambdaFault(error, "as it was")] * tries})
    execution = run(script, asking_for(step))
    assert (execution.status, execution.error) == (Status.FAILED, "Broken")
    assert execution.cause == f"{step}: {error}: as it was"
    assert len(script.payloads(function)) == tries + (step == "CloseTransition")
    assert script.payloads("close_transition")[-1] == {
        "cluster": "orders-db",
        "epoch": 0 if step in ("OpenTransition", *ASKING_STEPS) else 7,
        "broken": {"state": step, "error": error, "cause": "as it was"},
    }


def test_a_second_opening_that_breaks_is_recorded_under_the_epoch_that_failed():
    script = Script(
        open_transition=[GOOD["open_transition"], *[LambdaFault("ClientError")] * 3],
        await_service=[{"outcome": "FAILED", "why": "exit status 1"}],
    )
    assert run(script).error == "Broken"
    assert script.payloads("close_transition")[0]["epoch"] == 7


@pytest.mark.parametrize("step", OUTCOMES)
@pytest.mark.parametrize("answer", [{"outcome": "SOMETHING_ELSE"}, {}, None, []])
def test_an_unknown_outcome_is_recorded_and_fails_under_its_own_name(step, answer):
    script = Script(**{snake_case(step): [answer]})
    execution = run(script, asking_for(step))
    assert (execution.status, execution.error) == (Status.FAILED, "UnknownOutcome")
    broken = script.payloads("close_transition")[-1]["broken"]
    assert (broken["state"], broken["error"]) == (step, "UnknownOutcome")
    assert broken["cause"].startswith(f"{step} answered ")


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("OpenTransition", {"outcome": "OPENED"}),
        ("OpenTransition", {"outcome": "EXHAUSTED"}),
        ("OpenTransition", {"outcome": "APPROVAL_NEEDED", "target": "i-0b"}),
        ("FenceNode", {"outcome": "NOT_YET"}),
        ("FenceNode", {"outcome": "NOT_YET", "wait_s": "soon"}),
        ("MoveAddress", {"outcome": "RETRY", "wait_s": 2}),
        ("MoveAddress", {"outcome": "RETRY", "attempt": 1}),
        ("AwaitService", {"outcome": "NOT_YET", "wait_s": None}),
        ("CheckChange", {"outcome": "PENDING", "attempt": 1}),
    ],
)
def test_an_answer_without_its_numbers_breaks_where_it_was_given_and_is_recorded(step, answer):
    script = Script(**{snake_case(step): [answer] * 3})
    execution = run(script)
    assert execution.error == "Broken"
    broken = script.payloads("close_transition")[-1]["broken"]
    assert (broken["state"], broken["error"]) == (step, "States.QueryEvaluationError")


def test_a_break_that_cannot_even_be_recorded_still_says_what_broke():
    script = Script(
        fence_node=[LambdaFault("ClientError", "table is gone")] * 3,
        close_transition=[LambdaFault("ClientError", "table is gone")] * 3,
    )
    execution = run(script)
    assert (execution.status, execution.error) == (Status.FAILED, "Broken")
    assert execution.cause == "FenceNode: ClientError: table is gone (and it could not be recorded: ClientError)"


def test_an_endless_wait_is_ended_by_the_timeout_of_the_machine():
    execution = run(Script(await_service=[{"outcome": "NOT_YET", "wait_s": 10}] * 500), REQUEST)
    assert execution.status is Status.TIMED_OUT
    assert execution.clock.now_s == DEFINITION.timeout_s
