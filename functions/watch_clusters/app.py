"""The minute's schedule."""

from typing import Any

from understudy import wiring
from understudy.usecases.watch_clusters import watch_clusters


@wiring.logged
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Register, judge and follow whatever the events have missed."""
    report = watch_clusters(
        ledger=wiring.ledger(),
        beats=wiring.ledger(),
        nodes=wiring.nodes(),
        index=wiring.ledger(),
        parameters=wiring.parameters(),
        changes=wiring.changes(),
        network=wiring.network(),
        announcer=wiring.announcer(),
        register=wiring.register,
        judge=wiring.judge(),
        monitor=wiring.monitor(),
        clock=wiring.clock,
    )
    wiring.count("ClustersJudged", report.judged)
    wiring.count("WatchFaults", len(report.faults))
    return {
        "registered": report.registered,
        "judged": report.judged,
        "faults": [repr(fault) for fault in report.faults],
    }
