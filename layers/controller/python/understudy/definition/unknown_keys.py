"""What somebody may have meant by a key that a definition does not have: where it belongs, or what it is a slip of."""

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel

from understudy.definition.document import ClusterDocument

LIKE = 0.75
"""How alike two words must be for one to be taken for a slip of the other; 1: the same."""
LENGTH_LIMIT = 60
"""No key is as long; what is longer is compared with none."""
HOMES_MOST = 2
"""A key that belongs in more places, such as `name`, says nothing of where it was to be."""


def about_key(path: str, key: str) -> str:
    """A hint for an unknown key under a path; empty when there is none to give."""
    if len(key) > LENGTH_LIMIT:
        return ""
    if key in _places().get(path, ()):
        return ""  # a key of another kind of address
    homes = [place for place, words in _places().items() if key in words]
    if 0 < len(homes) <= HOMES_MOST:
        return f"; it belongs {' or '.join(_under(place) for place in homes)}"
    if meant := _alike(key, _places().get(path, ())):
        return f"; did you mean {meant}?"
    if meant := _alike(key, {word for words in _places().values() for word in words}):
        found = [f"{place}.{meant}".lstrip(".") for place, words in _places().items() if meant in words]
        return f"; did you mean {' or '.join(found)}?" if len(found) <= HOMES_MOST else ""
    return ""


def _under(place: str) -> str:
    return f"under {place}" if place else "at the top, beside nodes"


def _alike(key: str, words: Collection[str]) -> str:
    lower = {word.lower(): word for word in words}
    (meant, *_) = [*get_close_matches(key.lower(), lower, 1, LIKE), ""]
    return lower.get(meant, "")


@cache
def _places() -> Mapping[str, frozenset[str]]:
    """The keys of each part of a definition, by its path without the numbers in lists."""
    found: dict[str, frozenset[str]] = {}
    for place, keys in _parts(ClusterDocument, ""):
        found[place] = found.get(place, frozenset()) | keys
    return found


def _parts(model: type[BaseModel], place: str) -> Iterator[tuple[str, frozenset[str]]]:
    names = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    yield place, frozenset(names)
    for name, annotation in names.items():
        for inner in _models(annotation):
            yield from _parts(inner, f"{place}.{name}".lstrip("."))


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The parts that a field may hold, in a list or as one of several."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
