"""What every invocation of a function has: log lines that name it, metrics, and a way to be kept warm."""

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

WARM = {"warm": True}
"""What the schedule of the template sends to the functions that a failover waits for."""

_one_line = Lock()
"""Several threads may measure at once, and a line that is torn is no metric."""
Handler = Callable[[dict[str, Any], Any], Any]


# The library's log records go through this logger: it has the name of the package.
_logger = Logger(service="understudy", use_rfc3339=True)


def logged(handler: Handler) -> Handler:
    """Every log line of the invocation carries its request id and function name."""
    return _logger.inject_lambda_context(handler, clear_state=True)  # type: ignore[no-any-return]


def step(handler: Handler) -> Handler:
    """A step of the workflow: as `logged`, and quiet when the schedule only keeps the function warm."""

    def handle(event: dict[str, Any], context: Any) -> Any:
        return {"outcome": "WARM"} if event == WARM else handler(event, context)

    return logged(handle)


def measure(values: Mapping[str, float], **dimension: str) -> None:
    """Emit values as CloudWatch metrics, together in one line of the log (B8). See `ports.Measure`.

    Their dimensions are `service`, which is the stack's name, and the one that is given.
    """
    metrics = EphemeralMetrics()
    for name, value in values.items():
        metrics.add_metric(name, MetricUnit.Seconds if name.endswith("Seconds") else MetricUnit.Count, value)
    for key, text in dimension.items():
        metrics.add_dimension(key, text)
    with _one_line:
        metrics.flush_metrics()


def count(name: str, value: int = 1, **dimension: str) -> None:
    """Emit one count, as `measure` does."""
    measure({name: value}, **dimension)
