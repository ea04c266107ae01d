"""Use cases that are joined from the parts that `wiring` builds, and build no client of their own."""

from typing import TYPE_CHECKING

from understudy import wiring
from understudy.invocation import count

if TYPE_CHECKING:
    from understudy.usecases.check_readiness import Inspector
    from understudy.usecases.drills import DrillMaster
    from understudy.usecases.rehearse import Rehearser


def inspector() -> "Inspector":
    """Whoever checks readiness."""
    from understudy.usecases.check_readiness import Inspector

    return Inspector(
        gatherer=wiring.gatherer(),
        book=wiring.report_book(),
        announcer=wiring.announcer(),
        count=lambda faults: count("ReadinessFaults", faults),
    )


def rehearser() -> "Rehearser":
    """Whoever rehearses a move. Nothing that it is given can write to an address."""
    from understudy.usecases.rehearse import Rehearser

    return Rehearser(
        ledger=wiring.ledger(),
        gatherer=wiring.gatherer(),
        records=wiring.records(),
        announcer=wiring.announcer(),
        clock=wiring.clock,
    )


def drills() -> "DrillMaster":
    """Whoever looks after planned drills."""
    from understudy.usecases.drills import DrillMaster

    return DrillMaster(
        ledger=wiring.ledger(),
        book=wiring.drill_book(),
        reports=wiring.report_book(),
        launcher=wiring.launcher(),
        announcer=wiring.announcer(),
        clock=wiring.clock,
        count_over_budget=lambda: count("DrillsOverBudget"),
    )
