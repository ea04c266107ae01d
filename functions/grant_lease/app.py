"""GrantLease: joins the state of the workflow to its use case."""

from typing import Any

from understudy import clients, invocation
from understudy.usecases.transition.grant_lease import grant_lease


@invocation.step
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """One step of a transition. Payload and outcomes: see statemachine/README.md."""
    return grant_lease(event, ledger=clients.ledger(), clock=clients.clock)
