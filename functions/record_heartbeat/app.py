"""Heartbeats from the bus, with the ingestion time that EventBridge gave them."""

from typing import Any

from understudy import bootstrap, clients, invocation
from understudy.usecases.observe.record_heartbeat import record_heartbeat

bootstrap.judge()


@invocation.logged
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Record one heartbeat and judge its cluster."""
    outcome = record_heartbeat(
        event,
        beats=clients.ledger(),
        ledger=clients.ledger(),
        judge=bootstrap.judge(),
        clock=clients.clock,
        measure=bootstrap.beat_figures().measure,
    )
    return {"outcome": outcome}
