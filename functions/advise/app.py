"""Advise: joins the state of the workflow to its use case."""

from typing import Any

from understudy import assembly, invocation, wiring
from understudy.usecases.advise import advise


@invocation.logged
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Explain a decision, or rehearse a move. Payload and outcomes: see statemachine/README.md."""
    return advise(event, ledger=wiring.ledger(), rehearser=assembly.rehearser(), clock=wiring.clock)
