"""`python -m tests.explorer`: explore the themes, print the figures, tell what was found as stories."""

from __future__ import annotations

import argparse
import sys
import time

from tests.explorer.search import Explorer, Figures, Found, story_of
from tests.explorer.themes import THEMES, Theme


def main() -> int:
    """Exit status 1 when anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.explorer")
    parser.add_argument("--theme", default="", help="one of " + ", ".join(THEMES) + "; all without it")
    parser.add_argument("--deviations", type=int, help="how many at most; each theme has its own number without it")
    parser.add_argument("--horizon", type=int, help="how many seconds are looked at")
    parser.add_argument("--minutes", type=float, default=10.0, help="after how long it ends, all themes together")
    parser.add_argument("--stories", type=int, default=3, help="how many of what a theme finds are told in full")
    chosen = parser.parse_args()
    themes = [THEMES[chosen.theme]] if chosen.theme else list(THEMES.values())
    ends_at, found = time.perf_counter() + chosen.minutes * 60, 0
    for number, theme in enumerate(themes):
        share = (ends_at - time.perf_counter()) / (len(themes) - number)
        found += _explore(theme, chosen, time.perf_counter() + share)
    return 1 if found else 0


def _explore(theme: Theme, chosen: argparse.Namespace, ends_at: float) -> int:
    total = Figures()
    for number, setting in enumerate(theme.settings):
        now = time.perf_counter()
        explorer = Explorer(
            setting,
            theme.deviations,
            chosen.horizon or theme.horizon_s,
            until_s=theme.until_s,
            ends_at=now + (ends_at - now) / (len(theme.settings) - number),
        )
        figures = explorer.explore(chosen.deviations if chosen.deviations is not None else theme.most)
        total.states += figures.states
        total.steps += figures.steps
        total.seconds += figures.seconds
        total.is_complete &= figures.is_complete
        total.found += figures.found
    rate = total.steps / total.seconds if total.seconds else 0
    end = "" if total.is_complete else ", time was over before all was looked at"
    _say(
        f"{theme.name:11} {total.states:8} states {total.steps:8} steps {total.seconds:7.1f} s "
        f"{rate:6.0f} steps/s {len(total.found):3} violations{end}"
    )
    for number, each in enumerate(total.found):
        _tell(theme, each, in_full=number < chosen.stories)
    return len(total.found)


def _tell(theme: Theme, found: Found, *, in_full: bool) -> None:
    way = "; ".join(f"{at_s} s: {name}" for at_s, name in found.trail) or "nothing deviates"
    _say(f"  {found.violation.property}: {found.violation.found}\n    [{found.setting.name}] {way}")
    if in_full:
        story = story_of(found.setting, theme.deviations, found.trail, found.at_s)
        _say("\n".join(f"      {line}" for line in story))


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
