"""What becomes of each resource of a hierarchy: an address, a service of the agent's file, or nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from understudy_cli.core.lifekeeper.display import Resource
from understudy_cli.core.lifekeeper.findings import DIFFERENT, LEFT, TAKEN, TO_DO, Finding

ADDRESS = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d{1,3}){3})(?![\d.])")
ZONE = re.compile(r"\bZ[A-Z0-9]{8,31}\b")
NAME = re.compile(r"\b((?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9])\b", re.IGNORECASE)
TABLES = re.compile(r"\brtb-[0-9a-f]{8,17}\b")
ALLOCATION = re.compile(r"\beipalloc-[0-9a-f]{8,17}\b")
UNIT_WORD = re.compile(r"[A-Za-z0-9:_][A-Za-z0-9:_.@-]*")
UNITS = {
    "apache": "apache2.service",
    "mysql": "mariadb.service",
    "pgsql": "postgresql.service",
    "postfix": "postfix.service",
    "samba": "smbd.service",
    "nfs": "nfs-server.service",
}
"""Types of recovery kits for which a unit of systemd does the work, with the name that it has on Debian."""
DISKS = ("disk", "device", "dmmp", "mpath")
KITS = "docs/kits.md says what there is for it"


@dataclass(frozen=True)
class Service:
    """A `[service NAME]` section of the agent's file, made from the resource `tag`."""

    tag: str
    section: Mapping[str, str]


@dataclass
class Made:
    """Addresses and services in the order in which they were found, and what is to be said of each resource."""

    addresses: list[dict[str, object]] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def say(self, verdict: str, resource: Resource, why: str) -> None:
        """Add a finding about a resource."""
        kind = f"{resource.app}/{resource.kind}" if resource.kind else "resource"
        self.findings.append(Finding(verdict, f"{kind} {resource.tag}", why))

    def serve(self, resource: Resource, verdict: str, why: str, **section: str) -> None:
        """Add a service, and what is to be said of it."""
        self.services.append(Service(resource.tag, section))
        self.say(verdict, resource, why)


@dataclass(frozen=True)
class Told:
    """What LifeKeeper does not print of addresses, as the operator said it; "" and nothing where they did not."""

    record: str = ""
    zone: str = ""
    route_tables: tuple[str, ...] = ()
    allocation: str = ""


def made_of(resources: Mapping[str, Resource], told: Told) -> Made:
    """What the resources of one hierarchy become."""
    made = Made()
    for each in resources.values():
        if not each.kind:
            made.say(LEFT, each, "the short display does not say what it is: save lcdstatus without an option, too")
        elif each.kind == "ip":
            _virtual_ip(made, each, resources)
        elif each.kind == "ec2":
            _ec2(made, each, resources, told)
        elif each.kind == "route53":
            _record(made, each, told)
        elif each.kind in DISKS:
            made.say(DIFFERENT, each, "the mount above it names its device; a volume of EC2 has one path")
        else:
            _service(made, each)
    return made


def _virtual_ip(made: Made, resource: Resource, resources: Mapping[str, Resource]) -> None:
    routed = [each.tag for each in resources.values() if each.kind == "ec2" and resource.tag in each.needs]
    if routed:
        made.say(DIFFERENT, resource, f"it is the address of {routed[0]}; both nodes keep it, on their loopback")
    else:
        made.say(DIFFERENT, resource, "no virtual IP: the record leads to the node's own address")


def _ec2(made: Made, resource: Resource, resources: Mapping[str, Resource], told: Told) -> None:
    said = f"{resource.ident} {resource.info} {resource.tag}"
    allocation = told.allocation or _first(ALLOCATION, said)
    tables = told.route_tables or tuple(TABLES.findall(said))
    below = [resources[tag] for tag in resource.needs if tag in resources and resources[tag].kind == "ip"]
    address = _first(ADDRESS, " ".join(f"{each.ident} {each.tag} {each.info}" for each in below))
    if address and tables:
        made.addresses.append({"kind": "route_table", "address": f"{address}/32", "route_table_ids": list(tables)})
        made.say(TAKEN, resource, f"address route_table {address} in {', '.join(tables)}; the tables need the tag")
    elif address:
        made.say(LEFT, resource, f"the route tables that lead to {address} are not printed: --route-table, each")
    elif allocation:
        made.addresses.append({"kind": "elastic_ip", "allocation_id": allocation})
        made.say(TAKEN, resource, f"address elastic_ip {allocation}; it needs the tag")
    else:
        made.say(LEFT, resource, "neither its Elastic IP (--elastic-ip) nor an IP resource below it is printed")


def _record(made: Made, resource: Resource, told: Told) -> None:
    said = f"{resource.info} {resource.ident} {resource.tag}"
    name = told.record or _first(NAME, ADDRESS.sub(" ", said)).lower()
    zone = told.zone or _first(ZONE, said)
    missing = [option for option, value in (("--record", name), ("--zone", zone)) if not value]
    if missing:
        made.say(LEFT, resource, f"it is not printed: give {' and '.join(missing)}")
        return
    made.addresses.append({"kind": "route53_record", "hosted_zone_id": zone, "name": name, "type": "A"})
    made.say(TAKEN, resource, f"address route53_record {name} in {zone}")


def _service(made: Made, resource: Resource) -> None:
    if resource.kind == "filesys":
        why = f"kind mount of {resource.ident}: /etc/fstab needs a line for it with noauto, on each node"
        made.serve(resource, TO_DO, why, kind="mount", mount=resource.ident)
    elif resource.kind == "qsp" and (word := UNIT_WORD.fullmatch(resource.ident.split("QSP-")[-1])):
        unit = word[0] if word[0].endswith(".service") else f"{word[0]}.service"
        made.serve(resource, TO_DO, f"kind unit, {unit}: compare the name", kind="unit", unit=unit)
    elif resource.kind == "app" and resource.app == "gen":
        _script(made, resource)
    elif resource.kind in UNITS:
        unit = UNITS[resource.kind]
        why = f"kind unit, {unit}: compare the name with systemctl on the nodes; {KITS}"
        made.serve(resource, TO_DO, why, kind="unit", unit=unit)
    elif resource.kind in ("netraid", "datarep"):
        made.say(LEFT, resource, "DataKeeper: nothing here replicates disks. The service needs a way of its own")
    else:
        made.say(LEFT, resource, f"no translation; {KITS}")


def _script(made: Made, resource: Resource) -> None:
    program = f"/usr/local/sbin/{re.sub(r'[^A-Za-z0-9._-]', '-', resource.tag)}"
    why = (
        f"kind script: make {program} of its restore, remove and quickCheck. status must end with 0 or 3, "
        "and 3 only when it is down; a quickCheck says 1 for anything"
    )
    commands = {word: f"{program} {word}" for word in ("start", "stop", "status")}
    made.serve(resource, TO_DO, why, kind="script", **commands)


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[0] if found else ""
