"""What DynamoDB's answers hold, as plain values of Python. Nothing else is known of the table here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

STAGES = "stages."


def plain(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item with typed attributes as a map of plain values. Numbers become int where they are whole."""
    return {name: _value(attribute) for name, attribute in item.items()}


def _value(attribute: Mapping[str, Any]) -> Any:
    kind, content = next(iter(attribute.items()))
    if kind == "N":
        return number(content)
    if kind == "M":
        return plain(content)
    if kind == "L":
        return [_value(each) for each in content]
    if kind == "NULL":
        return None
    if kind == "NS":
        return sorted(number(each) for each in content)
    return sorted(content) if kind == "SS" else content


def number(text: str) -> int | float:
    """A number as DynamoDB writes it."""
    return int(text) if text.lstrip("-").isdigit() else float(text)


def with_stages(item: Mapping[str, Any]) -> dict[str, Any]:
    """A history item with its attributes `stages.NAME_at` as one map `stages` of NAME to seconds."""
    rest = {name: value for name, value in item.items() if not name.startswith(STAGES)}
    found = {name[len(STAGES) :]: value for name, value in item.items() if name.startswith(STAGES)}
    times = {_stage(name): at for name, at in found.items() if isinstance(at, (int, float))}
    return {**rest, "stages": times}


def _stage(name: str) -> str:
    return name[:-3] if name.endswith("_at") else name


class Fields:
    """A map from the table, read with care: what is missing or of another kind is None, or empty."""

    def __init__(self, values: Any) -> None:
        self._values: Mapping[str, Any] = values if isinstance(values, Mapping) else {}

    def __bool__(self) -> bool:
        return bool(self._values)

    def text(self, name: str) -> str:
        """A text, empty when there is none."""
        value = self._values.get(name)
        return value if isinstance(value, str) else ""

    def number(self, name: str) -> float | None:
        """A number, or None."""
        value = self._values.get(name)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return value if is_number else None

    def whole(self, name: str) -> int:
        """A whole number, 0 when there is none."""
        value = self.number(name)
        return value if isinstance(value, int) else 0

    def flag(self, name: str) -> bool:
        """Whether it is there and true."""
        return self._values.get(name) is True

    def inside(self, name: str) -> Fields:
        """A map in this map, empty when there is none."""
        return Fields(self._values.get(name))

    def each(self, name: str) -> dict[str, Fields]:
        """The maps of a map, by their names."""
        return {key: Fields(value) for key, value in self.inside(name)._values.items()}

    def plain(self) -> Mapping[str, Any]:
        """The map itself."""
        return self._values

    def items(self, name: str) -> list[Any]:
        """A list, empty when there is none."""
        value = self._values.get(name)
        return list(value) if isinstance(value, (list, tuple)) else []

    def texts(self, name: str) -> tuple[str, ...]:
        """The texts of a list."""
        return tuple(each for each in self.items(name) if isinstance(each, str))
