"""The minute's schedule."""

from typing import Any

from understudy import assembly, invocation, wiring
from understudy.usecases.watch_clusters import watch_clusters


@invocation.logged
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Register, judge and follow whatever the events have missed."""
    zone = assembly.zone_for_a_watch()
    report = watch_clusters(
        ledger=wiring.ledger(),
        beats=wiring.ledger(),
        nodes=wiring.nodes(),
        alarms=wiring.alarms(),
        index=wiring.ledger(),
        parameters=assembly.swept_parameters(),
        follower=assembly.follower_for_a_watch(zone),
        network=wiring.network(),
        announcer=wiring.announcer(),
        register=lambda text: assembly.register(text, zone),
        judge=assembly.judge(),
        drills=assembly.drills(),
        monitor=assembly.monitor(zone),
        clock=wiring.clock,
        mend_key=assembly.mend_key,
        replacing=(assembly.releaser().release_all, lambda clusters: assembly.follow_tags(clusters, zone)),
        measure=invocation.measure,
        spread=assembly.crew(),
        keeper=assembly.keeper(),
    )
    return {
        "registered": report.registered,
        "judged": report.judged,
        "faults": [repr(fault) for fault in report.faults],
    }
