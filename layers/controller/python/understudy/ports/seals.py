"""What sealing needs of the world."""

from typing import Protocol

SECRET_KEPT_S = 60
"""For how long a process may go on with the secret that it has read (seconds)."""


class SealBook(Protocol):
    """The stack's secret, which only the controller's functions can read."""

    def secret(self, now: float, *, anew: bool = False) -> bytes:
        """The secret, SECRET_LENGTH bytes. Whoever needs it first makes it; everybody else gets the same.

        As it stood SECRET_KEPT_S before `now` (seconds) at the earliest; with `anew`, as it stands.
        """
        ...
