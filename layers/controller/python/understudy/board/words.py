"""Small pieces that cards and rows have in common."""

from collections.abc import Mapping

from understudy.board.clock import span
from understudy.board.markup import Html, name, tag
from understudy.board.views import Attention, ShownCluster, ShownMove, ShownNode, Tone
from understudy.domain.cluster.state import ServiceStatus
from understudy.domain.observe.health import NodeHealth
from understudy.domain.transition.ending import CloseOutcome

GLYPHS = {
    Attention.CALLS: "!",
    Attention.UNREAD: "?",
    Attention.MOVING: "→",
    Attention.DEGRADED: "–",
    Attention.HELD: "‖",
    Attention.WELL: "✓",
}
TONE_OF = {each: each.name.lower() for each in Attention}
"""The colour of each word: the names of the style's variables."""
HEALTH = {NodeHealth.READY: Tone.GOOD, NodeHealth.UNKNOWN: Tone.WARN}
SERVICE: Mapping[str, Tone] = {
    ServiceStatus.IN_SERVICE: Tone.GOOD,
    ServiceStatus.FAILED: Tone.BAD,
    ServiceStatus.STARTING: Tone.WARN,
    ServiceStatus.STOPPING: Tone.WARN,
}


def attention(of: Attention) -> Html:
    """The word, with a sign for those who do not see its colour."""
    glyph = tag("span", GLYPHS[of], class_="us-glyph", aria_hidden="true")
    return tag("span", glyph, of.value, class_=f"us-word us-t-{TONE_OF[of]}")


def toned(word: str, tone: Tone) -> Html:
    """A word in a tone."""
    return tag("span", word, class_=f"us-{tone}")


def health(node: ShownNode) -> Html:
    """The health of a node."""
    return toned(str(node.health), HEALTH.get(node.health, Tone.BAD))


def heard(node: ShownNode) -> str:
    """How long ago a node was heard."""
    return "never" if node.heard_age_s is None else f"{span(node.heard_age_s)} ago"


def service(node: ShownNode) -> Html:
    """What a node says of its services, or said last."""
    if not node.service:
        return Html("–")
    if node.is_second:
        return toned(f"{node.service} without the lease", Tone.BAD)
    if not node.is_heard:
        return toned(f"last said {node.service}", Tone.QUIET)
    return toned(node.service, SERVICE.get(node.service, Tone.QUIET))


def served_by(cluster: ShownCluster) -> Html:
    """Who holds the lease."""
    return name(cluster.active) if cluster.active else toned("nobody", Tone.BAD)


def outcome(move: ShownMove) -> Html:
    """How a transition ended, as far as it has."""
    if not move.outcome:
        return toned("not closed", Tone.WARN)
    return toned(move.outcome, Tone.GOOD if move.outcome == CloseOutcome.IN_SERVICE else Tone.WARN)


def table(headings: tuple[str, ...], rows: list[Html]) -> Html:
    """A table that scrolls by itself where it is wider than the board."""
    head = tag("tr", *(tag("th", each) for each in headings))
    return tag("div", tag("table", tag("thead", head), tag("tbody", *rows)), class_="us-scroll")
