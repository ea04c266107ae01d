"""Every event that the controller puts on its bus: when, in which shape, a sample, and whether people are told of it.

`docs/events.md` is printed from here, and every event that any test announces is held against it.
"""

from collections.abc import Mapping

from tools.event_asked import ASKED
from tools.event_findings import FINDINGS
from tools.event_moves import MOVES
from tools.event_shapes import Event

EVENTS: Mapping[str, Event] = {event.detail_type: event for event in (*MOVES, *FINDINGS, *ASKED)}
"""By detail-type."""
