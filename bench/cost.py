"""What a node costs a month: docs/cost.md, computed from the prices and counts below. `python -m bench.cost` writes it.

The counts of calls are those that tests hold (`tests/unit/bench`). Prices of us-east-1 in US dollars, as
documents of 2026 give them, without free tiers and discounts.
"""

# ruff: noqa: E501 - lines of a document
from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "cost.md"
MONTH_S = 730 * 3600
BEAT_S, READ_S = 4, 2
BEAT_CPU_MS, BEAT_CPU_P99_MS, TABLE_MS = 2.6, 3.8, 5
VCPU_MB, MEMORY_MB = 1769, 256
BEAT_LOG_BYTES, LAMBDA_LOG_BYTES = 306, 350
ALARMS, DASHBOARDS, METRICS = 31, 1, 40
WATCH_CPU_MS = 3.5
SIZES = (10, 1_000, 10_000)
MILLION = 1_000_000
PRICES = {
    "Lambda, a million requests": 0.20,
    "Lambda, a GB-second on arm64": 0.0000133334,
    "DynamoDB on demand, a million write units": 0.625,
    "DynamoDB on demand, a million read units": 0.125,
    "EventBridge, a million custom events": 1.00,
    "CloudWatch Logs, a GB taken in": 0.50,
    "CloudWatch, an alarm metric": 0.10,
    "CloudWatch, a metric": 0.30,
    "CloudWatch, a dashboard": 3.00,
}


def beat_ms(cpu_ms: float = BEAT_CPU_MS, table_ms: float = TABLE_MS) -> float:
    """Milliseconds that a beat's function runs: its share of a processor, and the wait for the table."""
    return cpu_ms * VCPU_MB / MEMORY_MB + table_ms


def monthly(nodes: int, beat_s: float = BEAT_S, read_s: float = READ_S) -> dict[str, float]:
    """Dollars a month for so many nodes, in clusters of two, by what they are for."""
    p = PRICES
    beats = nodes * MONTH_S / beat_s
    reads = nodes * MONTH_S * (1 / read_s + 1 / beat_s)
    clusters, minutes = nodes / 2, MONTH_S / 60
    gb = MEMORY_MB / 1024
    watch_gb_s = minutes * clusters * WATCH_CPU_MS / 1000 * VCPU_MB / 1024
    return {
        "EventBridge: the beats": beats / MILLION * p["EventBridge, a million custom events"],
        "DynamoDB: a write for each beat": beats / MILLION * p["DynamoDB on demand, a million write units"],
        "DynamoDB: the agents' reads": reads / MILLION * p["DynamoDB on demand, a million read units"],
        "Lambda: requests": beats / MILLION * p["Lambda, a million requests"],
        "Lambda: duration": beats * beat_ms() / 1000 * gb * p["Lambda, a GB-second on arm64"],
        "CloudWatch: log lines of the beats": beats
        * (BEAT_LOG_BYTES + LAMBDA_LOG_BYTES)
        / 2**30
        * p["CloudWatch Logs, a GB taken in"],
        "the watch": watch_gb_s * p["Lambda, a GB-second on arm64"]
        + minutes * clusters / MILLION * p["DynamoDB on demand, a million read units"],
        "CloudWatch: alarms, metrics, dashboard": ALARMS * p["CloudWatch, an alarm metric"]
        + METRICS * p["CloudWatch, a metric"]
        + DASHBOARDS * p["CloudWatch, a dashboard"],
    }


def per_node(nodes: int, **intervals: float) -> float:
    """Dollars a month for one node of so many."""
    return sum(monthly(nodes, **intervals).values()) / nodes


def document() -> str:
    """The text of docs/cost.md."""
    columns = {nodes: monthly(nodes) for nodes in SIZES}
    lines = [
        "# What it costs",
        "",
        "This page is computed by `bench/cost.py` (`python -m bench.cost` writes it) from counts that tests hold and from prices",
        "of us-east-1, in US dollars, as documents of 2026 give them, without free tiers and discounts. It is no bill: check those of",
        "your Region. No part of it was read off a bill.",
        f"Clusters have two nodes, which beat every {BEAT_S} s and read their lease every {READ_S} s and once after each beat.",
        "",
        "## A node, a month",
        "",
        "| what | " + " | ".join(f"{nodes:,} nodes" for nodes in SIZES) + " |",
        "|---|" + "---|" * len(SIZES),
    ]
    for what in columns[SIZES[0]]:
        lines.append(f"| {what} | " + " | ".join(f"{columns[nodes][what] / nodes:.3f}" for nodes in SIZES) + " |")
    lines.append("| **together** | " + " | ".join(f"**{per_node(nodes):.2f}**" for nodes in SIZES) + " |")
    lines += [
        "",
        "A failover is some 20 transitions of Step Functions and 40 calls: less than a tenth of a cent. The table's storage and",
        "backups are cents. Route 53's health checks are not used. Parameters up to 4 KB cost nothing.",
        "",
        "## What to turn",
        "",
        "| what | saves | its price |",
        "|---|---|---|",
    ]
    for beat_s, read_s, silence_s in ((8, 4, 25), (15, 7, 45)):
        saved = per_node(1000) - per_node(1000, beat_s=beat_s, read_s=read_s)
        lines.append(
            f"| beat every {beat_s} s, read every {read_s} s | {saved:.2f} a node | silence is noticed after some {silence_s} s "
            "instead of 15 s; the timings must agree (`docs/tuning.md`), and a definition in which they do not is refused |"
        )
    logs = columns[1000]["CloudWatch: log lines of the beats"] / 1000
    lines += [
        f"| `LogLevel: WARNING` | less than {logs:.2f} a node | Lambda's own lines and the metrics stay: little is saved |",
        "| `Alarms: false`, `Dashboard: false` | 6.10 a month | nobody hears that the controller is ill: not advised |",
        "",
        "## Inputs",
        "",
        "| price | USD |",
        "|---|---|",
        *(f"| {what} | {price:g} |" for what, price in PRICES.items()),
        "",
        "| count | value |",
        "|---|---|",
        f"| a beat's function | {beat_ms():.0f} ms at {MEMORY_MB} MB: {BEAT_CPU_MS} ms of a processor, {TABLE_MS} ms for the table |",
        f"| a beat's log | {BEAT_LOG_BYTES} bytes of ours (`bench/beats.py`), about {LAMBDA_LOG_BYTES} of Lambda's |",
        f"| the watch | {WATCH_CPU_MS} ms of a processor and one read unit for each cluster, each minute |",
        f"| metrics, alarm metrics | about {METRICS}, {ALARMS} |",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(document(), encoding="utf-8")
