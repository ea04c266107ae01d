"""AskApproval: joins the state of the workflow to its use case."""

from typing import Any

from understudy import invocation, wiring
from understudy.usecases.ask_approval import ask_approval


@invocation.logged
def handler(event: dict[str, Any], context: object) -> None:
    """Ask a person before a transition. Payload: see statemachine/README.md; the answer comes by the task token."""
    ask_approval(event, ledger=wiring.ledger(), announcer=wiring.announcer(), clock=wiring.clock)
