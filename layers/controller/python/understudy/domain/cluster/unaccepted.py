"""A text that was submitted and is not in force: refused, or put off because it cannot be judged yet."""

from dataclasses import dataclass

STACK_WIDE = "stack#"
"""Under which name the stack's tunables are remembered: no cluster can be called so."""
TOLD_AFTER_S = 120
"""What is put off for so long is told: the watch, which tries again each minute, does so within three minutes."""


@dataclass(frozen=True)
class Unaccepted:
    """What became of the text that was submitted last, for a cluster or for the stack.

    `revision`: which one (see ParameterText.revision). `faults`: why it was refused; empty while it is put off, `since`
    when (seconds) and `why`. `is_told`: whether people know that it is put off.
    """

    revision: str
    faults: tuple[str, ...] = ()
    since: int = 0
    why: str = ""
    is_told: bool = False

    @property
    def is_refused(self) -> bool:
        """Whether it has to be corrected and submitted again: waiting does not help."""
        return bool(self.faults)


def put_off(before: Unaccepted | None, revision: str, why: str, now: int) -> Unaccepted:
    """The text put off once more; `is_told` from when people must be told. `before`: as it was noted last."""
    is_same = before is not None and before.revision == revision and not before.is_refused
    since = before.since if before is not None and is_same else now
    return Unaccepted(revision, since=since, why=why, is_told=now - since >= TOLD_AFTER_S)
