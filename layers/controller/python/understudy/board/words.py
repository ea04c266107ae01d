"""Small pieces that cards, lines and rows have in common."""

from collections.abc import Mapping

from understudy.board.clock import span
from understudy.board.markup import Html, name, tag
from understudy.board.views import HOLDS_IT, Attention, Served, ShownCluster, ShownMove, ShownNode, ShownService, Tone
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
TONE_OF: Mapping[Attention | Served, str] = {
    **{each: each.name.lower() for each in Attention},
    Served.NO: "calls",
    Served.ASTRAY: "calls",
    Served.TWICE: "calls",
    Served.PERHAPS: "calls",
    Served.UNREAD: "unread",
}
"""The colour of each word: the names of the style's variables."""
HEALTH = {NodeHealth.READY: Tone.GOOD, NodeHealth.UNKNOWN: Tone.WARN}
SERVED = {Served.YES: Tone.GOOD, Served.UNREAD: Tone.WARN}
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


def served(service: ShownService) -> Html:
    """Whether clients are served, and for how long they are not."""
    since = "" if service.since_s is None else f" for {span(service.since_s)}"
    return toned(f"{service.served.value}{since}", SERVED.get(service.served, Tone.BAD))


def health(node: ShownNode) -> Html:
    """The health of a node."""
    return tag("span", toned(str(node.health), HEALTH.get(node.health, Tone.BAD)), class_="us-n")


def heard(node: ShownNode) -> str:
    """How long ago a node was heard."""
    if node.heard_age_s is None:
        return "never heard"
    return f"{'' if node.is_fresh else 'last '}heard {span(node.heard_age_s)} ago"


def lease(node: ShownNode) -> Html:
    """What is known of a node's lease. One that has run out is not green."""
    if node.lease == HOLDS_IT:
        return toned(node.lease, Tone.GOOD)
    return toned(node.lease, Tone.BAD) if node.is_active else toned(node.lease or "–", Tone.PLAIN)


def service(node: ShownNode) -> Html:
    """What a node says of its services, or said last."""
    if not node.service:
        return Html("–")
    if not node.is_fresh:
        return tag("span", "last said ", tag("span", node.service, class_="us-n"), class_="us-quiet")
    if node.is_second:
        return toned(f"{node.service} without the lease", Tone.BAD)
    return tag("span", toned(node.service, SERVICE.get(node.service, Tone.QUIET)), class_="us-n")


def served_by(cluster: ShownCluster) -> Html:
    """Who holds the lease."""
    return name(cluster.active) if cluster.active else toned("nobody", Tone.BAD)


def outcome(move: ShownMove) -> Html:
    """How a transition ended, as far as it has."""
    if not move.outcome:
        return toned("not closed", Tone.WARN)
    return toned(move.outcome, Tone.GOOD if move.outcome == CloseOutcome.IN_SERVICE else Tone.WARN)


def head(*cells: Html | str | None) -> Html:
    """The cell that names a row."""
    return tag("th", *cells, scope="row")


def table(caption: str, headings: tuple[str, ...], rows: list[Html]) -> Html:
    """A table with a name for those who do not see it, and scopes for each heading."""
    top = tag("tr", *(tag("th", each, scope="col") for each in headings))
    named = tag("caption", caption, class_="us-unseen")
    return tag("div", tag("table", named, tag("thead", top), tag("tbody", *rows)), class_="us-scroll")


def runbook(address: str, section: str) -> Html:
    """Where the runbook goes on: a link where the address is one that a browser can follow."""
    if not address.startswith(("https://", "http://")):
        return tag("span", f"Runbook: {address}#{section}", class_="us-quiet")
    return tag("a", f"Runbook: {section}", href=f"{address}#{section}", target="_blank", rel="noopener noreferrer")
