"""Use cases that are joined from the parts that `wiring` builds, and build no client of their own."""

from understudy import wiring
from understudy.invocation import count
from understudy.usecases.check_readiness import Inspector
from understudy.usecases.rehearse import Rehearser


def inspector() -> Inspector:
    """Whoever checks readiness."""
    return Inspector(
        gatherer=wiring.gatherer(),
        book=wiring.report_book(),
        announcer=wiring.announcer(),
        count=lambda faults: count("ReadinessFaults", faults),
    )


def rehearser() -> Rehearser:
    """Whoever rehearses a move. Nothing that it is given can write to an address or to the table's state."""
    return Rehearser(
        ledger=wiring.ledger(),
        gatherer=wiring.gatherer(),
        records=wiring.records(),
        announcer=wiring.announcer(),
        clock=wiring.clock,
    )
