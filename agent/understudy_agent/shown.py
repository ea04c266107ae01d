"""What systemd shows of a unit and of the units that belong to it, and what follows for a service.

No clock and no input or output here: everything is an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from .tasks import Outcome

PROPERTIES = (
    "Id",
    "LoadState",
    "UnitFileState",
    "ActiveState",
    "SubState",
    "Type",
    "RemainAfterExit",
    "Result",
    "Job",
    "NRestarts",
    "ControlGroup",
    "Slice",
    "ConsistsOf",
    "PropagatesStopTo",
    "Triggers",
    "TriggeredBy",
    "Wants",
    "Requires",
    "BindsTo",
    "WantedBy",
    "RequiredBy",
    "BoundBy",
    "UpheldBy",
    "After",
    "ConditionResult",
    "ConditionTimestampMonotonic",
    "DropInPaths",
    "NeedDaemonReload",
)
"""What is asked of each unit. One that a version of systemd does not know, or that a type has not, is left out."""

ACTIVE = ("active", "reloading", "refreshing")
IDLE = ("inactive", "failed")
CHANGING = ("activating", "deactivating")
ENABLED = ("enabled", "enabled-runtime")
OF_A_TARGET = (".service", ".socket", ".mount", ".path", ".timer")
"""What a target that stands for others may stand for; other targets, slices and devices are not its own."""

OF_THE_SYSTEM = ("systemd-", "dbus", "-.mount")


@dataclass(frozen=True)
class Shown:
    """One unit, as `systemctl show` prints it."""

    values: Mapping[str, str]

    def __getitem__(self, key: str) -> str:
        return self.values.get(key, "")

    def names(self, *keys: str) -> list[str]:
        """The units that some properties name."""
        return [name for key in keys for name in self[key].split()]

    @property
    def name(self) -> str:
        return self["Id"]

    @property
    def is_active(self) -> bool:
        return self["ActiveState"] in ACTIVE

    @property
    def is_idle(self) -> bool:
        return self["ActiveState"] in IDLE

    @property
    def is_changing(self) -> bool:
        """Whether it is stopped or started because somebody has asked for it, not because it has failed.

        Between the two halves of a restart it is inactive, and the job of the second one is queued.
        """
        is_asked_for = self["Result"] in ("", "success") and self["SubState"] != "auto-restart"
        return (self["ActiveState"] in CHANGING and is_asked_for) or self.is_queued

    @property
    def is_queued(self) -> bool:
        """Whether it is inactive and systemd is about to do something about it."""
        return self.is_idle and self["Job"] not in ("", "0")

    @property
    def restarts(self) -> int:
        """How often systemd has restarted it by itself."""
        return int(self["NRestarts"]) if self["NRestarts"].isdigit() else 0

    @property
    def can_be_empty(self) -> bool:
        """Whether it may be active without a process by its very kind, which proves nothing."""
        return self.name.endswith(".target") or (self["Type"] == "oneshot" and self["RemainAfterExit"] == "yes")

    @property
    def attached(self) -> list[str]:
        """The units that it stands for: those that are stopped with it, those that it triggers, those of a target."""
        own = self.names("ConsistsOf", "PropagatesStopTo", "Triggers")
        if self.name.endswith(".target"):
            wanted = self.names("Wants", "Requires", "BindsTo")
            own += [name for name in wanted if name.endswith(OF_A_TARGET) and not name.startswith(OF_THE_SYSTEM)]
        return own

    @property
    def control_groups(self) -> list[str]:
        """Where its processes are, or are left: systemd names no control group of a unit that has stopped.

        systemd puts "_" before the name of a group that could be taken for a file of the kernel's ("memory.service").
        """
        if self["ControlGroup"]:
            return [self["ControlGroup"]]
        if not self["Slice"]:
            return []
        parent = _slice_path(self["Slice"])
        return [f"{parent}/{self.name}", f"{parent}/_{self.name}"]

    @property
    def words(self) -> str:
        """Its name and state, for people."""
        if self["SubState"] == "auto-restart":
            return f"{self.name} has failed, and systemd is about to restart it"
        failed = f", {self['Result']}" if self["ActiveState"] == "failed" else ""
        queued = ", and a job is queued" if self.is_queued else ""
        return f"{self.name} is {self['ActiveState'] or 'unknown'} ({self['SubState']}{failed}){queued}"


def _slice_path(name: str) -> str:
    """ "a-b.slice" is /a.slice/a-b.slice, and "-.slice" the root."""
    parts = name[: -len(".slice")].split("-") if name != "-.slice" else []
    return "".join("/" + "-".join(parts[: end + 1]) + ".slice" for end in range(len(parts)))


def parse(names: Sequence[str], output: str) -> dict[str, Shown]:
    """The units in the output of `systemctl show NAME...`, by the names asked for. Empty: that is no such output."""
    blocks = [dict(line.partition("=")[::2] for line in block.splitlines()) for block in output.split("\n\n")]
    shown = [Shown(block) for block in blocks if block.get("Id")]
    return {name: shown[at] for at, name in enumerate(names)} if len(shown) == len(names) else {}


@dataclass(frozen=True)
class UnitGroup:
    """A unit, the units that it stands for, and those that would start any of them: sockets, paths, timers."""

    top: Shown
    members: tuple[Shown, ...]
    triggers: tuple[Shown, ...]

    @property
    def all(self) -> tuple[Shown, ...]:
        return (self.top, *self.members, *self.triggers)

    @property
    def names(self) -> list[str]:
        return [shown.name for shown in self.all]

    @property
    def needed(self) -> list[Shown]:
        """The members that the unit itself wants or requires."""
        names = self.top.names("Wants", "Requires", "BindsTo")
        return [member for member in self.members if member.name in names]


def group_of(shown: Mapping[str, Shown], was: Iterable[str]) -> tuple[UnitGroup, list[str]]:
    """The group of the unit that is shown first, and the names that are still to be asked for.

    `was`: names that belonged to it before. One that has lost its tie to the rest belongs to it until it has stopped.
    """
    names = [next(iter(shown))]
    for name in names:
        names += [other for other in dict.fromkeys(_attached(shown, name)) if other not in names]
    names += [name for name in was if name in shown and name not in names and not shown[name].is_idle]
    own = {shown[name].name: shown[name] for name in names if name in shown}
    starting = dict.fromkeys(name for each in own.values() for name in each.names("TriggeredBy") if name not in own)
    top, *members = own.values()
    triggers = {shown[name].name: shown[name] for name in starting if name in shown}
    group = UnitGroup(top, tuple(members), tuple(triggers.values()))
    return group, [name for name in (*names, *starting) if name not in shown]


def _attached(shown: Mapping[str, Shown], name: str) -> list[str]:
    return shown[name].attached if name in shown else []


def judge(
    group: UnitGroup, restarts: Mapping[str, int], is_populated: Callable[[Shown], bool], *, has_probe: bool
) -> tuple[Outcome, str]:
    """What a look at a group says, and what it rests on. Raises OSError when nobody can know what runs.

    `restarts`: how often systemd had restarted each unit at the look before. `is_populated`: whether any process is in
    its control groups. `has_probe`: something else proves that it serves.
    """
    own = (group.top, *group.members)
    for shown in own:
        if shown["SubState"] == "auto-restart":
            return Outcome.RUNNING, shown.words
        if shown.restarts > restarts.get(shown.name, shown.restarts):
            return Outcome.RUNNING, f"{shown.name} had failed, and systemd has restarted it"
    if group.top.is_active:
        return _judge_active(group, runs=has_probe or is_populated(group.top))
    left = [s.words for s in group.all if not s.is_idle or s.is_queued]
    left += [f"processes of {s.name} are left" for s in own if s.is_idle and is_populated(s)]
    if left:
        return Outcome.CHANGING if any(s.is_changing for s in own) else Outcome.RUNNING, "; ".join(left)
    required = group.top.names("Requires", "BindsTo")
    for shown in own:
        if shown["LoadState"] != "loaded" and (shown is group.top or shown.name in required):
            return Outcome.UNFIT, f"systemd cannot start {shown.name}: it is {shown['LoadState']}"
    return Outcome.DOWN, group.top.words


def _judge_active(group: UnitGroup, *, runs: bool) -> tuple[Outcome, str]:
    """`runs`: a process of the unit itself is there, or a probe can answer that."""
    top = group.top
    missing = [member for member in group.needed if _is_missing(top, member)]
    if missing:
        is_changing = all(member.is_changing for member in missing)
        return Outcome.CHANGING if is_changing else Outcome.RUNNING, "; ".join(member.words for member in missing)
    # Whatever its kind: one that is "exited" is active without a process.
    may_be_empty = top.can_be_empty or top["SubState"] == "exited"
    if runs or not may_be_empty or any(member.is_active for member in group.members):
        return Outcome.SERVING, top.words
    if group.members:
        return Outcome.RUNNING, f"{top.name} stands for others, and none of them runs: {group.members[0].words}"
    return (
        Outcome.UNKNOWN,
        f"{top.name} is active without a process and stands for no other unit: only a probe can tell",
    )


def _is_missing(top: Shown, member: Shown) -> bool:
    """Whether an active unit lacks one of those that it needs.

    Not so: one that ran once and ended well, one that a condition of its own forbids, one that is wanted and not there.
    """
    if member["ActiveState"] != "inactive":
        return not member.is_active
    if member["LoadState"] != "loaded":
        return member.name in top.names("Requires", "BindsTo")
    was_checked = member["ConditionTimestampMonotonic"] not in ("", "0")
    is_done = member["Type"] == "oneshot" and member["Result"] == "success"
    return not (was_checked and (is_done or member["ConditionResult"] == "no"))


def boot_faults(group: UnitGroup) -> list[str]:
    """What starts a unit at boot, in words with what to do: only the agent may start it."""
    outside = [shown for shown in group.all if _starters(group, shown)]
    return [
        f"{_starters(group, shown)[0]} starts {shown.name} at boot: systemctl disable {shown.name}" for shown in outside
    ]


def _starters(group: UnitGroup, shown: Shown) -> list[str]:
    """The targets that want a unit; units that belong to the same service do not count."""
    targets = [name for name in shown.names("WantedBy", "RequiredBy", "UpheldBy") if name.endswith(".target")]
    is_enabled = shown not in group.members and shown["UnitFileState"] in ENABLED
    return [name for name in targets if name not in group.names] or (["systemd"] if is_enabled else [])


def stop_order(group: UnitGroup) -> list[list[str]]:
    """The units to stop, in steps: what would start others again, what needs them, then each before what it follows."""
    running = {s.name: s for s in group.all if not s.is_idle}
    first = [name for name, s in running.items() if s.names("Triggers")]
    needs = dict.fromkeys(n for s in (group.top, *group.members) for n in s.names("RequiredBy", "BoundBy"))
    dependents = [name for name in needs if name not in group.names and not name.endswith((".target", ".slice"))]
    rest = [] if group.top.name in running else [group.top.name]  # to cancel what systemd may be about to do
    steps = [first, dependents, *_by_order(running, set(running) - set(first)), rest]
    return [step for step in steps if step]


def _by_order(shown: Mapping[str, Shown], names: Collection[str]) -> list[list[str]]:
    """What systemd starts last is stopped first. Units that are ordered in a circle are stopped at once."""
    order: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(sorted(names), ()))
    for name in names:
        for before in shown[name].names("After"):
            if before in names:
                order.add(before, name)
    steps = []
    try:
        order.prepare()
    except CycleError:
        return [sorted(names)]
    while order.is_active():
        steps.append(sorted(order.get_ready()))
        order.done(*steps[-1])
    return steps
