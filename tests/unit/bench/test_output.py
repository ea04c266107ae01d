"""What `make bench` and `make bench-counts` print: stages and one table, and nothing of what functions log."""

import io
import itertools
import json
import subprocess
import sys
from collections import Counter

from rich.console import Console

from bench import summary
from bench.performance import RESULTS
from bench.progress import COLUMNS, Progress
from local.sam import ROOT

NOISE = """
import logging, os, subprocess, sys
from pathlib import Path
function = logging.StreamHandler(sys.stdout)
logging.getLogger().addHandler(function)
from bench.progress import output_into
with output_into(Path(sys.argv[1])) as console:
    logging.warning("logged")
    print("printed")
    print("to stderr", file=sys.stderr)
    subprocess.run(["echo", "by a child"], check=True)
    console.print("a stage")
print("after")
"""


def test_what_functions_libraries_and_children_print_is_in_the_log_and_not_among_the_stages(tmp_path):
    log = tmp_path / "build" / "bench.log"
    program = [sys.executable, "-c", NOISE, str(log)]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines() == ["a stage", "after"]
    assert done.stderr == ""
    assert set(log.read_text(encoding="utf-8").splitlines()) == {"logged", "printed", "to stderr", "by a child"}


def test_a_stage_says_which_it_is_of_how_many_and_when_it_begins():
    told = io.StringIO()
    progress = Progress(Console(file=told, width=COLUMNS, highlight=False), 12)
    progress.stage("imports")
    progress.stage("failover 1 of 4")
    assert told.getvalue().splitlines() == [" 1 of 12   0:00  imports", " 2 of 12   0:00  failover 1 of 4"]


def measured():
    """As the last `make bench` left it."""
    counts, times = (json.loads((RESULTS / name).read_text(encoding="utf-8")) for name in ("counts.json", "times.json"))
    return {**counts, **times, "failover": {"medians": times["failover"]}}


def test_the_table_shows_every_figure_on_a_line_of_its_own_that_is_not_wider_than_it_may_be():
    result = measured()
    sections = list(itertools.chain(summary.of_counts(result), summary.of_times(result)))
    shown = io.StringIO()
    Console(file=shown, width=COLUMNS).print(summary.table("make bench", iter(sections)))
    lines = shown.getvalue().splitlines()
    assert max(map(len, lines)) <= COLUMNS
    whole = Counter(" ".join(line.split()) for line in lines)
    rows = [" ".join(" ".join(row).split()) for _, rows in sections for row in rows]
    assert [row for row in rows if row not in whole] == []
    assert [heading for heading, _ in sections if heading not in whole] == []
    assert len(rows) > 60
