"""Advise: joins the state of the workflow to its use case."""

from typing import Any

from understudy import bootstrap, clients, invocation
from understudy.usecases.answer.advise import advise


@invocation.logged
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Explain a decision, or rehearse a move. Payload and outcomes: see statemachine/README.md."""
    return advise(event, ledger=clients.ledger(), rehearser=bootstrap.rehearser(), clock=clients.clock)
