"""EC2 state changes and CloudWatch alarms from the default bus."""

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
    )
    return {"judged": judged}
