"""What the controller says on its bus: an event is a type, and everything that is known of it stands there.

The fields are the detail, in their order. The comment at the end of a field's line says what it means, the docstring
when the event comes; `docs/events.md` and the schemas are printed from them. Beside them stand the words for people and
what a pager is to do about it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self

Epoch = Annotated[int, {"minimum": 0}]
"""What stands beside a type is for its schema: more of it, in the words of JSON Schema, or the enum of the words that a
text is one of."""


class Severity(StrEnum):
    """How bad it is, in the words of PagerDuty."""

    CRITICAL = "critical"  # clients are not served, or nothing goes on without a person
    ERROR = "error"  # the next failure will be an outage, or an address leads elsewhere
    WARNING = "warning"  # to be looked at in the day
    INFO = "info"  # it is over


class EventAction(StrEnum):
    """What a pager is to do, in the words of PagerDuty."""

    TRIGGER = "trigger"
    RESOLVE = "resolve"


@dataclass(frozen=True)
class Concern:
    """`about`: what an event is about within its cluster. `severity`: None when that is over."""

    about: str
    severity: Severity | None

    @property
    def action(self) -> EventAction:
        """Whether it begins or is over."""
        return EventAction.TRIGGER if self.severity else EventAction.RESOLVE


@dataclass(frozen=True)
class Words:
    """What an event means to a person. `section`: where the runbook goes on, a heading's anchor."""

    headline: str
    happened: tuple[str, ...]
    serving: tuple[str, ...]
    todo: tuple[str, ...]
    section: str


@dataclass(frozen=True, kw_only=True)
class Event(ABC):
    """One event. What publishes it builds it; what reads it off the bus believes nothing of it.

    `told_note`: what is to be said of whether people are told, beside yes or no.
    """

    detail_type: ClassVar[str]
    told_note: ClassVar[str] = ""

    def detail(self) -> dict[str, Any]:
        """What goes over the bus, as JSON has it."""
        return {each.name: _plain(getattr(self, each.name)) for each in fields(self)}

    @classmethod
    def read(cls, detail: Mapping[str, Any]) -> Self:
        """The event of a detail that came over the bus. Never raises.

        An older or a newer version, or somebody else, may have sent it: what is missing is None, whatever its type
        says, and what has another type keeps it. So `words` and `concern` take nothing as it is.
        """
        return cls(**{each.name: detail.get(each.name) for each in fields(cls)})

    @classmethod
    def is_meant(cls, detail: Mapping[str, Any]) -> bool:
        """Whether a detail is of this shape, where a detail-type has several."""
        return True

    def words(self) -> Words | None:
        """What people are told; None when it wakes nobody. An event that defines none is for the record."""
        return None

    def concern(self) -> Concern | None:
        """What it opens or ends for a pager; None when it does neither."""
        return None

    @classmethod
    @abstractmethod
    def example(cls) -> Self:
        """One as it could be, for documents and tests."""
        ...


def _plain(value: Any) -> Any:
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, Mapping):
        return {_plain(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
