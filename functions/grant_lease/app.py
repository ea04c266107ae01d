"""GrantLease: joins the state of the workflow to its use case."""

from typing import Any

from understudy import invocation, wiring
from understudy.usecases.grant_lease import grant_lease


@invocation.step
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """One step of a transition. Payload and outcomes: see statemachine/README.md."""
    return grant_lease(event, ledger=wiring.ledger(), clock=wiring.clock)
