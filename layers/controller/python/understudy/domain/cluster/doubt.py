"""A silence that is not believed yet: what the state remembers of a move that was put off."""

from dataclasses import dataclass

ASKED_AGAIN_S = 600
"""How long (seconds) a move that was put off is not asked for again by beats. The watch looks at it every minute: this
is the way out when there is no watch."""


@dataclass(frozen=True)
class Doubt:
    """`since`: when a move on this silence was put off first; `until`: from when on it is asked for again (seconds).

    `is_due`: its turn has come, and it may begin.
    """

    since: int
    until: int
    is_due: bool = False

    def puts_off(self, now: int) -> bool:
        """Whether no move need be asked for at `now`: it would be put off again."""
        return not self.is_due and now < self.until

    def words(self, now: int) -> str:
        """How it stands at `now` (seconds), for a person."""
        if not self.puts_off(now):
            return "the silence was doubted, and the move may begin now; put off first"
        again = f"at the latest in {self.until - now} s it is looked at again"
        return f"the silence is doubted: the move waits for its turn, the oldest first, and {again}; put off first"


def doubted(before: Doubt | None, now: int) -> Doubt:
    """What is remembered when a move is put off at `now` (seconds)."""
    return Doubt(since=before.since if before else now, until=now + ASKED_AGAIN_S)
