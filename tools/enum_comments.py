"""Reads what the source says beside each member of an enum."""

import inspect
import io
import tokenize
from enum import StrEnum


def meanings(enum: type[StrEnum]) -> dict[str, str]:
    """The comment at the end of each member's line, by the member's name. Members without one are left out."""
    tokens = list(tokenize.generate_tokens(io.StringIO(inspect.getsource(enum)).readline))
    comments = {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}
    names = {
        token.start[0]: token.string
        for token in tokens
        if token.type == tokenize.NAME and token.string in enum.__members__
    }
    return {name: comments[line] for line, name in names.items() if line in comments}
