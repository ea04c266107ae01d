"""Somebody changes the protected record by hand: it is noticed, told with who wrote last, and put right."""

from __future__ import annotations

from local.client import Client
from local.sam import STACK
from local.waiting import wait_for
from tests.e2e.placing import place

TOLD_LIMIT_S = 60.0
REPAIR_LIMIT_S = 90.0
HAND_TTL_S = 1


def test_a_record_that_somebody_changed_is_told_and_put_right_and_the_service_is_not_disturbed(
    aws, bus, make_cluster
):  # S5 B1 B5
    cluster = make_cluster()
    epoch = place(cluster)["epoch"]
    serving, other = cluster.node("node-a"), cluster.node("node-b").instance.address
    right, pids = serving.instance.address, serving.pids_of("app")
    with Client(aws.dns.port, cluster.record, cluster.port) as client:
        wait_for("node-a answers", lambda: client.served_by("node-a"), 10)
        aws.world.set_record(cluster.record, other, HAND_TTL_S)
        wait_for("clients go astray", lambda: client.last().address == other, 10, interval_s=0.02)
        aws.stack.watch()
        told = bus.wait(cluster.name, "Understudy Record Drifted", TOLD_LIMIT_S)
        state = cluster.wait_settled("node-a", REPAIR_LIMIT_S, above_epoch=epoch)
        wait_for("node-a answers again", lambda: client.served_by("node-a"), 10)
        assert {attempt.node for attempt in client.attempts} <= {"node-a", ""}
    (drifted,) = told["records"]
    assert (told["epoch"], drifted["found"], drifted["expected"]) == (epoch, [other], right)
    assert drifted["guard"] == [f'"understudy stack={STACK} cluster={cluster.name} epoch={epoch} node=node-a"']
    repair = aws.stack.transition(cluster.name, state["epoch"])
    assert (repair["action"], repair["source"], repair["target"]) == ("repair", "node-a", "node-a")
    assert (repair["rule"], repair["outcome"]) == ("address-is-owed", "IN_SERVICE")
    assert state["epoch"] == epoch + 1
    assert cluster.served_address() == right
    assert serving.pids_of("app") == pids, "the service was restarted"
