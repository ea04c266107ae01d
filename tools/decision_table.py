"""Prints the table of rules for people who know other cluster managers and want to check this one."""

from collections.abc import Iterable
from enum import StrEnum
from textwrap import fill

from tools.line_comments import meanings
from understudy.domain.decide import silence
from understudy.domain.decide.rules import ANY, COLUMNS, RULES, Action, Rule
from understudy.domain.decide.situation import Phase
from understudy.domain.observe.health import NodeHealth

WIDTH = 120
MANY = 4
"""From so many values on, a cell names the others where that is shorter: a row is to fit on a screen."""

HEAD = """<!-- Printed from layers/controller/python/understudy/domain/ by `make docs`. Do not edit. -->

# How Understudy decides

At every heartbeat, at every signal and every minute, a cluster is judged in three steps without side effects:

1. `diagnose` gives each node its health.
2. `survey` answers one question for each column below.
3. `decide` looks the answers up in the table. **Exactly one rule fits every situation**: a test walks the whole
   product of the columns' values, so the order of the rows never matters. `any` matches every value, several values
   in a cell mean any of them, and `all but` means any value that is not named.

A rule that moves something only *starts* a transition. The transition checks its cause once more, and grants the lease
only under a proof for the node before. So a wrong decision here can cost an unneeded failover, but never lets two nodes
serve.
"""

SILENCE_HEAD = """## When many are silent

Some transitions would begin only because the active node is not heard (`active-is-silent`,
`overdue-and-active-is-silent`). They look at the rest of the fleet before they end the lease. A transition is never put
off when a node, EC2, an alarm or a person has given its cause, or when it has begun. Again **exactly one rule fits**,
whatever the answers are. The limits, and what to do, are in [on-call.md](on-call.md#silence-of-many).
"""

GROUPS = {
    Phase.SETTLED: "No transition is open",
    Phase.UNDER_WAY: "A transition is under way",
    Phase.OVERDUE: "A transition has outlived its deadline",
}


def decision_table() -> str:
    """The whole document."""
    parts = [HEAD, "## What the words mean\n"]
    parts += [_vocabulary("health of a node", NodeHealth)]
    parts += [_vocabulary(column, values) for column, values in COLUMNS.items()]
    parts += [_vocabulary("action", Action)]
    parts += ["## The rules\n"]
    parts += [_group(title, [rule for rule in RULES if phase in rule.phase]) for phase, title in GROUPS.items()]
    parts += [SILENCE_HEAD]
    parts += [_vocabulary(column, values) for column, values in silence.COLUMNS.items()]
    parts += [_vocabulary("verdict", silence.SilenceVerdict)]
    parts += [_rows("### What is believed\n", silence.COLUMNS, "verdict", silence.RULES)]
    return "\n".join(parts)


def _vocabulary(title: str, values: type[StrEnum]) -> str:
    comments = meanings(values)
    lines = [f"**{title}**: {_lower_first(values.__doc__ or '')}\n"]
    lines += [f"- `{value}`" + (f": {comments[value.name]}" if value.name in comments else "") for value in values]
    return "\n".join([*lines, ""])


def _group(title: str, rules: Iterable[Rule]) -> str:
    return _rows(f"### {title}\n", COLUMNS, "action", rules)


def _rows(title: str, columns: Iterable[str], answer: str, rules: Iterable[Rule | silence.SilenceRule]) -> str:
    rules, head = [*rules], ["rule", *columns, answer]
    rows = [[f"`{rule.name}`", *map(_cell, rule.columns.values()), f"**{getattr(rule, answer)}**"] for rule in rules]
    lines = [title, _line(head), _line(["---"] * len(head)), *[_line(row) for row in rows]]
    why = [
        fill(f"- `{rule.name}`: {rule.why}", WIDTH, subsequent_indent="  ", break_on_hyphens=False) for rule in rules
    ]
    return "\n".join([*lines, "", *why, ""])


def _cell(allowed: frozenset[StrEnum]) -> str:
    if allowed is ANY:
        return "any"
    named = ", ".join(sorted(allowed))
    others = f"all but {', '.join(sorted(set(type(next(iter(allowed)))) - allowed))}"
    return others if len(allowed) >= MANY and len(others) < len(named) else named


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
