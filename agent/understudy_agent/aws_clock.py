"""Signs calls by AWS's clock where this node's own is so wrong that AWS refuses what it signs.

botocore signs by the machine's clock alone. By how much that is wrong is taken from the answer that refuses a call, so
each client loses one call. Nothing but signatures goes by it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from .denied import CLOCK_LIMIT_S, clock_ahead_s

SIGNED_FORMAT = "%Y%m%dT%H%M%SZ"
"""How Signature Version 4 writes a time."""


class AwsClock:
    """What is known of AWS's clock. `now_s`: this node's, in seconds since 1970."""

    def __init__(self, now_s: Callable[[], float] = time.time) -> None:
        self._now_s = now_s
        self._ahead_s = 0.0

    def learn(self, error: Exception) -> None:
        """From a call that has failed. One that was refused while both clocks agree was not refused for that."""
        ahead_s = clock_ahead_s(error, self._now_s())
        if ahead_s is not None:
            self._ahead_s = ahead_s if abs(ahead_s) >= CLOCK_LIMIT_S else 0.0

    def sign_by(self, client: Any) -> Any:
        """The client, which signs by this clock from now on."""
        client.meta.events.register("before-sign", self._correct)
        return client

    def _correct(self, request: Any, **_: object) -> None:
        if self._ahead_s:
            request.context = _Corrected(request.context, self._ahead_s)


class _Corrected(dict[str, Any]):
    """A request's context, in which the signer writes down the time that it signs."""

    def __init__(self, context: dict[str, Any], ahead_s: float) -> None:
        super().__init__(context)
        self._ahead_s = ahead_s

    def __setitem__(self, key: str, value: Any) -> None:
        if key == "timestamp":
            own = datetime.strptime(value, SIGNED_FORMAT)  # noqa: DTZ007 - it ends with Z, and is written so again
            value = (own - timedelta(seconds=self._ahead_s)).strftime(SIGNED_FORMAT)
        super().__setitem__(key, value)
