"""A hierarchy of LifeKeeper as a cluster: its nodes, addresses, services and settings, and what was not taken."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from understudy_cli.core.lifekeeper.defaults import Defaults
from understudy_cli.core.lifekeeper.display import Display, Resource
from understudy_cli.core.lifekeeper.findings import DIFFERENT, LEFT, TO_DO, Finding
from understudy_cli.core.lifekeeper.resources import Made, Told, made_of
from understudy_cli.core.lifekeeper.tunables import Settings, settings_of

LONGEST_NAME = 40
TABLE_UNSAID = "TABLE"


@dataclass(frozen=True)
class Given:
    """What the operator said beside the files. `instances`: of each machine; `table`: "" when it was not said."""

    cluster: str
    instances: Mapping[str, str]
    addresses: Told = field(default_factory=Told)
    table: str = ""
    bus: str = "understudy"


@dataclass(frozen=True)
class Node:
    """A member, and the machine that LifeKeeper calls it. `priority`: None of a witness."""

    name: str
    machine: str
    priority: int | None
    instance_id: str


@dataclass(frozen=True)
class Section:
    """A service under the name that it gets here."""

    name: str
    needs: tuple[str, ...]
    keys: Mapping[str, str]


@dataclass(frozen=True)
class Imported:
    """All that is written."""

    given: Given
    nodes: tuple[Node, ...]
    addresses: tuple[Mapping[str, object], ...]
    sections: tuple[Section, ...]
    settings: Settings
    findings: tuple[Finding, ...]


def roots(display: Display) -> list[str]:
    """The tags on which no other resource depends, each the top of a hierarchy."""
    below = {need for each in display.resources.values() for need in each.needs}
    return [tag for tag, each in display.resources.items() if tag not in below and each.kind]


def hierarchy(display: Display, root: str) -> dict[str, Resource]:
    """The root and whatever it depends on."""
    found: dict[str, Resource] = {}
    left = [root]
    while left:
        tag = left.pop(0)
        if tag in display.resources and tag not in found:
            found[tag] = display.resources[tag]
            left += found[tag].needs
    return found


def imported(display: Display, root: str, defaults: Defaults, given: Given) -> Imported:
    """What becomes of the hierarchy of `root`."""
    resources = hierarchy(display, root)
    made = made_of(resources, given.addresses)
    names = names_of([each.tag for each in made.services], made.findings)
    kept = {each.tag for each in made.services}
    sections = tuple(
        Section(names[each.tag], tuple(names[tag] for tag in _nearest(resources, each.tag, kept)), each.section)
        for each in made.services
    )
    findings = [*_elsewhere(display, resources), *made.findings]
    nodes = _nodes(display, resources[root], defaults, given, findings)
    settings = settings_of(defaults.values, display.flags, display.strategy, len(nodes))
    unread = [Finding(LEFT, place, f"not understood: {said}") for place, said in [*display.unread, *defaults.unread]]
    findings += [*settings.findings, *unread, *_always(given, made)]
    return Imported(given, tuple(nodes), tuple(made.addresses), sections, settings, tuple(findings))


def names_of(words: Iterable[str], findings: list[Finding]) -> dict[str, str]:
    """A name that is allowed here for each, none twice. Those that had to be changed become findings."""
    names: dict[str, str] = {}
    for word in words:
        bare = re.sub(r"[^a-z0-9]+", "-", word.lower()).strip("-")[:LONGEST_NAME].strip("-") or "unnamed"
        name, number = bare, 1
        while name in names.values():
            number += 1
            name = f"{bare[: LONGEST_NAME - 3].strip('-')}-{number}"
        names[word] = name
        if name != word:
            findings.append(Finding(DIFFERENT, word, f"is called {name} here: small letters, digits and hyphens"))
    return names


def _nearest(resources: Mapping[str, Resource], tag: str, kept: set[str]) -> list[str]:
    """What a service depends on among those that were taken, through those that were not."""
    found: list[str] = []
    left, seen = list(resources[tag].needs), {tag}
    while left:
        each = left.pop(0)
        if each in seen or each not in resources:
            continue
        seen.add(each)
        if each in kept:
            found.append(each)
        else:
            left += resources[each].needs
    return found


def _elsewhere(display: Display, resources: Mapping[str, Resource]) -> list[Finding]:
    """A finding for every resource that does not belong to the hierarchy."""
    found = []
    for tag, each in display.resources.items():
        if tag not in resources and each.kind:
            why = "of another hierarchy: import it as a cluster of its own (--root)"
            found.append(Finding(LEFT, f"{each.app}/{each.kind} {tag}", why))
        elif tag not in resources:
            why = "the short display does not say what it is: save lcdstatus without an option, too"
            found.append(Finding(LEFT, f"resource {tag}", why))
    return found


def _nodes(display: Display, root: Resource, defaults: Defaults, given: Given, findings: list[Finding]) -> list[Node]:
    """Those that the root may run on; the others are witnesses where a majority of nodes is asked for."""
    asks = defaults.values.get("QUORUM_MODE") == "majority"
    priorities = dict(root.priorities)
    names = names_of(display.machines, findings)
    nodes = []
    for machine in display.machines:
        priority = priorities.get(machine)
        if priority is None and not asks:
            findings.append(Finding(LEFT, f"machine {machine}", "it cannot run this hierarchy, and is left out"))
            continue
        instance = given.instances.get(machine, "")
        nodes.append(Node(names[machine], machine, priority, instance))
        if not instance:
            why = f"its instance is not printed: give --node {machine}=ID, or tag it understudy:member"
            findings.append(Finding(TO_DO, f"machine {machine}", f"{why}={given.cluster}/{names[machine]}"))
    return sorted(nodes, key=lambda each: (each.priority is None, each.priority or 0))


def _always(given: Given, made: Made) -> list[Finding]:
    """What LifeKeeper prints nowhere, and a person must know."""
    found = []
    if not given.table:
        why = "set table in every agent's file to the output TableName of the stack"
        found.append(Finding(TO_DO, "the cluster table", why))
    if any(each.section["kind"] == "unit" for each in made.services):
        why = "disable them on every node (systemctl disable): nothing but the agent may start them"
        found.append(Finding(TO_DO, "the units", why))
    why = "failback: manual is the default; if it was AUTOMATIC, set policy.failback"
    return [*found, Finding(TO_DO, "the switchback type", f"it is not printed. {why}")]
