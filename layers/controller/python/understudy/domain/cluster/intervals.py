"""When to ask again: every wait has a ceiling, every loop an end."""

from collections.abc import Iterable

from understudy.domain.cluster.tuning import Tuning

FIRST_GAP_S = 2


def change_gaps_s(tuning: Tuning) -> tuple[int, ...]:
    """The waits before each GetChange.

    They double from 2 s up to ROUTE53_CHANGEID_INTERVAL; then come ROUTE53_CHANGEID_TRY_COUNT waits of that length.
    A fast change is seen fast, and the whole is never shorter than the interval times the count.
    """
    gaps = []
    gap_s = FIRST_GAP_S
    while gap_s < tuning.ROUTE53_CHANGEID_INTERVAL:
        gaps.append(gap_s)
        gap_s *= 2
    return (*gaps, *[tuning.ROUTE53_CHANGEID_INTERVAL] * tuning.ROUTE53_CHANGEID_TRY_COUNT)


def change_gap_s(tuning: Tuning, attempt: int) -> int | None:
    """The wait after poll number `attempt` (from 0), or None when the tries are spent."""
    gaps = change_gaps_s(tuning)
    return gaps[attempt] if attempt < len(gaps) else None


SOON_S = 10
REPAIR_GAP_S = 60
LONGEST_REPAIR_GAP_S = 900


def repair_gap_s(failures: int, *, may_pass: bool) -> int:
    """How long an owed address is left alone after `failures` moves in a row (from 1) that left it so.

    Each costs an epoch and an execution that fails: so the gap doubles from a minute up to 15. Only the first is short
    where the fault `may_pass` by itself: most faults of AWS do within seconds, and clients go to the old address.
    """
    if may_pass and failures == 1:
        return SOON_S
    doublings = min(failures - 1, LONGEST_REPAIR_GAP_S // REPAIR_GAP_S)
    return min(LONGEST_REPAIR_GAP_S, REPAIR_GAP_S << doublings)


RECORDCHECK_LIMIT_S = 20
"""The watch has a minute for all clusters: its waits for zones end here, all together, whatever the tunables say."""


def recordcheck_gap_s(tunings: Iterable[Tuning], tries: int, waited_s: int) -> int | None:
    """The wait before the next read of zones that could not be read, or None when no cluster wants another.

    `tunings`: of the clusters with a record in these zones; `tries`: the reads so far; `waited_s`: the waits so far.
    The most patient cluster decides: whoever wants no more tries than were made has no say, and of the others'
    intervals the shortest counts.
    """
    wanted = [each.ROUTE53_RECORDCHECK_INTERVAL for each in tunings if tries < each.ROUTE53_RECORDCHECK_TRY_COUNT]
    gap_s = min(wanted, default=RECORDCHECK_LIMIT_S + 1)
    return gap_s if waited_s + gap_s <= RECORDCHECK_LIMIT_S else None


def record_gap_s(tuning: Tuning, attempt: int) -> int | None:
    """The wait after the failed update number `attempt` (from 0), or None when the tries are spent."""
    return tuning.ROUTE53_RECORD_INTERVAL if attempt + 1 < tuning.ROUTE53_RECORD_TRY_COUNT else None
