"""The themes: each a list of deviations, the situations they begin in, and the bounds within which all are tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.explorer import deviations as d
from tests.explorer.deviations import BOTH, A, B
from tests.explorer.search import Deviation
from tests.explorer.world import Setting

STOPS: dict[str, Any] = {"fencing": {"stop_instance": True}}
OFF_ALONE: dict[str, Any] = {"fencing": {"stop_instance": True, "accept": ["stopped"], "limit_s": 60}}
KEEP: dict[str, Any] = {"on_isolation": "keep"}
SETTLED = Setting()
KEYED = Setting("settled, a shared key", shares_key=True, replays=True)


@dataclass(frozen=True)
class Theme:
    """`most`: by how many deviations CI explores it, within `horizon_s` seconds; nothing deviates after `until_s`."""

    name: str
    settings: Sequence[Setting]
    deviations: Sequence[Deviation]
    most: int
    horizon_s: int
    until_s: int = 60


def _of_both(make: Any) -> list[Deviation]:
    return [each for node in BOTH for each in make(node)]


def _placements() -> list[Setting]:
    found = []
    for runs in ((), (A,), (B,), (A, B)):
        for record in ("", A, B):
            words = f"runs on {' and '.join(runs) or 'neither'}, the record leads to {record or 'nobody'}"
            found.append(Setting(words, runs=runs, record=record, settle_s=0))
    return found


NAMES = (
    Setting(
        "names differ: data and postgresql, the files say data",
        defined=("data", "postgresql"),
        services={A: ("data",), B: ("data",)},
        settle_s=0,
    ),
    Setting("names differ: node-b's file says pg", defined=("postgresql",), services={B: ("pg",)}),
    Setting("node-a's file names nothing, and its service runs", services={A: ()}, settle_s=0),
)

THEMES = {
    theme.name: theme
    for theme in (
        Theme("beats", (SETTLED,), [*_of_both(d.beats), *d.cut_off(A)], 1, 80),
        Theme("reads", (SETTLED,), [*_of_both(d.reads), *d.cut_off(A), *d.beats(A)[2:5], d.slow_looks(A)], 1, 80),
        Theme("agents", (SETTLED,), [*_of_both(d.agents), *d.cut_off(A)], 1, 80),
        Theme("reboots", (SETTLED,), [*_of_both(d.reboots), *(d.blowing("no_read", n, 60) for n in BOTH)], 1, 80),
        Theme("freezes", (SETTLED,), [*_of_both(d.freezes), d.asking("switchover", action="switchover")], 1, 80),
        Theme("controller", (SETTLED,), [*d.steps(), *d.people(), *d.cut_off(A)], 2, 60, 30),
        Theme(
            "definition",
            (*_placements(), *NAMES),
            [*_of_both(d.cut_off), *d.beats(A)[2:3], *d.beats(B)[2:3]],
            1,
            70,
            12,
        ),
        Theme(
            "power",
            (Setting("stop_instance", STOPS), Setting("stopped alone", OFF_ALONE)),
            [*_of_both(d.ec2), *d.cut_off(A), *d.freezes(A)],
            1,
            100,
        ),
        Theme(
            "promises",
            (KEYED,),
            [
                *_of_both(d.messages),
                *d.cut_off(A),
                d.aws_is_dead(30),
                d.agent_dies(A, 1),
                d.agent_dies(B, 1, "promises"),
            ],
            1,
            80,
        ),
        Theme("liar", (SETTLED,), [*_of_both(d.lies), *d.cut_off(A)], 1, 80),
    )
}
