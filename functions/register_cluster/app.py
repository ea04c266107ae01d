"""Parameter Store changes of cluster definitions, and members that EC2 says are terminated."""

from typing import Any

from understudy import assembly, invocation, wiring
from understudy.usecases.follow_tags import follow_terminated
from understudy.usecases.receive_signal import EC2_STATE
from understudy.usecases.register_cluster import register_changed


@invocation.logged
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Accept or refuse the definition that has been put, or judge anew those of which a member has a successor."""
    if event.get("detail-type") == EC2_STATE:
        table = wiring.ledger()
        return {"followed": follow_terminated(event, index=table, ledger=table, follow=assembly.follow_tags)}
    outcome = register_changed(
        event, parameters=wiring.parameters(), register=assembly.register, forget=assembly.forget_text
    )
    return {"outcome": outcome}
