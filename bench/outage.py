"""`make bench-outage`: an Availability Zone goes dark, and every cluster with its active node there moves at once.

The product's own use cases and adapters against a model of Route 53 (bench/route53_model.py) in virtual time, and
beside it two others: each cluster for itself, and the procedure of the white paper with its defaults. Writes
build/bench/outage-CLUSTERS-ZONES.json and .png: how many records Route 53 has accepted when, and the least that its
buckets allow. Exit status 1 when group commit needs more than GOAL times that.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from botocore.exceptions import ClientError
from rich.console import Console
from rich.table import Table

from bench.route53_model import UNITS_A_SECOND, UNITS_BURST, Route53Model
from bench.virtual_time import VirtualTime
from local.sam import ROOT
from tests.support.builders import (
    ADDRESS_A,
    ADDRESS_B,
    a_definition,
    a_moving_state,
    a_previous,
    a_transition,
)
from tests.support.fakes.announcer import FakeAnnouncer
from tests.support.fakes.ledger import FakeLedger
from tests.support.fakes.queue import FakeQuestions, FakeQueue, FakeRateBudgets
from understudy.adapters.route53.retries import Retries, RetryingClient
from understudy.adapters.route53.zone import Route53Zone
from understudy.domain.batching.rate_limits import Purpose
from understudy.domain.cluster.definition import Record
from understudy.domain.cluster.errors import AddressUnreadableError, GuardMismatchError, ZoneBusyError
from understudy.domain.cluster.record import DesiredRecord, desired, plan_batch
from understudy.domain.cluster.state import Proof, Stage
from understudy.domain.cluster.tuning import Tuning
from understudy.usecases.batching.group_commit import GroupCommit
from understudy.usecases.batching.rate_budget import RateBudget
from understudy.usecases.batching.shared_changes import SharedChanges
from understudy.usecases.transition.check_change import check_change
from understudy.usecases.transition.follow_changes import ChangeFollower
from understudy.usecases.transition.move_address import move_address
from understudy.usecases.transition.record_mover import RecordMover

GOAL = 1.5
SHARE = 0.9
"""Of each bucket, as the template has it. The limit that is drawn in is the whole of it."""
HORIZON_S = 300
"""How long the clusters that move each for itself are looked at: some would need half an hour."""
BEGIN_S = 1_800_000_000
NOTICED_WITHIN_S = 5.0
"""Silence is noticed by the beat of another node, so by each cluster at another moment: uniform."""
STEP_S = (0.1, 0.3)
"""Between two steps of a workflow, the start of its function included: uniform."""
TABLE_S = 0.006
"""A call of DynamoDB."""
UNITS_OF_A_MOVE = 4
"""DELETE and CREATE of the guard, UPSERT of the record."""
SHARES = (0.5, 0.99, 1.0)
TICKS_S = (0, 5, 10, 20, 30, 60, 120, 300)
Program = Callable[["Scene", int], None]


class SlowQueue(FakeQueue):
    """The queue, with the time that DynamoDB takes."""

    def __init__(self, ledger: FakeLedger, time: VirtualTime) -> None:
        super().__init__(ledger)
        self._time = time

    def _called(self, method: str) -> Any:
        self._time.sleep(TABLE_S)
        return super()._called(method)


class SlowRateBudgets(FakeRateBudgets):
    """What is left of the share, with the time that DynamoDB takes."""

    def __init__(self, time: VirtualTime) -> None:
        super().__init__()
        self._time = time

    def _called(self, method: str) -> Any:
        self._time.sleep(TABLE_S)
        return super()._called(method)


@dataclass
class Scene:
    """The clusters c0, c1, ..., spread over the zones, each with its record at the node that is dead now."""

    clusters: int
    zones: int
    seed: int

    def __post_init__(self) -> None:
        self.time = VirtualTime(BEGIN_S)
        self.random = Random(self.seed)
        self.route53 = Route53Model(self.time, self.random)
        self.ledger = FakeLedger()
        retries = Retries(self.time, self.time.sleep, self.random.random)
        zone = self.zone = Route53Zone(RetryingClient(self.route53, retries))
        store = SlowRateBudgets(self.time)
        moves, polls = (RateBudget(store, purpose, self.time, SHARE) for purpose in (Purpose.MOVES, Purpose.POLLS))
        group = GroupCommit(zone, SlowQueue(self.ledger, self.time), self.time, self.time.sleep, "understudy", moves)
        self.movers = (RecordMover(zone, group),)
        self.follower = ChangeFollower(
            zone, SharedChanges(zone, FakeQuestions(), self.time, polls), zone, self.time, "understudy"
        )
        for number in range(self.clusters):
            self._put(number)

    def name(self, number: int) -> str:
        return f"service-{number:04d}"

    def record(self, number: int) -> Record:
        return Record(f"Z{number % self.zones:04d}", f"{self.name(number)}.corp.example.com")

    def wish(self, number: int, epoch: int, address: str) -> DesiredRecord:
        return DesiredRecord("understudy", self.name(number), epoch, "node-b", address, 10)

    def _put(self, number: int) -> None:
        cluster, record = self.name(number), self.record(number)
        for each in desired(record, self.wish(number, 1, ADDRESS_A)):
            self.route53.put(record.hosted_zone_id, each.name, each.type, each.values[0])
        moving = a_transition(stage=Stage.MOVING, opened_at=BEGIN_S, deadline_at=BEGIN_S + 900)
        previous = a_previous(proof=Proof.LEASE_EXPIRED)
        self.ledger.put_state(a_moving_state(cluster=cluster, transition=moving, previous=previous))
        self.ledger.put_definition(a_definition(cluster=cluster, records=(record,)))

    def play(self, program: Program) -> dict[str, Any]:
        """Let every cluster move by this program, and tell when Route 53 accepted what, and what that took."""
        noticed = [BEGIN_S + self.random.uniform(0, NOTICED_WITHIN_S) for _ in range(self.clusters)]
        for number, at_s in enumerate(noticed):
            self.time.start(at_s, partial(program, self, number))
        self.time.run()
        accepted = sorted(at_s - BEGIN_S for at_s in self.route53.accepted_at.values())
        return {
            "accepted_s": [round(each, 3) for each in accepted],
            "least_s": least_s(sorted(at_s - BEGIN_S for at_s in noticed)),
            "least_of_share_s": least_s(sorted(at_s - BEGIN_S for at_s in noticed), SHARE),
            "requests": dict(sorted(self.route53.requests.items())),
            "refused": dict(sorted(self.route53.refused.items())),
            "units": self.route53.units,
        }


def least_s(noticed_s: Sequence[float], share: float = 1.0) -> list[float]:
    """When Route 53's change throughput lets it accept the first, the second, ... record at the earliest.

    No way to hand them in can be faster: each move costs its units, and none begins before it is noticed. Nor can one
    be that keeps within a `share` of the units.
    """
    burst, a_second = UNITS_BURST * share, UNITS_A_SECOND * share
    return [
        round(max(noticed, ((each + 1) * UNITS_OF_A_MOVE - burst) / a_second), 3)
        for each, noticed in enumerate(noticed_s)
    ]


def grouped(scene: Scene, number: int) -> None:
    """The product: MoveAddress until it is accepted, then CheckChange until it is in sync or the polls are spent."""
    payload: dict[str, Any] = {"cluster": scene.name(number), "epoch": 2, "attempt": 0}
    while True:
        scene.time.sleep(scene.random.uniform(*STEP_S))
        answer = move_address(
            payload,
            ledger=scene.ledger,
            movers=scene.movers,
            announcer=FakeAnnouncer(),
            clock=scene.time,
            stack="understudy",
        )
        if answer["outcome"] != "RETRY":
            break
        payload["attempt"] = answer["attempt"]
        scene.time.sleep(answer["wait_s"])
    if answer["outcome"] != "ACCEPTED":
        return
    payload["attempt"] = 0
    while (answer := check_change(payload, ledger=scene.ledger, follower=scene.follower))["outcome"] == "PENDING":
        payload["attempt"] = answer["attempt"]
        scene.time.sleep(answer["wait_s"] + scene.random.uniform(*STEP_S))


def alone(scene: Scene, number: int) -> None:
    """Each cluster for itself, guarded as the product does it; it gives up after HORIZON_S only."""
    record = scene.record(number)
    while scene.time() < BEGIN_S + HORIZON_S:
        try:
            plan = plan_batch(record, scene.wish(number, 2, ADDRESS_B), scene.zone.read(record))
            assert isinstance(plan, tuple)
            change_id = scene.zone.submit(record, plan, "")
        except (AddressUnreadableError, ZoneBusyError, GuardMismatchError):
            scene.time.sleep(Tuning().ROUTE53_RECORD_INTERVAL)
        else:
            _poll(scene, change_id)
            return


def paper(scene: Scene, number: int) -> None:
    """The white paper: an UPSERT without guard, in three tries 2 s apart, each with the three of an AWS SDK."""
    record, change = scene.record(number), desired(scene.record(number), scene.wish(number, 2, ADDRESS_B))[0]
    body = {"Name": change.name, "Type": "A", "TTL": 10, "ResourceRecords": [{"Value": ADDRESS_B}]}
    batch = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": body}]}
    for _ in range(Tuning().ROUTE53_RECORD_TRY_COUNT):
        for attempt in range(3):
            try:
                answer = scene.route53.change_resource_record_sets(
                    HostedZoneId=record.hosted_zone_id, ChangeBatch=batch
                )
            except ClientError:
                scene.time.sleep(scene.random.random() * 2**attempt)
            else:
                _poll(scene, answer["ChangeInfo"]["Id"].removeprefix("/change/"))
                return
        scene.time.sleep(Tuning().ROUTE53_RECORD_INTERVAL)


def _poll(scene: Scene, change_id: str) -> None:
    """GetChange at once, then every 20 s, five in all."""
    for _ in range(Tuning().ROUTE53_CHANGEID_TRY_COUNT):
        with suppress(ClientError):
            if scene.route53.get_change(Id=change_id)["ChangeInfo"]["Status"] == "INSYNC":
                return
        scene.time.sleep(Tuning().ROUTE53_CHANGEID_INTERVAL)


WAYS: dict[str, Program] = {"group commit": grouped, "each for itself": alone, "the paper": paper}


def measure(clusters: int, zones: int, seed: int) -> dict[str, Any]:
    """All ways on the same day."""
    return {
        "clusters": clusters,
        "zones": zones,
        "seed": seed,
        "ways": {name: Scene(clusters, zones, seed).play(way) for name, way in WAYS.items()},
    }


def at_share(times: Sequence[float], clusters: int, share: float) -> float | None:
    """When this share of all clusters was accepted; None when it never was."""
    wanted = max(1, round(share * clusters))
    return times[wanted - 1] if len(times) >= wanted else None


def summary(result: dict[str, Any]) -> dict[str, Any]:
    """What the documents show: when which share was accepted (None: never), and what that took."""
    clusters = result["clusters"]
    limits = {
        f"{name}_at_s": _shares(result["ways"]["group commit"][key], clusters)
        for name, key in (("limit", "least_s"), ("share_limit", "least_of_share_s"))
    }
    ways = {
        name: {key: way[key] for key in ("requests", "refused", "units")}
        | {"accepted": len(way["accepted_s"]), "at_s": _shares(way["accepted_s"], clusters)}
        for name, way in result["ways"].items()
    }
    head = {key: result[key] for key in ("clusters", "zones", "seed")}
    ratios = {"goal": GOAL, "ratio": ratio(result), "share": SHARE, "ratio_of_share": ratio(result, "least_of_share_s")}
    return head | ratios | limits | {"ways": ways}


def _shares(times: Sequence[float], clusters: int) -> list[float | None]:
    return [at_share(times, clusters, share) for share in SHARES]


def ratio(result: dict[str, Any], limit: str = "least_s") -> float | None:
    """Until the last record is accepted by group commit, as a multiple of what the buckets allow; None: never."""
    way = result["ways"]["group commit"]
    last = at_share(way["accepted_s"], result["clusters"], 1.0)
    return None if last is None else last / float(way[limit][-1])


def table(result: dict[str, Any]) -> Table:
    """What took how long, for people."""
    clusters = result["clusters"]
    shown = Table(title=f"{clusters} clusters, zones: {result['zones']}")
    for heading in ("", *(f"{share:.0%} accepted, s" for share in SHARES), "never", "requests", "refused", "units"):
        shown.add_column(heading, justify="left" if not heading else "right")
    least = result["ways"]["group commit"]["least_s"]
    shown.add_row("what the buckets allow", *(_number(at_share(least, clusters, share)) for share in SHARES))
    for name, way in result["ways"].items():
        times = way["accepted_s"]
        shown.add_row(
            name,
            *(_number(at_share(times, clusters, share)) for share in SHARES),
            str(clusters - len(times)),
            str(sum(way["requests"].values())),
            str(sum(way["refused"].values())),
            str(way["units"]),
        )
    return shown


def _number(value: float | None) -> str:
    return "never" if value is None else f"{value:.2f}"


def plot(result: dict[str, Any], path: Path) -> None:
    """Records accepted over time, with the limit drawn in. The same result makes the same bytes."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 4.6), layout="constrained")
    least = result["ways"]["group commit"]["least_s"]
    axes.plot(least, range(1, len(least) + 1), color="black", linestyle="--", label="what Route 53's buckets allow")
    for name, way in result["ways"].items():
        times = [0.0, *way["accepted_s"]]
        axes.step([*times, max(times[-1], HORIZON_S)], [*range(len(times)), len(times) - 1], where="post", label=name)
    axes.set_xlabel("seconds since the first cluster could notice that the Availability Zone is dark")
    axes.set_ylabel("records that Route 53 has accepted")
    zones = "one hosted zone" if result["zones"] == 1 else f"{result['zones']} hosted zones"
    axes.set_title(f"{result['clusters']:,} clusters in {zones} move at once")
    axes.set_xscale("symlog", linthresh=30)
    axes.set_xlim(0, HORIZON_S)
    axes.set_xticks(TICKS_S, [str(each) for each in TICKS_S])
    axes.grid(alpha=0.3)
    axes.legend(loc="center right")
    figure.savefig(path, dpi=90, metadata={"Software": None})
    plt.close(figure)


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m bench.outage", description=__doc__)
    parser.add_argument("--clusters", type=int, default=1000)
    parser.add_argument("--zones", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    logging.disable(logging.WARNING)  # the controller says hundreds of times that Route 53 is crowded: that is the day
    result = measure(chosen.clusters, chosen.zones, chosen.seed)
    directory = ROOT / "build" / "bench"
    directory.mkdir(parents=True, exist_ok=True)
    stem = f"outage-{chosen.clusters}-{chosen.zones}"
    (directory / f"{stem}.json").write_text(json.dumps(result, indent=1) + "\n")
    plot(result, directory / f"{stem}.png")
    console = Console(highlight=False, soft_wrap=True)
    console.print(table(result))
    needed = ratio(result)
    console.print(f"group commit needs {_number(needed)} times what the buckets allow; goal: {GOAL}")
    of_share = _number(ratio(result, "least_of_share_s"))
    console.print(f"and {of_share} times what the controller's share of them allows ({SHARE:.0%})")
    return 0 if needed is not None and needed <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
