"""What somebody asked for and was not allowed, as the logs of functions and agents tell it."""

from __future__ import annotations

from local.engine import Engine


def denials(engine: Engine) -> list[str]:
    """Every line that tells of a call which the caller's role does not allow."""
    logs = engine.client("logs")
    told = [
        f"{group['logGroupName']}: {event['message']}"
        for group in logs.describe_log_groups()["logGroups"]
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
        for event in page["events"]
    ]
    for log in (engine.directory / "nodes").glob("*/agent.log"):
        told += [f"{log.parent.name}: {line}" for line in log.read_text().splitlines()]
    # An event says what was found, of IAM's simulation for example: no call of who publishes it was refused.
    told = [line for line in told if '"message":"event published"' not in line]
    return [line for line in told if "AccessDenied" in line or "not authorized" in line]
