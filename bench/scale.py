"""What many nodes need of AWS's quotas: docs/scale.md, computed from the inputs below. `python -m bench.scale` writes it.

Measured inputs are processor times of `bench.beats` and `bench.fleet` on the machine of the last run; put new ones in
here when they change. Tests hold the document to this module.
"""

# ruff: noqa: E501 - lines of a document
from __future__ import annotations

from pathlib import Path

from bench.cost import (
    BEAT_CPU_MS,
    BEAT_CPU_P99_MS,
    BEAT_LOG_BYTES,
    BEAT_S,
    LAMBDA_LOG_BYTES,
    MONTH_S,
    PRICES,
    TABLE_MS,
    VCPU_MB,
    beat_ms,
)
from understudy.usecases.views import GROUP_SIZE
from understudy.usecases.watch_clusters import NODES_LIMIT, TEXTS_LIMIT
from understudy.usecases.watch_run import JUDGE_LIMIT_S

PAGE = Path(__file__).parents[1] / "docs" / "scale.md"
TABLE_P99_MS = 25
JUDGE_CPU_MS = 0.61
PARSE_STATE_CPU_MS = 0.31
PARSE_INSTANCE_CPU_MS = 1.3
VIEW_KB = 6.2
BEAT_SIZES = (20, 2_000, 20_000)
WATCH_SIZES = (100, 500, 1_000, 10_000)
QUOTAS = (
    ("Lambda", "Concurrent executions", "1,000 (new accounts: less)"),
    ("EventBridge", "PutEvents throttle limit in transactions per second", "10,000 in us-east-1; less elsewhere"),
    ("EventBridge", "Invocations throttle limit in transactions per second", "18,750 in us-east-1; less elsewhere"),
    ("DynamoDB", "Table-level write throughput limit (on demand)", "40,000"),
    ("DynamoDB", "Table-level read throughput limit (on demand)", "40,000"),
)


def concurrency(nodes: int, every_s: float, *, worst: bool = False) -> float:
    """Functions that run at the same time, by Little's law; `worst`: all beats as slow as the slowest hundredth."""
    cpu_ms, table_ms = (BEAT_CPU_P99_MS, TABLE_P99_MS) if worst else (BEAT_CPU_MS, TABLE_MS)
    return nodes / every_s * beat_ms(cpu_ms, table_ms) / 1000


def watch_cpu_s(clusters: int) -> float:
    """Seconds of a whole processor for one watch of clusters of two nodes each."""
    instances = 2 * min(clusters, NODES_LIMIT)
    return (clusters * (JUDGE_CPU_MS + PARSE_STATE_CPU_MS) + instances * PARSE_INSTANCE_CPU_MS) / 1000


def watch_s(clusters: int, memory_mb: int) -> float:
    """Seconds of one watch in a function of this memory, as far as the processor is what it waits for."""
    return watch_cpu_s(clusters) / min(1.0, memory_mb / VCPU_MB)


def _beats() -> list[str]:
    rows = [
        "| nodes, beat | beats a second | functions at once | all as slow as the slowest 1 % | writes, reads a second |"
    ]
    rows.append("|---|---|---|---|---|")
    for nodes in BEAT_SIZES:
        for every_s in (BEAT_S, 5):
            usual, worst = concurrency(nodes, every_s), concurrency(nodes, every_s, worst=True)
            reads = nodes * (1 / 2 + 1 / every_s)
            figures = f"{nodes / every_s:,.0f} | {usual:,.0f} | {worst:,.0f} | {nodes / every_s:,.0f}, {reads:,.0f}"
            rows.append(f"| {nodes:,}, {every_s:g} s | {figures} |")
    return rows


def _watches() -> list[str]:
    rows = ["| clusters | processor time | 256 MB | 1,769 MB | memory for what was read |", "|---|---|---|---|---|"]
    for clusters in WATCH_SIZES:
        times = " | ".join(f"{watch_s(clusters, memory):.1f} s" for memory in (256, VCPU_MB))
        rows.append(f"| {clusters:,} | {watch_cpu_s(clusters):.1f} s | {times} | {clusters * VIEW_KB / 1024:.0f} MB |")
    return rows


def document() -> str:
    """The text of docs/scale.md."""
    log_gb = 20_000 / 5 * (BEAT_LOG_BYTES + LAMBDA_LOG_BYTES) * MONTH_S / 2**30
    quotas = [f"| {service} | {name} | {default} |" for service, name, default in QUOTAS]
    return "\n".join(
        [
            "# How far it goes",
            "",
            "This page is computed by `bench/scale.py` (`python -m bench.scale` writes it). Nothing here was measured on AWS.",
            "Processor times were measured on a small shared machine; the rest are assumptions, which stand here.",
            "",
            "| input | value | from |",
            "|---|---|---|",
            f"| processor time of a beat, p50 / p99 | {BEAT_CPU_MS} / {BEAT_CPU_P99_MS} ms | `bench/beats.py` |",
            f"| answer of DynamoDB, p50 / p99 | {TABLE_MS} / {TABLE_P99_MS} ms | assumed |",
            f"| share of a processor | memory / {VCPU_MB:,} MB | Lambda's documentation |",
            f"| processor time to judge a cluster | {JUDGE_CPU_MS} ms | `bench/fleet.py`, 1,000 clusters, warm |",
            f"| to parse a state, an instance | {PARSE_STATE_CPU_MS}, {PARSE_INSTANCE_CPU_MS} ms | botocore's parsers; the "
            "instance twice as measured, since AWS says twice as much as moto |",
            f"| memory of a cluster that was read | {VIEW_KB} KB | `bench/fleet.py`, at the peak |",
            "",
            "## Heartbeats",
            "",
            *_beats(),
            "",
            "A beat is one write of an item below 1 KB: one write unit. A cluster's item gets one write a beat from each of its",
            "nodes, far below the 1,000 write units a second of one partition. On demand, a new table takes 4,000 writes a",
            "second at once and twice its last peak within 30 minutes: start a large fleet in parts, or warm the table first.",
            "The agents read every 2 s and once after each beat, strongly consistent: one read unit each.",
            "",
            f"Logs: 20,000 nodes at 5 s write {log_gb:,.0f} GB a month, which cost {log_gb * PRICES['CloudWatch Logs, a GB taken in']:,.0f} USD to take in.",
            "",
            "| service | quota to look at, and to raise when the table above comes near | default |",
            "|---|---|---|",
            *quotas,
            "",
            "A step of a move needs functions, too: leave room for one or two for each cluster that moves at once.",
            "",
            "## The watch",
            "",
            *_watches(),
            "",
            f"It stops judging after {JUDGE_LIMIT_S} s, and Lambda ends it after 55 s. With 256 MB, the default of the parameter",
            "`WatchMemory`, it is good for some 500 clusters. **Set `WatchMemory` to 1769 for more**: 10,000 clusters then need",
            "less than half of the time. What a watch does not reach is a fault of its own (`WatchFaults`, and its alarm), and",
            "the next watch begins elsewhere, so that nobody starves. To keep within its minute it does less of three things:",
            "",
            f"- it reads {GROUP_SIZE} clusters a call, ten calls at once, and no definition twice in the life of a worker;",
            f"- it compares the nodes of {NODES_LIMIT:,} clusters a minute with EC2: with 10,000, each about every twenty minutes;",
            f"- it reads the texts of {TEXTS_LIMIT:,} clusters a minute: with 10,000, a change whose event was lost is found",
            "  within ten minutes. `GetParametersByPath` shares 40 calls a second with all of the account.",
            "",
        ]
    )


if __name__ == "__main__":
    PAGE.write_text(document(), encoding="utf-8")
