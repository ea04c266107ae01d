"""The machines' disks in memory answer as the kernel does, whatever the agent's files ask of them."""

import re

import pytest

from tests.support.agent_disk import Disk, MemorySlots, write_in_memory
from understudy_agent.files import LeaseFile, MajorityFile, PlacedFile, PromiseFile
from understudy_agent.lease import DOWN_AT_ONCE, UNBOUND, LeaseAnswer, LeaseView
from understudy_agent.promise import Memory
from understudy_agent.slots import SlotFile

BOOT = "boot-1"
HELD = LeaseView(LeaseAnswer.MINE, 3, lease_end_ms=20_000, renewed_by=8000, services=("data",))
PROMISED = Memory(bound_until_ms=9000, since_ms=None, known_joined=2)


@pytest.fixture(params=["kernel", "memory"])
def folder(request, tmp_path, monkeypatch):
    if request.param == "kernel":
        return tmp_path
    monkeypatch.setattr("understudy_agent.files.write_atomically", write_in_memory)
    return Disk().path("node-a")


def slots(path):
    return SlotFile(path) if hasattr(path, "open") else MemorySlots(path)


def lease_file(folder):
    return LeaseFile(folder / "lease.json", BOOT, slots(folder / "lease.json"))


def files(folder):
    return {
        "lease": (lease_file(folder), HELD, lambda file: file.load(10_000)),
        "promises": (PromiseFile(folder / "promises.json", BOOT), PROMISED, lambda file: file.load()),
        "quorum": (MajorityFile(folder / "quorum.json", BOOT), 700, lambda file: file.load(1000)),
        "placed": (PlacedFile(folder / "placed" / "placed.json"), 4, lambda file: file.load()),
    }


@pytest.mark.parametrize("which", ["lease", "promises", "quorum", "placed"])
def test_what_is_saved_is_loaded(folder, which):
    file, saved, load = files(folder)[which]
    unsaved = load(file)
    file.save(saved)
    found = load(files(folder)[which][0])
    assert found != unsaved
    if which == "lease":
        found = (found.lease_end_ms, found.renewed_by, found.services)
        saved = (saved.lease_end_ms, saved.renewed_by, saved.services)
    assert found == saved


@pytest.mark.parametrize("content", ["", '{"boot": "boot-1", "lea', "[]"])
def test_a_file_of_nonsense_tells_nothing_and_can_be_replaced(folder, content):
    for which, (file, saved, load) in files(folder).items():
        file.save(saved)
        path = folder / ("placed/placed.json" if which == "placed" else f"{which}.json")
        path.write_text(content, encoding="utf-8")
        assert load(file) == {"lease": DOWN_AT_ONCE, "placed": 0}.get(which)
        file.save(saved)
        assert load(file) not in (None, 0, DOWN_AT_ONCE)


@pytest.mark.parametrize("which", ["lease", "promises", "quorum"])
def test_what_cannot_be_opened_cannot_be_saved_and_is_told_in_the_kernels_words(folder, which):
    file, saved, load = files(folder)[which]
    (folder / f"{which}.json").mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        file.save(saved)
    names = re.findall(r"'(?:[^']*/)?([^'/]+)'", str(caught.value))
    assert str(caught.value).startswith("[Errno 21] Is a directory: ")
    assert names[-1] == f"{which}.json"
    assert len(names) == (1 if which == "lease" else 2)
    assert load(file) == (DOWN_AT_ONCE if which == "lease" else None)
    (folder / f"{which}.json").rmdir()
    file.save(saved)


def test_a_lease_that_binds_to_nothing_leaves_no_file(folder):
    file = lease_file(folder)
    file.save(UNBOUND)
    file.save(HELD)
    assert [each.name for each in folder.iterdir()] == ["lease.json"]
    file.save(UNBOUND)
    assert list(folder.iterdir()) == []
    assert file.load(10_000) == UNBOUND
