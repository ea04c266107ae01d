"""How an agent ends that is asked to: its services go out of service, a last beat says so, and it is gone.

Who holds the lease then reads on until it was taken away, and says that it has read that: a node that has said so can
be followed at once, and nobody waits for the end of its lease.
"""

from __future__ import annotations

from .lease import LeaseAnswer, LeaseView, Order
from .services import Services

LIMIT_MS = 3000
"""How long the last beat is waited for."""
STOP_CEILING_EXTRA_MS = 10_000
ENDED_WELL, STOPPED_BADLY = 0, 1


class Farewell:
    """What has come of being asked to stop. Times are local milliseconds."""

    def __init__(self) -> None:
        self.asked_ms: int | None = None
        self._down_ms: int | None = None
        """Since when nothing is left to stop."""
        self._begun_ms: int | None = None
        """Since when the last beat is due."""
        self._is_said = False
        self._holds = False
        """Whether it still waits until its lease was taken away."""

    def ask(self, now_ms: int) -> None:
        """The first time counts. Safe in a signal handler."""
        if self.asked_ms is None:
            self.asked_ms = now_ms

    @property
    def is_asked(self) -> bool:
        return self.asked_ms is not None

    def beat_was_sent(self, begun_ms: int | None) -> None:
        """A beat is out that was begun then."""
        if self._begun_ms is not None and begun_ms is not None and begun_ms >= self._begun_ms:
            self._is_said = True

    def begins(self, services: Services, order: Order, now_ms: int) -> bool:
        """Whether it is time for the last beat: there is nothing left to stop, or nothing may be touched."""
        if not self.is_asked or self._begun_ms is not None:
            return False
        if not (services.all_down or services.all_over or order is Order.LEAVE_ALONE):
            return False
        self._down_ms = self._begun_ms = now_ms
        return True

    def take_note(self, lease_view: LeaseView, now_ms: int) -> bool:
        """Wait for the end of the own lease once all is down. Whether it has just been read: a beat is to say so.

        Nobody may be there to take over, so it is waited for as long as the lease would have lasted.
        """
        if self._down_ms is None:
            return False
        if lease_view.answer is LeaseAnswer.MINE:
            self._holds = now_ms - self._down_ms < lease_view.terms.lease_s * 1000
            return False
        if not self._holds:
            return False
        self._holds, self._is_said, self._begun_ms = False, False, now_ms
        return True

    def exit_status(self, services: Services, now_ms: int) -> int | None:
        """The exit status of the agent's process; None while it goes on."""
        if self.asked_ms is None:
            return None
        if self._begun_ms is not None:
            if self._holds:
                return None
            return ENDED_WELL if self._is_said or now_ms - self._begun_ms >= LIMIT_MS else None
        ceiling_ms = int(services.orderly_stop_s() * 1000) + STOP_CEILING_EXTRA_MS
        return STOPPED_BADLY if now_ms - self.asked_ms >= ceiling_ms else None
