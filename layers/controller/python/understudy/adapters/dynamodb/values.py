"""Plain values as DynamoDB writes them, {"N": "12.5"}, and back.

boto3's own serializer makes a Decimal of every number and refuses floats. The numbers here are seconds, epochs and
milliseconds: repr() of a float has at most 17 digits of the 38 that DynamoDB keeps, so nothing is lost.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

AttributeValue = dict[str, Any]
Item = dict[str, AttributeValue]


def to_attribute(value: Any) -> AttributeValue:
    """One value as DynamoDB writes it. Raises TypeError for what is no plain value."""
    if isinstance(value, Enum):
        value = value.value
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int | float):
        return {"N": repr(value)}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, Mapping):
        return {"M": to_item(value)}
    if isinstance(value, list | tuple):
        return {"L": [to_attribute(each) for each in value]}
    raise TypeError(f"{value!r:.60} is no plain value but {type(value).__name__}")


def to_item(values: Mapping[str, Any]) -> Item:
    """A map of plain values as an item, or as the inside of a map."""
    return {str(key): to_attribute(value) for key, value in values.items()}


def from_attribute(attribute: Mapping[str, Any]) -> Any:
    """The plain value of an attribute. Whole numbers are int, others float. Raises KeyError for sets and binaries."""
    ((kind, value),) = attribute.items()
    return READERS[kind](value)


def from_item(item: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The plain values of an item."""
    return {key: from_attribute(attribute) for key, attribute in item.items()}


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        number = float(text)
    return int(number) if number.is_integer() else number


READERS: Mapping[str, Callable[[Any], Any]] = {
    "S": str,
    "N": _number,
    "BOOL": bool,
    "NULL": lambda _: None,
    "M": from_item,
    "L": lambda values: [from_attribute(each) for each in values],
}
