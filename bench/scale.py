"""What many nodes need of AWS's quotas: docs/scale.md, computed from what `bench.usage` counted and measured.

`make cost` writes it. Tests hold the document to this module.
"""

# ruff: noqa: E501 - lines of a document
from __future__ import annotations

from pathlib import Path

from bench import names
from bench.calls import BEAT_S
from bench.cost import (
    CALL_MS,
    COUNTS,
    MONTH_S,
    PARSE_INSTANCE_CPU_MS,
    PARSE_STATE_CPU_MS,
    TABLE_MS,
    TABLE_P99_MS,
    TIMES,
    VCPU_MB,
    beat_ms,
    reads_a_beat,
)
from bench.cost import watch_cpu_s as _watch_cpu_s
from bench.names import CUT, NARROWEST, OWN_NAME_LIMIT, STACK_LIMIT, STACK_NAME_LIMIT
from bench.prices import GB, LOG_BYTE, UNCONFIRMED
from understudy.usecases.watch.run import JUDGE_LIMIT_S
from understudy.usecases.watch.views import GROUP_SIZE
from understudy.usecases.watch.watch_clusters import NODES_LIMIT, TEXTS_LIMIT

PAGE = Path(__file__).parents[1] / "docs" / "scale.md"
VIEW_KB = 6.2
BEAT_SIZES = (20, 2_000, 20_000)
WATCH_SIZES = (100, 500, 1_000, 10_000)
NAMES_ONE_BY_ONE, ZONES_ONE_BY_ONE = 105, 70
"""How many protected names of 26 characters, or hosted zones beside a suffix, fit into the policies of the role that moves."""
EVENTBRIDGE, ON_DEMAND = "Amazon EventBridge quotas", "DynamoDB on-demand capacity mode"
QUOTAS = (
    ("Lambda", "Concurrent executions", "1,000 (new accounts: less)", "Lambda quotas"),
    (
        "EventBridge",
        "PutEvents throttle limit in transactions per second",
        "10,000 in us-east-1, 2,400 in us-east-2; look up yours",
        EVENTBRIDGE,
    ),
    (
        "EventBridge",
        "Invocations throttle limit in transactions per second",
        "18,750, 4,500, or 2,250 or less, by Region; see below",
        EVENTBRIDGE,
    ),
    (
        "Systems Manager",
        "GetParameter, GetParameters, GetParametersByPath together",
        "40 a second",
        "classmethod, on ThrottlingException of Systems Manager (2022)",
    ),
    (
        "Step Functions",
        "StartExecution, standard workflows: bucket size, refill rate",
        "by Region, not confirmed; look up yours",
        "Step Functions service quotas",
    ),
    ("DynamoDB", "Table-level write throughput limit (on demand)", "40,000", ON_DEMAND),
    ("DynamoDB", "Table-level read throughput limit (on demand)", "40,000", ON_DEMAND),
)


def concurrency(nodes: int, every_s: float, *, worst: bool = False) -> float:
    """Functions that run at the same time, by Little's law; `worst`: all beats as slow as the slowest hundredth."""
    return nodes / every_s * (beat_ms(TIMES["beat_p99_ms"], TABLE_P99_MS) if worst else beat_ms()) / 1000


def watch_cpu_s(clusters: int) -> float:
    """Seconds of a whole processor for one watch of clusters of two nodes each."""
    return _watch_cpu_s(clusters, 2 * min(clusters, NODES_LIMIT))


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
            beats = nodes / every_s
            reads = nodes * (reads_a_beat() / BEAT_S if every_s == BEAT_S else 1 / 2 + 1 / every_s)
            rows.append(
                f"| {nodes:,}, {every_s:g} s | {beats:,.0f} | {usual:,.0f} | {worst:,.0f} | {beats:,.0f}, {reads:,.0f} |"
            )
    return rows


def _watches() -> list[str]:
    rows = ["| clusters | processor time | 256 MB | 1,769 MB | memory for what was read |", "|---|---|---|---|---|"]
    for clusters in WATCH_SIZES:
        times = " | ".join(f"{watch_s(clusters, memory):.1f} s" for memory in (256, VCPU_MB))
        rows.append(f"| {clusters:,} | {watch_cpu_s(clusters):.1f} s | {times} | {clusters * VIEW_KB / 1024:.0f} MB |")
    return rows


def document() -> str:
    """The text of docs/scale.md."""
    log_bytes = 20_000 / BEAT_S * COUNTS["beat"]["printed_bytes"] * MONTH_S
    cut = " and ".join(f"{what} is cut to {limit} characters" for what, limit in CUT)
    quotas = [f"| {service} | {name} | {default} | {source} |" for service, name, default, source in QUOTAS]
    return "\n".join(
        [
            "# How far it goes",
            "",
            "Written by `make cost` from `bench/results/usage.json`. Nothing here was measured on AWS. Processor times were measured on a",
            "small shared machine; the rest are assumptions, which are listed here.",
            "",
            "| input | value | from |",
            "|---|---|---|",
            f"| processor time of a beat, p50 / p99 | {TIMES['beat_p50_ms']} / {TIMES['beat_p99_ms']} ms | `bench/beats.py` |",
            f"| answer of DynamoDB, p50 / p99 | {TABLE_MS} / {TABLE_P99_MS} ms | assumed |",
            f"| share of a processor | memory / {VCPU_MB:,} MB | Lambda's documentation |",
            f"| processor time to judge a cluster | {TIMES['judge_ms']} ms | `bench/fleet.py`, 1,000 clusters, warm |",
            f"| to parse a state, an instance | {PARSE_STATE_CPU_MS}, {PARSE_INSTANCE_CPU_MS} ms | botocore's parsers; the "
            "instance twice as measured, since AWS says twice as much as moto |",
            f"| memory of a cluster that was read | {VIEW_KB} KB | `bench/fleet.py`, at the peak |",
            "",
            "## Heartbeats",
            "",
            *_beats(),
            "",
            "A beat is one write of an item below 1 KB: one write unit. A cluster's item gets one write for each beat of its nodes, far below the",
            "1,000 write units a second of one partition. On demand, a new table takes 4,000 writes and 12,000 reads a second at once, and twice",
            f"its last peak at any time ({ON_DEMAND}): start a large fleet in parts, or warm the table first.",
            f"The agents read every 2 s, strongly consistent, one read unit each. That is {reads_a_beat():.2f} reads a beat: when beats come every 4 s,",
            "the read after a beat replaces every second regular read. At other intervals it is an additional one, at the worst once a beat.",
            "",
            "Within ten seconds, Lambda makes 1,000 more workers of a function, or accepts 10,000 more calls a second (Lambda scaling behavior):",
            "more than all of these beats need. An account's concurrency allows ten calls a second for each worker, but that is said of calls",
            f"whose caller waits. That it does not limit calls of EventBridge, which do not wait, is {UNCONFIRMED}.",
            "If it did, 20,000 nodes would need a concurrency of 500.",
            "",
            f"Logs: 20,000 nodes write {log_bytes / GB:,.0f} GB a month at the most; CloudWatch charges {log_bytes * LOG_BYTE.usd:,.0f} USD for them. A worker collects the",
            "metrics of its beats for 15 s, of 99 beats at the most, so a busy worker writes less for each.",
            "",
            "These quotas limit you. Raise one when the table above comes near it:",
            "",
            "| service | quota | default | document |",
            "|---|---|---|---|",
            *quotas,
            "",
            "EventBridge allows 18,750 invocations a second in us-east-1, us-west-2 and eu-west-1, 4,500 in us-east-2 and eu-central-1, and 2,250 or",
            "less elsewhere. Above that, deliveries are late.",
            "",
            "Each node reads the keys of [promises](failsafe.md) when its agent starts, and then once in 15 to 30 minutes, at a time of its own: 20,000",
            "nodes make some 22 of the 40 calls a second. Each cluster has two parameters, its definition and its key. An account can have 10,000",
            "standard parameters.",
            "",
            "A step of a move needs functions, too: leave room for one or two for each cluster that moves at once. A move is one execution. When half",
            "of 10,000 clusters lose their node in one minute, the standbys' beats and the watch start 5,000 executions. If Step Functions refuses one,",
            "the next beat asks again. Route 53 is the narrower limit: its buckets allow some 25 such moves a second",
            "([performance](performance.md#a-whole-availability-zone-at-once)).",
            "",
            "## The stack's name",
            "",
            f"It may have **{STACK_NAME_LIMIT} characters**, of the {STACK_LIMIT} that CloudFormation allows. CloudFormation cannot check this before it begins. With a longer",
            f"name the first deployment fails at the {NARROWEST.what}, and is rolled back. Names of clusters and nodes have {OWN_NAME_LIMIT} characters at most.",
            "",
            *names.table(),
            "",
            f"{cut[0].upper()}{cut[1:]}: nothing depends on their ends. CloudFormation",
            "shortens the names that it makes itself (functions, roles, rules, alarms), so these may begin with only a part of a long name.",
            "",
            "## Protected names and hosted zones",
            "",
            "In IAM the policies of a role may have 10,240 characters together, and in CloudFormation a parameter may have 4,096 bytes. So some",
            f"{NAMES_ONE_BY_ONE} names of 26 characters fit into `ProtectedNames` one by one (each appears there a second time for its guard), and",
            f"{ZONES_ONE_BY_ONE} hosted zones fit into `HostedZoneIds`, even with the longest name of a stack. CloudFormation refuses a deployment with more. **A suffix",
            "(`*.ha.corp.example.com`) stands for all names below it, with their guards**: ten thousand names take as much room as one. Give the",
            "clusters of a stack a subdomain of their own, in few zones.",
            "",
            "## The watch",
            "",
            *_watches(),
            "",
            f"In addition there are its calls, each of some {CALL_MS} ms: {sum(COUNTS['watch']['500'].values())} for 500 clusters, {sum(COUNTS['watch']['5000'].values())} for 5,000.",
            f"It stops judging after {JUDGE_LIMIT_S} s, and Lambda ends it after 55 s. With 256 MB, the default of the parameter",
            "`WatchMemory`, it is good for some 500 clusters. **Set `WatchMemory` to 1769 for more**: 10,000 clusters then need",
            "less than half of the time. If a watch does not reach all clusters, that is a fault (`WatchFaults`, and its alarm). The next",
            "watch begins elsewhere, so that each cluster has its turn. To stay within its minute the watch limits three things:",
            "",
            f"- it reads {GROUP_SIZE} clusters a call, ten calls at once, and no definition twice in the life of a worker;",
            f"- it compares the nodes of {NODES_LIMIT:,} clusters a minute with EC2: with 10,000, each about every ten minutes;",
            f"- it reads the texts of {TEXTS_LIMIT:,} clusters a minute: with 10,000, a change whose event was lost is found",
            "  within ten minutes. `GetParametersByPath` shares its 40 calls a second with all of the account.",
            "",
        ]
    )


if __name__ == "__main__":
    PAGE.write_text(document(), encoding="utf-8")
