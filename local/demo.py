"""`make demo`: what goes wrong with a service and its nodes, and what becomes of it. Ends with what clients saw.

A service dies and is restarted on its node; all of AWS is gone for a while, and the service goes on; the node dies and
the name follows; somebody changes the record by hand and it is put right; an operator switches back; AWS and the peers
are gone, and the service stops and comes back. Where HAProxy is installed, a second client comes by a load balancer.

Exit status: 0 when everything happened, 1 with a sentence when something did not, 128 + signal when stopped.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console

from local.balancer import PROGRAM, Balancer, let_answer
from local.board_server import BoardServer
from local.client import Client
from local.cluster import Cluster
from local.cut import Cut
from local.engine import DirectoryInUse
from local.interrupts import Interrupted, raise_on_signals
from local.local_aws import local_aws
from local.observer import Observer
from local.report import Unreportable, decision, drift_table, outage_table, restart_table, transition_table
from local.sam import ROOT, SamFailed
from local.scenes import FIRST, SECOND, Clients, SceneFailed, Scenes
from local.screen import Screen
from local.stack import FunctionFailed
from local.waiting import NotInTime
from local.world import ZONE_NAME

CLUSTER = "orders-db"
# Timings are the defaults, so that the outage is an honest one. Route 53 takes 3 s here to bring a change to
# its servers (AWS: generally within 60), resolvers keep an answer for 2 s, and GetChange is asked every 2 s.
PROPAGATION_S = 3.0
TUNING = {"ROUTE53_TTL": 2, "ROUTE53_CHANGEID_INTERVAL": 2}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m local.demo", description=__doc__)
    parser.add_argument("--directory", type=Path, default=ROOT / "build" / "demo", help="where it writes")
    parser.add_argument("--show", action="store_true", help="serve the board of all clusters while it runs")
    options = parser.parse_args(arguments)
    directory = options.directory.resolve()
    console = Console(highlight=False)
    raise_on_signals()
    report: dict[str, Any] = {"done": False}
    try:
        with Screen(console) as screen:
            _play(directory, screen, report, shows=options.show)
    except Interrupted as signal:
        console.print(f"Stopped by {signal}. Nothing is left running.")
        return signal.exit_status
    except DirectoryInUse as taken:
        report.clear()  # what is in there is the other one's, its report included
        console.print(f"The demo did not start: {taken}", soft_wrap=True)
    except (NotInTime, SamFailed, FunctionFailed, SceneFailed, Unreportable) as failure:
        report["failure"] = str(failure)
        console.print(f"The demo failed: {failure}\nLogs are in {directory}", soft_wrap=True)
    finally:
        if report:
            _write(directory / "report.json", report)
    done = bool(report.get("done"))
    if done:
        _print_tables(console, report)
        console.print(f"Done in {report['total_s']:.0f} s. The report: {directory / 'report.json'}", soft_wrap=True)
    return 0 if done else 1


def _play(directory: Path, screen: Screen, report: dict[str, Any], *, shows: bool) -> None:
    began = time.monotonic()
    screen.chapter("Starting an AWS on this machine, and deploying the stack into it")
    with local_aws(directory / "aws", [f"{CLUSTER}.{ZONE_NAME}"], propagation_s=PROPAGATION_S, say=screen.say) as aws:
        with (
            BoardServer(aws.stack) if shows else contextlib.nullcontext() as board,
            Cluster(aws, CLUSTER, (FIRST, SECOND), tuning=TUNING) as cluster,
            Cut(aws, cluster) as cut,
            Client(aws.dns.port, cluster.record, cluster.port) as client,
            _behind_a_balancer(cluster, screen) as balanced,
            Observer(cluster, client, screen.say) as observer,
        ):
            if board:
                screen.say(f"the board: {board.address}")
            screen.follow(observer)
            scenes = Scenes(cluster, Clients(client, balanced), observer, screen, cut)
            scenes.place()
            report["setup_s"] = round(time.monotonic() - began, 1)
            report["restart"] = scenes.restart_locally()
            report["outage"] = scenes.outlast()
            report["failover"] = scenes.fail_over()
            scenes.come_back()
            report["drift"] = scenes.put_right()
            report["switchover"] = scenes.switch_back()
            report["decisions"] = [decision(item) for item in cluster.history()]
            report["definition"] = cluster.definition()
            report["parted"] = scenes.stop_without_peers()
            screen.leave()
        screen.chapter("Stopping everything")
    report["propagation_s"] = PROPAGATION_S
    report["total_s"] = round(time.monotonic() - began, 1)
    report["done"] = True


@contextlib.contextmanager
def _behind_a_balancer(cluster: Cluster, screen: Screen) -> Iterator[Client | None]:
    """A client that comes by HAProxy; None where that is not installed."""
    if not PROGRAM:
        screen.say("haproxy is not installed (make system-packages): there is no client behind a load balancer")
        yield None
        return
    let_answer(cluster.nodes)
    with Balancer(cluster) as balancer, Client.at_address("127.0.0.1", balancer.port) as client:
        yield client


def _print_tables(console: Console, report: dict[str, Any]) -> None:
    for table in (
        restart_table(report["restart"]),
        outage_table(report["outage"], report["parted"]),
        transition_table("Failover", report["failover"]),
        drift_table(report["drift"]),
        transition_table("Switchover", report["switchover"]),
    ):
        console.print(table)


def _write(path: Path, report: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
