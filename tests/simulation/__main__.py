"""`python -m tests.simulation --seed N --runs N`: the first seed that fails is made smaller and told as a story."""

import argparse
import sys
import time
from collections.abc import Iterator

from tests.simulation.plan import OFF_ALONE, POLICIES, Plan, draw
from tests.simulation.runs import Tally, first_failure, outcome_of, report

TOLD_EVERY = 1000


def _plans(first: int, runs: int, *, pauses: bool, off_alone: bool) -> Iterator[Plan]:
    """The plan of each seed; a night of them says now and then how far it is."""
    for number in range(runs):
        if number and number % TOLD_EVERY == 0:
            sys.stdout.write(f"{number} runs held\n")
            sys.stdout.flush()
        yield draw(first + number, pauses=pauses, policies=OFF_ALONE if off_alone else POLICIES)


def main() -> int:
    """The exit status is 1 when a seed has failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--runs", type=int, default=200, help="how many seeds, one after the other")
    parser.add_argument("--pauses", action="store_true", help="machines freeze and thaw, too")
    parser.add_argument("--off-alone", action="store_true", help="no proof but EC2's word that the node is off")
    parser.add_argument("--story", action="store_true", help="tell the story of the first seed, failed or not")
    options = parser.parse_args()
    begun_s = time.monotonic()
    plans = _plans(options.seed, options.runs, pauses=options.pauses, off_alone=options.off_alone)
    if options.story:
        sys.stdout.write(outcome_of(next(plans)).story + "\n")
        return 0
    tally = Tally()
    failure = first_failure(plans, tally)
    took_s = time.monotonic() - begun_s
    if failure is None:
        sys.stdout.write(f"{options.runs} runs from seed {options.seed}: all held, in {took_s:.1f} s\n")
        sys.stdout.write(f"{tally.unproven} went on without a proof; in {tally.beside} of these two nodes served\n")
        return 0
    sys.stdout.write(report(failure) + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
