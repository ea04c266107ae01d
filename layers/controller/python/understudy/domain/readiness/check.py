"""What a named readiness check is made of."""

from collections.abc import Callable
from dataclasses import dataclass

from understudy.domain.readiness.facts import Facts, Finding, Verdict

PASS, WARN, FAIL, UNKNOWN = Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.UNKNOWN


@dataclass(frozen=True)
class Check:
    """One named check. Its function's docstring says what must hold.

    `meaning`: what each verdict but PASS means for the cluster. `remedy`: what to do when it does not hold.
    `command`: how to look for oneself, also when the read failed.
    `breaks_failover`: whether a FAIL would keep a failover from succeeding, so that a person must hear of it.
    """

    name: str
    look: Callable[[Facts], Finding]
    rows: str
    verdicts: tuple[Verdict, ...]
    meaning: str
    remedy: str
    command: str
    breaks_failover: bool = True
