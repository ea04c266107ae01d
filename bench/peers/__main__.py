"""`make bench-peers`: the same faults for the product and for its peers, side by side, into build/bench/peers.json."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.peers.contender import Contender
from bench.peers.databases import Patroni, UnderstudyDatabase
from bench.peers.ground import Ground, Power, gates
from bench.peers.pacemaker import Pacemaker
from bench.peers.paper import Paper
from bench.peers.rounds import LOSS_S, Loss, Round, endure, lose_packets
from bench.peers.understudy import Understudy
from local.local_aws import local_aws
from local.sam import ROOT
from local.world import ZONE_NAME
from tests.nodes.base import built_base
from tests.nodes.lab import Lab
from tests.nodes.needs import missing

DIRECTORY = ROOT / "build" / "bench"
LIBRARIES = DIRECTORY / "peers-libraries"
REQUIREMENTS = ROOT / "requirements" / "peers.txt"
PACKAGES = (
    "pacemaker",
    "corosync",
    "fence-agents",
    "resource-agents",
    "etcd-server",
    "haproxy",
    "postgresql-15",
    "awscli",
)
PROPAGATION_S = 5.0
NAMES = ("normal", "fast", "pcmk", "paper", "pg")
Make = Callable[[Ground, dict[str, str]], Contender]
WAVES = (("normal", "fast", "pacemaker", "paper"), ("postgresql", "patroni"))
"""Who runs side by side: all at once are more nodes than two processors bear."""
CONTENDERS: dict[str, Make] = {
    "normal": lambda ground, endpoints: Understudy(ground, endpoints, "normal", 0),
    "fast": lambda ground, endpoints: Understudy(ground, endpoints, "fast", 1),
    "pacemaker": lambda ground, endpoints: Pacemaker(ground, endpoints, LIBRARIES),
    "paper": lambda ground, _: Paper(ground),
    "postgresql": lambda ground, endpoints: UnderstudyDatabase(ground, endpoints, 7610),
    "patroni": lambda ground, _: Patroni(ground, LIBRARIES, 7611),
}


def main() -> int:
    """See the module."""
    asked = _arguments()
    reason = missing()
    if reason:
        print(f"bench-peers: {reason}", file=sys.stderr)
        return 1
    _install_libraries()
    with contextlib.ExitStack() as undo:
        ground, endpoints = _ground(undo)
        result: dict[str, Any] = {
            "runs": asked.runs,
            "propagation_s": PROPAGATION_S,
            "loss_s": asked.loss_s,
            "versions": _versions(),
            "settings": {},
            "rounds": [],
            "losses": [],
        }
        for wave in WAVES:
            names = [name for name in wave if name in asked.only]
            if names:
                _measure([CONTENDERS[name](ground, endpoints) for name in names], asked.runs, asked.loss_s, result)
                ground.lab.remove_machines()
                (DIRECTORY / "peers.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


def _measure(contenders: list[Contender], runs: int, loss_s: float, result: dict[str, Any]) -> None:
    """Side by side, each at its own speed; then all lose packets at the same time. What is found goes into `result`."""
    with contextlib.ExitStack() as undo:
        for contender in contenders:
            contender.prepare(undo)
            _say(contender, "is ready")
        with ThreadPoolExecutor(len(contenders)) as pool:
            rounds = [one for some in pool.map(lambda each: _rounds(each, runs), contenders) for one in some]
            losses = list(pool.map(lambda each: _loss(each, loss_s), contenders)) if loss_s else []
    result["settings"] |= {contender.name: dict(contender.settings) for contender in contenders}
    result["rounds"] += [dataclasses.asdict(one) for one in rounds]
    result["losses"] += [dataclasses.asdict(one) for one in losses if one]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.peers", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="of each fault, for each contender")
    parser.add_argument("--loss-s", type=float, default=LOSS_S, help="seconds of packet loss at the end; 0: none")
    parser.add_argument("--only", nargs="+", choices=list(CONTENDERS), default=list(CONTENDERS))
    return parser.parse_args()


def _ground(undo: contextlib.ExitStack) -> tuple[Ground, dict[str, str]]:
    lab = Lab(built_base())
    undo.callback(lab.close)
    names = [f"{name}.{ZONE_NAME}" for name in NAMES]
    aws = undo.enter_context(
        local_aws(DIRECTORY / "peers-aws", names, propagation_s=PROPAGATION_S, enforces_iam=True, say=print)
    )
    ground = Ground(aws, lab, undo.enter_context(Power(aws.engine.ec2_port)))
    ways = {name: undo.enter_context(gate) for name, gate in gates(ground).items()}
    undo.callback(lab.remove_machines)
    return ground, {name: gate.endpoint for name, gate in ways.items()}


def _rounds(contender: Contender, runs: int) -> list[Round]:
    """Every fault in turn, `runs` times. A fault that a contender does not get over is told, and not counted."""
    found = []
    for _ in range(runs):
        for fault in contender.faults:
            try:
                found.append(endure(contender, fault))
            except Exception:
                _say(contender, f"did not get over: {fault}\n{traceback.format_exc()}")
                continue
            _say(contender, f"{fault}: {found[-1].outage_s} doubled {found[-1].doubled} moved {found[-1].moved}")
    return found


def _loss(contender: Contender, seconds: float) -> Loss | None:
    if not contender.moves_by_itself:
        return None
    try:
        found = lose_packets(contender, seconds)
    except Exception:
        _say(contender, f"packet loss was not measured\n{traceback.format_exc()}")
        return None
    _say(contender, f"packet loss: {found}")
    return found


def _say(contender: Contender, text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {contender.name}: {text}", flush=True)


def _install_libraries() -> None:
    """Into a folder that the nodes get a copy of; again when what is pinned has changed."""
    stamp, wanted = LIBRARIES / "stamp", REQUIREMENTS.read_text(encoding="utf-8")
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    uv = str(Path(sys.executable).with_name("uv"))
    target = ["--target", str(LIBRARIES), "--python", "/usr/bin/python3"]
    subprocess.run([uv, "pip", "install", "--quiet", *target, "--require-hashes", "-r", str(REQUIREMENTS)], check=True)
    stamp.write_text(wanted, encoding="utf-8")


def _versions() -> dict[str, str]:
    asked = ["dpkg-query", "--show", "--showformat", "${Package} ${Version}\n", *PACKAGES]
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    debian = dict(line.split() for line in told.splitlines())
    pinned: dict[str, Any] = {}
    for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines():
        name, found, rest = line.partition("==")
        if found and name in ("patroni", "boto3"):
            pinned[name] = rest.split()[0]
    return debian | pinned


if __name__ == "__main__":
    sys.exit(main())
