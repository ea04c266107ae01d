# B11: what an agent leaves for the next one
from __future__ import annotations

import json

import pytest

from understudy_agent.files import AlreadyRunningError, LeaseFile, Lock, StatusFile
from understudy_agent.lease import Order, Standing, Word, order
from understudy_agent.view import Terms

HELD = Standing(Word.MINE, 7, 112_000, Terms(lease_s=30))


def test_the_next_agent_of_a_boot_is_bound_by_the_lease_and_grants_itself_none(tmp_path):
    LeaseFile(tmp_path / "lease.json", "boot-1").save(HELD)
    assert LeaseFile(tmp_path / "lease.json", "boot-1").load() == Standing(Word.NOTHING, 0, 112_000, Terms(lease_s=30))


def test_a_lease_of_another_boot_binds_nobody(tmp_path):
    LeaseFile(tmp_path / "lease.json", "boot-1").save(HELD)
    assert LeaseFile(tmp_path / "lease.json", "boot-2").load() == Standing()


def test_without_a_lease_there_is_no_file(tmp_path):
    file = LeaseFile(tmp_path / "lease.json", "boot-1")
    assert file.load() == Standing()
    file.save(HELD)
    file.save(Standing())
    file.save(Standing())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"boot": "boot-1", "lease_end_ms": 1, "terms": 5}'])
def test_under_a_lease_file_that_cannot_be_understood_nothing_may_serve(tmp_path, content):
    (tmp_path / "lease.json").write_text(content)
    standing = LeaseFile(tmp_path / "lease.json", "boot-1").load()
    assert order(standing, 0) is Order.STOP


def test_a_lease_that_another_version_wrote_is_understood(tmp_path):
    saved = {"boot": "boot-1", "lease_end_ms": 9, "terms": {"kill_limit_s": 2, "of_a_later_version": 1}}
    (tmp_path / "lease.json").write_text(json.dumps(saved))
    assert LeaseFile(tmp_path / "lease.json", "boot-1").load().terms == Terms(kill_limit_s=2)


def test_the_lease_is_written_in_one_step(tmp_path):
    file = LeaseFile(tmp_path / "lease.json", "boot-1")
    file.save(HELD)
    before = (tmp_path / "lease.json").open()
    file.save(Standing(Word.MINE, 8, 116_000))
    with before:
        assert json.load(before)["epoch"] == 7
    assert [entry.name for entry in tmp_path.iterdir()] == ["lease.json"]


def test_one_agent_at_a_time_acts_for_a_cluster_on_a_machine(tmp_path):
    first, second = Lock(tmp_path / "lock"), Lock(tmp_path / "lock")
    first.acquire()
    with pytest.raises(AlreadyRunningError, match="another agent"):
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
