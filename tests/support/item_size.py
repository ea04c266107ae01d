"""How large DynamoDB counts an item to be."""

from collections.abc import Mapping
from typing import Any


def size(item: Mapping[str, Mapping[str, Any]]) -> int:
    """Bytes as DynamoDB counts them: names and texts as UTF-8, numbers by digits, maps and lists 3 and 1 an entry."""
    return sum(len(name.encode()) + _size_of(attribute) for name, attribute in item.items())


def _size_of(attribute: Mapping[str, Any]) -> int:
    ((kind, value),) = attribute.items()
    if kind == "S":
        return len(value.encode())
    if kind == "N":
        return (len(value.lstrip("-").replace(".", "").strip("0")) + 1) // 2 + 1
    if kind == "M":
        return 3 + len(value) + size(value)
    if kind == "L":
        return 3 + sum(1 + _size_of(each) for each in value)
    return 1
