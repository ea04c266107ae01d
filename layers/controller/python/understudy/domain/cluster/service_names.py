"""Whether a node means the services that the definition means.

A beat that names other services says nothing of these: neither that they serve, nor that they are down. The hot item
has no room for names, so it keeps a digest of them, in the same write as the beat.
"""

from collections.abc import Collection, Iterable
from functools import lru_cache
from hashlib import sha256

from understudy.domain.cluster.definition import Definition, Role
from understudy.domain.cluster.quoting import plain
from understudy.domain.cluster.state import NodeReport

NO_NAMES = "-"
"""The digest of no names at all."""
DIGEST_LENGTH = 6
WORDS_LIMIT = 120


def digest_of(names: Iterable[str]) -> str:
    """What the state item keeps of the names of services; NO_NAMES when there are none."""
    return _digest(frozenset(names))


@lru_cache(maxsize=1024)
def _digest(names: frozenset[str]) -> str:
    text = "\n".join(sorted(names))
    return sha256(text.encode(errors="backslashreplace")).hexdigest()[:DIGEST_LENGTH] if text else NO_NAMES


def expected_names(definition: Definition, instance_id: str) -> frozenset[str]:
    """The services that a member's beats must name: all of the definition's, none by a witness."""
    node = definition.node(instance_id)
    if node is None or node.role is Role.WITNESS:
        return frozenset()
    return definition.service_names


def means_the_same(report: NodeReport, definition: Definition, instance_id: str) -> bool:
    """Whether a node's newest beat names the services of the definition.

    A beat that an older release recorded is not held against its node. A definition that names no services at all is
    compared with nothing; but an agent of a serving member that knows no service is a witness's by mistake.
    """
    node = definition.node(instance_id)
    if not report.named or node is None:
        return True
    if not definition.services and node.role is Role.SERVING:
        return report.named != NO_NAMES or not report.keeps_lease
    return report.named == digest_of(expected_names(definition, instance_id))


def misnamed_in(names: Collection[str], definition: Definition, instance_id: str) -> str:
    """In what the services that a beat names are not the definition's, in words; empty when they are the same.

    No word of the beat's own is in it: it gets into the state item, and onto screens.
    """
    expected = expected_names(definition, instance_id)
    if not definition.services and names:
        return ""
    lacking, strange = sorted(expected - set(names)), set(names) - expected
    words = [f"lacks {', '.join(lacking)}"] if lacking else []
    words += [f"has {len(strange)} that the definition does not name"] if strange else []
    return plain("; ".join(words), WORDS_LIMIT)
