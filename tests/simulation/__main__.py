"""`python -m tests.simulation --seed N --runs N`: run seeds; the first that fails is made smaller and told as a story."""

import argparse
import sys
import time

from tests.simulation.plan import draw
from tests.simulation.runs import first_failure, outcome_of, report


def main() -> int:
    """The exit status is 1 when a seed has failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--runs", type=int, default=200, help="how many seeds, one after the other")
    parser.add_argument("--pauses", action="store_true", help="machines freeze and thaw, too")
    parser.add_argument("--story", action="store_true", help="tell the story of the first seed, failed or not")
    options = parser.parse_args()
    begun_s = time.monotonic()
    plans = (draw(seed, pauses=options.pauses) for seed in range(options.seed, options.seed + options.runs))
    if options.story:
        print(outcome_of(next(plans)).story)
        return 0
    failure = first_failure(plans)
    took_s = time.monotonic() - begun_s
    if failure is None:
        print(f"{options.runs} runs from seed {options.seed}: all held, in {took_s:.1f} s")
        return 0
    print(report(failure))
    return 1


if __name__ == "__main__":
    sys.exit(main())
