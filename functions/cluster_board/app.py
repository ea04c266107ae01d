"""The board: answers a custom widget of CloudWatch."""

from typing import Any

from understudy import assembly, invocation, wiring
from understudy.usecases.show_clusters import show_clusters


@invocation.logged
def handler(event: dict[str, Any], context: Any) -> str | dict[str, str]:
    """Show every cluster, or the one that the widget names."""
    return show_clusters(
        event,
        book=wiring.board_book(),
        listing=assembly.zone_for_a_board(),
        clock=wiring.clock,
        stack=wiring.stack(),
        endpoint=context.invoked_function_arn,
    )
