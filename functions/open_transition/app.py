"""OpenTransition: joins the state of the workflow to its use case."""

from typing import Any

from understudy import bootstrap, clients, invocation
from understudy.usecases.transition.open_transition import open_transition


@invocation.step
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """One step of a transition. Payload and outcomes: see statemachine/README.md."""
    return open_transition(
        event,
        ledger=clients.ledger(),
        announcer=clients.brief_announcer(),
        clock=clients.clock,
        doubter=bootstrap.doubter(),
    )
