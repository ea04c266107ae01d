"""A small file that is rewritten in place."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from understudy_agent import slots
from understudy_agent.slots import SLOT_BYTES, SlotFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lease.json"


def filled_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing new fits into the file system any more; what has its room can be written."""

    def full(*_args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)


# B18 B11
def test_a_content_that_is_there_is_replaced_on_a_full_file_system(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = SlotFile(path)
    file.write({"end": 1})
    filled_up(monkeypatch)
    file.write({"end": 2})
    assert SlotFile(path).read() == {"end": 2}


def test_the_next_agent_replaces_it_on_a_full_file_system_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SlotFile(path).write({"end": 1})
    filled_up(monkeypatch)
    SlotFile(path).write({"end": 2})
    assert SlotFile(path).read() == {"end": 2}


def test_a_first_content_that_does_not_fit_is_refused_and_leaves_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled_up(monkeypatch)
    with pytest.raises(OSError, match="No space left"):
        SlotFile(path).write({"end": 1})
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("written", range(0, SLOT_BYTES, 389))
def test_whoever_reads_while_it_is_written_sees_the_old_content_or_the_new(path: Path, written: int) -> None:
    file = SlotFile(path)
    file.write({"end": 111})
    before = path.read_bytes()
    file.write({"end": 222})
    after = path.read_bytes()
    half = bytes(
        old if at % SLOT_BYTES >= written else new for at, (old, new) in enumerate(zip(before, after, strict=True))
    )
    path.write_bytes(half)
    assert SlotFile(path).read() in ({"end": 111}, {"end": 222})


def test_of_two_whole_contents_the_newer_one_counts(path: Path) -> None:
    file = SlotFile(path)
    for end in range(1, 6):
        file.write({"end": end})
        assert SlotFile(path).read() == {"end": end}


def test_a_file_that_was_lost_is_made_anew(path: Path) -> None:
    file = SlotFile(path)
    file.write({"end": 1})
    path.unlink()
    file.write({"end": 2})
    assert file.read() == {"end": 2}


def test_a_file_that_was_put_in_its_place_is_not_written_past(path: Path) -> None:
    file = SlotFile(path)
    file.write({"end": 1})
    SlotFile(path.with_name("other")).write({"end": 7})
    path.with_name("other").replace(path)
    file.write({"end": 2})
    assert file.read() == {"end": 2}


def test_what_an_earlier_version_wrote_is_read_and_replaced(path: Path) -> None:
    path.write_text('{"end": 1}')
    file = SlotFile(path)
    assert file.read() == {"end": 1}
    file.write({"end": 2})
    assert SlotFile(path).read() == {"end": 2}


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff" * 2 * SLOT_BYTES, b" " * 2 * SLOT_BYTES])
def test_nonsense_is_no_content(data: bytes) -> None:
    with pytest.raises(ValueError):
        slots.newest(data)


def test_a_content_that_is_too_long_is_refused_and_the_old_one_stays(path: Path) -> None:
    file = SlotFile(path)
    file.write({"end": 1})
    with pytest.raises(OSError, match="more than a slot"):
        file.write({"end": "x" * SLOT_BYTES})
    assert file.read() == {"end": 1}


def test_a_file_is_closed_with_what_has_written_it(path: Path) -> None:
    file = SlotFile(path)
    file.write({"end": 1})
    (handle,) = [entry for entry in Path("/proc/self/fd").iterdir() if is_open_on(entry, path)]
    del file
    assert not is_open_on(handle, path)


def is_open_on(handle: Path, path: Path) -> bool:
    try:
        return handle.readlink() == path
    except FileNotFoundError:
        return False
