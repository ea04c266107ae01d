"""Events of the controller that a person is to hear of, from the stack's bus."""

from typing import Any

from understudy import clients, invocation
from understudy.settings import settings
from understudy.usecases.answer.notify_operator import notify_operator


@invocation.logged
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Send one notice to the stack's topic, and its incident to the stack's bus."""
    outcome = notify_operator(
        event,
        notifier=clients.notifier(),
        announcer=clients.announcer(),
        stack=clients.stack(),
        runbook=settings().runbook_url,
    )
    return {"outcome": outcome}
