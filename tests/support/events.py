"""The events as they go over the bus, with an example of each."""

from collections.abc import Mapping
from typing import Any

from understudy.domain.events.catalogue import SHAPES

EXAMPLES: Mapping[str, Mapping[str, Any]] = {kind: shapes[0].example().detail() for kind, shapes in SHAPES.items()}
"""The detail of one event of each detail-type."""
