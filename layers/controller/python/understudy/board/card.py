"""A cluster in full."""

from collections.abc import Mapping

from understudy.board import words
from understudy.board.bar import bar
from understudy.board.clock import span
from understudy.board.markup import Html, join, name, tag
from understudy.board.views import ShownAddress, ShownCluster, ShownMove, ShownNode, ShownReadiness, Tone
from understudy.board.words import TONE_OF
from understudy.domain.cluster.address import AddressStatus
from understudy.domain.readiness.facts import Verdict

VERDICTS: Mapping[str, Tone] = {Verdict.PASS: Tone.GOOD, Verdict.FAIL: Tone.BAD}


def card(cluster: ShownCluster) -> Html:
    """Everything that is known of a cluster, what matters first."""
    body = (
        _head(cluster),
        tag("ul", *(tag("li", each) for each in cluster.reasons), class_="us-why") if cluster.reasons else None,
        *(_known(cluster) if cluster.rule else ()),
    )
    return tag("section", *body, class_=f"us-card us-t-{TONE_OF[cluster.attention]}")


def _head(cluster: ShownCluster) -> Html:
    active = next((node for node in cluster.nodes if node.holds_lease), None)
    service = words.service(active) if active else None
    lease = (tag("b", words.served_by(cluster)), " ", service, f" · epoch {cluster.epoch}")
    where = ("lease: ", *lease) if cluster.rule else ()
    return tag(
        "div",
        words.attention(cluster.attention),
        tag("span", name(cluster.name), class_="us-name"),
        tag("span", *where, class_="us-where"),
        class_="us-head",
    )


def _rule(cluster: ShownCluster) -> Html:
    why = "" if cluster.why in cluster.reasons else f". {cluster.why}"
    return tag("p", "rule now: ", tag("code", cluster.rule), f" {cluster.action}{why}", class_="us-rule us-quiet")


def _known(cluster: ShownCluster) -> tuple[Html | None, ...]:
    return (
        _rule(cluster),
        _facts(cluster),
        tag("h4", "Nodes"),
        words.table(
            ("node", "AZ", "address", "health", "heard", "lease", "service", "quorum", "obeys epoch", "agent"),
            [_node(each) for each in cluster.nodes],
        ),
        tag("h4", "Addresses"),
        words.table(
            ("address", "newest change", "stands in AWS now", "guard", "compared"),
            [_address(each) for each in cluster.addresses],
        ),
        tag(
            "div",
            tag("div", tag("h4", "Last transitions"), *_moves(cluster.moves)),
            tag("div", tag("h4", "Readiness"), _readiness(cluster.readiness)),
            class_="us-cols",
        ),
    )


def _facts(cluster: ShownCluster) -> Html:
    facts = {
        "services": ", ".join(cluster.services) or "none named",
        "budget": cluster.budget,
        "mode": cluster.hold or "moves by itself",
        "quorum": cluster.quorum or "none wanted",
        "failsafe": cluster.failsafe or "not known",
        "situation": ", ".join(f"{question} {answer}" for question, answer in cluster.situation),
    }
    return tag("p", *(tag("span", tag("b", word), f" {said}") for word, said in facts.items()), class_="us-facts")


def _node(node: ShownNode) -> Html:
    notes = tag("div", "; ".join(node.notes), class_="us-warn") if node.notes else None
    return tag(
        "tr",
        tag("td", tag("b", name(node.name)), notes, title=node.instance_id),
        tag("td", node.zone, class_="us-n"),
        tag("td", node.address, class_="us-n"),
        tag("td", words.health(node), class_="us-n"),
        tag("td", words.heard(node), class_="us-n"),
        tag("td", words.toned(node.lease, Tone.GOOD) if node.holds_lease else node.lease or "–"),
        tag("td", words.service(node), class_="us-n"),
        tag("td", node.quorum or "–", class_="us-n"),
        tag("td", node.obeys_epoch or "–", class_="us-n"),
        tag("td", node.agent or "–", class_="us-n"),
    )


def _address(address: ShownAddress) -> Html:
    status = words.toned(address.status, Tone.BAD if address.status == AddressStatus.OWED else Tone.QUIET)
    return tag(
        "tr",
        tag("td", tag("b", name(address.label))),
        tag("td", status, class_="us-n"),
        tag("td", address.found or "–"),
        tag("td", address.guard or "–"),
        tag("td", words.toned(address.said, address.tone)),
    )


def _moves(moves: tuple[ShownMove, ...]) -> list[Html]:
    return [_move(each) for each in moves] or [tag("p", "none in the history", class_="us-quiet")]


def _move(move: ShownMove) -> Html:
    ago = "" if move.ago_s is None else f", {span(move.ago_s)} ago"
    reasons = f" ({', '.join(move.reasons)})" if move.reasons else ""
    return tag(
        "div",
        tag("b", f"epoch {move.epoch} {move.action}"),
        " ",
        join(name(move.source or "nobody"), " → ", name(move.target or "nobody")),
        ": ",
        words.outcome(move),
        f"{reasons}{ago} ",
        tag("code", move.rule, title=move.why),
        bar(move),
        class_="us-move",
    )


def _readiness(readiness: ShownReadiness | None) -> Html:
    if readiness is None:
        return tag("p", "never checked", class_="us-quiet")
    tone = VERDICTS.get(readiness.verdict, Tone.WARN)
    summary = tag("p", words.toned(readiness.verdict, tone), f", {span(readiness.ago_s)} ago", class_="us-rule")
    faults = [
        tag("li", tag("b", f"{each.verdict} "), tag("code", each.name), f" {each.found}", title=each.advice)
        for each in readiness.faults
    ]
    return join(summary, tag("ul", *faults, class_="us-facts") if faults else None)
