"""The day's schedule: versions of the stack's functions that nobody can call any more are deleted."""

from typing import Any

from understudy import clients, invocation
from understudy.usecases.watch.prune_versions import prune_versions


@invocation.logged
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Delete what is superfluous, unless the stack is being changed."""
    return prune_versions(stack=clients.deployment(), clock=clients.clock)
