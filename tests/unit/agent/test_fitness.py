# B20: a node says how fit it is to take over, by a command that never delays anything
from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.agent.fakes import FakeLog, FakeTask
from tests.unit.agent.items import ME, OTHER, item, node
from tests.unit.agent.test_config import AGENT, SERVICE, faults
from tests.unit.agent.test_loop import World
from tests.unit.agent.waiting import wait_for
from understudy_agent import config
from understudy_agent.fitness import FITNESS_LIMIT, NOT_ASKED_YET, FitCommand, FitSettings
from understudy_agent.tasks import OUTPUT_LIMIT, FinishedTask, Outcome, Task, judged

EVERY_S, LIMIT_S = 5.0, 4.0
SETTINGS = FitSettings("db", ("/usr/local/bin/how-fit",), EVERY_S, LIMIT_S)


class Asked:
    """The command of a node: it ends at once with `status` and `output`, or hangs."""

    def __init__(self) -> None:
        self.status, self.output, self.hangs = 0, "7", False
        self.begun: list[FakeTask | Task] = []
        self.log = FakeLog()
        self.fitness = FitCommand(SETTINGS, self.log, self._run)
        self.now_ms = 1_000

    def _run(self, argv: Any, judge: Any, *, capture: bool) -> Any:
        assert (tuple(argv), capture) == (SETTINGS.argv, True)
        task = FakeTask(None) if self.hangs else FinishedTask(*judged(judge, self.status, self.output))
        self.begun.append(task)
        return task

    def say(self, status: int, output: str = "") -> Asked:
        self.status, self.output = status, output
        return self

    def words_after(self, seconds: float) -> dict[str, object]:
        end_ms = self.now_ms + int(seconds * 1000)
        while self.now_ms < end_ms:
            self.now_ms += 200
            self.fitness.tick(self.now_ms)
        return dict(self.fitness.words(self.now_ms))


@pytest.mark.parametrize(
    ("output", "number"),
    [("7", 7), ("-8192\n", -8192), (" +3 ", 3), ("0", 0), (f"{FITNESS_LIMIT - 1}", FITNESS_LIMIT - 1)],
)
def test_a_command_that_ends_well_and_prints_one_whole_number_says_that_the_node_is_fit(output, number):
    assert Asked().say(0, output).words_after(1) == {"fit": number}


@pytest.mark.parametrize("output", ["", "the replica is 3 GB behind", "7"])
def test_a_command_that_ends_with_1_says_that_the_node_is_not_fit_whatever_it_prints(output):
    assert Asked().say(1, output).words_after(1) == {"fit": False}


@pytest.mark.parametrize(
    ("status", "output"),
    [
        (0, ""),
        (0, "nan"),
        (0, "inf"),
        (0, "1e3"),
        (0, "1.0"),
        (0, "0x10"),
        (0, "1_000"),
        (0, "\u0663"),  # a digit, and not one of ours
        (0, "1 2"),
        (0, "1\n2"),
        (0, "True"),
        (0, f"{FITNESS_LIMIT}"),
        (0, f"-{FITNESS_LIMIT}"),
        (0, "9" * 5000),
        (0, "-"),
        (2, "7"),
        (3, ""),
        (126, ""),
        (127, "no such file"),
        (255, "7"),
        (-9, "7"),
    ],
)
def test_any_other_answer_leaves_unknown_how_fit_the_node_is(status, output):
    asked = Asked().say(0, "7")
    assert asked.words_after(1) == {"fit": 7}
    assert asked.say(status, output).words_after(EVERY_S) == {}


def test_it_is_asked_at_its_interval_and_what_it_says_follows():
    asked = Asked()
    assert asked.words_after(1) == {"fit": 7}
    assert asked.say(0, "8").words_after(EVERY_S - 1) == {"fit": 7}
    assert asked.words_after(1) == {"fit": 8}
    asked.words_after(10 * EVERY_S)
    assert 11 <= len(asked.begun) <= 12


def test_a_command_that_has_no_answer_within_its_limit_is_ended_and_nothing_is_known():
    asked = Asked()
    asked.words_after(1)
    asked.hangs = True
    assert asked.words_after(EVERY_S) == {"fit": 7}
    (hanging,) = (each for each in asked.begun if isinstance(each, FakeTask))
    assert not hanging.aborted
    assert asked.words_after(LIMIT_S) == {}
    assert hanging.aborted


def test_an_answer_from_before_the_machine_was_frozen_says_nothing_after_it():
    asked = Asked()
    asked.words_after(1)
    asked.now_ms += 3_600_000
    assert dict(asked.fitness.words(asked.now_ms)) == {}
    asked.hangs = True
    assert asked.words_after(1) == {}


def test_not_fit_stands_until_there_is_another_answer_through_a_freeze_and_runs_that_hang():
    """Unknown is less than not fit: where no word is required, such a node takes over when nobody else is left."""
    asked = Asked().say(1)
    assert asked.words_after(1) == {"fit": False}
    asked.now_ms += 3_600_000
    assert dict(asked.fitness.words(asked.now_ms)) == {"fit": False}
    asked.hangs = True
    assert asked.words_after(2 * EVERY_S) == {"fit": False}
    asked.hangs = False
    assert asked.say(4).words_after(EVERY_S) == {}
    assert asked.say(0, "7").words_after(EVERY_S) == {"fit": 7}


@pytest.mark.parametrize("status", [126, 127, -9, -15])
def test_not_fit_stands_through_runs_that_were_no_runs(status):
    """The disk of the data is gone, and the command with it, or the kernel has killed it for want of memory."""
    asked = Asked().say(1, "replication has stopped")
    assert asked.words_after(1) == {"fit": False}
    assert asked.say(status).words_after(3 * EVERY_S) == {"fit": False}
    assert asked.say(2).words_after(EVERY_S) == {}
    assert asked.say(status).words_after(EVERY_S) == {}
    assert asked.say(0, "8").words_after(EVERY_S) == {"fit": 8}
    assert asked.say(status).words_after(EVERY_S) == {}


def test_only_a_change_of_more_than_the_number_is_logged_with_its_reason():
    asked = Asked()
    asked.words_after(EVERY_S)
    asked.say(0, "9").words_after(EVERY_S)
    asked.say(1, "replication has stopped").words_after(EVERY_S)
    asked.say(4).words_after(EVERY_S)
    assert asked.log.events("fitness") == [
        "this node is fit to take over: it printed 7",
        "this node is not fit to take over: it ended with 1 and printed 'replication has stopped'",
        "how fit this node is, is unknown: it ended with 4 and printed ''",
    ]


def test_a_node_without_the_command_asks_nobody_and_says_nothing():
    fitness = FitCommand(None, FakeLog(), run=lambda *_, **__: pytest.fail("nobody is to be asked"))
    fitness.tick(1000)
    fitness.end()
    assert fitness.words(1000) == {}


@pytest.mark.parametrize(
    ("argv", "number"), [(("/bin/sh", "-c", "echo -12"), -12), (("/bin/echo", "0"), 0), (("/bin/echo", "7"), 7)]
)
def test_a_real_command_is_asked_without_waiting(argv, number):
    """/bin/echo is the way out of the runbook, where no node calls itself fit."""
    fitness = FitCommand(FitSettings("db", argv, 5, 4), FakeLog())

    def said() -> dict[str, object]:
        fitness.tick(1000)
        return dict(fitness.words(1000))

    assert wait_for(said) == {"fit": number}


def test_a_command_that_writes_without_end_fills_no_memory_and_says_nothing():
    argv = (sys.executable, "-c", "while True: print('1' * 65536)")
    fitness = FitCommand(FitSettings("db", argv, 5, 4), FakeLog())
    fitness.tick(1000)
    task: Any = fitness._task

    def has_written_all_that_is_kept() -> bool:
        fitness.tick(1001)
        return len(task._said) >= OUTPUT_LIMIT

    wait_for(has_written_all_that_is_kept)
    for _ in range(10):
        fitness.tick(1002)
    assert len(task._said) == OUTPUT_LIMIT
    fitness.tick(5000)
    assert (fitness._task, fitness.words(5000)) == (None, {})


def test_no_second_command_is_begun_beside_one_that_outlives_being_killed(monkeypatch):
    fitness = FitCommand(FitSettings("db", ("/bin/sleep", "60"), 5, 1), FakeLog())
    fitness.tick(1000)
    first: Any = fitness._task
    monkeypatch.setattr(type(first), "hangs", True)  # as one that waits for a file system that is gone
    fitness.tick(2000)
    assert (fitness._task, fitness.words(2000)) == (None, {})
    fitness.tick(60_000)
    assert fitness._task is None
    monkeypatch.undo()
    wait_for(lambda: first.has_ended)
    fitness.tick(66_000)
    assert fitness._task is not None
    fitness.end()
    assert fitness._task is None


# --- in the loop -------------------------------------------------------------------------------------


def asking(world: World, asked: Asked) -> World:
    world.agent._fitness = asked.fitness
    world.pass_time(EVERY_S)
    return world


@pytest.mark.parametrize("active", [ME, OTHER])
def test_the_standby_says_in_its_beats_how_fit_it_is_and_so_does_the_active_node(tmp_path: Path, active: str):
    world = asking(World(tmp_path, item(epoch=1, active=active, mine=node(boot=""))), Asked().say(0, "-4096"))
    world.pass_time(5)
    assert world.aws.beats[-1]["fit"] == -4096
    assert world.status()["fit"] == -4096


def test_the_first_beat_of_a_node_that_runs_nothing_waits_for_the_first_answer(tmp_path: Path):
    """Without that, the lease is granted to a node that has just booted before it can say that its data is not fit."""
    asked = Asked().say(1)
    asked.hangs = True
    world = World(tmp_path, item(epoch=1, active=OTHER, mine=node(boot="")))
    world.agent._fitness = asked.fitness
    world.pass_time(LIMIT_S - 1)
    assert world.aws.beats == []
    world.pass_time(2)  # it is given up
    assert [each.get("fit") for each in world.aws.beats][:1] == [None]
    answering = Asked().say(1)
    second = World(tmp_path / "second", item(epoch=1, active=OTHER, mine=node(boot="")))
    second.agent._fitness = answering.fitness
    second.pass_time(1)
    assert [each.get("fit") for each in second.aws.beats] == [False]


def test_the_first_beat_of_a_node_that_serves_waits_for_no_answer(tmp_path: Path):
    """Its agent was replaced: to be silent for as long as its command hangs would be taken for its death."""
    asked = Asked()
    asked.hangs = True
    world = World(tmp_path, item(epoch=1, active=ME, mine=node(boot="")), running=True)
    world.agent._fitness = asked.fitness
    world.pass_time(1)
    assert world.aws.beats


def test_a_node_that_stood_still_takes_nothing_over_before_it_was_asked_anew(tmp_path: Path):
    """Its data may have become worth nothing meanwhile. To say no more than that it does not know would let it."""
    asked = Asked()
    world = asking(World(tmp_path, item(epoch=1, active=OTHER, mine=node(boot=""))), asked)
    world.pass_time(20)
    asked.hangs = True
    beats = len(world.aws.beats)
    for each in (asked, world.clock):
        each.now_ms += 60_000
    world.pass_time(1)
    assert [(each.get("fit"), each["unfit"]) for each in world.aws.beats[beats:]] == [(None, NOT_ASKED_YET)]
    asked.begun[-1].outcome = Outcome.FAILED  # type: ignore[union-attr]
    beats = len(world.aws.beats)
    world.pass_time(1)
    assert [(each.get("fit"), each.get("unfit")) for each in world.aws.beats[beats:]] == [(False, None)]


def test_so_it_is_for_as_long_as_one_run_may_take(tmp_path: Path):
    asked = Asked()
    world = asking(World(tmp_path, item(epoch=1, active=OTHER, mine=node(boot=""))), asked)
    world.pass_time(20)
    asked.hangs = True
    world.clock.now_ms += 60_000
    world.pass_time(LIMIT_S - 1)
    assert world.aws.beats[-1]["unfit"] == NOT_ASKED_YET
    world.pass_time(2)
    assert "unfit" not in world.aws.beats[-1]
    world.pass_time(60)
    assert not any("unfit" in each for each in world.aws.beats[-10:])


def test_a_node_whose_services_were_not_looked_into_at_first_takes_nothing_over_before_it_was_asked(tmp_path: Path):
    """Its first beat waits for no answer, and it can say that they are down while its first run is under way."""
    asked = Asked()
    asked.hangs = True
    world = World(tmp_path, item(epoch=1, active=OTHER, mine=node(boot="")))
    world.agent._fitness = asked.fitness
    world.kind.look_answers = Outcome.UNKNOWN
    world.pass_time(1)
    assert world.aws.beats
    world.kind.look_answers = None
    world.pass_time(2)
    last = world.aws.beats[-1]
    assert (last["services"]["db"], last.get("unfit")) == ("OUT_OF_SERVICE", NOT_ASKED_YET)


def test_the_active_node_says_nothing_of_that_when_it_stood_still(tmp_path: Path):
    asked = Asked()
    world = asking(World(tmp_path, item(epoch=1, active=ME, mine=node(boot=""))), asked)
    world.pass_time(20)
    asked.hangs = True
    beats = len(world.aws.beats)
    world.clock.now_ms += 60_000
    world.pass_time(10)
    assert not any("unfit" in each for each in world.aws.beats[beats:])


def test_that_a_node_is_not_fit_any_more_is_told_at_once_and_its_number_with_the_next_beat(tmp_path: Path):
    asked = Asked()
    world = asking(World(tmp_path, item(epoch=1, active=OTHER, mine=node(boot=""))), asked)
    world.pass_time(20)
    asked.say(0, "8")
    beats = len(world.aws.beats)
    world.pass_time(40)
    assert len(world.aws.beats) - beats == 10
    asked.say(1)
    beats = len(world.aws.beats)
    world.pass_time(6)
    told = [each.get("fit") for each in world.aws.beats[beats:]]
    assert told[-1] is False
    assert len(told) >= 2


def test_a_command_that_hangs_delays_neither_a_beat_nor_the_lease(tmp_path: Path):
    asked = Asked()
    asked.hangs = True
    world = asking(World(tmp_path, item(epoch=1, active=ME, mine=node(boot=""))), asked)
    beats, reads = len(world.aws.beats), world.aws.reads
    world.pass_time(40)
    assert len(world.aws.beats) - beats == 10
    assert world.aws.reads - reads >= 20
    assert world.service_says() == "IN_SERVICE"
    assert "fit" not in world.aws.beats[-1]


def test_an_agent_that_ends_leaves_no_command_behind(tmp_path: Path):
    asked = Asked()
    asked.hangs = True
    world = asking(World(tmp_path, item(epoch=1, active=OTHER, mine=node(boot=""))), asked)
    world.agent.ask_to_stop()
    world.pass_time(10)
    assert world.agent.exit_status == 0
    assert all(each.aborted for each in asked.begun if isinstance(each, FakeTask))


# --- in the file -------------------------------------------------------------------------------------


def test_one_service_of_a_file_names_the_command_with_its_timings():
    fit = config.parse(AGENT + SERVICE + "fit = how-fit --of db\n").fit
    assert fit == FitSettings("db", ("how-fit", "--of", "db"), 5, 4)
    fit = config.parse(AGENT + SERVICE + "fit = how-fit\nfit_interval_s = 2\nfit_limit_s = 0.5\n").fit
    assert fit == FitSettings("db", ("how-fit",), 2, 0.5)
    fit = config.parse(AGENT + SERVICE + "fit = how-fit\nfit_interval_s = 2\n").fit
    assert fit is not None
    assert fit.limit_s == 2
    assert config.parse(AGENT + SERVICE).fit is None


def test_a_second_command_is_refused_because_numbers_of_two_services_cannot_be_weighed():
    twice = AGENT + SERVICE + "fit = how-fit\n[service web]\nkind = unit\nunit = web.service\nfit = how-fit web\n"
    assert faults(twice) == [
        "[service web] fit = 'how-fit web': service 'db' has one, and a node has one number: join them into one command"
    ]


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("fit = how-fit | cat\n", "[service db] fit = 'how-fit | cat': no shell runs it"),
        ("fit_interval_s = 5\n", "[service db] fit_interval_s = '5': goes with a command `fit`"),
        (
            "fit = x\nfit_interval_s = 0\n",
            "[service db] fit_interval_s = '0': must be a number of seconds from 1 to 60",
        ),
        ("fit = x\nfit_limit_s = 6\n", "[service db] fit_limit_s = '6': must not be above fit_interval_s, 5"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_named(lines, fault):
    found = faults(AGENT + SERVICE + lines)
    assert any(each.startswith(fault) for each in found), found
