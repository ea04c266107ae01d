"""EC2 state changes, CloudWatch alarms and shifts away from an Availability Zone, from the default bus."""

from typing import Any

from understudy import assembly, invocation, wiring
from understudy.usecases.receive_signal import receive_signal


@invocation.logged
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Record one signal and judge the clusters that it concerns."""
    judged = receive_signal(
        event,
        beats=wiring.ledger(),
        ledger=wiring.ledger(),
        index=wiring.ledger(),
        judge=assembly.judge(),
        clock=wiring.clock,
        releaser=assembly.releaser(),
        zones=wiring.fleet(),
    )
    return {"judged": judged}
