"""CloseTransition and RecordBroken: joins the state of the workflow to its use case."""

from typing import Any

from understudy import clients, invocation
from understudy.usecases.transition.close_transition import close_transition


@invocation.step
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """One step of a transition. Payload and outcomes: see statemachine/README.md."""
    return close_transition(
        event,
        ledger=clients.ledger(),
        announcer=clients.announcer(),
        clock=clients.clock,
        measure=invocation.measure,
    )
