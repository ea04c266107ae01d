"""The minute's schedule."""

from typing import Any

from understudy import bootstrap, clients, invocation
from understudy.usecases.watch.watch_clusters import ClusterWatch


@invocation.logged
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Register, judge and follow whatever the events have missed."""
    zone = bootstrap.zone_for_a_watch()
    report = ClusterWatch(
        ledger=clients.ledger(),
        beats=clients.ledger(),
        nodes=clients.nodes(),
        alarms=clients.alarms(),
        index=clients.ledger(),
        parameters=bootstrap.parameter_listing(),
        follower=bootstrap.follower_for_a_watch(zone),
        network=clients.network(),
        announcer=clients.announcer(),
        register=lambda text: bootstrap.register(text, zone),
        judge=bootstrap.judge(),
        drills=bootstrap.drills(),
        monitor=bootstrap.monitor(zone),
        clock=clients.clock,
        restore_key=bootstrap.restore_key,
        replacing=(bootstrap.releaser().release_all, lambda clusters: bootstrap.follow_tags(clusters, zone)),
        measure=invocation.measure,
        spread=bootstrap.watch_threads(),
        keeper=bootstrap.keeper(),
        balancers=clients.target_health(),
    ).run()
    return {
        "registered": report.registered,
        "judged": report.judged,
        "faults": [repr(fault) for fault in report.faults],
    }
