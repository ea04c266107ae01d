"""`python -m tests.simulation --seed N --runs N`: the first seed that fails is made smaller and told as a story."""

import argparse
import sys
import time
from collections.abc import Iterator

from tests.simulation.crowd_plan import CrowdPlan, draw_crowd
from tests.simulation.plan import OFF_ALONE, POLICIES, Plan, draw
from tests.simulation.runs import Tally, first_failure, outcome_of, report

TOLD_EVERY = 1000


def _plans(options: argparse.Namespace) -> Iterator[Plan | CrowdPlan]:
    """The plan of each seed; a night of them says now and then how far it is."""
    for number in range(options.runs):
        if number and number % TOLD_EVERY == 0:
            sys.stdout.write(f"{number} runs held\n")
            sys.stdout.flush()
        if options.crowd:
            yield draw_crowd(options.seed + number)
        else:
            policies = OFF_ALONE if options.off_alone else POLICIES
            yield draw(options.seed + number, pauses=options.pauses, policies=policies)


def main() -> int:
    """The exit status is 1 when a seed has failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--runs", type=int, default=200, help="how many seeds, one after the other")
    parser.add_argument("--pauses", action="store_true", help="machines freeze and thaw, too")
    parser.add_argument("--off-alone", action="store_true", help="no proof but EC2's word that the node is off")
    parser.add_argument("--crowd", action="store_true", help="several clusters that move at the same time")
    parser.add_argument("--story", action="store_true", help="tell the story of the first seed, failed or not")
    options = parser.parse_args()
    begun_s = time.monotonic()
    plans = _plans(options)
    if options.story:
        sys.stdout.write(outcome_of(next(plans)).story + "\n")
        return 0
    tally = Tally()
    failure = first_failure(plans, tally)
    took_s = time.monotonic() - begun_s
    if failure is None:
        sys.stdout.write(f"{options.runs} runs from seed {options.seed}: all held, in {took_s:.1f} s\n")
        if options.crowd:
            sys.stdout.write(f"{tally.twice} moves were handed in again because an answer was lost\n")
        else:
            sys.stdout.write(f"{tally.unproven} went on without a proof; in {tally.beside} of these two nodes served\n")
        return 0
    sys.stdout.write(report(failure) + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
