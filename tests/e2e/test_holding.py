"""What must move nothing: bad definitions, forged beats, and a cluster with nobody left to take over."""

from __future__ import annotations

import itertools
import json

from local.engine import ACCOUNT, REGION
from local.waiting import wait_for
from tests.e2e.placing import place


def test_a_bad_definition_is_refused_and_the_last_good_one_stays(aws, bus, make_cluster):  # B2
    cluster = make_cluster()
    cluster.register()
    before = cluster.state()
    bad = cluster.definition() | {"colour": "green"}
    assert aws.stack.put_definition(cluster.name, bad) == "REFUSED"
    told = bus.wait(cluster.name, "Understudy Definition Refused", 30)
    assert any("colour" in fault for fault in told["faults"])
    contradictory = cluster.definition()
    contradictory["policy"] = contradictory["policy"] | {"lease_s": 20}
    assert aws.stack.put_definition(cluster.name, contradictory) == "REFUSED"
    wait_for("both are told", lambda: len(bus.told(cluster.name, "Understudy Definition Refused")) == 2, 30)
    faults = bus.told(cluster.name, "Understudy Definition Refused")[-1]["faults"]
    assert any("lease_s 20" in fault and "silence_limit_s 8" in fault for fault in faults)
    assert cluster.state() == before


def test_a_good_change_of_the_definition_is_effective_at_once(bus, make_cluster):  # S8
    cluster = make_cluster()
    cluster.register()
    changed = cluster.definition()
    changed["policy"] = changed["policy"] | {"silence_limit_s": 9}
    cluster.register(changed)
    wait_for("accepted", lambda: len(bus.told(cluster.name, "Understudy Definition Accepted")) == 2, 30)
    assert cluster.state()["terms"]["silence_limit_s"] == 9


def test_when_both_nodes_die_nothing_moves_and_an_operator_is_called(aws, bus, make_cluster):  # B3
    cluster = make_cluster()
    before = place(cluster)
    executions = len(aws.stack.executions(cluster.name))
    cluster.kill()
    served = cluster.served_address()

    def called() -> bool:
        aws.stack.watch()
        return bool(bus.told(cluster.name, "Understudy Operator Called"))

    wait_for("an operator is called", called, 60, interval_s=1, why=cluster.summary)
    state = cluster.state()
    assert (state["epoch"], state["active"]) == (before["epoch"], before["active"])
    assert "transition" not in state
    assert cluster.served_address() == served
    assert len(aws.stack.executions(cluster.name)) == executions


def test_forged_and_foreign_beats_are_refused(aws, make_cluster):  # B1
    cluster = make_cluster()
    cluster.register()
    stranger = "i-0123456789abcdef0"
    foreign = [_beat(aws, cluster.name, stranger, number) for number in range(1, 9)]
    foreign.append(_beat(aws, "no-such-cluster", cluster.nodes[0].instance.instance_id, 1))
    malformed = _beat(aws, cluster.name, cluster.nodes[0].instance.instance_id, 1)
    malformed["Detail"] = json.dumps({"cluster": cluster.name, "beat": "many"})
    before = cluster.state()
    events = aws.engine.client("events")
    put = events.put_events(Entries=[*foreign, malformed])
    assert put["FailedEntryCount"] == 0
    numbers = itertools.count(1)

    def genuine_recorded() -> bool:
        beat = _beat(aws, cluster.name, cluster.nodes[0].instance.instance_id, next(numbers))
        events.put_events(Entries=[beat])
        return bool(cluster.beats("node-a").get("beat"))

    wait_for("a genuine beat is recorded", genuine_recorded, 90, interval_s=1)
    after = cluster.state()
    assert after["nodes"].keys() == before["nodes"].keys()
    untouched = cluster.nodes[1].instance.instance_id
    assert after["nodes"][untouched] == before["nodes"][untouched]
    assert aws.stack.state("no-such-cluster") == {}


def test_the_watch_registers_a_parameter_whose_event_was_lost(aws, make_cluster):  # S11
    cluster = make_cluster()
    aws.stack.put_parameter(cluster.name, cluster.definition())
    assert cluster.state() == {}
    aws.stack.watch()
    wait_for("registered", lambda: bool(cluster.state()), 30)


def test_the_watch_keeps_asking_until_a_slow_change_is_in_sync(aws, bus, make_cluster):  # S7 B2
    cluster = make_cluster()
    cluster.tuning = cluster.tuning | {"ROUTE53_CHANGEID_TRY_COUNT": 1}
    propagation = aws.engine.proxy.propagation
    propagation.delay_s = 3600.0
    try:
        state = place(cluster)
        assert state["address"]["status"] == "PROPAGATING"
        assert bus.wait(cluster.name, "Understudy Transition Closed", 5)["outcome"] == "IN_SERVICE"

        aws.stack.watch()
        assert cluster.state()["address"]["status"] == "PROPAGATING"
        propagation.arrive()
        aws.stack.watch()
        assert cluster.state()["address"]["status"] == "IN_SYNC"
    finally:
        propagation.delay_s = 0.0


def _beat(aws, cluster: str, instance_id: str, number: int) -> dict[str, str]:
    detail = {
        "cluster": cluster,
        "boot": "boot-1",
        "beat": number,
        "keeps_lease": True,
        "read_epoch": 0,
        "services": {"app": "IN_SERVICE"},
        "agent": "0.1.0",
    }
    return {
        "EventBusName": aws.stack.bus,
        "Source": f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{instance_id}",
        "DetailType": "Understudy Heartbeat",
        "Detail": json.dumps(detail),
    }
