"""Some hundreds of seeds in every run of the tests, and the proof that they would tell if a safeguard were missing."""

import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.simulation import invariants
from tests.simulation.fitness import draw_with_fitness
from tests.simulation.invariants import TWO_SERVE, Violation
from tests.simulation.node import Machine
from tests.simulation.plan import FRESH, KINDS, OFF_ALONE, POLICIES, Fault, Plan, draw
from tests.simulation.runs import Tally, first_failure, outcome_of, report, shrunk
from tests.simulation.safeguards import KEYED, SAFEGUARDS
from tests.simulation.stories import AS_WITNESS_AFTER_A_CRASH, STORIES
from tests.simulation.workload import Workload
from tests.simulation.world import World
from understudy.domain.lease.paces import PACES
from understudy_agent.services import Services

SEEDS = 80
MANY = 40
BATCH = 10
ENOUGH = 8
"""How many runs of a story with its safeguard: of each, at least one of these fails without it."""
UNNAMED = (
    *("started-where-the-file-names-nothing", "started-where-the-file-lacks-a-service"),
    *("started-while-it-is-looked-at", "moved-beside-what-no-file-names"),
)
ROOT = Path(__file__).resolve().parents[2]


# B1 B3 B4 B7
@pytest.mark.parametrize("first", range(0, SEEDS, MANY))
def test_whatever_goes_wrong_what_must_always_hold_holds_and_no_story_is_without_failovers_for_long(first):
    """Chance that never moves anything would prove nothing."""
    outcomes = [outcome_of(draw(seed)) for seed in range(first, first + MANY)]
    failure = next((outcome for outcome in outcomes if outcome.invariant), None)
    assert failure is None, report(failure)
    stories = [outcome.story for outcome in outcomes]
    assert sum("outcome=OPENED" in story for story in stories) == MANY
    assert sum("proof=LEASE_EXPIRED" in story for story in stories) >= MANY / 10
    assert sum("proof=RELEASED" in story for story in stories) >= MANY / 10


# B4 B11
@pytest.mark.parametrize("first", range(0, 40, BATCH))
def test_machines_that_freeze_and_thaw_break_nothing_but_the_instant_after_the_thaw(first):
    failure = first_failure(draw(seed, pauses=True) for seed in range(first, first + BATCH))
    assert failure is None, report(failure)


# B22
@pytest.mark.parametrize("first", range(0, 40, BATCH))
def test_at_any_pace_and_when_the_pace_is_changed_what_must_always_hold_holds(first):
    failure = first_failure(draw(seed, paced=True) for seed in range(first, first + BATCH))
    assert failure is None, report(failure)


def test_one_seed_in_five_has_paces_and_every_pace_is_drawn():  # B22
    drawn = [draw(seed).policies for seed in range(200)]
    paced = [policies for policies in drawn if any("pace" in policy for policy in policies)]
    assert 20 < len(paced) < 60
    assert {policy["pace"] for policies in paced for policy in policies} == set(PACES)
    assert all(len({str(policy) for policy in policies}) > 1 for policies in paced)


# B20
@pytest.mark.parametrize("first", range(0, 40, BATCH))
def test_only_who_is_fit_takes_over_and_the_fittest_first_whatever_goes_wrong(first):
    failure = first_failure(draw_with_fitness(seed) for seed in range(first, first + BATCH))
    assert failure is None, report(failure)


def test_seeds_in_which_nobody_says_how_fit_it_is_are_the_same_as_before():  # B20
    assert draw(7).setting.has_fitness is False
    assert draw_with_fitness(7).faults == draw(7).faults
    assert "not fit" in outcome_of(draw_with_fitness(7)).story
    assert "not fit" not in outcome_of(draw(7)).story


# S12 B4
@pytest.mark.parametrize("first", range(0, 20, BATCH))
def test_where_only_a_node_that_is_off_is_proof_no_machine_that_thaws_serves_beside_another(first):
    plans = [draw(seed, pauses=True, policies=OFF_ALONE) for seed in range(first, first + BATCH)]
    failure = first_failure(plans)
    assert failure is None, report(failure)


def test_a_frozen_node_is_stopped_and_its_thaw_needs_no_excuse_where_only_a_node_that_is_off_is_proof():  # S12 B4
    thaw = Plan(1, 2, 0, 0, FRESH, (Fault(0, "machine_freezes", 30.0, 45.0, 0, 0.5, 0),), OFF_ALONE)
    outcome = outcome_of(thaw)
    assert outcome.found == ""
    assert "is asked to stop node-a: ACCEPTED" in outcome.story
    assert "outcome=FENCED proof=STOPPED" in outcome.story
    assert "proof=LEASE_EXPIRED" not in outcome.story


def test_a_machine_that_thaws_serves_for_an_instant_and_only_a_proof_of_another_kind_would_close_that_gap():  # B4
    """What the documents say that leases cannot do, seen: without the excuse for a thaw, two serve."""
    thaw = Plan(1, 2, 0, 0, FRESH, (Fault(0, "machine_freezes", 30.0, 45.0, 0, 0.5, 0),))
    assert outcome_of(thaw).invariant == ""
    world = World(thaw)
    world.excuses_thaw = False
    with pytest.raises(Violation, match="at_most_one_node_serves: node-a and node-b"):
        world.run()


# S12 B4
@pytest.mark.parametrize("seed", range(3))
def test_a_policy_that_goes_on_without_a_proof_is_excused_for_the_node_passed_over_and_counted(seed):
    """What `unproven: proceed` gives up, seen: EC2 denies an instance that keeps on; without the excuse, two serve."""
    faults = (Fault(0, "no_such_instance", 20.0, 90.0, 0, 1.0, 0), Fault(1, "partitioned", 30.0, 80.0, 0, 0.5, 0))
    plan, tally = Plan(seed, 2, 0, 0, FRESH, faults, POLICIES[-1:]), Tally()
    assert first_failure([plan], tally) is None
    assert tally == Tally(unproven=1, beside=1)
    with patch.object(invariants, "note_who_is_passed_over"):
        assert outcome_of(plan).invariant in TWO_SERVE


# B4
@pytest.mark.parametrize("name", UNNAMED)
def test_what_somebody_starts_where_the_agents_file_does_not_name_it_serves_beside_another_until_the_file_does(name):
    """What an agent cannot know of, seen: without the excuse for it, two serve."""
    with patch.object(Machine, "runs_what_no_agent_names", lambda _: False):
        assert any(outcome_of(plan).invariant in TWO_SERVE for plan in STORIES[name].plans())


def test_what_the_agents_file_names_is_not_excused_for_what_it_lacks_beside_that():  # B4
    def watch(services, now_ms):
        for service in services._services:
            service.watch(now_ms, wanted=False)

    with patch.object(Services, "_stop", watch), patch.object(Services, "_kill", watch):
        found = {outcome_of(plan).invariant for plan in STORIES["started-where-the-file-lacks-a-service"].plans()}
    assert found == {"at_most_one_node_serves"}


def _forgotten_at_once(workload, file, left, on_unstoppable, *, real=Workload.supervised):
    return real(workload, file, {}, on_unstoppable)


def _let_go_at_once(services):
    services._remove(list(services._former))


# B4
@pytest.mark.parametrize(
    ("owner", "attribute", "wrong"),
    [(Workload, "supervised", _forgotten_at_once), (Services, "_let_go", _let_go_at_once)],
    ids=["forgotten", "let go"],
)
def test_what_an_agent_was_in_charge_of_when_it_came_up_is_not_excused_when_its_file_names_it_no_more(
    owner, attribute, wrong
):
    faults = (
        Fault(0, "started_by_hand", 32.0, 1.0, 1, 1.0, 0),
        Fault(1, "file_differs", 32.1, 85.0, 1, 1.0, AS_WITNESS_AFTER_A_CRASH),
    )
    plans = [Plan(seed, 2, 0, 0, FRESH, faults) for seed in range(3)]
    assert first_failure(plans) is None
    with patch.object(owner, attribute, wrong):
        outcomes = [outcome_of(plan) for plan in plans]
    assert {each.invariant for each in outcomes} == {"at_most_one_node_serves"}
    assert not any("ends: file_differs" in each.story for each in outcomes)  # while the file still names nothing


# B11
@pytest.mark.parametrize("seed", range(4))
def test_nothing_moves_and_nothing_stops_while_all_of_aws_is_dead_for_as_long_as_it_takes(seed):
    members = 2 + seed % 2
    outcome = outcome_of(
        Plan(seed, members, 0, 0, FRESH, (Fault(0, "aws_dead", 30.0, 85.0, 0, 0.5, 0),), setting=KEYED)
    )
    assert outcome.found == ""
    assert "promised: i-0aaaaaaaaaaaaaaa1 holds the lease of epoch 1" in outcome.story
    assert "epoch 2" not in outcome.story
    assert outcome.story.count("state=STOPPING") == 0


# B1 B3 B4 B7 B11 S12
@pytest.mark.parametrize("name", SAFEGUARDS)
def test_without_a_safeguard_the_simulation_finds_what_it_is_there_for(name):
    safeguard = SAFEGUARDS[name]
    with safeguard.switched_off():
        is_found = any(outcome_of(plan).invariant in safeguard.finds for plan in safeguard.search())
    assert is_found, f"{safeguard.runs} runs have not noticed that this is gone: {name}"


# B4
@pytest.mark.parametrize("name", [name for name, each in SAFEGUARDS.items() if each.faults])
def test_the_stories_that_need_a_safeguard_end_well_with_it(name):
    failure = first_failure(SAFEGUARDS[name].search()[:ENOUGH])
    assert failure is None, report(failure)


# B4 B11 S12
@pytest.mark.parametrize("name", STORIES)
def test_a_story_by_name_ends_well(name):
    failure = first_failure(STORIES[name].plans())
    assert failure is None, report(failure)


def test_the_same_seed_tells_the_same_story_in_another_process_and_under_another_hash_seed():
    stories = {outcome_of(draw(7)).story + "\n"}
    for hash_seed in ("1", "2"):
        told = subprocess.run(
            [sys.executable, "-m", "tests.simulation", "--seed", "7", "--story"],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        stories.add(told.stdout)
    assert len(stories) == 1


def test_a_failing_seed_is_made_smaller_and_told_with_names_and_rules():
    with SAFEGUARDS["lease-end"].switched_off():
        outcomes = map(outcome_of, SAFEGUARDS["lease-end"].plans())
        failure = next(each for each in outcomes if each.invariant in TWO_SERVE and ": FAIL_OVER (" in each.story)
        small, told = shrunk(failure), report(failure)
    assert 0 < len(small.plan.faults) < len(failure.plan.faults)
    assert small.invariant == failure.invariant
    assert f"seed {failure.plan.seed}: {failure.invariant}" in told
    assert ": FAIL_OVER (" in told
    assert "proof=LEASE_EXPIRED" in told


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_a_kind_of_fault_comes_over_the_cluster_and_passes(kind):
    """Each alone, so that none is only a name in the table: its beginning is in the story, and all held."""
    outcome = outcome_of(draw(3, only=(kind,)))
    assert outcome.found == ""
    assert f" {kind} at " in outcome.story


def test_a_cluster_that_goes_back_by_itself_does_so_once_its_preferred_node_has_been_well_for_long():  # B6
    by_itself = next(number for number, policy in enumerate(POLICIES) if "failback" in policy)
    faults = (Fault(0, "switchover", 10.0, 1.0, 1, 0.5, 1),)
    outcome = outcome_of(Plan(1, 2, by_itself, 0, FRESH, faults))
    assert outcome.found == ""
    assert ": FAIL_BACK (" in outcome.story
    assert outcome_of(Plan(1, 2, 0, 0, FRESH, faults)).story.count("outcome=OPENED") < outcome.story.count(
        "outcome=OPENED"
    )
