"""Maps the rows of the requirements to the tests that prove them, by the `# S4` comments beside the tests."""

import ast
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROWS = {
    "S1": "Environment rules are checked: zones, instances, addresses, the hosted zone, the reach of the API.",
    "S2": "What clients need to resolve the name is checked: VPC associations, inbound resolution.",
    "S3": "The node's real IP is the resource, read from EC2.",
    "S4": "Bringing the record in service registers the IP of the node in service by UPSERT.",
    "S5": "The record is read and compared with the node in service; a difference is put right, a failed read is none.",
    "S6": "A refused update is tried again, as often and after such waits as tuned.",
    "S7": "A change is polled until INSYNC; slow propagation is never reported as a failed start.",
    "S8": "The paper's tunables, by name and default, in effect at once.",
    "S9": "Services depend on each other: up in order, down in reverse.",
    "S10": "Automatic failover when node or service fails; planned switchover by an execution.",
    "S11": "Heartbeats, EC2's state changes and CloudWatch alarms are how trouble is noticed.",
    "S12": "I/O fencing: quorum with witness hosts, and STONITH.",
    "S13": "A long TTL is warned about.",
    "S14": "The address can be a route in VPC route tables.",
    "S15": "The address can be an Elastic IP.",
    "S16": "A failed service is restarted on its own node first.",
    "S17": "Nodes with different agent versions are reported.",
    "S18": "An operator sees every node, every resource and the log.",
    "B1": "Every change carries the epoch; a stale writer is refused, by the table and by Route 53 itself.",
    "B2": "Accepted, in sync and in service are different words; pending is no failure, refused no success.",
    "B3": "Unknown is not dead: a suspect observer moves nothing, and without a fit candidate nothing moves.",
    "B4": "No lease without a proof that the node before can no longer serve.",
    "B5": "Every decision has a rule, the facts it saw and a reason, kept in a history.",
    "B6": "A budget of failovers, failback by policy, maintenance hold.",
    "B7": "A rehearsal shows the plan and changes nothing.",
    "B8": "The controller's own lateness, failures and undelivered events raise alarms.",
    "B9": "The cost per protected service is measured.",
    "B10": "The controller runs nothing on nodes; they pull their lease.",
    "B11": "An outage of AWS's APIs stops nothing that runs, and its end moves nothing.",
    "B12": "A thousand clusters fail over together within what Route 53 allows.",
    "B13": "An outage of AWS stops nothing that runs where nobody has set anything up.",
    "B14": "Beats that are late, for anybody and for however long, fail over no node that serves.",
    "B15": "Silence of many that follows no zone moves few clusters a minute, and calls a person.",
    "B16": "Deploying a new version over a running stack loses no beat and stops no service, also in mid-transition.",
    "B17": "Instances are replaceable: a terminated one never blocks its cluster.",
    "B18": "What the agent promises is shown under a real systemd, real mounts, kills, partitions and freezes.",
    "B20": "A node that is not fit to take over is not chosen; one where the service failed to start is remembered.",
}
ROW = re.compile(r"(?:S(?:1[0-8]|[1-9])|B(?:1[0-8]|20|[1-9]))(?!\d)")
ROW_COMMENT = re.compile(rf"#\s*({ROW.pattern}(?:[ ,]+{ROW.pattern})*)(?:[:. ].*)?")

RECORDED = " †"

HEAD = """<!-- Printed from the `# S4` comments beside the tests by `make docs`. Do not edit. -->

# Which test proves which behaviour

S-rows are behaviours of the system that Understudy replaces, B-rows go beyond it. A test that names a row proves a
part of it; a row that no test names is **not proved yet**.

Tests under `e2e` run on a deployed stack on the embedded AWS. † marks a test against recorded shapes of the real API,
where the emulators answer otherwise or not at all: it proves what the adapter makes of such an answer.

| row | behaviour | tests |
|---|---|---|
"""


def traceability(root: Path) -> str:
    """The whole document, from the tests under `root`."""
    found = rows_by_test(root)
    lines = [f"| {row} | {behaviour} | {_cell(found.get(row, []))} |" for row, behaviour in ROWS.items()]
    missing = [row for row in ROWS if row not in found]
    summary = f"\n{len(ROWS) - len(missing)} of {len(ROWS)} rows are named by a test."
    not_yet = f" Not proved yet: {', '.join(missing)}." if missing else ""
    return HEAD + "\n".join(lines) + "\n" + summary + not_yet + "\n"


def rows_by_test(root: Path) -> dict[str, list[str]]:
    """The tests, as file::name, that name each row."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted((root / "tests").rglob("test_*.py")):
        for name, rows in _named_rows(path.read_text(encoding="utf-8")):
            for row in rows:
                found[row].append(f"{path.relative_to(root / 'tests').as_posix()}::{name}")
    return dict(found)


def rows_named_in(comment: str) -> list[str]:
    """The rows that a comment names, when it begins with one."""
    match = ROW_COMMENT.fullmatch(comment)
    return ROW.findall(match[1]) if match else []


def _named_rows(source: str) -> Iterator[tuple[str, list[str]]]:
    """Each test with the rows of the comments on its `def` lines and directly above it or its decorators."""
    comments = {
        token.start[0]: token
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or not node.name.startswith("test_"):
            continue
        first = min([node.lineno, *[each.lineno for each in node.decorator_list]])
        lines = list(range(node.lineno, node.body[0].lineno))
        for start in {first, node.lineno}:
            line = start - 1
            while line in comments and not comments[line].line[: comments[line].start[1]].strip():
                lines.append(line)
                line -= 1
        texts = [comments[line].string for line in sorted(set(lines)) if line in comments]
        rows = [row for text in texts for row in rows_named_in(text)]
        if rows:
            yield node.name + (RECORDED if _is_recorded(node) else ""), list(dict.fromkeys(rows))


def _is_recorded(test: ast.AST) -> bool:
    """Whether a test is answered by botocore's stubber, and not by an emulator."""
    names = {each.arg for each in ast.walk(test) if isinstance(each, ast.arg)}
    names |= {each.id for each in ast.walk(test) if isinstance(each, ast.Name)}
    return bool(names & {"stubber", "Stubber"})


def _cell(tests: list[str]) -> str:
    if not tests:
        return "*not proved yet*"
    by_file: defaultdict[str, list[str]] = defaultdict(list)
    for test in tests:
        file, name = test.split("::")
        by_file[file].append(name)
    every = [(file, *name.partition(RECORDED)) for file, names in by_file.items() for name in names]
    return "<br>".join(f"`{file}::{name}`{mark}" for file, name, mark, _ in every)
