"""What two real nodes answer at /serving: to whoever follows the lease without anybody writing anything."""

from __future__ import annotations

import socket

from local.waiting import wait_for
from tests.nodes.agents import CLUSTER, section, set_up
from tests.nodes.lab import Lab
from tests.nodes.leases import DRIFT_MARGIN_S, LIMIT_S, SHORT_LEASE, TERMS, Leases, boottime_s
from tests.nodes.machine import Machine
from tests.nodes.networks import Hub
from tests.nodes.watcher import ANSWER_LIMIT_S, Watcher, both_served_s, wait_passed

PORT = 7411
INTERVAL_S, MARGIN_S = 0.5, 1.0
HTTP = f"[http]\nlisten = 0.0.0.0:{PORT}\ninterval_s = {INTERVAL_S}\n"
APP = section("app", "unit", unit="quick.service", stop_limit_s=5)
ORDERLY_STOP_S = 0.5
LATE_S = 0.3
"""What the machine that runs all this may be late."""


class Asker(Watcher):
    """A load balancer that asks without a pause: `answers` are the moments of a 200."""

    def __init__(self, hub: Hub, machine: Machine) -> None:
        super().__init__(hub, machine, PORT)

    def _is_answered(self) -> bool:
        try:
            with asked(self._target[0], "/serving", ANSWER_LIMIT_S) as connection:
                return status_of(connection) == 200
        except OSError:
            return False


def asked(address: str, path: str, limit_s: float) -> socket.socket:
    connection = socket.create_connection((address, PORT), limit_s)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: node\r\n\r\n".encode())
    return connection


def status_of(connection: socket.socket) -> int:
    """0: nothing came, or the connection was given up."""
    try:
        line = connection.recv(64).split()
    except ConnectionResetError:
        return 0
    return int(line[1]) if len(line) > 1 else 0


def statuses(hub: Hub, machine: Machine) -> list[int]:
    """Of /serving, /standby and /agent."""

    def ask(path: str) -> int:
        with asked(machine.address, path, 5) as connection:
            return status_of(connection)

    return [hub.inside(lambda path=path: ask(path)) for path in ("/serving", "/standby", "/agent")]  # type: ignore[misc]


def page(hub: Hub, machine: Machine) -> str:
    """What /status says."""

    def read() -> str:
        with asked(machine.address, "/status", 5) as connection:
            return b"".join(iter(lambda: connection.recv(4096), b"")).decode()

    return hub.inside(read)


# B21 B4
def test_a_node_says_that_it_serves_while_its_lease_bears_it_and_never_after_a_freeze_that_outlasted_it(
    lab: Lab, leases: Leases
) -> None:
    one, other = lab.machine("node-a"), lab.machine("node-b")
    for machine in (one, other):
        set_up(machine, leases.url, HTTP, APP)
    leases.register(CLUSTER, one, other, **SHORT_LEASE)
    leases.grant(CLUSTER, one)
    one.boot()
    other.boot()
    with Asker(lab.hub, one) as first, Asker(lab.hub, other) as second:
        leases.wait_serving(one, CLUSTER, "app")
        leases.wait_state(other, CLUSTER, "app", "OUT_OF_SERVICE")
        first.wait_served()
        assert statuses(lab.hub, one) == [200, 503, 200]
        assert statuses(lab.hub, other) == [503, 200, 200]

        leases.records = leases.reads = False  # cut off from AWS, and it has no key to ask its peer with
        bears_until = leases.lease_end(one, CLUSTER) - float(TERMS["kill_limit_s"]) - ORDERLY_STOP_S
        last = first.wait_silent()
        assert bears_until - INTERVAL_S - MARGIN_S - 1 < last <= bears_until - INTERVAL_S - MARGIN_S + LATE_S
        leases.records = leases.reads = True
        leases.wait_serving(one, CLUSTER, "app")
        first.wait_served()

        one.freeze()
        end = leases.lease_end(one, CLUSTER)
        late = lab.hub.inside(lambda: asked(one.address, "/serving", 30))  # its kernel takes it, and nobody answers yet
        wait_passed(end + DRIFT_MARGIN_S)
        leases.end(CLUSTER)
        leases.grant(CLUSTER, other)
        second.wait_served()
        thawed = boottime_s()
        one.thaw()
        with late:
            assert status_of(late) in (0, 503), "a request that waited for longer than the limit may be given up"
        leases.wait_state(one, CLUSTER, "app", "OUT_OF_SERVICE")
        wait_passed(thawed + 2)
        assert first.first_after(end) is None
        stands_by = [503, 200, 200]
        wait_for(
            "node-a stands by", lambda: statuses(lab.hub, one) == stands_by, LIMIT_S, why=lambda: page(lab.hub, one)
        )
        assert both_served_s(first, second) == 0
