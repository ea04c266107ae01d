"""How everybody calls Route 53: with retries after growing gaps, and to an end in time.

Route 53 throttles an account, and takes one batch for a zone at a time: so callers that were refused together must not
come back together. botocore's own retries are off (`clients`): they know neither our limits, nor which answer was lost.
"""

from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from understudy.adapters.aws_errors import NO_ANSWER, is_not_done, is_worth_asking_again
from understudy.adapters.route53.assumed_roles import REFUSAL_LIMIT_S, CallAs
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


class TimeLimit:
    """What may be spent on Route 53 in one run of a function, calls and the waits between them together (seconds)."""

    def __init__(self, left_s: float, clock: Clock) -> None:
        self.left_s = left_s
        self._clock = clock

    def spend(self, work: Callable[[], T]) -> T:
        """Do the work, and subtract the time that it needed, also when it fails."""
        begun_at = self._clock()
        try:
            return work()
        finally:
            self.left_s -= self._clock() - begun_at


class Retries:
    """When a call is repeated. `clock` never goes back (seconds); `sleep` waits; `random` gives 0 to 1.

    With a `limit`, all calls together take no longer than that.
    """

    def __init__(
        self,
        clock: Clock,
        wait: Callable[[float], None],
        random: Callable[[], float],
        limit: TimeLimit | None = None,
    ) -> None:
        self.clock = clock
        self.wait = wait
        self.random = random
        self._limit = limit

    def within(self, limit: TimeLimit) -> "Retries":
        """The same, but all its calls together take no longer than the limit."""
        return Retries(self.clock, self.wait, self.random, limit)

    def limit(self, seconds: float) -> TimeLimit:
        """The limit of all calls; without one, a limit of so many seconds."""
        return self._limit or TimeLimit(seconds, self.clock)


class RetryingClient:
    """Route 53 by a boto3 client, and for zones of other accounts by `call_as`: see AssumedRoles.call.

    Without `call_as` every zone is asked for with the function's own rights, and Route 53 refuses what is not ours.
    """

    def __init__(self, own: Any, retries: Retries, call_as: CallAs | None = None) -> None:
        self._own = own
        self._retries = retries
        self._call_as = call_as

    def within(self, limit: TimeLimit) -> "RetryingClient":
        """The same, but all its calls together take no longer than the limit."""
        return RetryingClient(self._own, self._retries.within(limit), self._call_as)

    def pause(self, seconds: float) -> None:
        """Wait, but no longer than the limit allows."""
        limit = self._retries.limit(seconds)
        limit.spend(lambda: self._retries.wait(max(0.0, min(seconds, limit.left_s))))

    def begin(self, role_arn: str = "", external_id: str = "") -> "RetriedCalls":
        """One question to Route 53, of one call or several. `role_arn`: the role that is to be assumed, if any.

        It ends within CALL_LIMIT_S, and within the limit: no attempt begins that could end later.
        """
        limit = self._retries.limit(CALL_LIMIT_S)
        until = self._retries.clock() + min(CALL_LIMIT_S, limit.left_s)
        attempt_limit_s = ROLE_ATTEMPT_LIMIT_S if role_arn else ATTEMPT_LIMIT_S
        return RetriedCalls(
            partial(self._perform, role_arn, external_id), self._retries, limit, last_begin_at=until - attempt_limit_s
        )

    def _perform(self, role_arn: str, external_id: str, call: Callable[[Any], T]) -> T:
        if role_arn and self._call_as:
            answer: T = self._call_as(role_arn, external_id, call)
            return answer
        return call(self._own)


class RetriedCalls:
    """See RetryingClient.begin. Faults come through as botocore raises them, NoTimeLeftError among them.

    `perform` makes a call with the client that it is for.
    """

    def __init__(
        self, perform: Callable[[Callable[[Any], Any]], Any], retries: Retries, limit: TimeLimit, last_begin_at: float
    ) -> None:
        self._perform = perform
        self._retries = retries
        self._limit = limit
        self._last_begin_at = last_begin_at

    def read(self, call: Callable[[Any], T]) -> T:
        """Ask, and again after any fault that may pass: a reading changes nothing."""
        answer: T = self._limit.spend(lambda: self._ask(call, is_worth_asking_again))
        return answer

    def write(self, call: Callable[[Any], T]) -> T:
        """Submit, and again only when Route 53 has said that it did not take it.

        An answer that was lost may have been a yes: nothing is submitted a second time unseen.
        """
        answer: T = self._limit.spend(lambda: self._ask(call, is_not_done))
        return answer

    def write_once(self, call: Callable[[Any], T]) -> T:
        """Submit, and never again: whoever asks counts each request."""
        answer: T = self._limit.spend(lambda: self._ask(call, is_not_done, ()))
        return answer

    def _ask(
        self,
        call: Callable[[Any], Any],
        is_repeated: Callable[[Exception], bool],
        gaps_s: Sequence[float] = LONGEST_GAPS_S,
    ) -> Any:
        if self._retries.clock() > self._last_begin_at:
            raise NoTimeLeftError()
        try:
            return self._perform(call)
        except (ClientError, *NO_ANSWER) as fault:
            # Full jitter: of many that were refused at once, hardly two come back at once.
            gap_s = self._retries.random() * gaps_s[0] if gaps_s else inf
            if not is_repeated(fault) or self._retries.clock() + gap_s > self._last_begin_at:
                raise
        self._retries.wait(gap_s)
        return self._ask(call, is_repeated, gaps_s[1:])
