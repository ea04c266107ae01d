"""`make demo` tells its whole story without a terminal, and leaves nothing running however it ends."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.balancer import PROGRAM
from local.processes import MARK, command_of, marked
from local.sam import ROOT
from local.waiting import wait_for

BOARD_LIMIT_S = 60.0
WHOLE_LIMIT_S = 300.0
STOP_LIMIT_S = 20.0


def command(directory: Path) -> list[str]:
    return [sys.executable, "-m", "local.demo", "--show", "--directory", str(directory)]


class Demo:
    """The demo as a process of its own, with its output in a file."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._output = directory / "output"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                command(directory),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> str:
        return self._output.read_text()

    def run(self) -> str:
        """The id of its run, empty as long as it has none."""
        file = self.directory / "aws" / "run"
        return file.read_text() if file.exists() else ""

    def left(self) -> list[int]:
        assert self.run()
        return list(marked(f"{MARK}={self.run()}"))


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    started = Demo(tmp_path)
    yield started
    if started.process.poll() is None:
        started.process.kill()
        started.process.wait(10)


def look_at(board: str) -> str:
    """The page as the board shows it now; empty when it does not answer."""
    try:
        with urllib.request.urlopen(board, timeout=BOARD_LIMIT_S) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def test_the_whole_story_happens_and_is_reported_without_a_terminal(demo):  # S10 S18 B5 B13
    wait_for("the nodes stand by", lambda: "node-b reports its service" in demo.said(), WHOLE_LIMIT_S, why=demo.said)
    (board,) = re.findall(r"the board: (http://127\.0\.0\.1:\d+/)", demo.said())
    told = ("orders-db", "node-a", "us-east-1b", "orders-db.corp.example.com", "rule now", "Readiness")
    # A look that meets a busy AWS says what it could not read; the page is made anew for the next.
    wait_for("the board shows it all", lambda: all(each in look_at(board) for each in told), BOARD_LIMIT_S)
    status = demo.process.wait(WHOLE_LIMIT_S)
    assert status == 0, demo.said()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(board, timeout=STOP_LIMIT_S)
    assert demo.left() == []
    report = json.loads((demo.directory / "report.json").read_text())
    assert report["done"]
    for name, proof in (("failover", "LEASE_EXPIRED"), ("switchover", "RELEASED")):
        told = report[name]
        assert told["decision"]["proof"] == proof
        assert told["decision"]["rule"] in demo.said()
        assert sum(p["of_outage_s"] for p in told["phases"]) == pytest.approx(told["outage_s"], abs=0.05)
    assert report["switchover"]["outage_s"] < report["failover"]["outage_s"]
    if PROGRAM:  # B21: 3 s of propagation and up to 2 s of TTL against a second of probing
        assert 0 < report["failover"]["balanced_outage_s"] < report["failover"]["outage_s"]
        assert 0 < report["switchover"]["balanced_outage_s"] < report["failover"]["outage_s"]
        assert "by the load balancer, without Route 53 and TTL" in demo.said()
    assert report["restart"]["outage_s"] < report["failover"]["outage_s"]
    assert (report["outage"]["lasted_s"], report["outage"]["failed"]) == (20, 0)  # B11 B13
    assert report["outage"]["requests"] > 20
    assert report["parted"]["stopped_s"] < 12
    assert report["parted"]["back_on"] in ("node-a", "node-b")
    drift, rules = report["drift"], [each["rule"] for each in report["decisions"]]
    assert "node=node-b" in drift["records"][0]["guard"][0]
    assert drift["decision"]["action"] == "repair"
    assert rules == ["place-by-priority", "active-is-silent", "address-is-owed", "operator-asked"]


@pytest.mark.parametrize(
    ("number", "moment"),
    [(signal.SIGTERM, "the embedded AWS answers"), (signal.SIGINT, "reports its service")],
)
def test_a_signal_stops_everything(demo, number, moment):
    wait_for(f"{moment!r} is said", lambda: moment in demo.said(), WHOLE_LIMIT_S, why=demo.said)
    assert demo.left()
    demo.process.send_signal(number)
    assert demo.process.wait(STOP_LIMIT_S) == 128 + number, demo.said()
    assert demo.left() == []


def test_a_second_demo_does_not_start_where_one_runs_and_disturbs_nothing(demo):
    wait_for("its AWS runs", lambda: "the embedded AWS answers" in demo.said(), WHOLE_LIMIT_S, why=demo.said)
    before = demo.run()
    second = subprocess.run(command(demo.directory), cwd=ROOT, capture_output=True, timeout=STOP_LIMIT_S, check=False)
    assert second.returncode == 1
    assert (
        f"another embedded AWS runs in {demo.directory / 'aws'} (process {demo.process.pid})".encode() in second.stdout
    )
    assert second.stderr == b""
    assert not (demo.directory / "report.json").exists()
    assert demo.run() == before
    assert demo.left()
    assert demo.process.poll() is None


def test_a_demo_that_is_killed_takes_everything_with_it(demo):
    wait_for("its nodes beat", lambda: "reports its service" in demo.said(), WHOLE_LIMIT_S, why=demo.said)
    assert any("_worker.py" in " ".join(command_of(pid)) for pid in demo.left()), "no function has run yet"
    demo.process.kill()
    demo.process.wait(10)
    wait_for("nothing is left", lambda: not demo.left(), STOP_LIMIT_S)
