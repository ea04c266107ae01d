"""Two nodes with an example's files on them: they are set up as its page says, and the test is the controller."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from local.sam import ROOT
from tests.nodes.agents import CLUSTER, set_up
from tests.nodes.lab import Lab
from tests.nodes.leases import DRIFT_MARGIN_S, SHORT_LEASE, Leases
from tests.nodes.machine import Machine
from tests.nodes.watcher import wait_passed

EXAMPLES = ROOT / "examples"
RUN = "/var/opt/stand-in"
"""Where a stand-in keeps the pid files that it forgets."""
OS_USER = 1
"""daemon, of Debian: the stand-ins run as it."""


def sections(example: str) -> str:
    """The `[service NAME]` sections of an example's agent.ini, as they are."""
    text = (EXAMPLES / example / "agent.ini").read_text(encoding="utf-8")
    return text[text.index("[service ") :]


def services(example: str) -> list[str]:
    return [line[9:-1] for line in sections(example).splitlines() if line.startswith("[service ")]


def install(node: Machine, files: Mapping[str, str], mode: int = 0o755) -> None:
    """Copy files of the project to a node: where to, and which."""
    for target, source in files.items():
        node.write(target, (ROOT / source).read_text(encoding="utf-8"), mode)


def install_product(node: Machine, kit: str, name: str, daemons: tuple[str, str], disk: str, folder: str) -> None:
    """The stand-in of a product, and the script that protects it with the stand-in's settings, as the page says."""
    install(node, {"/usr/local/sbin/understudy-daemons": "examples/file-transfer/understudy-daemons"})
    install(node, {f"/etc/understudy/{kit}.conf": f"tests/nodes/stand_ins/{name}.conf"}, 0o644)
    programs = {f"/opt/{name}/{program}": "tests/nodes/stand_ins/product.py" for program in (name, *daemons)}
    install(node, programs)
    node.path(RUN).mkdir(parents=True)
    os.chown(node.path(RUN), OS_USER, OS_USER)
    node.path(folder).mkdir(parents=True)
    node.write("/etc/fstab", f"{disk} {folder} ext4 noauto 0 0\n")


def folders_of_product(tree: Path, *names: str) -> None:
    """What the file system has that moves with it."""
    for name in names:
        (tree / name).mkdir(parents=True)
        os.chown(tree / name, OS_USER, OS_USER)


def placed(leases: Leases, example: str, *nodes: Machine, instead: Mapping[str, str] | None = None) -> None:
    """All are booted; the first one serves, and the others stand by. `instead`: other words for some of agent.ini."""
    said = sections(example)
    for words, other in (instead or {}).items():
        assert words in said
        said = said.replace(words, other)
    for node in nodes:
        set_up(node, leases.url, said)
    leases.register(CLUSTER, *nodes, **SHORT_LEASE)
    leases.grant(CLUSTER, nodes[0])
    for node in nodes:
        node.switch_on()
    for node in nodes:
        node.wait_booted()
    leases.wait_serving(nodes[0], CLUSTER, *services(example))
    for node in nodes[1:]:
        leases.wait_beat(node, CLUSTER, "stands by", lambda beat: beat.says_down(0))


def pair(lab: Lab, devices: tuple[str, ...] = ()) -> tuple[Machine, Machine]:
    """Switched off."""
    return lab.machine("node-a", devices=devices), lab.machine("node-b", devices=devices)


def switch_over(leases: Leases, one: Machine, other: Machine) -> None:
    """As the controller does it: the other node gets the lease when the first one has released it."""
    epoch = leases.end(CLUSTER)
    leases.wait_beat(one, CLUSTER, "releases the lease", lambda beat: beat.says_down(epoch))
    leases.grant(CLUSTER, other)


def fail_over(leases: Leases, one: Machine, other: Machine) -> None:
    """As the controller does it when a node is silent: the other one gets the lease when its own has ended."""
    end = leases.lease_end(one, CLUSTER)
    leases.end(CLUSTER)
    wait_passed(end + DRIFT_MARGIN_S)
    leases.grant(CLUSTER, other)
