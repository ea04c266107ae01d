"""Updates of one item, put together part by part. Names and values are bound, never spliced into the text."""

import re
from collections.abc import Mapping
from typing import Any

from understudy.adapters.dynamodb.values import Item, to_attribute

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Update:
    """SET, REMOVE and condition of one write.

    Every name gets a placeholder: DynamoDB reserves hundreds of words, and ids have characters it would not take.
    """

    def __init__(self) -> None:
        self._sets: list[str] = []
        self._removes: list[str] = []
        self._conditions: list[str] = []
        self._names: dict[str, str] = {}
        self._values: Item = {}

    def set(self, *path: str, to: Any) -> None:
        """Set the attribute, or the entry of a map, at `path`."""
        self._sets.append(f"{self._path(path)} = {self._value(to)}")

    def remove(self, *path: str) -> None:
        """Remove what is at `path`; nothing happens when nothing is there."""
        self._removes.append(self._path(path))

    def require(self, *path: str, equals: Any) -> None:
        """On condition that `path` holds this value."""
        self._conditions.append(f"{self._path(path)} = {self._value(equals)}")

    def require_absent(self, *path: str) -> None:
        """On condition that there is nothing at `path`."""
        self._conditions.append(f"attribute_not_exists({self._path(path)})")

    def require_at_most(self, name: str, limit: int) -> None:
        """On condition that the attribute `name` is not above this number, or is not there."""
        path = self._path((name,))
        self._conditions.append(f"(attribute_not_exists({path}) OR {path} <= {self._value(limit)})")

    def arguments(self) -> dict[str, Any]:
        """The arguments of UpdateItem, or of an Update in a transaction."""
        clauses = [
            f"{verb} {', '.join(parts)}" for verb, parts in (("SET", self._sets), ("REMOVE", self._removes)) if parts
        ]
        every: Mapping[str, Any] = {
            "UpdateExpression": " ".join(clauses),
            "ConditionExpression": " AND ".join(self._conditions),
            "ExpressionAttributeNames": {placeholder: name for name, placeholder in self._names.items()},
            "ExpressionAttributeValues": self._values,
        }
        return {name: argument for name, argument in every.items() if argument}

    def _path(self, path: tuple[str, ...]) -> str:
        return ".".join(self._placeholder(name) for name in path)

    def _placeholder(self, name: str) -> str:
        fallback = f"#{len(self._names)}"  # no identifier begins with a digit
        return self._names.setdefault(name, f"#{name}" if IDENTIFIER.fullmatch(name) else fallback)

    def _value(self, value: Any) -> str:
        placeholder = f":value{len(self._values)}"
        self._values[placeholder] = to_attribute(value)
        return placeholder
