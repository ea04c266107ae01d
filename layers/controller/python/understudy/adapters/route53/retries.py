"""One polite way to call Route 53 for everybody: it tries again with growing gaps, and ends in time.

Route 53 throttles an account, and takes one batch for a zone at a time: so callers that were refused together must not
come back together. botocore's own retries are off (`clients`): they know neither our limits, nor which answer was lost.
"""

from collections.abc import Callable, Sequence
from math import inf
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from understudy.adapters.aws_errors import NO_ANSWER, is_not_done, is_worth_asking_again
from understudy.adapters.route53.assumed_roles import REFUSAL_LIMIT_S
from understudy.domain.transition.steps import CALL_LIMIT_S

CONNECT_LIMIT_S = 1
READ_LIMIT_S = 3
ATTEMPT_LIMIT_S = CONNECT_LIMIT_S + READ_LIMIT_S
"""What one attempt may last when Route 53 does not answer. Not counted: a name server that hangs, and an answer that
comes drop by drop. These end with the function."""
ROLE_ATTEMPT_LIMIT_S = 2 * ATTEMPT_LIMIT_S + REFUSAL_LIMIT_S
"""The same where a role is to be assumed: its old keys are refused, new ones fetched, and the call made again."""
LONGEST_GAPS_S = (0.25, 0.5, 1.0)
"""Between four attempts (seconds). No more: a failover waits for them, and longer waits are the tunables' business."""

T = TypeVar("T")
Clock = Callable[[], float]


class NoTimeLeftError(BotoCoreError):  # type: ignore[misc]
    """No time was left for another call: nothing was asked."""

    fmt = "no time is left for another call of Route 53"


class Allowance:
    """What may be spent on Route 53 in one run of a function, calls and the waits between them together (seconds)."""

    def __init__(self, left_s: float, clock: Clock) -> None:
        self.left_s = left_s
        self._clock = clock

    def spend(self, work: Callable[[], T]) -> T:
        """Do the work, and take the time that it needed off the allowance, also when it fails."""
        begun_at = self._clock()
        try:
            return work()
        finally:
            self.left_s -= self._clock() - begun_at


class Polite:
    """How Route 53 is called. `clock` never goes back (seconds); `sleep` waits; `random` gives 0 to 1."""

    def __init__(
        self,
        clock: Clock,
        sleep: Callable[[float], None],
        random: Callable[[], float],
        allowance: Allowance | None = None,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._random = random
        self._allowance = allowance

    def within(self, allowance: Allowance) -> "Polite":
        """The same, but all its questions together take no longer than the allowance."""
        return Polite(self._clock, self._sleep, self._random, allowance)

    def pause(self, seconds: float) -> None:
        """Wait, but no longer than the allowance allows."""
        allowance = self._allowance or Allowance(seconds, self._clock)
        allowance.spend(lambda: self._sleep(max(0.0, min(seconds, allowance.left_s))))

    def begin(self, role_arn: str = "") -> "Question":
        """One question to Route 53, of one call or several. `role_arn`: the role that is to be assumed, if any.

        It ends within CALL_LIMIT_S, and within the allowance: no attempt begins that could end later.
        """
        allowance = self._allowance or Allowance(CALL_LIMIT_S, self._clock)
        until = self._clock() + min(CALL_LIMIT_S, allowance.left_s)
        attempt_limit_s = ROLE_ATTEMPT_LIMIT_S if role_arn else ATTEMPT_LIMIT_S
        return Question(self._clock, self._sleep, self._random, allowance, until - attempt_limit_s)


class Question:
    """See Polite.begin. Faults come through as botocore raises them, NoTimeLeftError among them."""

    def __init__(
        self,
        clock: Clock,
        sleep: Callable[[float], None],
        random: Callable[[], float],
        allowance: Allowance,
        last_begin_at: float,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._random = random
        self._allowance = allowance
        self._last_begin_at = last_begin_at

    def read(self, call: Callable[[], T]) -> T:
        """Ask, and again after any fault that may pass: a reading changes nothing."""
        return self._allowance.spend(lambda: self._ask(call, is_worth_asking_again))

    def write(self, call: Callable[[], T]) -> T:
        """Hand in, and again only when Route 53 has said that it did not take it.

        An answer that was lost may have been a yes: nothing is handed in a second time unseen.
        """
        return self._allowance.spend(lambda: self._ask(call, is_not_done))

    def write_once(self, call: Callable[[], T]) -> T:
        """Hand in, and never again: whoever asks counts each request."""
        return self._allowance.spend(lambda: self._ask(call, is_not_done, ()))

    def _ask(
        self, call: Callable[[], T], is_repeated: Callable[[Exception], bool], gaps_s: Sequence[float] = LONGEST_GAPS_S
    ) -> T:
        if self._clock() > self._last_begin_at:
            raise NoTimeLeftError()
        try:
            return call()
        except (ClientError, *NO_ANSWER) as fault:
            # Full jitter: of many that were refused at once, hardly two come back at once.
            gap_s = self._random() * gaps_s[0] if gaps_s else inf
            if not is_repeated(fault) or self._clock() + gap_s > self._last_begin_at:
                raise
        self._sleep(gap_s)
        return self._ask(call, is_repeated, gaps_s[1:])
