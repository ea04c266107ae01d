# B4 B11: what an agent finds of earlier ones, and what it does when that is lost, unreadable or of another boot
from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.agent.fakes import FakeCaller, FakeLog
from tests.unit.agent.items import ME, OTHER, item, node
from tests.unit.agent.test_loop import World, with_hosts
from understudy_agent.clock import boot_name
from understudy_agent.exchange import Exchange
from understudy_agent.files import PlacedFile
from understudy_agent.lease import LeaseAnswer, LeaseView
from understudy_agent.placed import RETRY_EVERY_MS, Placed

HELD = LeaseView(LeaseAnswer.MINE, 5, seen_epoch=5)


@pytest.fixture
def active(tmp_path: Path) -> World:
    """A node that holds the lease of epoch 5 and serves."""
    world = World(tmp_path, item(epoch=5, active=ME, mine=node(boot="")))
    world.pass_time(4)
    assert world.service_says() == "IN_SERVICE"
    assert PlacedFile(world.placed_path).load() == 5
    return world


def cut_off(world: World) -> None:
    world.aws.error = ConnectionError("no route to host")


def restart(world: World) -> None:
    world.kind.asked.clear()
    world.start_agent()


# --- a service that the file no longer names ------------------------------------------------------


def name_nothing(world: World) -> None:
    """Somebody has made a witness of the node: its file names no service any more."""
    world.specs = []
    restart(world)


def test_a_lease_binds_the_services_that_were_named_under_it_until_a_beat_without_them_has_renewed_it(active):
    """Until then the controller takes its end for the proof that they are down."""
    active.aws.records = False
    name_nothing(active)
    active.pass_time(5)
    assert not active.agent._services.all_down
    assert active.log.events("service_unknown")
    active.aws.records = True
    active.pass_time(5)
    assert active.agent._services.all_down
    assert active.kind.running


def test_the_node_is_taken_down_at_the_end_of_a_lease_that_binds_what_nobody_can_stop_any_more(active):
    cut_off(active)
    name_nothing(active)
    active.pass_time(6)
    assert active.taken_down == []
    active.pass_time(6)
    assert active.taken_down == ["db"]


# --- a service that runs under no lease ----------------------------------------------------------


def lose_the_lease(world: World) -> None:
    (world.directory / "lease.json").unlink()


def reboot_and_come_up_by_itself(world: World) -> None:
    world.boot = "another-boot"


@pytest.mark.parametrize("happens", [lose_the_lease, reboot_and_come_up_by_itself])
def test_what_runs_under_no_lease_of_this_boot_is_stopped_before_the_first_read(active, happens):
    """Its lease was counted as run out long ago, and another node may serve."""
    cut_off(active)
    happens(active)
    restart(active)
    active.pass_time(1)
    assert active.kind.asked == ["stop"]
    assert not active.kind.running
    assert any("no lease of this boot bounds what runs here" in why for why in active.log.events("order"))


def test_what_does_not_stop_is_killed(active):
    cut_off(active)
    lose_the_lease(active)
    active.kind.hangs.add("stop")
    restart(active)
    active.pass_time(6)
    assert active.kind.asked == ["stop", "kill"]


def test_a_changed_directory_of_runtime_files_is_a_lost_lease(active):
    cut_off(active)
    active.directory = active.directory / "elsewhere"
    active.directory.mkdir()
    restart(active)
    active.pass_time(1)
    assert not active.kind.running


def test_without_that_memory_a_service_that_nothing_bounds_runs_on(active):
    cut_off(active)
    lose_the_lease(active)
    active.placed_path.unlink()
    restart(active)
    active.pass_time(60)
    assert active.kind.running


def test_a_service_that_ran_before_its_cluster_was_ever_placed_is_left_alone_by_any_number_of_agents(tmp_path):
    world = World(tmp_path, item(epoch=0, mine=node(boot="")), running=True)
    for _ in range(3):
        world.pass_time(5)
        restart(world)
    cut_off(world)
    world.pass_time(60)
    assert world.kind.running
    assert not world.placed_path.exists()


def test_an_agent_that_dies_while_it_adopts_a_service_leaves_nothing_by_which_the_next_one_would_stop_it(tmp_path):
    world = World(tmp_path, item(epoch=5, active=ME, mine=node(beat=999_000, heard_at=999)), running=True)
    world.beat_caller.hangs = True
    world.pass_time(5)
    assert not world.placed_path.exists()
    cut_off(world)
    restart(world)
    world.pass_time(5)
    assert world.kind.running


def test_a_holder_whose_lease_was_lost_serves_again_once_its_own_beat_is_recorded(active):
    lose_the_lease(active)
    restart(active)
    active.pass_time(6)
    assert active.kind.asked == ["stop", "start"]
    assert active.service_says() == "IN_SERVICE"


# --- a lease file that cannot be read --------------------------------------------------------------


def test_under_a_lease_file_of_nonsense_what_runs_is_killed_at_once(active):
    cut_off(active)
    (active.directory / "lease.json").write_text('{"boot": "boot-1", "lease_end_ms": 1e300}')
    restart(active)
    active.pass_time(0.5)
    assert active.kind.asked == ["kill"]
    active.pass_time(60)
    assert not active.kind.running


def test_under_a_lease_file_that_cannot_be_opened_nothing_runs_or_starts_however_often_the_agent_reads(active):
    (active.directory / "lease.json").unlink()
    (active.directory / "lease.json").mkdir()
    restart(active)
    active.pass_time(0.5)
    assert active.kind.asked == ["kill"]
    active.pass_time(60)
    assert "start" not in active.kind.asked
    assert active.log.events("lease_file_not_written")


# --- the highest epoch ------------------------------------------------------------------------------


def test_a_restarted_agent_believes_no_table_of_an_epoch_below_one_that_this_node_has_read(active):
    """A table that was restored from an earlier time may name this node, and another serves by the newer one."""
    active.grant(OTHER, epoch=7)
    active.pass_time(5)
    active.grant(ME, epoch=6)
    restart(active)
    active.pass_time(20)
    assert "start" not in active.kind.asked
    told = active.log.events("state_outdated")
    assert len(told) == 1
    assert "epoch 6, and this node has read 7" in told[0]
    assert f"remove {active.placed_path} and restart this agent" in told[0]


def test_the_way_out_that_is_told_is_one(active):
    active.grant(OTHER, epoch=7)
    active.pass_time(5)
    active.grant(ME, epoch=6)
    active.placed_path.unlink()
    restart(active)
    active.pass_time(6)
    assert active.service_says() == "IN_SERVICE"


@pytest.mark.parametrize("gone", [None, item(epoch=0)])
def test_a_cluster_that_is_gone_when_it_is_read_is_forgotten_and_may_begin_at_1_again(active, gone):
    active.aws.item = gone
    active.pass_time(30)
    assert not active.placed_path.exists()
    active.aws.item = item(epoch=1, active=ME, mine=node(boot=""))
    restart(active)
    active.pass_time(6)
    assert active.service_says() == "IN_SERVICE"


def test_what_has_not_been_read_by_this_process_is_not_said_to_be_obeyed(active):
    """What an earlier agent has read is no word of this one's."""
    active.grant(OTHER, epoch=7)
    active.pass_time(5)
    active.read_caller.hangs = True
    restart(active)
    active.pass_time(4)
    assert active.aws.beats[-1]["read_epoch"] == 0


# --- a memory that cannot be kept ---------------------------------------------------------------------


def test_nothing_starts_on_a_node_that_cannot_remember_that_its_cluster_was_placed(tmp_path):
    (tmp_path / "state").write_text("a file is in the way of the directory")
    world = World(tmp_path, item(epoch=5, active=ME, mine=node(boot="")))
    shutil.rmtree(tmp_path / "state", ignore_errors=True)
    world.agent._placed._kept = world.agent._placed._wanted = None
    world.pass_time(20)
    assert world.kind.asked == []
    assert len(world.log.events("placed_file_failed")) == 1
    (tmp_path / "state").unlink()
    world.pass_time(10)
    assert world.service_says() == "IN_SERVICE"


def test_a_memory_that_cannot_be_brought_up_to_date_costs_nobody_a_service(active):
    shutil.rmtree(active.placed_path.parent)
    active.placed_path.parent.write_text("a file is in the way of the directory")
    active.grant(ME, epoch=9)
    active.pass_time(30)
    assert active.service_says() == "IN_SERVICE"
    assert active.log.events("placed_file_failed")


def test_a_memory_that_cannot_be_read_counts_as_one_of_having_been_placed(active):
    cut_off(active)
    lose_the_lease(active)
    active.placed_path.write_text("nonsense")
    restart(active)
    active.pass_time(1)
    assert not active.kind.running


def test_a_disk_that_hangs_delays_no_look_at_the_lease_and_is_asked_again(tmp_path):
    caller, file = FakeCaller(), PlacedFile(tmp_path / "state" / "placed.json")
    placed = Placed(file, Exchange("placed_file", caller, FakeLog()))
    assert placed.wake_up() is None
    caller.hangs = True
    placed.tick(HELD, 0, all_down=True)
    placed.tick(HELD, 200, all_down=True)
    assert not placed.is_kept
    assert not file.path.exists()


def test_a_write_that_fails_is_tried_again_after_a_while_and_not_at_every_tick(tmp_path):
    (tmp_path / "state").write_text("")
    log = FakeLog()
    placed = Placed(PlacedFile(tmp_path / "state" / "placed.json"), Exchange("placed_file", FakeCaller(), log))
    for now_ms in range(0, RETRY_EVERY_MS, 200):
        placed.tick(HELD, now_ms, all_down=True)
    assert placed._exchange.calls.failures == 1
    (tmp_path / "state").unlink()
    placed.tick(HELD, RETRY_EVERY_MS, all_down=True)
    placed.tick(HELD, RETRY_EVERY_MS + 200, all_down=True)
    assert placed.is_kept


# --- since when there is no majority of quorum hosts ---------------------------------------------------


def test_an_agent_that_is_restarted_again_and_again_without_a_majority_gives_up_a_lease_after_it_was_lost(
    active,
):  # S12
    with_hosts(active, "a:1", "b:1").pass_time(10)
    active.reached = set()
    for _ in range(3):
        active.pass_time(5)
        active.start_agent()
    assert not active.kind.running


@pytest.mark.parametrize(
    "content", ["", "{}", '{"boot": "boot-1", "held_ms": 1e12}', '{"boot": "boot-0", "held_ms": 1}']
)
def test_an_agent_that_does_not_know_since_when_it_has_no_majority_gives_up_at_once(active, content):  # S12
    with_hosts(active, "a:1", "b:1").pass_time(10)
    active.reached = {"c:1"}
    (active.directory / "quorum.json").write_text(content)
    active.start_agent()
    active.pass_time(1.5)
    assert active.kind.asked == ["start", "stop"]


def test_without_a_file_a_majority_is_soon_found_and_nothing_is_given_up(active):  # S12
    with_hosts(active, "a:1", "b:1").pass_time(10)
    (active.directory / "quorum.json").unlink()
    active.start_agent()
    active.pass_time(10)
    assert active.kind.asked == ["start"]


def test_a_majority_that_cannot_be_written_down_is_told_once_and_costs_no_service(active):  # S12
    (active.directory / "quorum.json").mkdir()
    with_hosts(active, "a:1", "b:1").pass_time(20)
    assert active.service_says() == "IN_SERVICE"
    assert len(active.log.events("majority_file_not_written")) == 1


def test_nothing_begins_while_the_hosts_that_are_named_cannot_be_read(tmp_path):  # S12
    world = World(tmp_path, item(epoch=5, active=ME, mine=node(boot="")))
    world.aws.item["quorum"] = {"hosts": "everywhere"}
    world.pass_time(20)
    assert world.kind.asked == []
    with_hosts(world, "a:1", "b:1").pass_time(10)
    assert world.kind.asked == ["start"]


# --- tries -------------------------------------------------------------------------------------------


def fail(world: World) -> None:
    """The service dies, is restarted while tries are left, and is looked at for a while."""
    world.kind.running = False
    world.pass_time(5)


def test_a_restarted_agent_goes_on_counting_restarts(active):  # S16
    fail(active)
    fail(active)
    assert active.kind.asked == ["start", "stop", "start", "stop", "start"]
    restart(active)
    active.pass_time(4)
    fail(active)
    assert active.service_says() == "FAILED"
    assert active.kind.asked == []


def test_a_service_that_has_failed_for_good_stays_so_under_a_restarted_agent(active):  # S16
    """Each restart of the agent gave it another start, on a node that was about to be left."""
    for _ in range(3):
        fail(active)
    assert active.service_says() == "FAILED"
    beats = len(active.aws.beats)
    restart(active)
    active.pass_time(20)
    assert active.kind.asked == []
    assert {beat["services"]["db"] for beat in active.aws.beats[beats + 1 :]} == {"FAILED"}


def test_it_is_tried_again_under_another_lease_and_when_nobody_has_taken_over_for_a_whole_window(active):  # S16
    for _ in range(3):
        fail(active)
    restart(active)
    active.pass_time(310)
    assert active.service_says() == "IN_SERVICE"
    for _ in range(3):
        fail(active)
    restart(active)
    active.grant(ME, epoch=9)
    active.pass_time(10)
    assert active.service_says() == "IN_SERVICE"


def test_what_an_agent_stopped_itself_is_not_called_failed_by_the_next_one(active):  # S16
    for _ in range(3):
        fail(active)
    active.agent.ask_to_stop()
    active.pass_time(17)
    assert active.agent.exit_status == 0
    restart(active)
    active.pass_time(6)
    assert active.service_says() == "IN_SERVICE"


def damage(world: World, content: str) -> None:
    (world.directory / "tries.json").write_text(content)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"boot": "boot-1"}',
        '{"boot": "boot-1", "epoch": 5, "restarts": {"db": [-1]}, "failed": {}}',
        '{"boot": "boot-1", "epoch": 5, "restarts": {"db": [1e12]}, "failed": {}}',
        '{"boot": "boot-1", "epoch": 5, "restarts": 7, "failed": {}}',
        '{"boot": "boot-1", "epoch": 5, "restarts": {}, "failed": {"db": null}}',
        '{"boot": "boot-1", "epoch": 5, "restarts": {}, "failed": {}, "may_run": "db"}',
    ],
)
def test_tries_that_cannot_be_read_count_as_used_until_their_window_has_passed(active, content):  # S16
    damage(active, content)
    restart(active)
    active.pass_time(4)
    fail(active)
    assert (active.service_says(), active.kind.asked) == ("FAILED", [])
    active.pass_time(310)
    assert active.service_says() == "IN_SERVICE"


def test_lost_tries_count_as_used_where_a_lease_tells_that_an_agent_has_run(active):  # S16
    (active.directory / "tries.json").unlink()
    restart(active)
    active.pass_time(4)
    fail(active)
    assert (active.service_says(), active.kind.asked) == ("FAILED", [])


def test_tries_of_another_boot_say_nothing(tmp_path):  # S16
    damage_of = World(tmp_path, item(epoch=5, active=ME, mine=node(boot="")))
    damage(damage_of, '{"boot": "boot-0", "epoch": 5, "restarts": {"db": [1, 2]}, "failed": {"db": 1}}')
    damage_of.start_agent()
    damage_of.pass_time(6)
    fail(damage_of)
    assert damage_of.service_says() == "IN_SERVICE"


def test_tries_that_cannot_be_written_down_are_told_once_and_count_as_used_for_the_next_agent(active):  # S16
    (active.directory / "tries.json").unlink()
    (active.directory / "tries.json").mkdir()
    fail(active)
    fail(active)
    assert active.service_says() == "IN_SERVICE"
    assert len(active.log.events("tries_file_not_written")) == 1
    restart(active)
    active.pass_time(4)
    fail(active)
    assert active.service_says() == "FAILED"


# --- the name of a boot -------------------------------------------------------------------------------


def test_a_configured_name_of_a_boot_never_hides_that_the_kernel_has_booted(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("01234567-89ab-cdef-0123-456789abcdef\n")
    second.write_text("f1234567-89ab-cdef-0123-456789abcdef\n")
    assert boot_name(source=first) == "01234567"
    assert boot_name("always-the-same", first) == "01234567-always-the-same"
    assert boot_name("always-the-same", first) != boot_name("always-the-same", second)
    assert len(boot_name("x" * 55, first)) == 64
    with pytest.raises(OSError, match="No such file"):
        boot_name("x", tmp_path / "none")
