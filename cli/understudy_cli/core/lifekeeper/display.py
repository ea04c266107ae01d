"""What LifeKeeper prints of a node: `lcdstatus` and `lkcli status`, the detailed display and the short ones.

The detailed display (no option) says what each resource is. The short ones (`-q`, `-e`) say which there are. A line
that is none of either is kept, so that it can be named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

MACHINE = re.compile(r"""Resource hierarchies for machine ["“]?([^"”]+?)["”]?:?$""")
RESOURCE = re.compile(r"(\S.*?): id=(.*?) app=(\S*) type=(\S*) state=(\S+)$")
INITIALIZE = re.compile(r"initialize=")
INFO = re.compile(r"info=(.*)$")
DEPENDS = re.compile(r"depends on resources: *(.*)$", re.IGNORECASE)
PRIORITY = re.compile(r"Local priority = (\d+)$")
SHARED = re.compile(r"""SHARED equivalency with ["“]?(.+?)["”]? on ["“]?([^"”]+?)["”]?, priority = (\d+)$""")
SAYS_NO_MORE = re.compile(
    r"(reason=|these resources are dependent:|FAILOVER ALLOWED$|ROOT of RESOURCE HIERARCHY$)", re.I
)
KNOWN = re.compile(r"machine=(\S+) state=")
PATH = re.compile(r"to machine=(\S+) type=")
PATH_MORE = re.compile(r"""(state="|addresses=|device=|priority=)""")
HEADINGS = re.compile(
    r"(Resource Hierarchy Information|Communication Status Information|LifeKeeper Flags|Shutdown Strategy|-+|=+"
    r"|The following (LifeKeeper )?(machines|servers|network connections) .*|The following LifeKeeper flags are on:"
    r"|(LOCAL|BACKUP)\s+TAG\s+ID\s+STATE\s+PRIO\s+PRIMARY|MACHINE\s+(NETWORK|TYPE)\s+ADDRESSES/\S+\s+STATE\s+PRIO)",
    re.IGNORECASE,
)
FLAGS = "The following LifeKeeper flags are on:"
STRATEGY = re.compile(r"The shutdown strategy is set to: (.+?)\.?$")
ROW = re.compile(r"(\S+)\s+(?:[|\\`]?[-—]+\s*)?(\S+)\s+(\S.*?)\s+(ISP|ISU|OSU|OSF|ISS|ILLSTATE)\s+(\d+)\s+(\S+)$")
COMMUNICATION = re.compile(r"(\S+)\s+(TCP|TTY)\s+\S+\s+(ALIVE|DEAD)\s+(\d+|-+)$")
NOBODY = re.compile(r"-+")


@dataclass(frozen=True)
class Resource:
    """One resource. `kind` is what LifeKeeper calls its type, "" where only the short display names it.

    `priorities`: of each machine that may have it, 1 the best. `needs`: the tags of what it depends on.
    """

    tag: str
    ident: str
    app: str = ""
    kind: str = ""
    info: str = ""
    needs: tuple[str, ...] = ()
    priorities: tuple[tuple[str, int], ...] = ()
    is_up: bool = False


@dataclass
class Display:
    """What one output says. `unread`: its lines that were not understood, each after its place."""

    machine: str = ""
    resources: dict[str, Resource] = field(default_factory=dict)
    machines: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    strategy: str = ""
    unread: list[tuple[str, str]] = field(default_factory=list)

    def meet(self, machine: str) -> None:
        """Remember that there is such a machine."""
        if not NOBODY.fullmatch(machine) and machine not in self.machines:
            self.machines.append(machine)


def read(text: str, of: str = "") -> Display:
    """Understand one output, whichever of the displays it is. `of`: the name of its file, for places."""
    reader = _Reader()
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not reader.takes(line.strip()):
            reader.display.unread.append((f"{of}, line {number}", line.strip()))
    return reader.display


class _Reader:
    """Goes through the lines, and knows which resource it is in, and whether flags are being listed."""

    def __init__(self) -> None:
        self.display = Display()
        self._tag = ""
        self._in_flags = False

    def takes(self, line: str) -> bool:
        """Whether the line was understood."""
        if HEADINGS.fullmatch(line):
            self._tag, self._in_flags = "", line.lower() == FLAGS.lower()
            return True
        return self._of_a_node(line) or self._of_a_resource(line) or self._row(line) or self._flag(line)

    def _of_a_node(self, line: str) -> bool:
        if found := MACHINE.fullmatch(line):
            self.display.machine = found[1]
            self.display.meet(found[1])
        elif found := KNOWN.match(line) or PATH.match(line) or COMMUNICATION.fullmatch(line):
            self._tag = ""
            self.display.meet(found[1])
        elif found := STRATEGY.fullmatch(line):
            self.display.strategy = found[1]
        else:
            return False
        return True

    def _of_a_resource(self, line: str) -> bool:
        if found := RESOURCE.fullmatch(line):
            tag, ident, app, kind, state = found.groups()
            self._tag = tag
            self.display.resources[tag] = Resource(tag, ident, app, kind, is_up=state in ("ISP", "ISU"))
            return True
        if not self._tag:
            return bool(SAYS_NO_MORE.match(line) or PATH_MORE.match(line))
        resource = self.display.resources[self._tag]
        if found := INFO.fullmatch(line):
            resource = replace(resource, info=found[1])
        elif found := DEPENDS.fullmatch(line):
            resource = replace(resource, needs=tuple(re.split(r"[,\s]+", found[1].strip())))
        elif found := PRIORITY.fullmatch(line):
            resource = _with_priority(resource, self.display.machine, int(found[1]))
        elif found := SHARED.fullmatch(line):
            self.display.meet(found[2])
            resource = _with_priority(resource, found[2], int(found[3]))
        else:
            return bool(INITIALIZE.match(line) or SAYS_NO_MORE.match(line))
        self.display.resources[self._tag] = resource
        return True

    def _row(self, line: str) -> bool:
        found = ROW.fullmatch(line)
        if not found:
            return False
        first, tag, ident, _, _, primary = found.groups()
        self.display.meet(first)
        self.display.meet(primary)
        self.display.resources.setdefault(tag, Resource(tag, ident))
        return True

    def _flag(self, line: str) -> bool:
        if self._in_flags:
            self.display.flags.append(line)
        return self._in_flags


def _with_priority(resource: Resource, machine: str, priority: int) -> Resource:
    return replace(resource, priorities=(*resource.priorities, (machine, priority)))


def merged(displays: Iterable[Display]) -> tuple[Display, list[str]]:
    """All outputs as one, and the tags of resources of which two machines print different things.

    What the first detailed display says of a resource counts.
    """
    whole, differing = Display(), []
    for each in displays:
        whole.machine = whole.machine or each.machine
        whole.strategy = whole.strategy or each.strategy
        whole.unread += each.unread
        whole.flags += [flag for flag in each.flags if flag not in whole.flags]
        for machine in each.machines:
            whole.meet(machine)
        for tag, resource in each.resources.items():
            known = whole.resources.get(tag)
            if known is None or (resource.kind and not known.kind):
                whole.resources[tag] = resource
            elif resource.kind and (known.app, known.kind, known.ident) != (
                resource.app,
                resource.kind,
                resource.ident,
            ):
                differing.append(tag)
    return whole, differing
