"""What the functions log: one JSON object a line."""

from __future__ import annotations

from dataclasses import dataclass

from understudy_cli.core.endings import document
from understudy_cli.core.items import Fields
from understudy_cli.core.lines import BAD, DIM, PLAIN, WARN, Line, Span, line

FUNCTIONS = (
    *("record_heartbeat", "receive_signal", "watch_clusters", "register_cluster", "open_transition", "fence_node"),
    *("move_address", "grant_lease", "await_service", "check_change", "close_transition", "ask_approval"),
    *("check_readiness", "advise"),
)
"""Those that speak of clusters one by one."""
SPEAKERS = (
    *("record_heartbeat", "receive_signal", "watch_clusters", "register_cluster", "open_transition", "move_address"),
    *("close_transition", "ask_approval", "check_readiness", "advise", "notify_operator"),
)
"""Those that publish events."""
PUBLISHED = "event published"
"""What their logs say of each event that the bus took."""
TONES = {"ERROR": BAD, "CRITICAL": BAD, "WARNING": WARN}
KNOWN = ("level", "message", "timestamp", "cluster", "location", "service", "xray_trace_id", "function_request_id")
"""What is not shown once more among the facts of a line."""
NOISE = ("cold_start", "function_name", "function_memory_size", "function_arn", "correlation_id")


@dataclass(frozen=True)
class Said:
    """A line of a log. `facts`: what it says beside its message."""

    at: str
    function: str
    level: str
    message: str
    facts: str

    def as_line(self) -> Line:
        """The line for people."""
        tone = TONES.get(self.level, PLAIN)
        return line(Span(f"{self.at}  {self.function}  ", DIM), Span(self.message, tone), Span(f"  {self.facts}", DIM))


def said_of(function: str, text: str) -> Said:
    """What a function has logged; a line that is no JSON is its own message."""
    values = document(text)
    fields = Fields(values)
    facts = " ".join(f"{key}={value}" for key, value in values.items() if key not in (*KNOWN, *NOISE))
    message = fields.text("message") or text.strip()
    return Said(fields.text("timestamp"), function, fields.text("level"), message, facts if values else "")
