"""`python -m tests.simulation --seed N --runs N`: each seed that fails is told at once, with how to run it again.

With `--stop` the first one that fails is made smaller and told as a story, and none is run after it.
"""

import argparse
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator

from tests.simulation.runs import Outcome, Series, Tally, outcome_of, report
from tests.simulation.weather_scripts import SCRIPTS

TOLD_EVERY_S = 10.0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--runs", type=int, default=200, help="how many seeds, one after the other")
    parser.add_argument("--pauses", action="store_true", help="machines freeze and thaw, too")
    parser.add_argument("--off-alone", action="store_true", help="no proof but EC2's word that the node is off")
    parser.add_argument("--crowd", action="store_true", help="several clusters that move at the same time")
    parser.add_argument("--fitness", action="store_true", help="nodes say how fit they are to take over")
    parser.add_argument("--paces", action="store_true", help="the timings are those of paces, in every seed")
    parser.add_argument("--balancer", action="store_true", help="a load balancer stands beside the record")
    parser.add_argument("--weather", choices=SCRIPTS, default="", help="a day on which AWS was ill")
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("--jobs", type=int, default=cores, help="in how many processes; without it, one for each core")
    parser.add_argument("--stop", action="store_true", help="stop at the first seed that fails, and tell its story")
    parser.add_argument("--story", action="store_true", help="tell the story of the first seed, failed or not")
    return parser.parse_args()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _failures(outcomes: Iterator[Outcome], runs: int, tally: Tally) -> Iterator[Outcome]:
    """Those that failed; every now and then it says how far it is."""
    failed, begun_s = 0, time.monotonic()
    told_s = begun_s
    for done, outcome in enumerate(outcomes, 1):
        tally.count(outcome)
        if outcome.invariant:
            failed += 1
            yield outcome
        now_s = time.monotonic()
        if now_s - told_s >= TOLD_EVERY_S:
            told_s = now_s
            _say(f"{done} of {runs} seeds, {done / (now_s - begun_s):.1f} a second, {failed} failed")


def _again(series: Series, seed: int) -> str:
    """What tells the story of one seed."""
    chosen = {
        "PAUSES": series.pauses,
        "OFF_ALONE": series.off_alone,
        "CROWD": series.crowd,
        "FITNESS": series.fitness,
        "PACES": series.paces,
        "BALANCER": series.balancer,
    }
    words = ["make sim", f"SEED={seed} RUNS=1 STOP=1", *(f"{name}=1" for name, is_set in chosen.items() if is_set)]
    return " ".join([*words, f"WEATHER={series.weather}"] if series.weather else words)


def _list_all(series: Series, failures: Iterator[Outcome]) -> bool:
    """Whether any has failed."""
    seeds: defaultdict[str, list[int]] = defaultdict(list)
    for failure in failures:
        seeds[failure.invariant].append(failure.plan.seed)
        _say(f"seed {failure.plan.seed}: {failure.found}\n    {_again(series, failure.plan.seed)}")
    for invariant in sorted(seeds, key=lambda each: -len(seeds[each])):
        _say(f"{len(seeds[invariant])} times {invariant}: {' '.join(map(str, seeds[invariant]))}")
    return bool(seeds)


def main() -> int:
    """The exit status is 1 when a seed has failed."""
    options = _options()
    modes = ("pauses", "off_alone", "crowd", "weather", "fitness", "paces", "balancer")
    series = Series(options.seed, options.runs, **{name: getattr(options, name) for name in modes})
    if options.story:
        _say(outcome_of(series.plan(0)).story)
        return 0
    begun_s, tally = time.monotonic(), Tally()
    failures = _failures(series.outcomes(options.jobs), options.runs, tally)
    if options.stop:
        failure = next(failures, None)
        if failure is not None:
            _say(report(failure))
        has_failed = failure is not None
    else:
        has_failed = _list_all(series, failures)
    if has_failed:
        return 1
    _say(f"{options.runs} runs from seed {options.seed}: all held, in {time.monotonic() - begun_s:.1f} s")
    if options.crowd:
        _say(f"{tally.twice} moves were handed in again because an answer was lost")
    else:
        _say(f"{tally.unproven} went on without a proof; in {tally.beside} of these two nodes served")
    return 0


if __name__ == "__main__":
    sys.exit(main())
