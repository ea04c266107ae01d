"""docs/performance.md says what was measured, and says of the rest that it was not."""

import json
import shutil

import pytest

from bench import live, outage, performance
from local.sam import ROOT
from tools.performance_doc import performance_doc

TIMED = {"p50_ms": 1.25, "p99_ms": 9.5}
PHASES = dict.fromkeys(live.PHASES, 0.5)
SPLIT = {"outage_s": 17.25, "controller_overhead_s": 1.5, "phases_s": PHASES}
WATCHED = {"cpu_s": 9.5, "judged": 10_000, "started": 5_000, "faults": 0, "calls": {"Query": 1, "BatchGetItem": 200}}
MEASURED = {
    "machine": {"processors": 2, "load_before": 0.5},
    "warm_failovers": 2,
    "failover": {"warm": SPLIT, "cold": SPLIT},
    "handlers": {
        "record_heartbeat": TIMED,
        "refused": TIMED,
        "get_item": TIMED,
        "steps_asked_again": {"FenceNode": TIMED},
        "record_heartbeat_beyond_invoke_x_get_item": 1.5,
    },
    "large_watch": {"clusters": 10_000, "calm": WATCHED, "dark": WATCHED, "memory_mb": 60},
    "imports": {"functions": {"record_heartbeat": {"x_boto3": 1.75, "x_client": 1.25}}},
    "side_by_side": [
        {"way": "paper", "propagation_s": 5.0, "at_s": {"noticed": 15.0, "client": 36.5}, "assumed": ["noticed"]},
        {"way": "understudy", "propagation_s": 5.0, "at_s": {"noticed": 14.5, "fenced": 15.5, "client": 22.0}},
    ],
}


@pytest.fixture
def root(tmp_path):
    """A place with the counts of the repository, and no times."""
    shutil.copytree(ROOT / "bench" / "results", tmp_path / "bench" / "results")
    (tmp_path / "bench" / "results" / "times.json").unlink(missing_ok=True)
    return tmp_path


def test_times_that_nobody_measured_are_said_to_be_missing(root):
    assert "**Not measured yet.**" in performance_doc(root)
    assert "side by side\n" not in performance_doc(root)


def test_times_that_were_measured_are_shown_and_what_was_assumed_is_marked(root):
    (root / "bench" / "results" / "times.json").write_text(json.dumps(MEASURED))
    text = performance_doc(root)
    assert "Not measured" not in text
    assert "| 5 s | Understudy | 14.5 | 15.5 | none | none | none | none | 22.0 |" in text
    assert "| 5 s | the paper | 15.0* | none | none | none | none | none | 36.5 |" in text
    assert text.index("| 5 s | Understudy") < text.index("| 5 s | the paper")
    assert "| outage | 17.25 s | 17.25 s |" in text
    assert "| dark | 10,000 | 5,000 | 201 | 9.5 s |" in text


def test_counts_stand_before_times(root):
    (root / "bench" / "results" / "times.json").write_text(json.dumps(MEASURED))
    text = performance_doc(root)
    assert text.index("a beat, warm") < text.index("Group commit needs") < text.index("## Times on that machine")


def test_every_outage_is_shown_with_the_goal_and_the_picture(root):
    text = performance_doc(root)
    for path in (root / "bench" / "results").glob("outage-*.json"):
        shown = json.loads(path.read_text())
        assert shown["ratio"] <= shown["goal"] == outage.GOAL
        assert f"**{shown['ratio']:.2f} times**" in text
        assert (ROOT / "docs" / "images" / f"{path.stem}.png").stat().st_size <= 80_000


def test_what_was_never_accepted_has_no_time():
    ways = {"group commit": {"accepted_s": [1.0, 4.0]}, "the paper": {"accepted_s": [1.0]}}
    spent = {
        "least_s": [0.0, 2.0],
        "least_of_share_s": [0.0, 2.5],
        "requests": {"GetChange": 3},
        "refused": {},
        "units": 8,
    }
    result = {"clusters": 2, "zones": 1, "seed": 0, "ways": {name: way | spent for name, way in ways.items()}}
    told = outage.summary(result)
    assert (told["ratio"], told["limit_at_s"]) == (2.0, [0.0, 2.0, 2.0])
    assert (told["ratio_of_share"], told["share_limit_at_s"]) == (1.6, [0.0, 2.5, 2.5])
    assert told["ways"]["the paper"]["at_s"] == [1.0, None, None]
    assert told["ways"]["the paper"]["accepted"] == 1


def test_of_a_bench_the_times_are_kept_and_of_its_failovers_the_medians():
    read = MEASURED | {"agent": {}, "calls": {}, "failover": {"medians": MEASURED["failover"], "runs": [1, 2]}}
    kept = performance.times(read)
    assert kept["failover"] == MEASURED["failover"]
    assert "calls" not in kept


def test_both_ways_are_drawn(tmp_path):
    cases = [
        {"way": way, "propagation_s": delay, "at_s": {"in_service": 17.0 + delay, "client": 18.0 + delay}}
        for way in ("understudy", "paper")
        for delay in (0.0, 5.0)
    ]
    performance.plot(cases, tmp_path / "images" / "side-by-side.png")
    assert (tmp_path / "images" / "side-by-side.png").read_bytes().startswith(b"\x89PNG")
