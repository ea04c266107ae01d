"""Parameter Store changes of cluster definitions, and members that EC2 says are terminated."""

from typing import Any

from understudy import bootstrap, clients, invocation
from understudy.usecases.observe.receive_signal import EC2_STATE
from understudy.usecases.register.cluster import register_changed
from understudy.usecases.register.follow_tags import follow_terminated


@invocation.logged
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Accept or refuse the definition that has been put, or judge anew those of which a member has a successor."""
    if event.get("detail-type") == EC2_STATE:
        table = clients.ledger()
        return {"followed": follow_terminated(event, index=table, ledger=table, follow=bootstrap.follow_tags)}
    outcome = register_changed(
        event, parameters=clients.parameters(), register=bootstrap.register, forget=bootstrap.forget_text
    )
    return {"outcome": outcome}
