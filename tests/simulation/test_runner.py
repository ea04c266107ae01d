"""What `make sim` says of the seeds that fail, and of those that hold."""

import sys

import pytest

from tests.simulation import __main__ as runner
from tests.simulation import runs
from tests.simulation.runs import BROKEN, Outcome, Series

FAILED = {3: "at_most_one_node_serves", 5: "epochs_never_fall", 9: "at_most_one_node_serves"}


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs the command, with seeds that fail as FAILED says; its exit status and what it has said."""

    def outcome(series, number):
        plan = series.plan(number)
        invariant = FAILED.get(plan.seed, "")
        return Outcome(plan, invariant, f"{invariant}: how" if invariant else "", "")

    def command(*words):
        monkeypatch.setattr(sys, "argv", ["simulation", *words])
        status = runner.main()
        return status, capsys.readouterr().out.splitlines()

    monkeypatch.setattr(Series, "outcome", outcome)
    monkeypatch.setattr(runner, "report", lambda failure: f"the story of {failure.plan.seed}")
    return command


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_every_seed_that_fails_is_told_with_how_to_run_it_again_and_listed_at_the_end(run, jobs):
    status, told = run("--seed", "1", "--runs", "12", "--jobs", jobs, "--pauses", "--off-alone")
    assert status == 1
    assert told == [
        "seed 3: at_most_one_node_serves: how",
        "    make sim SEED=3 RUNS=1 STOP=1 PAUSES=1 OFF_ALONE=1",
        "seed 5: epochs_never_fall: how",
        "    make sim SEED=5 RUNS=1 STOP=1 PAUSES=1 OFF_ALONE=1",
        "seed 9: at_most_one_node_serves: how",
        "    make sim SEED=9 RUNS=1 STOP=1 PAUSES=1 OFF_ALONE=1",
        "2 times at_most_one_node_serves: 3 9",
        "1 times epochs_never_fall: 5",
    ]


def test_a_seed_that_fails_under_a_script_of_weather_is_run_again_under_it(run):
    _, told = run("--seed", "5", "--runs", "1", "--weather", "late-for-hours")
    assert told[1] == "    make sim SEED=5 RUNS=1 STOP=1 WEATHER=late-for-hours"


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_told_to_stop_it_tells_the_story_of_the_first_seed_that_fails_and_no_more(run, jobs):
    status, told = run("--seed", "1", "--runs", "12", "--jobs", jobs, "--stop", "--crowd")
    assert (status, told) == (1, ["the story of 3"])


def test_told_to_stop_it_runs_no_seed_after_the_first_that_fails(run, monkeypatch):
    begun, plan = [], Series.plan
    monkeypatch.setattr(Series, "plan", lambda series, number: begun.append(number) or plan(series, number))
    run("--seed", "1", "--runs", "12", "--jobs", "1", "--stop")
    assert begun == [0, 1, 2]


@pytest.mark.parametrize("how", [(), ("--stop",)], ids=["all", "stop"])
def test_when_all_held_it_says_so(run, how):
    status, told = run("--seed", "10", "--runs", "4", "--jobs", "2", *how)
    assert status == 0
    assert told[0].startswith("4 runs from seed 10: all held, in ")
    assert told[1:] == ["0 went on without a proof; in 0 of these two nodes served"]


def test_it_says_how_far_it_is(run, monkeypatch):
    seconds = iter(range(0, 1000, 4))
    monkeypatch.setattr(runner.time, "monotonic", lambda: float(next(seconds)))
    status, told = run("--seed", "1", "--runs", "6", "--jobs", "1")
    assert status == 1
    assert [line for line in told if " of 6 seeds, " in line] == [
        "3 of 6 seeds, 0.2 a second, 1 failed",
        "6 of 6 seeds, 0.2 a second, 2 failed",
    ]


def test_a_seed_with_an_error_of_the_simulations_own_has_failed_and_keeps_nobody_from_the_others(monkeypatch, capsys):
    def breaks(plan):
        if plan.seed == 2:
            raise ZeroDivisionError("in the simulation")
        return Outcome(plan, "", "", "")

    monkeypatch.setattr(runs, "outcome_of", breaks)
    monkeypatch.setattr(sys, "argv", ["simulation", "--seed", "1", "--runs", "3", "--jobs", "1"])
    assert runner.main() == 1
    assert f"1 times {BROKEN}: 2" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["simulation", "--seed", "1", "--runs", "3", "--jobs", "1", "--stop"])
    assert runner.main() == 1
    assert "ZeroDivisionError: in the simulation" in capsys.readouterr().out
