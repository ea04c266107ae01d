"""`make chaos`: every AWS call of the functions with every fault, under a client's load. Writes docs/reliability.md.

Exit status: 0 when every transition ended as it must, 1 when one did not or was not tried, 128 + signal when stopped.
No time is a threshold. With --only, nothing but what fits is run, and the rest is taken from build/chaos/chaos.json.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from bench.chaos import (
    FAULTS,
    MEANINGS,
    NO_FAULT,
    POLICY,
    TARGETS,
    TUNING,
    Cause,
    Run,
    Target,
    run,
)
from local.client import Client
from local.cluster import Cluster
from local.interrupts import Interrupted, raise_on_signals
from local.local_aws import local_aws
from local.sam import ROOT, SamFailed
from local.stack import FunctionFailed
from local.waiting import NotInTime
from local.world import ZONE_NAME

CLUSTER = "orders-db"
CASES: tuple[tuple[Cause, Target | None, str], ...] = (
    *((cause, None, NO_FAULT) for cause in Cause),
    *((target.cause, target, fault) for target in TARGETS for fault in FAULTS),
)
PLACED_LIMIT_S = 60.0
DOCUMENT = ROOT / "docs" / "reliability.md"
FAULT_ROWS = "\n".join(f"| {name} | {meaning} |" for name, meaning in MEANINGS.items())
TARGET_ROWS = "\n".join(f"| {target.title} | {target.purpose} | {target.cause.value} |" for target in TARGETS)
HEAD = f"""# When AWS's calls fail in the middle of a transition

Written by `make chaos` from what it measured; not by hand. It deploys the stack on the embedded AWS, with a proxy
between the functions and every service that they call. For each call and each fault it moves a service of two nodes
once, while a client connects every 0.12 s.

At the end of each run all of this must be true: the fault really happened; the service has moved; it runs on exactly
one node, the one that holds the lease; the record leads there, the change is in sync, and the client gets answers; the
last transition is closed; the old node is a standby again. A run that ends otherwise is marked **WRONG** here. A run
that does not end stops `make chaos`. In both cases its exit status is 1.

| fault | what happens |
|---|---|
{FAULT_ROWS}

Only the functions meet the faults: nodes read the table and send their beats past the proxies. A call does not say
which function makes it, so a heartbeat or the watch can meet a fault that was meant for a step. Only calls of one
operation fail here; whole outages, lost events and partitions are in the [simulation](simulation.md).

| call | what for | moved by |
|---|---|---|
{TARGET_ROWS}
"""
OUTCOMES = """
## What became of it

This is the same on every machine, except by chance which function meets the fault. Each cell has the outcome of every
epoch that was used. Before the slash is the number of calls that met the fault; after it, the number of invocations of
a step that failed, and that the workflow repeated.

`DEGRADED` before `IN_SERVICE` means that the record could not be moved within `ROUTE53_RECORD_TRY_COUNT`. The lease was
granted all the same, that transition ended degraded, and a repair under the next epoch moved the record. An owed record
is tried again after 10 s, then after longer and longer times; clients that follow the record wait for it. After a 503
nobody knows whether a change was made, so each costs one of the 3 tries, and here there are more of them in a row.

**Events.** A move never fails because EventBridge does: an event that EventBridge does not accept is in the function's
log, and its facts are in the history, but nobody gets a notice. There is only one attempt to announce that a move was
opened, because the service waits for it: a missing answer delays the move by 1 s (2 s when there is no connection).
Every other event has three attempts.

**Slower than a beat.** A switchover opens only if the active node has not sent a beat since its state was read. Nothing
else is read in between. So this condition can fail at every try only while DynamoDB takes longer for one write than
`heartbeat_interval_s` (4 s by default). Then nothing is moved, and the service stays where it is. A dead node sends no
beats, so this does not delay its failover.
"""
SECONDS = f"""
## What it cost

These are seconds on one machine, one run each. They are no promise: compare them with each other and with the runs
without a fault. Each cell has the client's longest time without an answer, and the time from the cause until the
transition was closed. An unlucky client waits for its TTL (1 s) and its next attempt, so outages differ by a second by
chance. Timings are about the shortest that the rules allow, so these failovers are quicker than by default: `lease_s`
{POLICY["lease_s"]} instead of 12, `silence_limit_s` {POLICY["silence_limit_s"]} instead of 15.
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.reliability", description=__doc__)
    parser.add_argument("--only", default="", help="a regular expression: run only what fits it, as it is printed")
    only = parser.parse_args().only
    directory, console = ROOT / "build" / "chaos", Console(highlight=False, soft_wrap=True)
    results = directory / "chaos.json"
    known = read_runs(results) if only else {}
    raise_on_signals()
    try:
        for done in measure(directory, only, console):
            known[done.name] = done
            results.write_text(json.dumps([asdict(each) for each in known.values()], indent=2) + "\n")
    except Interrupted as signal:
        return signal.exit_status
    except (NotInTime, SamFailed, FunctionFailed) as failure:
        console.print(f"Not measured: {failure}\nLogs are in {directory}")
        return 1
    if any(case_name(*case) not in known for case in CASES):
        console.print(f"{DOCUMENT.name} is left as it is: not everything has been run")
        return 1
    DOCUMENT.write_text(document(list(known.values())), encoding="utf-8")
    wrong = [each for each in known.values() if each.wrong]
    for each in wrong:
        console.print(f"WRONG: {each.call}, {each.fault}: {'; '.join(each.wrong)}")
    return 1 if wrong else 0


def measure(directory: Path, only: str, console: Console) -> Iterator[Run]:
    """Every run as soon as it has ended. One that does not end is the last: what follows would start from a mess."""
    directory.mkdir(parents=True, exist_ok=True)
    console.print("starting the embedded AWS, deploying, placing the cluster")
    with (
        local_aws(directory / "aws", [f"{CLUSTER}.{ZONE_NAME}"], faulty=True) as aws,
        Cluster(aws, CLUSTER, policy=POLICY, tuning=TUNING) as cluster,
        Client(aws.dns.port, cluster.record, cluster.port) as client,
    ):
        cluster.register()
        cluster.boot()
        cluster.wait_settled("node-a", PLACED_LIMIT_S)
        cluster.wait_standby("node-b", PLACED_LIMIT_S)
        for case in CASES:
            if re.search(only, case_name(*case)):
                done = run(cluster, client, *case)
                console.print(f"{done.name}: {outcome(done)}; {seconds(done)}")
                yield done


def case_name(cause: Cause, target: Target | None, fault: str) -> str:
    """As Run.name has it."""
    return f"{target.title if target else cause.value}, {fault}"


def read_runs(path: Path) -> dict[str, Run]:
    """The runs of earlier, by their names; none when there is no such file."""
    if not path.is_file():
        return {}
    read = json.loads(path.read_text())
    kept = [Run(**each | {"outcomes": tuple(each["outcomes"]), "wrong": tuple(each["wrong"])}) for each in read]
    return {done.name: done for done in kept}


def outcome(done: Run) -> str:
    """What is the same on every machine."""
    met = done.made if done.call else 0
    wrong = f" **WRONG: {'; '.join(done.wrong)}**" if done.wrong else ""
    return f"{', '.join(done.outcomes)} {met} / {done.steps_failed}{wrong}"


def seconds(done: Run) -> str:
    """What is not."""
    return f"{done.outage_s:.1f} s, {done.closed_s:.1f} s"


def document(runs: Sequence[Run]) -> str:
    """docs/reliability.md. `runs` has those without a fault for each cause, and each target with each fault."""
    bare = {done.cause: done for done in runs if not done.call}
    by_case = {(done.call, done.fault): done for done in runs}
    text = HEAD
    for heading, cell in ((OUTCOMES, outcome), (SECONDS, seconds)):
        text += f"{heading}\n| call | {' | '.join([NO_FAULT, *FAULTS])} |\n|{'---|' * (len(FAULTS) + 2)}\n"
        for target in TARGETS:
            cells = [cell(bare[target.cause.value]), *(cell(by_case[target.title, fault]) for fault in FAULTS)]
            text += f"| {target.title} | {' | '.join(cells)} |\n"
    return text


if __name__ == "__main__":
    sys.exit(main())
