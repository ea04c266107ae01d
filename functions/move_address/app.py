"""MoveAddress: joins the state of the workflow to its use case."""

from typing import Any

from understudy import bootstrap, clients, invocation
from understudy.usecases.transition.move_address import move_address


@invocation.step
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """One step of a transition. Payload and outcomes: see statemachine/README.md."""
    return move_address(
        event,
        ledger=clients.ledger(),
        movers=bootstrap.movers(),
        announcer=clients.brief_announcer(),
        clock=clients.clock,
        stack=clients.stack(),
    )
