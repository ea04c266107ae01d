"""`python -m tests.simulation --seed N --runs N`: the first seed that fails is made smaller and told as a story.

With `--keep-going` every seed that fails is told in a line, and how many there were of each kind.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator

from tests.simulation.runs import Outcome, Series, Tally, outcome_of, report
from tests.simulation.weather_scripts import SCRIPTS

TOLD_EVERY = 1000


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--runs", type=int, default=200, help="how many seeds, one after the other")
    parser.add_argument("--pauses", action="store_true", help="machines freeze and thaw, too")
    parser.add_argument("--off-alone", action="store_true", help="no proof but EC2's word that the node is off")
    parser.add_argument("--crowd", action="store_true", help="several clusters that move at the same time")
    parser.add_argument("--weather", choices=SCRIPTS, default="", help="a day on which AWS was ill")
    parser.add_argument("--jobs", type=int, default=1, help="in how many processes")
    parser.add_argument("--keep-going", action="store_true", help="go on after a seed that fails, and list them all")
    parser.add_argument("--story", action="store_true", help="tell the story of the first seed, failed or not")
    return parser.parse_args()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _failures(outcomes: Iterator[Outcome], tally: Tally) -> Iterator[Outcome]:
    """Those that failed; a night of runs says now and then how far it is."""
    failed = 0
    for done, outcome in enumerate(outcomes, 1):
        tally.count(outcome)
        if outcome.invariant:
            failed += 1
            yield outcome
        if done % TOLD_EVERY == 0:
            _say(f"{done} runs, {failed} of them failed" if failed else f"{done} runs held")


def _list_all(failures: Iterator[Outcome]) -> Counter[str]:
    found: Counter[str] = Counter()
    for failure in failures:
        found[failure.invariant] += 1
        _say(f"seed {failure.plan.seed}: {failure.found}")
    return found


def main() -> int:
    """The exit status is 1 when a seed has failed."""
    options = _options()
    series = Series(options.seed, options.runs, options.pauses, options.off_alone, options.crowd, options.weather)
    if options.story:
        _say(outcome_of(series.plan(0)).story)
        return 0
    begun_s, tally = time.monotonic(), Tally()
    failures = _failures(series.outcomes(options.jobs), tally)
    if options.keep_going:
        found = _list_all(failures)
        for invariant, times in found.most_common():
            _say(f"{times} times {invariant}")
        if found:
            return 1
    elif failure := next(failures, None):
        _say(report(failure))
        return 1
    _say(f"{options.runs} runs from seed {options.seed}: all held, in {time.monotonic() - begun_s:.1f} s")
    if options.crowd:
        _say(f"{tally.twice} moves were handed in again because an answer was lost")
    else:
        _say(f"{tally.unproven} went on without a proof; in {tally.beside} of these two nodes served")
    return 0


if __name__ == "__main__":
    sys.exit(main())
