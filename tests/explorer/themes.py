"""The themes: each a list of deviations, the situations they begin in, and the bounds within which all are tried."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.explorer import deviations as d
from tests.explorer.deviations import BOTH, A, B
from tests.explorer.parts import UNREADABLE
from tests.explorer.search import Deviation
from tests.explorer.world import Setting

STOPS: dict[str, Any] = {"fencing": {"stop_instance": True}}
OFF_ALONE: dict[str, Any] = {"fencing": {"stop_instance": True, "accept": ["stopped"], "limit_s": 60}}
KEEP: dict[str, Any] = {"on_isolation": "keep", **STOPS}
SETTLED = Setting()
KEYED = Setting("settled, a shared key", shares_key=True, replays=True)
KEEPING = Setting("settled, on_isolation: keep", KEEP)


@dataclass(frozen=True)
class Theme:
    """`most`: by how many deviations `make explore` goes, `quick`: by how many the tests do.

    Looked at are `horizon_s` seconds; nothing deviates after `until_s`. A cluster that is well is in the same state
    every four seconds, so for the first deviation a few of them stand for all.
    """

    name: str
    settings: Sequence[Setting]
    deviations: Sequence[Deviation]
    most: int = 2
    quick: int = 1
    horizon_s: int = 80
    until_s: int = 60
    quick_until_s: int = 4


def _of_both(make: Callable[[str], list[Deviation]]) -> list[Deviation]:
    return [each for node in BOTH for each in make(node)]


def _placements() -> list[Setting]:
    found = []
    for runs in ((), (A,), (B,), (A, B)):
        for record in ("", A, B):
            words = f"runs on {' and '.join(runs) or 'neither'}, the record leads to {record or 'nobody'}"
            found.append(Setting(words, runs=runs, record=record, settle_s=0))
    return found


NAMES = (
    Setting("data and postgresql are defined, the files say data", defined=("data", "postgresql"),
            services={A: ("data",), B: ("data",)}, settle_s=0),
    Setting("node-b's file says pg", services={B: ("pg",)}),
    Setting("node-a's file names nothing, and its service runs", services={A: ()}, runs=(A,), settle_s=0),
)  # fmt: skip
SHORTER: dict[str, Any] = {"lease_s": 11, "silence_limit_s": 14}
MOVING = Setting("a switchover is asked for", is_moving=True)
CANNOT_READ = [d.blowing("no_read", node, 60) for node in BOTH]
COMES_BACK = [d.dies_and_comes_up(A, 20), d.comes_up_anew(A), d.comes_up_anew(B), *CANNOT_READ]
LONG_CUT = d.cut_off(A)[-1]

THEMES = {
    theme.name: theme
    for theme in (
        Theme("beats", (SETTLED,), [*_of_both(d.beats), *d.cut_off(A)]),
        Theme("reads", (SETTLED,), [*_of_both(d.reads), *d.cut_off(A), *d.beats(A)[2:5], d.slow_looks(A)]),
        Theme("agents", (SETTLED,), [*_of_both(d.agents), LONG_CUT, d.blowing("no_read", A, 30), d.services_die(A)]),
        Theme("reboots", (SETTLED,), [*_of_both(d.reboots), *CANNOT_READ, d.comes_up_anew(A), d.comes_up_anew(B)]),
        Theme("come-back", (SETTLED,), COMES_BACK, 3, 1, 120, 12),
        Theme("freezes", (SETTLED,), [*_of_both(d.freezes), d.asking("switchover", action="switchover"), LONG_CUT]),
        Theme("controller", (MOVING, SETTLED), [*d.steps(), *d.people(), LONG_CUT], 2, 1, 60, 30, 8),
        Theme("unproven", (Setting("stopped alone", OFF_ALONE),), [d.unproven(), LONG_CUT, *d.ec2(A)[:2]], 2, 1, 120),
        Theme("definition", (*_placements(), *NAMES),
              [*_of_both(d.cut_off), *d.beats(A)[2:3], *d.beats(B)[2:3], *CANNOT_READ], 2, 0, 70, 12),
        Theme("changes", (SETTLED, KEEPING), [
            d.definition_changes("keep", policy=KEEP), d.definition_changes("stop", policy={}),
            d.definition_changes("a shorter lease", policy=SHORTER), *d.cut_off(A), d.blowing("no_read", A, 7)]),
        Theme("backup", (Setting("settled, and moved since the backup", has_moved=True),),
              [*d.backup(), *d.cut_off(B), CANNOT_READ[1], *d.people()[:2]], 2, 1, 60, 30),
        Theme("keep", (KEEPING,), [*d.cut_off(A), *d.freezes(A), d.agent_dies(A, 1), d.agent_dies(A, 8), *d.ec2(A)[:2],
                                   d.slow_looks(A), d.blowing("no_read", A, 7), d.services_die(A)], 2, 1, 80),
        Theme("power", (Setting("stop_instance", STOPS), Setting("stopped alone", OFF_ALONE)),
              [*_of_both(d.ec2), *d.cut_off(A), *d.freezes(A)], 2, 1, 80, 60, 2),
        Theme("promises", (KEYED,), [*_of_both(d.messages), *d.cut_off(A), d.aws_is_dead(30)]),
        Theme("promise-files", (KEYED,), [
            LONG_CUT, *(d.agent_dies(B, 1, "promises", content) for content in (None, UNREADABLE)),
            d.agent_dies(B, 1), *d.reboots(B)[:1]], 3, 1, 80, 40),
        Theme("liar", (SETTLED,), [*_of_both(d.lies), *d.cut_off(A)], 2, 1, 80, 8, 2),
    )
}  # fmt: skip
