"""FenceNode: joins the state of the workflow to its use case."""

from typing import Any

from understudy import clients, invocation
from understudy.usecases.transition.fence_node import fence_node


@invocation.step
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """One step of a transition. Payload and outcomes: see statemachine/README.md."""
    return fence_node(event, ledger=clients.ledger(), nodes=clients.nodes(), clock=clients.clock)
