"""A cluster in full, as it opens below its line: what the line has said is not said again."""

from collections.abc import Mapping

from understudy.board import words
from understudy.board.bar import bar
from understudy.board.clock import span
from understudy.board.markup import Html, join, name, tag
from understudy.board.todo import todo
from understudy.board.views import Need, ShownAddress, ShownCluster, ShownMove, ShownNode, ShownReadiness, Tone
from understudy.board.words import TONE_OF
from understudy.domain.cluster.address import AddressStatus
from understudy.domain.readiness.facts import Verdict

VERDICTS: Mapping[str, Tone] = {Verdict.PASS: Tone.GOOD, Verdict.FAIL: Tone.BAD}


def card(cluster: ShownCluster, runbook: str) -> Html:
    """Everything that is known of a cluster, what matters first."""
    return tag(
        "div",
        *(_further(each, runbook) for each in cluster.needs[1:]),
        *(_known(cluster) if cluster.rule else ()),
        class_="us-card",
    )


def _further(need: Need, runbook: str) -> Html:
    """What else is not as it should be, beside what the cluster's group says."""
    said = tag("p", words.attention(need.attention), " ", tag("b", need.why), class_="us-also")
    return tag("div", said, todo(need, runbook), class_=f"us-t-{TONE_OF[need.attention]}")


def _known(cluster: ShownCluster) -> tuple[Html | None, ...]:
    return (
        _facts(cluster),
        tag("h4", "Nodes"),
        words.table(
            f"Nodes of {cluster.name}", ("node", "heard", "lease", "service"), [_node(each) for each in cluster.nodes]
        ),
        tag("h4", "Addresses"),
        words.table(
            f"Addresses of {cluster.name}",
            ("address", "stands in AWS now", "compared"),
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
    """Each fact with its name; the situation only where a rule acts on it."""
    facts = {
        "rule now": f"{cluster.rule}: {cluster.action}",
        "because": cluster.why if cluster.situation and not _is_said(cluster.why, cluster) else "",
        "epoch": str(cluster.epoch),
        "services": ", ".join(cluster.services) or "none named",
        "budget": cluster.budget,
        "mode": "" if cluster.hold else "moves by itself",
        "quorum": cluster.quorum or "none wanted",
        "failsafe": "" if _is_said(cluster.failsafe, cluster) else cluster.failsafe or "not known",
        "situation": ", ".join(f"{question} {answer}" for question, answer in cluster.situation),
    }
    said = (tag("span", tag("b", word), f" {fact}") for word, fact in facts.items() if fact)
    return tag("p", *said, class_="us-facts")


def _is_said(fact: str, cluster: ShownCluster) -> bool:
    """Whether it stands on the board already, as what the cluster needs."""
    return bool(fact) and any(fact in each.why for each in cluster.needs)


def _node(node: ShownNode) -> Html:
    notes = tag("div", "; ".join(node.notes), class_="us-warn") if node.notes else None
    where = tag("div", " · ".join((node.zone, node.address, node.instance_id)), class_="us-quiet")
    more = {"quorum": node.quorum, "epoch": str(node.obeys_epoch or ""), "agent": node.agent}
    known = " · ".join(f"{word} {said}" for word, said in more.items() if said)
    return tag(
        "tr",
        words.head(name(node.name), where, notes),
        tag("td", words.health(node), tag("div", words.heard(node), class_="us-quiet")),
        tag("td", words.lease(node)),
        tag("td", words.service(node), tag("div", known, class_="us-quiet") if known else None),
    )


def _address(address: ShownAddress) -> Html:
    status = words.toned(address.status, Tone.BAD if address.status == AddressStatus.OWED else Tone.QUIET)
    guard = tag("div", f"guard: {address.guard}", class_="us-quiet") if address.guard else None
    return tag(
        "tr",
        words.head(name(address.label), tag("div", "newest change: ", status, class_="us-quiet")),
        tag("td", words.toned(address.found or "–", Tone.BAD if address.tone is Tone.BAD else Tone.PLAIN), guard),
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
        tag("li", tag("b", f"{each.verdict} "), tag("code", each.name), f" {each.found}: {each.advice}")
        for each in readiness.faults
    ]
    return join(summary, tag("ul", *faults, class_="us-facts") if faults else None)
