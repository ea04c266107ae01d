"""`make performance-docs`: what the benchmarks left in build/bench, into bench/results, docs/images and the document.

What was not measured again stays as it is. The document itself is printed from bench/results alone (`make docs`).

Three kinds of figures are kept apart. Counts (calls, modules, bytes, an outage in virtual time) are the same on every
machine: tests demand them exactly. Ratios and times are of one machine: they are shown with its load, and no test looks
at them. A time that is a threshold makes tests fail on busy machines, and says nothing about AWS.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from bench import counts, outage
from local.sam import ROOT
from tools import peers_doc, performance_doc

RESULTS, IMAGES = ROOT / "bench" / "results", ROOT / "docs" / "images"
TIMES = ("imports", "handlers", "agent", "large_watch", "side_by_side", "machine", "warm_failovers")
"""What bench.json holds beside the counts, and is kept whole."""


def main() -> int:
    """See the module. Status 1 when there was nothing to take in."""
    found = sorted(path for path in counts.DIRECTORY.glob("*.json") if _take_in(path))
    print(*(f"{path.relative_to(ROOT)} taken in" for path in found), sep="\n")
    if not found:
        print("build/bench holds no results: run `make bench` or `make bench-outage` first", file=sys.stderr)
        return 1
    (ROOT / "docs" / "performance.md").write_text(performance_doc.performance_doc(ROOT), encoding="utf-8")
    return 0


def _take_in(path: Path) -> bool:
    read = json.loads(path.read_text(encoding="utf-8"))
    if path.name == "counts.json":
        _write("counts.json", read)
    elif path.name == "bench.json":
        _write("times.json", times(read))
        plot(read["side_by_side"], IMAGES / "side-by-side.png")
    elif path.name.startswith("outage-"):
        _write(path.name, outage.summary(read))
        outage.plot(read, IMAGES / f"{path.stem}.png")
    elif path.name == "peers.json":
        _write("peers.json", read)
        plot_peers(read["rounds"], IMAGES / "peers.png")
    else:
        return False
    return True


def times(read: dict[str, Any]) -> dict[str, Any]:
    """What differs from machine to machine."""
    return {name: read[name] for name in TIMES} | {"failover": read["failover"]["medians"]}


def plot(side_by_side: list[dict[str, Any]], path: Path) -> None:
    """Seconds until the service is in service and until the client is served, of both ways."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 4.2), layout="constrained")
    for way, colour in (("understudy", "tab:blue"), ("paper", "tab:green")):
        cases = [each for each in side_by_side if each["way"] == way]
        delays = [each["propagation_s"] for each in cases]
        for event, style in (("in_service", "--"), ("client", "-")):
            seconds = [each["at_s"][event] for each in cases]
            label = f"{performance_doc.WAYS[way]}: {performance_doc.EVENTS[event]}"
            axes.plot(delays, seconds, style, marker="o", color=colour, label=label)
    axes.set_xlabel("seconds that Route 53 needs until a change is in sync")
    axes.set_ylabel("seconds after the client's last answer")
    axes.set_ylim(0)
    axes.grid(alpha=0.3)
    axes.legend()
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=90, metadata={"Software": None})
    plt.close(figure)


def plot_peers(rounds: list[dict[str, Any]], path: Path) -> None:
    """The median outage of each contender's clients, by fault."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    columns = sorted({(one["contender"], client) for one in rounds for client in one["outage_s"]})
    figure, axes = plt.subplots(figsize=(9, 6), layout="constrained")
    height = 0.8 / len(columns)
    for number, (contender, client) in enumerate(columns):
        found = peers_doc.medians(rounds, (contender, client))
        places = [at + height * number for at, fault in enumerate(peers_doc.FAULTS) if fault in found]
        label = f"{contender}, {peers_doc.CLIENTS[client]}"
        axes.barh(places, list(found.values()), height, label=label, color=f"C{number}")
    axes.set_yticks([at + 0.4 for at in range(len(peers_doc.FAULTS))], peers_doc.FAULTS)
    axes.invert_yaxis()
    axes.set_xlabel("seconds for which the client was not served, median")
    axes.grid(axis="x", alpha=0.3)
    axes.legend(fontsize="small")
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=90, metadata={"Software": None})
    plt.close(figure)


def _write(name: str, values: dict[str, Any]) -> None:
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / name).write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
