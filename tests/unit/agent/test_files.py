# B11: what an agent leaves for the next one
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import understudy_agent
from understudy_agent.files import AlreadyRunningError, LeaseFile, Lock, PlacedFile, StatusFile, replace_text
from understudy_agent.lease import DOWN_AT_ONCE, LeaseAnswer, LeaseView, Order, order
from understudy_agent.view import TermsView

HELD = LeaseView(LeaseAnswer.MINE, 7, 112_000, TermsView(lease_s=30), renewed_by=95_000, services=("data", "db"))


def test_the_next_agent_of_a_boot_is_bound_by_the_lease_and_grants_itself_none(tmp_path):
    LeaseFile(tmp_path / "lease.json", "boot-1").save(HELD)
    assert LeaseFile(tmp_path / "lease.json", "boot-1").load(100_000) == LeaseView(
        LeaseAnswer.NOTHING, 0, 112_000, TermsView(lease_s=30), renewed_by=95_000, services=("data", "db")
    )


def test_a_lease_of_another_boot_binds_nobody(tmp_path):
    LeaseFile(tmp_path / "lease.json", "boot-1").save(HELD)
    assert LeaseFile(tmp_path / "lease.json", "boot-2").load(100_000) == LeaseView()


def test_without_a_lease_there_is_no_file(tmp_path):
    file = LeaseFile(tmp_path / "lease.json", "boot-1")
    assert file.load(100_000) == LeaseView()
    file.save(HELD)
    file.save(LeaseView())
    file.save(LeaseView())
    assert list(tmp_path.iterdir()) == []


NONSENSE = (
    "",
    "{}",
    "[]",
    "null",
    "[" * 100_000,
    '{"boot": "boot-1", "lease_end_ms": 1, "terms": 5}',
    '{"boot": "boot-1", "lease_end_ms": -1, "terms": {}}',
    '{"boot": "boot-1", "lease_end_ms": "1", "terms": {}}',
    '{"boot": "boot-1", "lease_end_ms": 1.5, "terms": {}}',
    '{"boot": "boot-1", "lease_end_ms": Infinity, "terms": {}}',
    '{"boot": "boot-1", "lease_end_ms": 3700001, "terms": {}}',
    '{"boot": "boot-1", "lease_end_ms": 1, "promised_until_ms": 3700001, "terms": {}}',
    '{"boot": "boot-1", "lease_end_ms": 1, "renewed_by": 100001, "terms": {}}',
    '{"boot": "boot-1", "lease_end_ms": 1, "terms": {"kill_limit_s": NaN}}',
    '{"boot": "boot-1", "lease_end_ms": 1, "terms": {"kill_limit_s": 1e9}}',
    '{"boot": "boot-1", "lease_end_ms": 1, "terms": {"lease_s": "long"}}',
    '{"boot": "boot-1", "lease_end_ms": 1, "services": "db", "terms": {}}',
    '{"boot": "boot-1", "lease_end_ms": 1, "services": [["db"]], "terms": {}}',
)


@pytest.mark.parametrize("content", NONSENSE, ids=lambda content: content[:80])
def test_under_a_lease_file_that_cannot_be_understood_whatever_runs_is_down_at_once(tmp_path, content):  # B4
    (tmp_path / "lease.json").write_text(content)
    lease_view = LeaseFile(tmp_path / "lease.json", "boot-1").load(100_000)
    assert (lease_view.answer, order(lease_view, 0)) == (LeaseAnswer.NOT_MINE, Order.KILL)


def test_under_a_lease_file_that_cannot_be_opened_whatever_runs_is_down_at_once(tmp_path):  # B4
    (tmp_path / "lease.json").mkdir()
    (tmp_path / "not-text").write_bytes(b"\xff\xfe")
    (tmp_path / "loop").symlink_to("loop")
    for name in ("lease.json", "not-text", "loop", "not-text/lease.json"):
        assert LeaseFile(tmp_path / name, "boot-1").load(100_000) == DOWN_AT_ONCE


def test_a_lease_is_nobodys_when_the_boot_cannot_be_told(tmp_path):  # B4
    file = LeaseFile(tmp_path / "lease.json", "")
    assert file.load(100_000) == LeaseView()
    LeaseFile(tmp_path / "lease.json", "boot-1").save(HELD)
    assert file.load(100_000) == DOWN_AT_ONCE


def test_the_epoch_that_was_read_outlives_boots_and_is_removed_with_its_cluster(tmp_path):
    file = PlacedFile(tmp_path / "state" / "orders-db" / "placed.json")
    assert file.load() is None
    assert file.save(7) == 7
    assert PlacedFile(file.path).load() == 7
    assert file.save(None) is None
    assert file.load() is None


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"epoch": 0}', '{"epoch": "7"}', '{"epoch": 1000000000}', "[" * 10**5]
)
def test_a_memory_of_having_been_placed_that_cannot_be_read_says_so_without_an_epoch(tmp_path, content):  # B4
    (tmp_path / "placed.json").write_text(content)
    assert PlacedFile(tmp_path / "placed.json").load() == 0


def test_a_memory_of_having_been_placed_that_cannot_be_opened_says_so_too(tmp_path):  # B4
    (tmp_path / "placed.json").mkdir()
    assert PlacedFile(tmp_path / "placed.json").load() == 0
    assert PlacedFile(tmp_path / "placed.json" / "in-a-file").load() is None
    (tmp_path / "file").write_text("")
    assert PlacedFile(tmp_path / "file" / "placed.json").load() == 0


def test_a_lease_that_another_version_wrote_is_understood(tmp_path):
    saved = {"boot": "boot-1", "lease_end_ms": 9, "terms": {"kill_limit_s": 2, "of_a_later_version": 1}}
    (tmp_path / "lease.json").write_text(json.dumps(saved))
    assert LeaseFile(tmp_path / "lease.json", "boot-1").load(100_000).terms == TermsView(kill_limit_s=2)


def test_one_agent_at_a_time_acts_for_a_cluster_on_a_machine(tmp_path):
    first, second = Lock(tmp_path / "lock"), Lock(tmp_path / "lock")
    first.acquire()
    with pytest.raises(AlreadyRunningError, match="another process"):
        second.acquire()
    first.release()
    first.release()
    second.acquire()
    second.release()


def test_the_status_is_written_only_when_it_changes(tmp_path):
    file = StatusFile(tmp_path / "status.json")
    file.show({"order": "SERVE"})
    (tmp_path / "status.json").unlink()
    file.show({"order": "SERVE"})
    assert not (tmp_path / "status.json").exists()
    file.show({"order": "STOP"})
    assert json.loads((tmp_path / "status.json").read_text()) == {"order": "STOP"}


def test_without_a_path_no_status_is_written(tmp_path):
    StatusFile(None).show({"order": "SERVE"})
    assert list(tmp_path.iterdir()) == []


# B18: an agent that hangs beyond its lease is ended, by whatever name its directory goes
@pytest.mark.parametrize("name", ["run", "link"])
def test_who_holds_a_lock_is_killed_and_nobody_else(tmp_path, name):
    (tmp_path / "run").mkdir()
    (tmp_path / "link").symlink_to("run")
    program = (
        "import sys, time; from pathlib import Path; from understudy_agent.files import Lock\n"
        "lock = Lock(Path(sys.argv[1])); lock.acquire(); print(flush=True); time.sleep(60)"
    )
    environment = {"PYTHONPATH": str(Path(understudy_agent.__file__).parent.parent)}
    argv = [sys.executable, "-c", program, str(tmp_path / name / "lock")]
    with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        Lock(tmp_path / name / "lock").kill_holder()
        assert holder.wait(10) == -signal.SIGKILL


def test_a_process_that_was_given_the_id_of_one_that_held_a_lock_is_spared(tmp_path):
    (tmp_path / "lock").write_text(f"{os.getpid()}\n")
    Lock(tmp_path / "lock").kill_holder()
    Lock(tmp_path / "none").kill_holder()


def test_what_may_hold_a_secret_is_read_by_its_owner_only(tmp_path):
    replace_text(tmp_path / "plan.ini", "secret", privately=True)
    assert (tmp_path / "plan.ini").stat().st_mode & 0o777 == 0o600
