"""Reads what the source says beside each member of an enum, or beside each field of a class."""

import ast
import inspect
import io
import sys
import tokenize


def meanings(kind: type) -> dict[str, str]:
    """The comment at the end of each line that begins with a name, by that name. Lines without one are left out.

    So far as it is made of classes of its own module, theirs come first.
    """
    source, found = inspect.getsource(kind), dict[str, str]()
    for base in _bases(kind, source):
        found |= meanings(base)
    first: dict[int, str] = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        line = token.start[0]
        if token.type == tokenize.NAME:
            first.setdefault(line, token.string)
        elif token.type == tokenize.COMMENT and line in first:
            found[first[line]] = token.string.lstrip("# ")
    return found


def _bases(kind: type, source: str) -> list[type]:
    """By their names in the source: a TypedDict does not know them."""
    definition, known = ast.parse(source).body[0], vars(sys.modules[kind.__module__])
    names = [each.id for each in getattr(definition, "bases", []) if isinstance(each, ast.Name)]
    bases = [known.get(name) for name in names]
    return [base for base in bases if isinstance(base, type) and base.__module__ == kind.__module__]
