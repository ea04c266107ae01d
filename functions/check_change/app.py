"""CheckChange: joins the state of the workflow to its use case."""

from typing import Any

from understudy import bootstrap, clients, invocation
from understudy.usecases.transition.check_change import check_change


@invocation.step
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """One step of a transition. Payload and outcomes: see statemachine/README.md."""
    return check_change(event, ledger=clients.ledger(), follower=bootstrap.follower())
