"""What an agent tells: it ends and delays nothing, and journald knows how grave it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import understudy_agent
from understudy_agent.log import JsonLog, Lines


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for end in (reading, writing):
        try:
            os.close(end)
        except OSError:
            assert end == reading, "a test closes the end of the reader only"


def test_lines_come_out_in_their_order(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    log = JsonLog("orders-db", lines := Lines(writing), {})
    log.info("first", "because")
    log.error("second", "because", service="db")
    assert lines.flush(10)
    first, second = (json.loads(line) for line in os.read(reading, 65536).splitlines())
    assert first == {"level": "INFO", "what": "first", "why": "because", "cluster": "orders-db"}
    assert (second["level"], second["service"]) == ("ERROR", "db")


# B18
def test_a_reader_that_is_gone_costs_lines_and_nothing_else(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    os.close(reading)
    lines = Lines(writing)
    for _ in range(3):
        lines.put("told to nobody")
    assert lines.flush(10)


def test_a_reader_that_does_not_read_is_not_waited_for_and_is_told_later_what_it_missed(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    lines = Lines(writing, capacity=2)
    long = "x" * 100_000
    for _ in range(10):
        lines.put(long)
    assert not lines.flush(0)
    seen = b""
    while b"lines_lost" not in seen:
        seen += os.read(reading, 65536)
        lines.put("after")
    (lost,) = [json.loads(line)["lines"] for line in seen.splitlines() if b'"lines_lost"' in line and line[-1:] == b"}"]
    assert lost >= 7
    os.close(reading)
    assert lines.flush(10)


@pytest.mark.parametrize(("level", "priority"), [("info", "<6>"), ("warning", "<4>"), ("error", "<3>")])
def test_journald_learns_how_grave_a_line_is(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch, level: str, priority: str
) -> None:
    reading, writing = pipe
    found = os.fstat(2)
    log = JsonLog("orders-db", lines := Lines(writing), {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"})
    getattr(log, level)("what", "why")
    assert lines.flush(10)
    line = os.read(reading, 65536).decode()
    assert line.startswith(priority)
    assert json.loads(line[len(priority) :])["what"] == "what"


def test_a_file_that_is_not_journalds_gets_plain_json(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    log = JsonLog("orders-db", lines := Lines(writing), {"JOURNAL_STREAM": "1:2"})
    log.error("what", "why")
    assert lines.flush(10)
    assert os.read(reading, 1) == b"{"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is not there")
def test_a_process_whose_standard_error_is_a_full_disk_ends_as_it_would() -> None:
    program = "from understudy_agent.log import JsonLog; log = JsonLog('c'); log.error('a', 'b'); raise SystemExit(7)"
    environment = {"PYTHONPATH": str(Path(understudy_agent.__file__).parent.parent)}
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run([sys.executable, "-c", program], stderr=full, env=environment, check=False, timeout=60)
    assert ended.returncode == 7


def test_the_last_lines_of_a_process_are_written_before_it_ends() -> None:
    program = "from understudy_agent.log import JsonLog\nlog = JsonLog('c')\nfor n in range(500): log.info('n', str(n))"
    environment = {"PYTHONPATH": str(Path(understudy_agent.__file__).parent.parent)}
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, env=environment, check=True, timeout=60
    )
    assert [json.loads(line)["why"] for line in ended.stderr.splitlines()] == [str(n) for n in range(500)]
