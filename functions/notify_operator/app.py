"""Events of the controller that a person is to hear of, from the stack's bus."""

from typing import Any

from understudy import invocation, wiring
from understudy.settings import settings
from understudy.usecases.notify_operator import notify_operator


@invocation.logged
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Send one notice to the stack's topic, and its incident to the stack's bus."""
    outcome = notify_operator(
        event,
        notifier=wiring.notifier(),
        announcer=wiring.announcer(),
        stack=wiring.stack(),
        runbook=settings().runbook_url,
    )
    return {"outcome": outcome}
