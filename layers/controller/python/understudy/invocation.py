"""What every invocation of a function has: log lines that name it, metrics, and a way to be kept warm."""

import logging
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from understudy.settings import log_level

WARM = {"warm": True}
"""What the schedule of the template sends to the functions that a failover waits for."""

GATHERED_S = 15
"""How long figures may wait for others. Alarms look at whole minutes."""
GATHERED_MAX = 99
"""CloudWatch takes 100 values of a metric in one line; at 100 Powertools would emit that metric without the others."""

_one_line = Lock()
"""Several threads may measure at once, and a line that is torn is no metric."""
Handler = Callable[[dict[str, Any], Any], Any]


# The library's log records go through this logger: it has the name of the package.
_logger = Logger(service="understudy", use_rfc3339=True)
# Powertools would take Lambda's own level, which the template keeps at INFO: Lambda drops figures above it.
logging.getLogger(_logger.name).setLevel(log_level())


def logged(handler: Handler) -> Handler:
    """Every log line of the invocation carries its request id and function name."""
    return _logger.inject_lambda_context(handler, clear_state=True)  # type: ignore[no-any-return]


def step(handler: Handler) -> Handler:
    """A step of the workflow: as `logged`, and quiet when the schedule only keeps the function warm."""

    def handle(event: dict[str, Any], context: Any) -> Any:
        return {"outcome": "WARM"} if event == WARM else handler(event, context)

    return logged(handle)


def measure(values: Mapping[str, float], **dimension: str) -> None:
    """Emit values as CloudWatch metrics, together in one line of the log. See `ports.Measure`.

    Their dimensions are `service`, which is the stack's name, and the one that is given.
    """
    _emit([values], dimension)


def count(name: str, value: int = 1, **dimension: str) -> None:
    """Emit one count, as `measure` does."""
    measure({name: value}, **dimension)


class Gathered:
    """Emits figures of `usual` dimensions many in one line, where a line for each would cost more than all else.

    They wait in the worker, for GATHERED_S and GATHERED_MAX of them at most: the first call after that emits them. A
    worker that is called no more keeps what waits, and Lambda takes it along; so nothing that matters by itself may
    wait. Figures of other dimensions are emitted at once: a late beat must be seen, so a sample would not do.
    """

    def __init__(self, clock: Callable[[], float], **usual: str) -> None:
        self._clock = clock
        self._usual = usual
        self._waiting: list[Mapping[str, float]] = []
        self._since = 0.0

    def measure(self, values: Mapping[str, float], **dimension: str) -> None:
        """As `measure`, sooner or later."""
        if dimension != self._usual:
            measure(values, **dimension)
            return
        now = self._clock()
        if not self._waiting:
            self._since = now
        self._waiting.append(values)
        if now - self._since >= GATHERED_S or len(self._waiting) >= GATHERED_MAX:
            waited, self._waiting = self._waiting, []
            _emit(waited, dimension)


def _emit(values: list[Mapping[str, float]], dimension: Mapping[str, str]) -> None:
    metrics = EphemeralMetrics()
    for key, text in dimension.items():
        metrics.add_dimension(key, text)
    for name, value in ((name, value) for each in values for name, value in each.items()):
        metrics.add_metric(name, MetricUnit.Seconds if name.endswith("Seconds") else MetricUnit.Count, value)
    with _one_line:
        metrics.flush_metrics()
