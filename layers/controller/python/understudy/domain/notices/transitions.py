"""The words for events about moves: how one ended, and when a person is needed or is needed no more."""

from collections.abc import Mapping, Sequence
from typing import Any

from understudy.domain.notices.first_aid import OF_REASON, OF_RULE
from understudy.domain.notices.layout import LINES_LIMIT, LOOK, Words, cluster_of, part, word, words
from understudy.domain.observe.health import NodeHealth

Detail = Mapping[str, Any]
HEARD = (NodeHealth.READY, NodeHealth.FAILED)
QUIET_ACTIONS = ("switchover", "place", "repair")
"""A move of these that ends well is what somebody has asked for, or changes nothing for clients."""


def closed(detail: Detail) -> Words | None:
    """How a transition ended; None for a move that ended well and that nobody needs to hear of."""
    outcome, action = word(detail.get("outcome"), 40), word(detail.get("action"), 40)
    if outcome == "IN_SERVICE":
        return None if action in QUIET_ACTIONS else _in_service(detail, action)
    if outcome == "BROKEN":
        return _broken(detail)
    failed = words(detail.get("start_failed"))
    known = [reason for reason in words(detail.get("reasons")) if reason in OF_REASON]
    cluster, active = cluster_of(detail), detail.get("active")
    is_served = "SERVICE_NOT_IN_SERVICE" not in known
    holder = f"{word(active)} holds the lease" if active else "Nobody holds the lease, and nobody may serve"
    return Words(
        f"{cluster}: {action} ended {outcome}",
        (
            f"The {action} of {cluster} ended {outcome} {_of_epoch(detail)}.",
            *(OF_REASON[each][0] for each in known),
            *_failed_starts(failed),
        ),
        (f"{holder}{', but its service is not in service' if active and not is_served else ''}.", _address(detail)),
        (*(OF_REASON[each][1] for each in known), *_to_clear(detail, failed)) or ("Look at the execution's cause.",),
        "held" if outcome == "HELD" else "degraded-by-reason",
    )


def _in_service(detail: Detail, action: str) -> Words:
    cluster, source, active = cluster_of(detail), word(detail.get("source")), word(detail.get("active"))
    was_bad, failed = action == "failover", words(detail.get("start_failed"))
    return Words(
        f"{cluster}: {active} is in service after a {action}",
        (
            f"The {action} of {cluster} from {source} to {active} ended well {_of_epoch(detail)}.",
            *_failed_starts(failed),
        ),
        (f"{active} says that its services are in service.", _address(detail)),
        (
            "Nothing at once: clients follow within the TTL.",
            *([f"Find out soon what was wrong with {source}: until then it may be no standby."] if was_bad else []),
            *_to_clear(detail, failed),
        ),
        "reading-an-incident-backwards",
    )


def _failed_starts(nodes: tuple[str, ...]) -> tuple[str, ...]:
    """That the service did not start somewhere: it stays so until there is a reason to think that it would."""
    return tuple(f"The service did not start on {node}: it is the last choice from now on." for node in nodes)


def _to_clear(detail: Detail, nodes: Sequence[str]) -> tuple[str, ...]:
    """How a failed start is forgotten."""
    return tuple(
        f"Find out why the service does not start on {node}. When it will, clear it: start an execution with "
        f'{{"cluster": "{cluster_of(detail)}", "action": "clear", "node": "{node}"}}'
        for node in nodes
    )


def _broken(detail: Detail) -> Words:
    cluster, broken = cluster_of(detail), part(detail, "broken")
    return Words(
        f"{cluster}: a transition broke",
        (
            f"The execution of {cluster} {_of_epoch(detail)} could not go on in state {word(broken.get('state'))}: "
            f"{word(broken.get('error'))}, {word(broken.get('cause'))}",
        ),
        (LOOK,),
        (
            "Wait for the deadline of its stage, two or three minutes: the controller then takes it up by itself.",
            "Do not redrive the execution, and start no second one before.",
        ),
        "broken-and-timed_out",
    )


def operator_called(detail: Detail) -> Words:
    """A rule needs a person."""
    cluster, rule, facts = cluster_of(detail), word(detail.get("rule"), 60), part(detail, "facts")
    return Words(
        f"{cluster}: you are needed ({rule})",
        (f"{_sentence(detail.get('why'))} (Rule {rule}, {cluster}, epoch {word(detail.get('epoch'))}.)",),
        _standing(facts),
        (OF_RULE.get(rule, "Look the rule up in the runbook."),),
        rule if rule in OF_RULE else "operator-called-by-rule",
    )


def degraded(detail: Detail) -> Words | None:
    """Nobody could take over; None when somebody can again."""
    if not detail.get("fault"):
        return None
    cluster, facts = cluster_of(detail), part(detail, "facts")
    nodes = part(facts, "nodes")
    failed = [word(name) for name in list(nodes)[:LINES_LIMIT] if part(nodes, name).get("start_failed_at")]
    return Words(
        f"{cluster}: no node that is known to work could take over"
        if failed
        else f"{cluster}: no node could take over",
        (
            f"{_sentence(detail['fault'])} It has been so for five minutes.",
            "The service runs. The next failure will be an outage.",
        ),
        _standing(facts),
        (
            *_to_clear(detail, failed),
            "Bring a standby back: start its instance or its agent, or mend its failed service.",
            "Do not patch or reboot the active node before.",
        ),
        "nostandbyalarm",
    )


def _standing(facts: Detail) -> tuple[str, ...]:
    """Who holds the lease, and how each node was."""
    active, nodes = facts.get("active"), part(facts, "nodes")
    holder = f"{word(active)} holds the lease." if active else "Nobody holds the lease."
    if active and not _is_heard(part(nodes, str(active))):
        holder = f"{word(active)} was given the lease last, and is not heard: it may have run out."
    return (holder, *(_node(word(name), part(nodes, name)) for name in list(nodes)[:LINES_LIMIT]))


def _is_heard(node: Detail) -> bool:
    """Whether what it has said of itself is still to be believed."""
    return node.get("health") in HEARD


def _node(name: str, node: Detail) -> str:
    age = node.get("heard_age_s")
    heard = "never heard" if age is None else f"last heard {word(age)} s before"
    said = f"its services {'' if _is_heard(node) else 'were last said to be '}{word(node.get('service'))}"
    services = "it has never said how its services are" if age is None else said
    more = [f"{key}: {word(node[key])}" for key in ("fault", "quorum") if node.get(key)]
    more += [f"about to go: {word(node['goes'])}"] if node.get("goes") else []
    more += ["the service did not start on it"] if node.get("start_failed_at") else []
    return "; ".join([f"{name}: {word(node.get('health'))}, {services}, {heard}", *more])


def alert_over(detail: Detail) -> Words:
    """It needs nobody any more."""
    cluster, rule = cluster_of(detail), word(detail.get("rule"), 60)
    return Words(
        f"{cluster}: over ({rule})",
        (f"You were called for {cluster} by the rule {rule}. It holds no more.",),
        (f"{_sentence(detail.get('why'))} (Rule {word(detail.get('now'), 60)}.)",),
        ("Nothing at once. Was it not you who mended it, then find out what did.",),
        "reading-an-incident-backwards",
    )


def _of_epoch(detail: Detail) -> str:
    rule = f", rule {word(detail['rule'], 60)}" if detail.get("rule") else ""
    return f"(epoch {word(detail.get('epoch'))}{rule})"


def _sentence(why: Any) -> str:
    text = word(why)
    return f"{text[:1].upper()}{text[1:]}."


def _address(detail: Detail) -> str:
    known = {
        "IN_SYNC": "The address leads to it: all of Route 53's servers have the change.",
        "PROPAGATING": "Route 53 has accepted the change of the address. It is followed until all its servers have it.",
        "UNCONFIRMED": "Route 53 holds the record as it was written, but cannot say whether all its servers have it.",
        "OWED": "The address has NOT been moved.",
    }
    return known.get(str(detail.get("address")), "Nothing is known of the address.")
