"""Whether the silence of a node is believed where many are silent: one table of rules.

It is asked when a move that rests on silence alone is about to begin. What a node, EC2 or a person has said is never
asked about here, and a move that has begun is never stopped: while it is put off, the old node keeps its lease.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product

from understudy.domain.cluster.state import ClusterState
from understudy.domain.decide.rules import ANY, ON_SILENCE


class Fleet(StrEnum):
    """Whether the stack has so many clusters that their silence can be compared."""

    SMALL = "SMALL"  # no more than SilenceClusters: nothing is compared, silence is believed
    LARGE = "LARGE"


class Turn(StrEnum):
    """Whether it is the turn of this move, which was put off before."""

    NOT_DUE = "NOT_DUE"
    DUE = "DUE"  # the watch has allowed it


class ZoneWord(StrEnum):
    """What AWS says of the node's Availability Zone."""

    UNSAID = "UNSAID"
    IMPAIRED = "IMPAIRED"  # traffic is shifted away from it, by AWS or by a person


class Line(StrEnum):
    """Whether the silence follows the node's Availability Zone or its subnet."""

    ALONG = "ALONG"  # more nodes are silent there than elsewhere, by more than chance
    ACROSS = "ACROSS"
    UNTOLD = "UNTOLD"  # too few nodes are known, there or elsewhere


class Share(StrEnum):
    """How many of the nodes in the same zone are silent."""

    WITHIN = "WITHIN"  # SilencePercent of them at the most, or too few nodes are known
    BEYOND = "BEYOND"


class Pace(StrEnum):
    """How many such moves have been asked for in this minute, in all of the stack."""

    WITHIN = "WITHIN"  # SilenceClusters at the most
    BEYOND = "BEYOND"


class SilenceVerdict(StrEnum):
    """What becomes of the move."""

    BELIEVE = "BELIEVE"
    DOUBT = "DOUBT"  # it is put off: the watch allows SilenceMoves a minute, and a person gets a notice


@dataclass(frozen=True)
class Evidence:
    """One answer to each question of the table. What was not asked has the answer that says nothing."""

    fleet: Fleet
    turn: Turn = Turn.NOT_DUE
    word: ZoneWord = ZoneWord.UNSAID
    line: Line = Line.UNTOLD
    share: Share = Share.WITHIN
    pace: Pace = Pace.WITHIN


COLUMNS: Mapping[str, type[StrEnum]] = {
    "fleet": Fleet,
    "turn": Turn,
    "word": ZoneWord,
    "line": Line,
    "share": Share,
    "pace": Pace,
}


@dataclass(frozen=True)
class SilenceRule:
    """One row: it fits when every column names the evidence's answer, or is ANY."""

    name: str
    fleet: frozenset[StrEnum]
    turn: frozenset[StrEnum]
    word: frozenset[StrEnum]
    line: frozenset[StrEnum]
    share: frozenset[StrEnum]
    pace: frozenset[StrEnum]
    verdict: SilenceVerdict
    why: str

    def fits(self, evidence: Evidence) -> bool:
        """Whether this row is the one for the evidence."""
        return all(allowed is ANY or getattr(evidence, column) in allowed for column, allowed in self.columns.items())

    @property
    def columns(self) -> Mapping[str, frozenset[StrEnum]]:
        """The conditions by the name of the question."""
        return {column: getattr(self, column) for column in COLUMNS}


def _one_of(value: StrEnum) -> frozenset[StrEnum]:
    return frozenset((value,))


SMALL, LARGE = map(_one_of, Fleet)
WAITS, DUE = map(_one_of, Turn)
UNSAID, IMPAIRED = map(_one_of, ZoneWord)
ALONG, ACROSS, UNTOLD = map(_one_of, Line)
NO_LINE = ACROSS | UNTOLD
FEW, MANY = map(_one_of, Share)
SLOW, FAST = map(_one_of, Pace)
BELIEVE, DOUBT = SilenceVerdict

# fmt: off
RULES: tuple[SilenceRule, ...] = (
    #           name                      fleet  turn   word      line     share pace  verdict  why
    SilenceRule("fleet-is-small",         SMALL, ANY,   ANY,      ANY,     ANY,  ANY,  BELIEVE, "the stack has no more than SilenceClusters clusters: their silence is not compared"),
    SilenceRule("its-turn-has-come",      LARGE, DUE,   ANY,      ANY,     ANY,  ANY,  BELIEVE, "the silence was doubted, and the watch has allowed the move: it is one of the oldest, or all nodes together explain it by now"),
    SilenceRule("aws-shifts-away",        LARGE, WAITS, IMPAIRED, ANY,     ANY,  ANY,  BELIEVE, "traffic is shifted away from the node's Availability Zone, as AWS says: it is the zone"),
    SilenceRule("silence-follows-a-line", LARGE, WAITS, UNSAID,   ALONG,   ANY,  ANY,  BELIEVE, "the silence follows the node's Availability Zone or its subnet"),
    SilenceRule("few-are-silent",         LARGE, WAITS, UNSAID,   NO_LINE, FEW,  SLOW, BELIEVE, "few nodes are silent, and few moves were asked for in this minute"),
    SilenceRule("too-many-in-a-minute",   LARGE, WAITS, UNSAID,   NO_LINE, FEW,  FAST, DOUBT,   "the silence follows neither zone nor subnet, and more than SilenceClusters moves on silence were asked for in this minute"),
    SilenceRule("silence-of-many",        LARGE, WAITS, UNSAID,   NO_LINE, MANY, ANY,  DOUBT,   "the silence follows neither zone nor subnet, and more than SilencePercent of the nodes around are silent"),
)
# fmt: on


@dataclass(frozen=True)
class Belief:
    """The rule that fits, what becomes of the move, and why, in words for the log, the history and the operator."""

    rule: str
    verdict: SilenceVerdict
    why: str


def weigh(evidence: Evidence) -> Belief:
    """Look the evidence up. Pure: the same evidence always gives the same answer."""
    rule = next(rule for rule in RULES if rule.fits(evidence))
    return Belief(rule.name, rule.verdict, rule.why)


def depends_on(evidence: Evidence, *columns: str) -> bool:
    """Whether other answers to these questions would lead to another rule. If not, they need not be asked."""
    others = product(*(COLUMNS[column] for column in columns))
    rules = {weigh(replace(evidence, **dict(zip(columns, values, strict=True)))).rule for values in others}  # type: ignore[arg-type]
    return len(rules) > 1


def is_put_off(rule: str, state: ClusterState, now: int) -> bool:
    """Whether what this rule of decision would begin at `now` (seconds) rests on a silence that is doubted."""
    return rule in ON_SILENCE and state.doubt is not None and state.doubt.puts_off(now)


@dataclass(frozen=True)
class Limits:
    """The stack's parameters: SilencePercent of the nodes around, SilenceClusters, SilenceMoves a minute."""

    percent: int = 10
    number: int = 20
    moves: int = 5
