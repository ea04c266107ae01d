"""Crowds under some seeds in every run of the tests, and the proof that they would tell if a safeguard were missing."""

from contextlib import ExitStack
from unittest.mock import patch

import pytest

from tests.simulation.crowd_checks import Checks
from tests.simulation.crowd_plan import FOR_GOOD, KINDS, draw_crowd
from tests.simulation.crowd_safeguards import (
    ALWAYS_WAITED_FOR,
    CROWD_SAFEGUARDS,
    CROWDED_FOR_EVER,
    DIES_IN_EACH_TRY,
    NOT_IN_THE_QUEUE,
    TURNS_FOR_EVER,
    UNGUARDED,
    abandoned,
    answered_unread,
)
from tests.simulation.plan import Fault
from tests.simulation.runs import Tally, first_failure, outcome_of, report

SEEDS, BATCH = 30, 15


def invariants_violated(plans, *without):
    with ExitStack() as stack:
        for owner, attribute, new in without:
            stack.enter_context(patch.object(owner, attribute, new))
        return {outcome_of(plan).invariant for plan in plans}


# B1 B2 B12
@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_whatever_goes_wrong_in_a_crowd_nothing_is_lost_and_nobody_takes_another_down(first):
    failure = first_failure(draw_crowd(seed) for seed in range(first, first + BATCH))
    assert failure is None, report(failure)


# B1 B2 B12
@pytest.mark.parametrize("name", CROWD_SAFEGUARDS)
def test_without_a_safeguard_of_group_commit_a_crowd_finds_what_it_is_there_for(name):
    safeguard = CROWD_SAFEGUARDS[name]
    with safeguard.switched_off():
        failure = first_failure(safeguard.plans())
    assert failure is not None, f"{safeguard.runs} runs have not noticed that this is gone: {name}"
    assert failure.invariant == safeguard.invariant


# B12
@pytest.mark.parametrize("gone", [TURNS_FOR_EVER, CROWDED_FOR_EVER], ids=["turns", "crowd"])
def test_a_dead_writer_is_waited_out_by_the_end_of_its_turn_or_else_by_the_end_of_the_crowd(gone):
    """Each covers for the other; that both are needed together is in the table of safeguards."""
    plans = [draw_crowd(seed, faults=DIES_IN_EACH_TRY) for seed in range(4)]
    assert invariants_violated(plans, gone) == {""}


def test_what_a_dead_execution_left_is_kept_out_by_the_guard_and_because_nobody_renews_it():  # B1 B12
    plans = [abandoned(seed) for seed in range(3)]
    told = (Checks, "_nobody_pays_for_what_nobody_waits_for", lambda *_: None)
    assert invariants_violated(plans, told) == {""}
    assert invariants_violated(plans, told, *UNGUARDED) == {""}
    assert invariants_violated(plans, told, *ALWAYS_WAITED_FOR) == {""}
    found = invariants_violated(plans, told, *UNGUARDED, *ALWAYS_WAITED_FOR)
    assert found == {"record_obeys_the_newest_epoch"}


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_a_kind_of_fault_comes_over_the_crowd_and_passes(kind):
    outcome = outcome_of(draw_crowd(3, only=(kind,)))
    assert outcome.found == ""
    assert f" {kind} at " in outcome.story


def test_a_crowd_of_the_same_seed_tells_the_same_story():
    assert outcome_of(draw_crowd(7)).story == outcome_of(draw_crowd(7)).story != outcome_of(draw_crowd(8)).story


def test_a_cluster_that_may_never_write_is_told_so_and_the_others_move():  # B2 B12
    outcome = outcome_of(draw_crowd(2, faults=(Fault(0, FOR_GOOD, 0.0, 90.0, 1, 1.0, 0),)))
    assert outcome.found == ""
    assert "service-01/2       move_address: {'outcome': 'REFUSED'" in outcome.story
    assert "service-00/2       move_address: {'outcome': 'ACCEPTED'" in outcome.story


def test_without_faults_nothing_is_handed_in_twice():  # B12
    tally = Tally()
    failure = first_failure((draw_crowd(seed, faults=()) for seed in range(6)), tally)
    assert failure is None, report(failure)
    assert tally.twice == 0


def test_a_writer_that_dies_between_route_53s_yes_and_its_note_of_it_costs_one_more_batch():  # B12
    """The rule for what may be handed in twice, seen: its answer was lost."""
    tally = Tally()
    dies_after_a_yes = Fault(0, "writer_dies", 0.0, 60.0, 0, 0.5, 6 + 3 * 14)
    failure = first_failure((draw_crowd(seed, faults=(dies_after_a_yes,)) for seed in range(6)), tally)
    assert failure is None, report(failure)
    assert 6 <= tally.twice <= 6 * 12


def test_a_try_that_comes_when_the_crowd_is_over_hands_in_again_what_its_cluster_never_heard_of():  # B12
    """The rule for what may be handed in twice, seen, and what it does not allow: not to look while it is crowded."""
    tally, plans = Tally(), [answered_unread(seed) for seed in range(3)]
    failure = first_failure(plans, tally)
    assert failure is None, report(failure)
    assert tally.twice == 3
    assert invariants_violated(plans, *NOT_IN_THE_QUEUE) == {"nothing_is_handed_in_twice"}


def test_crowds_are_crowded_and_stories_have_group_commits_in_them():
    """Chance that lets each cluster move alone would prove nothing."""
    stories = [outcome_of(draw_crowd(seed)).story for seed in range(8)]
    assert sum(" clusters: " in story for story in stories) >= 6
    assert sum("dies " in story for story in stories) >= 2
    assert sum("thaws" in story for story in stories) >= 2
