"""CheckReadiness: joins the state of the workflow, the day's schedule and accepted definitions to its use case."""

from typing import Any

from understudy import bootstrap, clients, invocation
from understudy.usecases.answer.check_readiness import check_readiness


@invocation.logged
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Check one cluster or all. The metric ReadinessFaults counts what would break a failover."""
    return check_readiness(event, inspector=bootstrap.inspector(), index=clients.ledger())
