"""What a node costs a month: docs/cost.md, computed from what was counted (`bench.usage`) and list prices.

`make cost` counts again and writes the document.
"""

# ruff: noqa: E501 - lines of a document
from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from bench import prices, usage
from bench.calls import BEAT_S

PAGE = Path(__file__).parents[1] / "docs" / "cost.md"
GOAL_USD = 1.50
MONTH_S = 730 * 3600
MONTH_DAYS = 365 / 12
READ_S = 2
TABLE_MS, TABLE_P99_MS, CALL_MS, STEP_MS, WARM_MS = 5, 25, 50, 200, 5
"""Assumed, not measured: an answer of DynamoDB, one of any other service, a step of a failover, a call that keeps warm."""
PARSE_STATE_CPU_MS, PARSE_INSTANCE_CPU_MS = 0.31, 1.3
"""botocore's parsers of a state and of an instance. `bench.fleet` answers parsed."""
VCPU_MB = 1769
WATCH_MEMORY_MB = ((500, 256), (math.inf, VCPU_MB))
"""What docs/scale.md advises up to so many clusters."""
SIZES = (10, 1_000, 10_000)
ENTRIES_A_TRANSACTION = 2
"""The state and the history."""
USED = usage.read()
COUNTS, TIMES = USED["counts"], USED["times"]


def beat_ms(cpu_ms: float = TIMES["beat_p50_ms"], table_ms: float = TABLE_MS) -> float:
    """Milliseconds that a beat's function runs: its share of a processor, and the wait for the table."""
    return float(cpu_ms * VCPU_MB / COUNTS["stack"]["beat_memory_mb"] + table_ms)


def reads_a_beat() -> float:
    """Reads of an agent for each of its beats. Every second one, at least, is the read after a beat."""
    agents = COUNTS["agents"].values()
    return float(sum(each["reads"] for each in agents) / sum(each["beats"] for each in agents))


def watch_cpu_s(clusters: int, instances: int | None = None) -> float:
    """Seconds of a whole processor for one watch of clusters of two nodes each."""
    seen = 2 * clusters if instances is None else instances
    return float(clusters * (TIMES["judge_ms"] + PARSE_STATE_CPU_MS) + seen * PARSE_INSTANCE_CPU_MS) / 1000


def monthly(nodes: int, beat_s: float = BEAT_S) -> dict[str, float]:
    """Dollars a month for so many nodes in clusters of two, by what they are for. Reads go with the beats."""
    beats, beat = nodes * MONTH_S / beat_s, COUNTS["beat"]
    writes = beats * beat["calls"]["dynamodb.UpdateItem"] * math.ceil(COUNTS["cluster_bytes"]["state"] / 1024)
    reads = beats * reads_a_beat() * math.ceil(COUNTS["cluster_bytes"]["state"] / 4096)
    gb_s = beats * beat_ms() / 1000 * COUNTS["stack"]["beat_memory_mb"] / 1024
    table_bytes = nodes / 2 * COUNTS["cluster_bytes"]["all"]
    return {
        "EventBridge: an event for each beat": beats * prices.EVENT.usd,
        "DynamoDB: a write for each beat": writes * prices.WRITE_UNIT.usd,
        "DynamoDB: the agents' reads": reads * prices.READ_UNIT.usd,
        "DynamoDB: storage and its backup": table_bytes * (prices.TABLE_GB.usd + prices.BACKUP_GB.usd),
        "Lambda: a request for each beat": beats * prices.LAMBDA_REQUEST.usd,
        "Lambda: its duration": gb_s * prices.LAMBDA_GB_S.usd,
        "CloudWatch: log lines of the beats, taken in and kept": beats * beat["printed_bytes"] * _log_byte(),
        "the watch": _watch(nodes // 2),
    }


def per_node(nodes: int, beat_s: float = BEAT_S) -> float:
    """Dollars a month for one node of so many, without what is fixed."""
    return sum(monthly(nodes, beat_s).values()) / nodes


def fixed() -> dict[str, float]:
    """Dollars a month for one stack, however many nodes it has."""
    stack = COUNTS["stack"]
    calls = MONTH_S / 60 / stack["kept_warm_every_min"]
    warm_gb_s = calls * WARM_MS / 1000 * sum(stack["kept_warm_memory_mb"]) / 1024
    warm = calls * len(stack["kept_warm_memory_mb"]) * prices.LAMBDA_REQUEST.usd + warm_gb_s * prices.LAMBDA_GB_S.usd
    metrics = len(COUNTS["metrics"])
    return {
        f"alarms: {stack['alarm_metrics']} alarm metrics": stack["alarm_metrics"] * prices.ALARM_METRIC.usd,
        f"metrics that are always sent: {metrics}": metrics * prices.METRIC.usd,
        f"dashboard: {stack['dashboards']}; an account's first three are free": stack["dashboards"]
        * prices.DASHBOARD.usd,
        f"{len(stack['kept_warm_memory_mb'])} functions kept warm, every {stack['kept_warm_every_min']} minutes": warm,
    }


def failover() -> dict[str, float]:
    """Dollars for one failover of a cluster with one record."""
    done = COUNTS["failover"]
    calls = done["calls"]
    units = calls["dynamodb.UpdateItem"] + calls["dynamodb.TransactWriteItems"] * ENTRIES_A_TRANSACTION * 2
    gb_s = done["invocations"] * STEP_MS / 1000 * max(COUNTS["stack"]["kept_warm_memory_mb"]) / 1024
    return {
        f"Step Functions: {done['states']} states": done["states"] * prices.STATE.usd,
        f"Lambda: {done['invocations']} calls": done["invocations"] * prices.LAMBDA_REQUEST.usd
        + gb_s * prices.LAMBDA_GB_S.usd,
        f"DynamoDB: {calls['dynamodb.GetItem']} reads, {units} write units": calls["dynamodb.GetItem"]
        * prices.READ_UNIT.usd
        + units * prices.WRITE_UNIT.usd,
        f"EventBridge: {calls['events.PutEvents']} events": calls["events.PutEvents"] * prices.EVENT.usd,
        "X-Ray: a trace": prices.TRACE.usd,
        "SNS: an e-mail": prices.MAIL.usd,
    }


def _nat(*, reads: bool) -> float:
    """Dollars a month for a node whose calls go through a NAT gateway; `reads`: those of DynamoDB, too."""
    sizes: dict[str, int] = COUNTS["call_bytes"]
    a_beat = sizes["beat"] + (reads_a_beat() * sizes["read"] if reads else 0)
    return MONTH_S / BEAT_S * a_beat * prices.NAT_BYTE.usd


def _log_byte() -> float:
    """A byte of log, taken in and kept. As if it were not compressed."""
    kept_months = float(COUNTS["stack"]["log_retention_days"]) / MONTH_DAYS
    return prices.LOG_BYTE.usd + kept_months * prices.LOG_BYTE_MONTH.usd


def _watch(clusters: int) -> float:
    """Dollars a month for the watch: as if each of its calls waited for the one before."""
    calls: dict[str, int] = COUNTS["watch"][str(clusters)]
    memory_mb = next(memory for limit, memory in WATCH_MEMORY_MB if clusters <= limit)
    seconds = watch_cpu_s(clusters) / (memory_mb / VCPU_MB) + sum(calls.values()) * CALL_MS / 1000
    read_units = clusters + sum(calls[name] for name in ("Query", "GetItem"))
    printed_bytes: int = COUNTS["watch_printed_bytes"]
    each = (
        prices.LAMBDA_REQUEST.usd
        + seconds * memory_mb / 1024 * prices.LAMBDA_GB_S.usd
        + read_units * prices.READ_UNIT.usd
        + printed_bytes * _log_byte()
    )
    return MONTH_S / 60 * each


def _rows(items: dict[str, float], digits: int) -> list[str]:
    total = f"| **together** | **{sum(items.values()):.{max(2, digits - 1)}f}** |"
    return [*(f"| {what} | {usd:.{digits}f} |" for what, usd in items.items()), total]


def _turns() -> list[str]:
    rows = []
    for beat_s in (8, 14):
        silence_s = 2 * beat_s + beat_s // 2 + 5
        rows.append(
            f"| beat every {beat_s} s, read every {beat_s // 2} s | {per_node(1000) - per_node(1000, beat_s):.2f} a node "
            f"| silence is noticed after {silence_s} s instead of 15 s |"
        )
    stack = fixed()
    unseen = sum(usd for what, usd in stack.items() if what.startswith(("alarms", "dashboard")))
    return [
        *rows,
        f"| `Alarms: false`, `Dashboard: false` | {unseen:.2f} a stack | nobody hears that the controller is ill: not advised |",
        "| another memory of the beat's function | nothing | with twice as much it runs half as long; with less, beats are late |",
    ]


def _inputs() -> list[str]:
    active, standby = COUNTS["agents"]["active"], COUNTS["agents"]["standby"]
    memory_mb = COUNTS["stack"]["beat_memory_mb"]
    return [
        f"| a beat | {COUNTS['beat']['calls']['dynamodb.UpdateItem']} write, {COUNTS['cluster_bytes']['state']} bytes | counted by botocore on the emulator; two nodes (`bench/calls.py`) |",
        f"| reads of an agent | {active['reads']} for {active['beats']} beats when active, {standby['reads']} for {standby['beats']} as standby | the agent's own loop, ten minutes on a virtual clock (`bench/agents.py`) |",
        f"| log of a beat | {COUNTS['beat']['printed_bytes']:g} bytes; none of Lambda's own | printed by the function, one cluster and one worker (`bench/beats.py`) |",
        f"| a beat's function | {beat_ms():.0f} ms at {memory_mb} MB | {TIMES['beat_p50_ms']} ms of a processor, measured on a small shared machine; share of a processor {memory_mb}/{VCPU_MB}; {TABLE_MS} ms for the table, assumed |",
        f"| a watch | {TIMES['judge_ms']} ms of a processor for each cluster, and its calls | measured (`bench/fleet.py`); {CALL_MS} ms for each call, assumed |",
        f"| a failover | {COUNTS['failover']['states']} states, {COUNTS['failover']['invocations']} calls of functions | the real workflow and functions on the emulator; {STEP_MS} ms for each, assumed |",
        f"| metrics | {len(COUNTS['metrics'])}, see below | what the functions print while nothing happens |",
        f"| alarms, memory, schedules, {COUNTS['stack']['log_retention_days']} days of logs | | `template.yaml` |",
    ]


def _documents() -> list[str]:
    """The documents that prices are from, each once, in the order of the prices."""
    return list(dict.fromkeys(price.source for price in prices.ALL if price.source != prices.UNCONFIRMED))


def _document_of(price: prices.Price) -> str:
    """The number of a price's document, or that there is none."""
    return "none stored" if price.source == prices.UNCONFIRMED else str(_documents().index(price.source) + 1)


def document() -> str:
    """The text of docs/cost.md."""
    columns: dict[int, dict[str, Any]] = {nodes: monthly(nodes) for nodes in SIZES}
    together = " | ".join(f"**{per_node(nodes):.2f}**" for nodes in SIZES)
    more = (
        per_node(1000)
        + MONTH_S
        / BEAT_S
        * (beat_ms(2 * TIMES["beat_p50_ms"]) - beat_ms())
        / 1000
        * COUNTS["stack"]["beat_memory_mb"]
        / 1024
        * prices.LAMBDA_GB_S.usd
    )
    return "\n".join(
        [
            "# What it costs",
            "",
            "Written by `make cost` from operations counted on the emulator and in tests (`bench/results/usage.json`), and from list",
            "prices of us-east-1 in US dollars, without free tiers and discounts. It is no bill, and no part of it comes from one.",
            f"Clusters have two nodes and the default policy: a beat every {BEAT_S} s, a read of the lease every {READ_S} s.",
            "",
            "## A node, a month",
            "",
            "| what grows with the nodes | " + " | ".join(f"{nodes:,} nodes" for nodes in SIZES) + " |",
            "|---|" + "---|" * len(SIZES),
            *(
                f"| {what} | " + " | ".join(f"{columns[nodes][what] / nodes:.3f}" for nodes in SIZES) + " |"
                for what in columns[SIZES[0]]
            ),
            f"| **together** | {together} |",
            f"| goal | {' | '.join([f'{GOAL_USD:.2f}'] * len(SIZES))} |",
            "",
            f"With twice the processor time for each beat it would be {more:.2f}.",
            "",
            "A beat is one event and one conditional write; the design rests on both. No stream, no index and no time to live turns it into",
            "two writes: the index holds keys only, and a beat changes no key. Even with three nodes and everything that a settled cluster",
            "can have, the item stays below 1 KB: one write unit (`tests/unit/adapters/dynamodb/test_state_item_size.py`).",
            "",
            "## A stack, a month, however many nodes",
            "",
            "| what | USD |",
            "|---|---|",
            *_rows(fixed(), 2),
            "",
            "Other metrics are sent when something happens, and paid for by the hour. Calls by schedules are not traced. Three things are",
            "not counted, because they cost less than a cent: the daily readiness check of each cluster, the dead-letter queue, and views of",
            "the board. Parameters are standard ones, the encryption keys are AWS's, and schedules are rules of EventBridge. That these cost",
            f"nothing but the requests above is {prices.UNCONFIRMED}.",
            "",
            "## What the rest of your account adds",
            "",
            "`receive_signal` gets each change of state of every EC2 instance and of every CloudWatch alarm of the account in this Region:",
            "EventBridge cannot know which of them are nodes, because clusters come and go. Events of AWS's own services are free, and a call that",
            f"finds no node ends after one read of the table. A million of them cost about {1_000_000 * (prices.LAMBDA_REQUEST.usd + 0.05 * 0.25 * prices.LAMBDA_GB_S.usd + prices.READ_UNIT.usd):.2f} USD.",
            "If you have data events of CloudTrail switched on, exclude the table: they count each beat and each read.",
            "",
            "The table is encrypted with a key of DynamoDB's own, which costs nothing. With `TableKeyArn` you pay for your key and for its requests.",
            "Each function and each node needs permission to use it (its policy lets the account use it by `kms:ViaService` of DynamoDB). If that key",
            "is disabled or throttled, no beat can be recorded.",
            "",
            "## A failover",
            "",
            "| what | USD |",
            "|---|---|",
            *_rows(failover(), 6),
            "",
            "The log of the workflow is not counted: some 100 KB, which cost 0.00005 USD. Route 53's changes are free; you have its hosted zones",
            "already, and health checks are not used.",
            "",
            "## What your network costs",
            "",
            f"A beat is {COUNTS['call_bytes']['beat']:,} bytes of HTTP both ways, a read {COUNTS['call_bytes']['read']:,}, plus TLS. Through a NAT gateway that costs {_nat(reads=True):.2f} USD a",
            f"node and month. With a gateway endpoint for DynamoDB, which is free, it costs {_nat(reads=False):.2f}: make one. The gateway's hours and",
            "interface endpoints have prices of their own.",
            "",
            "## What you can change",
            "",
            "| what | saves | what it costs you |",
            "|---|---|---|",
            *_turns(),
            "",
            "Timings must agree ([tuning](tuning.md)): a definition whose timings do not is refused.",
            "",
            "## Inputs",
            "",
            "| count | value | from |",
            "|---|---|---|",
            *_inputs(),
            "",
            "Each further worker that handles beats adds a line of some 300 bytes to the log, at most once in 15 s. These metrics are",
            "always sent:",
            "",
            *(f"- `{each}`" for each in COUNTS["metrics"]),
            "",
            "| price | USD | document, see below |",
            "|---|---|---|",
            *(f"| {price.what} | {price.shown} | {_document_of(price)} |" for price in prices.ALL),
            "",
            *(f"{number}. {document}" for number, document in enumerate(_documents(), 1)),
            "",
        ]
    )


if __name__ == "__main__":
    PAGE.write_text(document(), encoding="utf-8")
