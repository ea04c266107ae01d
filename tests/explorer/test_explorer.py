"""Every theme within small bounds, and the proof that the explorer would tell if a safeguard were missing."""

from dataclasses import replace

import pytest

from tests.explorer import snapshots
from tests.explorer.safeguards import SAFEGUARDS
from tests.explorer.search import Explorer, Figures, real_but_for_files, story_of
from tests.explorer.themes import SETTLED, THEMES, Theme
from tests.explorer.workflow import EDGES
from tests.explorer.world import World


def explored(theme: Theme, deviations: int) -> Figures:
    total = Figures()
    for setting in theme.settings:
        explorer = Explorer(setting, theme.deviations, theme.horizon_s, until_s=theme.until_s, stop_at_first=True)
        figures = explorer.explore(deviations)
        total.states += figures.states
        total.found += figures.found
    return total


def told(theme: Theme, figures: Figures) -> str:
    found = figures.found[0]
    story = story_of(found.setting, theme.deviations, found.trail, found.at_s)
    return "\n".join([f"[{found.setting.name}] {found.trail}", *story])


# B1 B3 B4 B7
@pytest.mark.parametrize("name", THEMES)
def test_whatever_deviates_what_must_always_hold_holds(name):
    theme = THEMES[name]
    figures = explored(replace(theme, until_s=min(theme.until_s, theme.quick_until_s)), theme.quick)
    assert not figures.found, told(theme, figures)
    assert figures.states > 20 * len(theme.settings)


# B4 B11
@pytest.mark.parametrize("name", SAFEGUARDS)
def test_without_a_safeguard_the_explorer_finds_what_it_is_there_for(name):
    safeguard = SAFEGUARDS[name]
    with safeguard.switched_off():
        figures = explored(safeguard.theme, safeguard.count)
    assert {each.violation.property for each in figures.found} & set(safeguard.properties), (
        f"{figures.states} states have not noticed that this is gone: {name}"
    )


def test_a_cluster_that_is_well_comes_back_to_the_same_state_after_four_seconds():
    with real_but_for_files():
        world = World(SETTLED)
        first = world.keys.key()
        keys = []
        for _ in range(4):
            world.second()
            keys.append(world.keys.key())
    assert keys[-1] == first
    assert len(set(keys)) == 4


def test_a_snapshot_that_is_put_back_goes_on_as_it_would_have():
    with real_but_for_files():
        world = World(SETTLED)
        world.blow("cut", "node-a", 16)
        saved, runs = snapshots.save(world), []
        for _ in range(2):
            snapshots.restore(saved)
            keys = []
            for _ in range(40):
                world.second()
                keys.append(world.keys.key())
            runs.append(keys)
    assert runs[0] == runs[1]
    assert world.state is not None
    assert world.state.epoch > 1


def test_a_type_that_a_snapshot_does_not_know_is_refused():
    with pytest.raises(AttributeError):
        snapshots.save([iter(())])


def test_what_an_outcome_leads_to_is_read_from_the_real_definition():
    assert EDGES["FenceNode"] == {
        "FENCED": "MoveAddress",
        "NOT_YET": "FenceNode",
        "GAVE_UP": "CloseTransition",
        "STALE": "",
    }
    assert EDGES["AwaitService"]["FAILED"] == "OpenTransition"


def test_the_story_of_a_trail_tells_its_deviations():
    theme = THEMES["beats"]
    story = story_of(SETTLED, theme.deviations, ((1, "node-a: cut for 40 s"),), 60)
    assert any("DEVIATION" in line and "node-a: cut for 40 s" in line for line in story)
    assert any("LEASE_EXPIRED" in line for line in story)
