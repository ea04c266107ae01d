"""Heartbeats from the bus, with the ingestion time that EventBridge gave them."""

from typing import Any

from understudy import assembly, invocation, wiring
from understudy.usecases.record_heartbeat import record_heartbeat

assembly.judge()


@invocation.logged
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Record one heartbeat and judge its cluster."""
    outcome = record_heartbeat(
        event,
        beats=wiring.ledger(),
        ledger=wiring.ledger(),
        judge=assembly.judge(),
        clock=wiring.clock,
        measure=assembly.beat_figures().measure,
    )
    return {"outcome": outcome}
