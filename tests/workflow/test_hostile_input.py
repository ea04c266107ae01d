"""What stands in an execution's input travels through the real workflow as it is: data, never an expression."""

import json

import pytest

from tests.support.asl_runner import Status
from tests.support.world import World
from tests.unit.usecases.observe.test_hostile_events import HOSTILE, label
from tests.workflow.script import Script, run
from understudy.domain.cluster.quoting import plain
from understudy.domain.cluster.request import TEXT_LIMIT
from understudy.domain.events.transitions import TransitionOpened

EXPRESSIONS = ["{% $states.input %}", "{% $error('x') %}", "$.cluster", "$$.Execution.Id", "States.Format('{}', $.x)"]
SHORT = [text[:TEXT_LIMIT] for text in dict.fromkeys([*EXPRESSIONS, *HOSTILE]) if text.strip()]


@pytest.mark.parametrize("text", SHORT, ids=label)
def test_an_operators_reason_reaches_the_function_the_history_and_the_bus_unevaluated(text):  # S10 B5
    world = World().settle()
    execution = world.start(reason=text)
    world.run_until(lambda world: world.state.transition is None and world.active == "node-b", limit_s=60)
    assert execution.status is Status.SUCCEEDED
    kept = plain(text, TEXT_LIMIT)
    assert world.history(2)["reason"] == kept
    assert kept in world.history(2)["why"]
    assert world.announcer.details(TransitionOpened)[-1]["reason"] == kept
    assert "\n" not in json.dumps(world.announcer.details(TransitionOpened)[-1], ensure_ascii=False)


@pytest.mark.parametrize("text", SHORT, ids=label)
@pytest.mark.parametrize("key", ["cluster", "action", "to", "noticed_at", "unproven", "colour"])
def test_a_hostile_word_in_any_other_field_is_refused_and_moves_nothing(key, text):  # S10
    world = World().settle()
    before = world.state
    execution = world.start(**{key: text})
    world.run_until(lambda world: execution.status is not Status.RUNNING, limit_s=60)
    assert (execution.status, execution.error) == (Status.FAILED, "Refused")
    assert execution.cause.isprintable()
    assert (world.state.active, world.state.epoch) == (before.active, before.epoch)


@pytest.mark.parametrize("seal", [{}, {"seal": "0" * 64, "epoch": 2}], ids=["unsealed", "with-a-made-up-seal"])
@pytest.mark.parametrize("text", ["active-is-silent", "drill-due", *SHORT], ids=label)
def test_nobody_but_the_controller_names_a_rule(text, seal):  # S10 B5
    world = World().settle()
    before = world.state
    execution = world.start(rule=text, action="failover", why=text, **seal)
    world.run_until(lambda world: execution.status is not Status.RUNNING, limit_s=60)
    assert (execution.status, execution.error) == (Status.FAILED, "Refused")
    assert execution.cause.isprintable()
    assert world.history(before.epoch + 1) == {}
    assert (world.state.active, world.state.epoch) == (before.active, before.epoch)


@pytest.mark.parametrize("text", [*EXPRESSIONS, "<script>", "x" * 40])
def test_the_answer_of_a_function_is_data_too(text):
    script = Script(open_transition=[{"outcome": "REFUSED", "why": text}])
    execution = run(script)
    assert execution.status is Status.FAILED
    assert execution.cause == text
