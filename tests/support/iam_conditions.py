"""Conditions of IAM policies, as far as the template uses them, by IAM's documented rules.

A variable takes its value from the request, else its default ('${key, 'default'}'). One that has neither is null: then
the statement does not take effect.
"""

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

VARIABLE = re.compile(r"\$\{(?P<key>[^,}]+?)(?:\s*,\s*'(?P<default>[^']*)')?\}")
Keys = Mapping[str, Sequence[str]]


def holds(condition: Mapping[str, Mapping[str, str | list[str]]], keys: Keys, context: Mapping[str, str]) -> bool:
    """Whether a statement's condition holds: `keys` are the request's many-valued ones, `context` the others."""
    try:
        return all(
            _holds(operator, keys.get(name, []), _values(allowed, context))
            for operator, tests in condition.items()
            for name, allowed in tests.items()
        )
    except LookupError:
        return False


def _holds(operator: str, found: Sequence[str], allowed: Sequence[str]) -> bool:
    if operator == "ForAllValues:StringEquals":
        return set(found) <= set(allowed)  # of no value at all, it holds
    if operator == "ForAllValues:StringLike":
        return all(any(fnmatchcase(each, pattern) for pattern in allowed) for each in found)  # a * takes dots as well
    if operator == "ForAllValues:StringNotLike":
        return not any(fnmatchcase(each, pattern) for each in found for pattern in allowed)
    if operator == "Null":
        return bool(found) == (allowed == ["false"])
    known = "StringEquals, StringLike and StringNotLike with ForAllValues:, and Null"
    raise ValueError(f"operator is {operator}; known here: {known}")


def _values(texts: str | list[str], context: Mapping[str, str]) -> list[str]:
    def value(found: re.Match[str]) -> str:
        text = context.get(found["key"], found["default"])
        if text is None:
            raise LookupError(found["key"])
        return text

    return [VARIABLE.sub(value, text) for text in ([texts] if isinstance(texts, str) else texts)]
