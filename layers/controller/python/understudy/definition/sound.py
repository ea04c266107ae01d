"""Those parts of a faulty document that are sound in themselves: what AWS says of them is told in the same round."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError


def sound_parts(content: Mapping[str, Any], key: str, kind: Any) -> dict[int, Any]:
    """The elements of the list under a key that are of a kind, by their places. Whatever else stands there is none."""
    listed, adapter, sound = content.get(key), TypeAdapter(kind), {}
    for position, each in enumerate(listed if isinstance(listed, list) else ()):
        try:
            sound[position] = adapter.validate_python(each)
        except ValidationError:
            continue  # the whole document's validation has named it
    return sound
