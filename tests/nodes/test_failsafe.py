"""Two nodes whose AWS is out of reach: they go by what they promise each other."""

from __future__ import annotations

from tests.nodes.agents import CLUSTER, section, set_up, status
from tests.nodes.lab import Lab
from tests.nodes.leases import DRIFT_MARGIN_S, SHORT_LEASE, Leases, boottime_s
from tests.nodes.machine import Machine
from tests.nodes.watcher import SPAN_GAP_S, Watcher, both_served_s, wait_passed

PORT = 7000
PROMISE_S = 5
APP = section("app", "unit", unit="quick.service", stop_limit_s=5)
KEY = "/etc/understudy/failsafe.key"


def with_key(lab: Lab, leases: Leases, name: str) -> Machine:
    made = lab.machine(name)
    set_up(made, leases.url, APP, failsafe_key_file=KEY)
    made.write(KEY, "0123456789abcdef" * 4 + "\n", 0o600)
    return made


# B11 S12
def test_a_service_goes_on_by_the_others_promise_while_aws_is_cut_off_and_ends_with_it(
    lab: Lab, leases: Leases
) -> None:
    one, other = with_key(lab, leases, "node-a"), with_key(lab, leases, "node-b")
    leases.register(CLUSTER, one, other, promise_s=PROMISE_S, **SHORT_LEASE)
    leases.grant(CLUSTER, one)
    one.boot()
    other.boot()
    with Watcher(lab.hub, one, PORT) as first, Watcher(lab.hub, other, PORT) as second:
        leases.wait_serving(one, CLUSTER, "app")
        leases.wait_state(other, CLUSTER, "app", "OUT_OF_SERVICE")
        since = first.wait_served()
        leases.records = leases.reads = False
        end = leases.lease_end(one, CLUSTER)
        wait_passed(end + PROMISE_S)
        assert first.last_before(end + PROMISE_S) > end + PROMISE_S - SPAN_GAP_S
        assert first.longest_gap_s(since) < SPAN_GAP_S, "its lease has run out long ago"
        assert status(one)["order"] == "SERVE"
        other.network.cut(incoming=True, outgoing=True)
        wait_passed(boottime_s() + 0.5)  # what had arrived before is taken up
        promised = status(one)["promised_until_ms"] / 1000
        assert first.wait_silent(PROMISE_S + 10) <= promised + DRIFT_MARGIN_S
        assert (second.answers, both_served_s(first, second)) == ([], 0)
