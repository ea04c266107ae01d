"""`make demo`: a node dies and the name follows; then a planned switchover back. Ends with what clients saw.

Exit status: 0 when everything happened, 1 with a sentence when something did not, 128 + signal when stopped.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from local.client import Client, Outage, outages
from local.cluster import Cluster
from local.engine import DirectoryInUse
from local.interrupts import Interrupted, raise_on_signals
from local.local_aws import local_aws
from local.observer import Observer
from local.report import Unreportable, decision, table, transition_report
from local.sam import ROOT, SamFailed
from local.screen import Screen
from local.stack import FunctionFailed
from local.waiting import NotInTime, wait_for
from local.world import ZONE_NAME

CLUSTER = "orders-db"
FIRST, SECOND = "node-a", "node-b"
# Timings are the defaults, so that the outage is an honest one. Route 53 takes 3 s here to bring a change to
# its servers (AWS: generally within 60), resolvers keep an answer for 2 s, and GetChange is asked every 2 s.
PROPAGATION_S = 3.0
TUNING = {"ROUTE53_TTL": 2, "ROUTE53_CHANGEID_INTERVAL": 2}

PLACED_LIMIT_S = 60.0
ANSWERED_LIMIT_S = 30.0
FAILOVER_LIMIT_S = 90.0
STANDBY_LIMIT_S = 40.0
SWITCHOVER_LIMIT_S = 60.0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m local.demo", description=__doc__)
    parser.add_argument("--directory", type=Path, default=ROOT / "build" / "demo", help="where it writes")
    directory = parser.parse_args(arguments).directory.resolve()
    console = Console(highlight=False)
    raise_on_signals()
    report: dict[str, Any] = {"done": False}
    try:
        with Screen(console) as screen:
            _tell_story(directory, screen, report)
    except Interrupted as signal:
        console.print(f"Stopped by {signal}. Nothing is left running.")
        return signal.exit_status
    except (DirectoryInUse, NotInTime, SamFailed, FunctionFailed, Unreportable) as failure:
        report["failure"] = str(failure)
        console.print(f"The demo failed: {failure}\nLogs are in {directory}", soft_wrap=True)
    finally:
        _write(directory / "report.json", report)
    if report["done"]:
        for name in ("failover", "switchover"):
            console.print(table(name.capitalize(), report[name]))
        console.print(f"Done in {report['total_s']:.0f} s. The report: {directory / 'report.json'}", soft_wrap=True)
    return 0 if report["done"] else 1


def _tell_story(directory: Path, screen: Screen, report: dict[str, Any]) -> None:
    began = time.monotonic()
    screen.chapter("Starting an AWS on this machine, and deploying the stack into it")
    with local_aws(directory / "aws", [f"{CLUSTER}.{ZONE_NAME}"], propagation_s=PROPAGATION_S, say=screen.say) as aws:
        with (
            Cluster(aws, CLUSTER, (FIRST, SECOND), tuning=TUNING) as cluster,
            Client(aws.dns.port, cluster.record, cluster.port) as client,
            Observer(cluster, client, screen.say) as observer,
        ):
            screen.follow(observer)
            _place(cluster, client, screen)
            report["setup_s"] = round(time.monotonic() - began, 1)
            report["failover"] = _fail_over(cluster, client, screen)
            _come_back(cluster, screen)
            report["switchover"] = _switch_back(cluster, client, screen)
            report["decisions"] = [decision(item) for item in cluster.history()]
            report["definition"] = cluster.definition()
            screen.leave()
        screen.chapter("Stopping everything")
    report["propagation_s"] = PROPAGATION_S
    report["total_s"] = round(time.monotonic() - began, 1)
    report["done"] = True


def _place(cluster: Cluster, client: Client, screen: Screen) -> None:
    screen.chapter(f"Putting the definition of {CLUSTER}, and starting {FIRST} and {SECOND}")
    cluster.register()
    cluster.boot()
    cluster.wait_settled(FIRST, PLACED_LIMIT_S)
    cluster.wait_standby(SECOND, STANDBY_LIMIT_S)
    _wait_answered(client, FIRST)


def _fail_over(cluster: Cluster, client: Client, screen: Screen) -> dict[str, Any]:
    screen.chapter(f"SIGKILL to {FIRST}: agent and service are gone at once")
    epoch, mark, began = cluster.state()["epoch"], time.monotonic(), time.time()
    cluster.node(FIRST).kill()
    settled = cluster.wait_settled(SECOND, FAILOVER_LIMIT_S, above_epoch=epoch)
    return _measured(cluster, client, settled["epoch"], mark, began, SECOND)


def _come_back(cluster: Cluster, screen: Screen) -> None:
    screen.chapter(f"{FIRST} is switched on again, and stands by")
    cluster.node(FIRST).boot()
    cluster.wait_standby(FIRST, STANDBY_LIMIT_S)


def _switch_back(cluster: Cluster, client: Client, screen: Screen) -> dict[str, Any]:
    screen.chapter(f'StartExecution {{"cluster": "{CLUSTER}"}}: a planned switchover')
    epoch, mark, began = cluster.state()["epoch"], time.monotonic(), time.time()
    execution = cluster.aws.stack.start_transition(CLUSTER)
    wait_for(
        "the switchover's execution ends",
        lambda: cluster.aws.stack.execution(execution)["status"] != "RUNNING",
        SWITCHOVER_LIMIT_S,
        why=cluster.summary,
    )
    ended = cluster.aws.stack.execution(execution)
    if ended["status"] != "SUCCEEDED":
        raise NotInTime(f"the switchover ended {ended['status']}: {ended.get('cause', 'no cause given')}")
    settled = cluster.wait_settled(FIRST, SWITCHOVER_LIMIT_S, above_epoch=epoch)
    return _measured(cluster, client, settled["epoch"], mark, began, FIRST)


def _measured(cluster: Cluster, client: Client, epoch: int, mark: float, began: float, to_node: str) -> dict[str, Any]:
    _wait_answered(client, to_node)
    return transition_report(
        cluster.aws.stack.transition(cluster.name, epoch),
        began,
        _outage_after(client, mark, to_node),
        client.attempts,
    )


def _wait_answered(client: Client, node: str) -> None:
    wait_for(f"the client is answered by {node}", lambda: client.served_by(node), ANSWERED_LIMIT_S)


def _outage_after(client: Client, mark: float, to_node: str) -> Outage:
    found = [o for o in outages(list(client.attempts)) if o.ended > mark and o.to_node == to_node]
    if not found:
        raise Unreportable(f"the client saw no move to {to_node}")
    return found[0]


def _write(path: Path, report: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
