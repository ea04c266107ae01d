"""The words for events about questions to people, planned drills, and what the table and Route 53 disagree on."""

from collections.abc import Mapping
from typing import Any

from understudy.domain.notices.layout import LOOK, Words, cluster_of, word, words

Detail = Mapping[str, Any]
COMMAND_LIMIT = 3000
"""A command to paste must be whole: a task token alone can have 1,024 characters."""


def approval_asked(detail: Detail) -> Words:
    """A move waits for a person."""
    cluster, action, target = cluster_of(detail), word(detail.get("action"), 40), word(detail.get("target"), 60)
    proceeds = detail.get("on_timeout") == "proceed"
    then = "goes on without you" if proceeds else "is not made"
    return Words(
        f"{cluster}: approve or deny a {action} to {target}",
        (
            f"A {action} of {cluster} from {word(detail.get('source'))} to {target} waits for a person: "
            f"{word(detail.get('why'))}",
            f"Without an answer within {word(detail.get('wait_s'))} s it {then}.",
        ),
        ("Nothing has been moved or stopped: what was in service still is, if it is well.",),
        (
            "Look first. Then paste one of the two, with your name in it.",
            f"To approve: {word(detail.get('approve'), COMMAND_LIMIT)}",
            f"To deny: {word(detail.get('deny'), COMMAND_LIMIT)}",
        ),
        "approval",
    )


def approval_ended(detail: Detail) -> Words | None:
    """How a question ended; None when it was approved: the move itself is told of."""
    outcome = word(detail.get("outcome"), 40)
    if outcome == "APPROVED":
        return None
    cluster, action = cluster_of(detail), word(detail.get("action"), 40)
    said = {
        "DENIED": f"was denied by {word(detail.get('by'))}: {word(detail.get('reason'))}",
        "UNANSWERED": "was not answered in time",
        "UNREADABLE": "was answered with what is neither a yes nor a no; it may be asked again",
        "WITHDRAWN": "needs no answer any more",
    }.get(outcome, f"ended {outcome}")
    return Words(
        f"{cluster}: the question about a {action} ended {outcome}",
        (f"The question whether to make a {action} of {cluster} {said}.", word(detail.get("why"))),
        (LOOK,),
        ("Nothing, if this is what you want. A move by hand needs an approval as well, where the policy says so.",),
        "approval",
    )


def drill_finished(detail: Detail) -> Words | None:
    """How a planned drill ended; None for one that passed within its budget."""
    cluster, outcome, within = cluster_of(detail), word(detail.get("outcome"), 40), detail.get("within")
    if outcome == "PASSED" and within is not False:
        return None
    took = f"It took the service out for {word(detail.get('measured_s'))} s"
    slow = [f"{took}; the budget is {word(detail.get('budget_s'))} s."] if within is False else []
    return Words(
        f"{cluster}: the planned drill ended {outcome}" + (" and took too long" if slow else ""),
        (f"The planned drill of {cluster} ended {outcome}. {word(detail.get('why'))}", *slow),
        (f"{word(detail['active'])} holds the lease." if detail.get("active") else LOOK,),
        ("Nothing at once. Find out what stood in its way: a failover would have met it, too.",),
        "drills",
    )


def epoch_lifted(detail: Detail) -> Words:
    """The table was behind its own guard."""
    cluster = cluster_of(detail)
    return Words(
        f"{cluster}: the table had lost moves and was lifted to epoch {word(detail.get('epoch'), 20)}",
        (
            f"The guard in Route 53 carries epoch {word(detail.get('guard_epoch'))} for "
            f"{word(detail.get('guard_node'))}, and the table knew none above {word(detail.get('lifted_from'))}.",
        ),
        ("A move is going on; its end is told of.",),
        ("Find out who restored or changed the table. Compare its other clusters with their guards.",),
        "understudy-epoch-lifted",
    )


def state_too_new(detail: Detail) -> Words:
    """Clusters that a newer stack has written."""
    return Words(
        "clusters of a newer format are not looked after",
        (
            f"The table holds states of format {word(detail.get('format'))}, and this stack knows "
            f"{word(detail.get('known'))}. Clusters: {', '.join(words(detail.get('clusters')))}.",
        ),
        ("What runs goes on. Nothing fails over.",),
        ("Deploy the newer version of the stack again.",),
        "understudy-state-too-new",
    )
