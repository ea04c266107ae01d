"""EC2 state changes, CloudWatch alarms and shifts away from an Availability Zone, from the default bus."""

from typing import Any

from understudy import bootstrap, clients, invocation
from understudy.usecases.observe.receive_signal import receive_signal


@invocation.logged
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Record one signal and judge the clusters that it concerns."""
    judged = receive_signal(
        event,
        beats=clients.ledger(),
        ledger=clients.ledger(),
        index=clients.ledger(),
        judge=bootstrap.judge(),
        clock=clients.clock,
        releaser=bootstrap.releaser(),
        zones=clients.fleet(),
    )
    return {"judged": judged}
