"""AwaitService: joins the state of the workflow to its use case."""

from typing import Any

from understudy import clients, invocation
from understudy.usecases.transition.await_service import await_service


@invocation.step
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """One step of a transition. Payload and outcomes: see statemachine/README.md."""
    return await_service(event, ledger=clients.ledger(), clock=clients.clock)
