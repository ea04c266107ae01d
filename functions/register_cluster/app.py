"""Parameter Store changes of cluster definitions."""

from typing import Any

from understudy import assembly, invocation, wiring
from understudy.usecases.register_cluster import register_changed


@invocation.logged
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Accept or refuse the definition that has been put."""
    outcome = register_changed(
        event, parameters=wiring.parameters(), register=assembly.register, forget=assembly.forget_text
    )
    return {"outcome": outcome}
