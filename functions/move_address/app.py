"""MoveAddress: joins the state of the workflow to its use case."""

from typing import Any

from understudy import assembly, invocation, wiring
from understudy.usecases.move_address import move_address


@invocation.step
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """One step of a transition. Payload and outcomes: see statemachine/README.md."""
    return move_address(
        event,
        ledger=wiring.ledger(),
        movers=assembly.movers(),
        announcer=wiring.brief_announcer(),
        clock=wiring.clock,
        stack=wiring.stack(),
    )
