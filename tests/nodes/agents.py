"""The agent on a node, set up as its manual says: its configuration, its unit, and what it has told."""

from __future__ import annotations

import json
from typing import Any

from local.waiting import wait_for
from tests.nodes.machine import Machine

CLUSTER = "orders-db"
AGENT = "understudy-agent.service"
LIMIT_S = 30.0


def section(name: str, kind: str, **keys: Any) -> str:
    """A service's section. Looked at more often than by default, so that a test need not wait."""
    lines = {"kind": kind, "check_interval_s": 0.5, **keys}
    return "\n".join([f"[service {name}]", *(f"{key} = {value}" for key, value in lines.items()), ""])


def unit_of(cluster: str) -> str:
    return AGENT if cluster == CLUSTER else f"understudy-agent@{cluster}.service"


def set_up(
    machine: Machine,
    url: str,
    *sections: str,
    cluster: str = CLUSTER,
    table: str = "leases",
    bus: str = "beats",
    **more: str,
) -> None:
    """On a node that is switched off: the agent starts at its next boot."""
    keys = {"cluster": cluster, "table": table, "bus": bus, "orderly_stop_s": "0.5"}
    keys["status_file"] = f"/run/understudy/{cluster}/status.json"
    lines = [f"{key} = {value}" for key, value in (keys | more).items()]
    name = "agent" if cluster == CLUSTER else cluster
    machine.write(f"/etc/understudy/{name}.ini", "\n".join(["[agent]", *lines, "", *sections]))
    unit = unit_of(cluster)
    template = "understudy-agent.service" if cluster == CLUSTER else "understudy-agent@.service"
    machine.write(f"/etc/systemd/system/{template}.d/lab.conf", f"[Service]\nEnvironment=AWS_ENDPOINT_URL={url}\n")
    wants = machine.path(f"/etc/systemd/system/multi-user.target.wants/{unit}")
    wants.parent.mkdir(parents=True, exist_ok=True)
    wants.symlink_to(f"/etc/systemd/system/{template}")


def show(machine: Machine, what: str, unit: str = AGENT) -> str:
    """A property of a unit, as systemd says it now."""
    return machine.says("systemctl", "show", "--value", "-p", what, unit)


def wait_unit(machine: Machine, unit: str, state: str, limit_s: float = LIMIT_S) -> None:
    """Until systemd calls the unit so."""
    wait_for(
        f"{unit} of {machine.name} is {state}",
        lambda: show(machine, "ActiveState", unit) == state,
        limit_s,
        why=machine.tail,
    )


def status(machine: Machine, cluster: str = CLUSTER) -> dict[str, Any]:
    """The agent's status file; empty when there is none."""
    text = machine.read(f"/run/understudy/{cluster}/status.json")
    found: dict[str, Any] = json.loads(text) if text else {}
    return found


def logged(machine: Machine) -> list[dict[str, Any]]:
    """What agents and `expire` have told in the journal of this boot, oldest first."""
    lines = machine.run("journalctl", "--boot", "--output=cat", "--no-pager").splitlines()
    told = [json.loads(line) for line in lines if line.startswith('{"')]
    return [line for line in told if "what" in line]


def wait_logged(machine: Machine, what: str, limit_s: float = LIMIT_S, **facts: Any) -> dict[str, Any]:
    """The first line of this boot that says so."""

    def found() -> dict[str, Any] | None:
        return next((one for one in logged(machine) if one["what"] == what and facts.items() <= one.items()), None)

    return wait_for(f"{machine.name} tells {what}", found, limit_s, why=machine.tail)
