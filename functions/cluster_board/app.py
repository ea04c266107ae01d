"""The board: answers a custom widget of CloudWatch."""

from typing import Any

from understudy import bootstrap, clients, invocation
from understudy.settings import settings
from understudy.usecases.answer.show_clusters import BoardPlaces, show_clusters


@invocation.logged
def handler(event: dict[str, Any], context: Any) -> str | dict[str, str]:
    """Show every cluster, or the one that the widget names."""
    return show_clusters(
        event,
        book=clients.board_book(),
        listing=bootstrap.zone_for_a_board(),
        clock=clients.clock,
        places=BoardPlaces(clients.stack(), settings().runbook_url, context.invoked_function_arn),
    )
