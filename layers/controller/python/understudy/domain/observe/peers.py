"""Whether the nodes could give each other promises, by their own words while nobody needs any.

A node's beat names the keys that it knows by their fingerprints, the one that signs first; `-` when it knows none. A
`+` at the end: every peer has answered it. What a beat does not say, and a node that is not heard,
is neither good nor bad.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import combinations

from understudy.domain.cluster.definition import Definition, NodeSpec
from understudy.domain.cluster.state import ClusterState, NodeReport
from understudy.domain.cluster.view import ClusterView

NO_KEY = "-"
ALL_ANSWER = "+"
SETTLED_S = 60
"""How long (seconds) a node has been heard without a gap before people are told of it: by then it has read its key."""
Said = tuple[NodeSpec, NodeReport]


def keys_of(report: NodeReport) -> tuple[str, ...] | None:
    """The fingerprints of the keys that a node knows; None when it does not say."""
    if not report.key:
        return None
    return () if report.key == NO_KEY else tuple(report.key.removesuffix(ALL_ANSWER).split(" "))


def all_answer(report: NodeReport) -> bool:
    """Whether every peer has answered this node."""
    return report.key.endswith(ALL_ANSWER)


def key_faults(view: ClusterView, settled_s: float = 0) -> list[str]:
    """Which nodes know no key, and which have different ones, in words."""
    said = _said(view, settled_s)
    lacking = [f"{node.name} knows no key" for node, report in said if not keys_of(report)]
    apart = [
        f"{a.name} and {b.name} have different keys ({_shown(of_a)} and {_shown(of_b)})"
        for (a, of_a), (b, of_b) in combinations(said, 2)
        if keys_of(of_a) and keys_of(of_b) and not _understand(of_a, of_b)
    ]
    return [*lacking, *apart]


def address_faults(state: ClusterState, definition: Definition) -> list[str]:
    """Which nodes with an agent cannot be asked, because the table has no address of theirs, in words."""
    known = [(node, state.nodes.get(node.instance_id)) for node in definition.nodes]
    return [
        f"{node.name} has no address in the table" for node, report in known if report and report.key and not report.ip
    ]


def answer_faults(view: ClusterView, settled_s: float = 0) -> list[str]:
    """Who gets no answer from whom, in words: of nodes that are heard and have keys that fit."""
    said = {node.instance_id: (node, report) for node, report in _said(view, settled_s)}
    return [
        f"{node.name} gets no answer from {said[peer][0].name}"
        for node, report in said.values()
        for peer in report.silent
        if peer in said and _understand(report, said[peer][1])
    ]


def peer_faults(view: ClusterView) -> list[str]:
    """All of these that people are told of."""
    return [
        *key_faults(view, SETTLED_S),
        *address_faults(view.state, view.definition),
        *answer_faults(view, SETTLED_S),
    ]


def lacks_key(view: ClusterView) -> bool:
    """Whether a node that is heard says that it knows no key."""
    return any(keys_of(report) == () for _, report in _said(view, 0))


def rotation(view: ClusterView) -> str:
    """How far a change of the key is, in words; empty when all nodes know the same keys in the same order."""
    found = [keys for _, report in _said(view, 0) if (keys := keys_of(report))]
    if len(set(found)) < 2:
        return ""
    return "the key is being changed: " + "; ".join(
        f"{key} is known to {sum(key in keys for keys in found)} and signs on {sum(keys[0] == key for keys in found)}"
        f" of {len(view.definition.nodes)} nodes"
        for key in dict.fromkeys(key for keys in found for key in keys)
    )


def digest_of(faults: Sequence[str]) -> str:
    """Eight characters that tell one set of faults from the next; empty for none."""
    return sha256("\n".join(faults).encode()).hexdigest()[:8] if faults else ""


def unsaid(view: ClusterView) -> list[str]:
    """The names of the nodes that do not say which key they know, or are not heard."""
    said = {node.instance_id for node, _ in _said(view, 0)}
    return [node.name for node in view.definition.nodes if node.instance_id not in said]


def unanswered(view: ClusterView) -> list[str]:
    """The names of the nodes of which it is not known that every peer answers them."""
    answered = {node.instance_id for node, report in _said(view, 0) if all_answer(report)}
    return [node.name for node in view.definition.nodes if node.instance_id not in answered]


def _said(view: ClusterView, settled_s: float) -> list[Said]:
    """The nodes that are heard, have been for `settled_s`, and say which keys they know."""
    return list(_each_said(view, settled_s))


def _each_said(view: ClusterView, settled_s: float) -> Iterator[Said]:
    for node in view.definition.nodes:
        report = view.state.nodes.get(node.instance_id)
        if report is None or report.heard_at is None or keys_of(report) is None:
            continue
        if view.now - report.heard_at <= view.policy.silence_limit_s and view.now - report.heard_since >= settled_s:
            yield node, report


def _understand(a: NodeReport, b: NodeReport) -> bool:
    """Whether each knows the key that the other one signs with."""
    of_a, of_b = keys_of(a), keys_of(b)
    return bool(of_a and of_b and of_a[0] in of_b and of_b[0] in of_a)


def _shown(report: NodeReport) -> str:
    return report.key.removesuffix(ALL_ANSWER)
