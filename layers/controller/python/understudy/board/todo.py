"""What a person does first: in words, as commands, and where the runbook goes on."""

from understudy.board import words
from understudy.board.markup import Html, join, tag
from understudy.board.views import Need


def todo(need: Need, runbook: str) -> Html:
    """The steps about one need; the commands beside them only where a line has none."""
    return join(steps(need, runbook), commands(need))


def steps(need: Need, runbook: str) -> Html:
    """What all clusters with this need have in common."""
    link = words.runbook(runbook, need.section) if need.section else None
    said = (" ".join(need.todo), " ") if need.todo else ()
    return tag("p", tag("b", "Do first: "), *said, link, class_="us-todo")


def commands(need: Need) -> Html | None:
    """What can be pasted into a terminal, for this cluster."""
    if not need.commands:
        return None
    return tag("span", *(tag("code", each) for each in need.commands), class_="us-commands")
