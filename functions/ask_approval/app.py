"""AskApproval: joins the state of the workflow to its use case."""

from typing import Any

from understudy import clients, invocation
from understudy.usecases.transition.ask_approval import ask_approval


@invocation.logged
def handler(event: dict[str, Any], context: object) -> None:
    """Ask a person before a transition. Payload: see statemachine/README.md; the answer comes by the task token."""
    ask_approval(event, ledger=clients.ledger(), announcer=clients.announcer(), clock=clients.clock)
