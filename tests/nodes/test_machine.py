"""The nodes of the lab themselves: what is shown on them counts only if they are what they are taken for."""

from __future__ import annotations

import itertools
import json
import time

from local.waiting import wait_for
from tests.nodes.lab import Lab, left_behind
from tests.nodes.machine import Machine
from tests.nodes.networks import METADATA_ADDRESS


def connects(node: Machine, address: str) -> bool:
    """Whether it reaches a service there."""
    program = f"import socket; socket.create_connection(({address!r}, 7000), 1); print('connected')"
    return node.says("python3", "-ISc", program) == "connected"


def packets_received(node: Machine) -> int:
    (device,) = json.loads(node.network.run("ip", "-s", "-j", "link", "show", "eth0"))
    return int(device["stats64"]["rx"]["packets"])


def test_a_node_boots_a_real_systemd_in_seconds(lab: Lab):
    node = lab.machine("node-a")
    began = time.monotonic()
    node.boot()
    assert time.monotonic() - began < 15
    assert node.run("cat", "/proc/1/comm") == "systemd"
    assert node.run("systemctl", "is-system-running") == "running", node.run("systemctl", "--failed")
    assert node.run("uname", "-n") == "node-a"


def test_what_is_running_on_it_is_counted(lab: Lab):
    node = lab.machine("node-a")
    node.boot()
    node.run("systemctl", "start", "quick.service")
    assert int(node.run("systemctl", "show", "--value", "-p", "TasksCurrent", "quick.service")) == 1
    group = node.run("systemctl", "show", "--value", "-p", "ControlGroup", "quick.service")
    assert group == "/system.slice/quick.service"


def test_a_reboot_keeps_the_disk_and_nothing_else(lab: Lab):
    node = lab.machine("node-a")
    node.boot()
    first = node.read("/proc/sys/kernel/random/boot_id")
    node.write("/var/lib/kept", "kept")
    node.write("/run/lost", "lost")
    node.run("systemctl", "reboot")
    node.wait_booted(boots=2)
    assert (node.read("/var/lib/kept"), node.read("/run/lost")) == ("kept", "")
    assert node.read("/proc/sys/kernel/random/boot_id") not in ("", first)


def test_a_power_cut_ends_all_of_it_at_once_and_it_boots_again(lab: Lab):
    node = lab.machine("node-a")
    node.boot()
    node.run("systemctl", "start", "quick.service")
    node.cut_power()
    assert not node.is_on
    node.boot()
    assert node.says("systemctl", "is-active", "quick.service") == "inactive"


def test_a_node_that_powers_itself_off_stays_off(lab: Lab):
    node = lab.machine("node-a")
    node.boot()
    node.run("systemctl", "poweroff")
    node.wait_off()
    assert node.boots == 1


def test_a_frozen_node_does_nothing_while_its_clock_goes_on(lab: Lab):
    node = lab.machine("node-a")
    node.boot()
    ticks = node.path("/run/ticks")
    node.write("/run/tick", "#!/bin/sh\nwhile :; do cat /proc/uptime >> /run/ticks; sleep 0.02; done\n", 0o755)
    node.run("systemd-run", "--quiet", "/run/tick")
    wait_for("it ticks", lambda: ticks.exists() and ticks.stat().st_size, 10)
    node.freeze()
    frozen_at, size = time.clock_gettime(time.CLOCK_BOOTTIME), ticks.stat().st_size
    wait_for("a second has passed", lambda: time.clock_gettime(time.CLOCK_BOOTTIME) > frozen_at + 1, 5)
    assert ticks.stat().st_size == size
    node.thaw()
    wait_for("it ticks again", lambda: ticks.stat().st_size > size, 10)
    times = [float(line.split()[0]) for line in ticks.read_text().splitlines()]
    assert max(later - earlier for earlier, later in itertools.pairwise(times)) > 0.9


def test_a_frozen_node_dies_of_a_power_cut(lab: Lab):
    node = lab.machine("node-a")
    node.boot()
    node.freeze()
    node.cut_power()
    assert not node.is_on


def test_its_network_is_cut_in_each_direction_and_restored(lab: Lab):
    one, other = lab.machine("node-a"), lab.machine("node-b")
    one.boot()
    other.boot()
    other.run("systemctl", "start", "quick.service")
    wait_for("it is reached", lambda: connects(one, other.address), 10)
    for incoming, outgoing in ((True, False), (False, True), (True, True)):
        one.network.cut(incoming=incoming, outgoing=outgoing)
        before = packets_received(other)
        assert not connects(one, other.address)
        assert (packets_received(other) > before) == (not outgoing)
        assert one.run("cat", "/proc/1/comm") == "systemd"
        one.network.restore()
        wait_for("it is reached again", lambda: connects(one, other.address), 10)


def test_the_nodes_have_no_way_beyond_their_hub(lab: Lab):
    node = lab.machine("node-a")
    node.boot()
    devices = {line.split()[0] for line in node.run("ip", "-4", "route").splitlines()}
    assert devices == {"10.77.0.0/24", "169.254.169.252/30"}
    assert {line.split()[0] for line in lab.hub.run("ip", "-4", "route").splitlines()} == {"10.77.0.0/24"}


def test_metadata_is_told_by_version_two_only(lab: Lab):
    node = lab.machine("node-a")
    node.boot()
    ask = f"""
import json, urllib.error, urllib.request
base = "http://{METADATA_ADDRESS}/latest/"
def get(path, **more):
    return urllib.request.urlopen(urllib.request.Request(base + path, **more)).read().decode()
try:
    get("dynamic/instance-identity/document")
except urllib.error.HTTPError as refused:
    print(refused.code)
lifetime = {{"X-aws-ec2-metadata-token-ttl-seconds": "60"}}
token = {{"X-aws-ec2-metadata-token": get("api/token", method="PUT", headers=lifetime)}}
print(json.loads(get("dynamic/instance-identity/document", headers=token))["instanceId"])
"""
    assert node.run("python3", "-c", ask).split() == ["401", node.metadata.instance.instance_id]


def test_nothing_of_a_removed_node_is_left(lab: Lab):
    node = lab.machine("node-a")
    node.boot()
    assert left_behind() != []
    lab.remove_machines()
    assert left_behind() == []
