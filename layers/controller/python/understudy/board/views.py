"""What the board says of one cluster, ready to be written down: plain words and numbers, and how much it matters."""

from dataclasses import dataclass, field
from enum import Enum, StrEnum

from understudy.domain.observe.health import NodeHealth
from understudy.domain.readiness.report import CheckResult

HOLDS_IT = "holds it"


class Attention(Enum):
    """How much a cluster needs a person, most first. The value is the word that stands on the board."""

    CALLS = "needs you"  # a rule calls an operator, a move wants an approval, or a record only a person can put right
    UNREAD = "cannot be read"  # unknown, which is neither good nor bad
    MOVING = "moving"  # a transition is under way, or is about to be
    DEGRADED = "degraded"  # it is served, and something that the next failover needs is missing
    HELD = "held"  # an operator keeps it from moving
    WELL = "well"

    @property
    def rank(self) -> int:
        """Where it stands on the board: 0 is first."""
        return list(Attention).index(self)


class Served(Enum):
    """Whether clients are served, the worst first. The value is the word that stands on the board."""

    NO = "not served"
    ASTRAY = "led astray"  # it is in service, and its name leads elsewhere
    TWICE = "perhaps served by two"
    PERHAPS = "perhaps not served"
    UNREAD = "not known"
    YES = "served"

    @property
    def rank(self) -> int:
        """How bad it is: 0 is worst."""
        return list(Served).index(self)


class Tone(StrEnum):
    """How a word is coloured. It never says more than the word itself."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    QUIET = "quiet"
    PLAIN = "plain"


@dataclass(frozen=True)
class ShownService:
    """Whether clients are served. `how`: by whom, or why not; `since_s`: for how long they are not (seconds), as far as
    that is known.
    """

    served: Served
    how: str = ""
    since_s: int | None = None


@dataclass(frozen=True)
class Need:
    """One thing that is not as it should be. `title`: in words that other clusters can have in common, which are then
    one group; `why`: the same with what is special to this cluster; `cause`: its name, that of a rule or of a section
    of the runbook. `todo`: what a person does first; `commands`: of the command-line tool, for this cluster;
    `section`: where the runbook goes on, a heading's anchor.
    """

    attention: Attention
    title: str
    why: str
    cause: str = ""
    todo: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    section: str = ""
    detail: str = ""


@dataclass(frozen=True)
class ShownNode:
    """One node. `lease`: HOLDS_IT only while its newest beat is younger than the lease. `heard_age_s`: seconds since
    that beat, None before the first. `notes`: what else is to be known, in words. `is_second`: whether it says that it
    serves although another node holds the lease, or should. `is_fresh`: whether its newest word is younger than a
    lease, and so still to be believed. `is_active`: whether it was given the lease last. `is_witness`: whether it only
    beats, and can never serve.
    """

    name: str
    instance_id: str
    address: str
    zone: str
    health: NodeHealth
    heard_age_s: int | None
    lease: str
    service: str
    quorum: str
    obeys_epoch: int
    agent: str
    notes: tuple[str, ...] = ()
    is_second: bool = False
    is_fresh: bool = True
    is_active: bool = False
    is_witness: bool = False

    @property
    def is_down(self) -> bool:
        """Whether it was heard once, and is not any more, or is off."""
        return self.health in (NodeHealth.SILENT, NodeHealth.GONE)


@dataclass(frozen=True)
class ShownAddress:
    """One address. `status`: what AWS has said of the newest change. `found`: what stands in AWS now; `guard`: what the
    guard says; `said`: how that compares, or why nothing was read.
    """

    label: str
    status: str
    found: str
    guard: str
    said: str
    tone: Tone


@dataclass(frozen=True)
class ShownPhase:
    """A part of a transition. `name`: what ended it, or what has not come yet; `number`: which one it is, from 0."""

    name: str
    seconds: float
    number: int


@dataclass(frozen=True)
class ShownMove:
    """A transition, from its history. `outcome` is empty while it is open; `ago_s`: since its cause was noticed.

    `phases`: until the service was in service, which is what clients wait for; `afterwards`: what came when, in seconds
    after the cause was noticed.
    """

    epoch: int
    action: str
    source: str
    target: str
    rule: str
    why: str
    outcome: str
    reasons: tuple[str, ...]
    ago_s: int | None
    phases: tuple[ShownPhase, ...]
    afterwards: tuple[tuple[str, float], ...] = ()

    @property
    def seconds(self) -> float:
        """How long its phases took, or have taken."""
        return sum(phase.seconds for phase in self.phases)


@dataclass(frozen=True)
class ShownReadiness:
    """The newest readiness report. `faults`: the checks that failed or warned; `ago_s`: seconds since it was made."""

    verdict: str
    ago_s: int
    faults: tuple[CheckResult, ...] = ()


@dataclass(frozen=True)
class ShownCluster:
    """One cluster. `needs`: why it needs attention, the gravest first; `situation`: each question of the rule table
    with its answer, where it helps; `active`: who holds the lease, or was given it last; empty when nobody does.
    """

    name: str
    service: ShownService
    needs: tuple[Need, ...] = ()
    epoch: int = 0
    active: str = ""
    rule: str = ""
    action: str = ""
    why: str = ""
    situation: tuple[tuple[str, str], ...] = ()
    hold: str = ""
    budget: str = ""
    quorum: str = ""
    failsafe: str = ""
    services: tuple[str, ...] = ()
    nodes: tuple[ShownNode, ...] = ()
    addresses: tuple[ShownAddress, ...] = ()
    moves: tuple[ShownMove, ...] = ()
    readiness: ShownReadiness | None = None

    @property
    def attention(self) -> Attention:
        """How much it needs a person."""
        return self.needs[0].attention if self.needs else Attention.WELL

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it needs attention, in words."""
        return tuple(each.why for each in self.needs)

    @property
    def zones_down(self) -> tuple[str, ...]:
        """Where its nodes are that are not heard any more, or off."""
        return tuple(sorted({node.zone for node in self.nodes if node.is_down}))


@dataclass(frozen=True)
class ShownText:
    """A text that was submitted and is not in force. `what`: of what, and what became of it; `faults`: why."""

    what: str
    faults: tuple[str, ...]
    todo: str


@dataclass(frozen=True)
class Board:
    """The whole of it, the clusters that need somebody first. `notes`: what could not be read, for all to see.

    `texts`: those that were submitted and are not in force; of a cluster that is not registered nothing else shows.
    `shown`: the one cluster that was asked for; empty for all of them. `now`: seconds since the epoch. `runbook`: the
    address of docs/on-call.md.
    """

    stack: str
    now: int
    clusters: tuple[ShownCluster, ...]
    notes: tuple[str, ...] = field(default=())
    shown: str = ""
    texts: tuple[ShownText, ...] = ()
    runbook: str = "docs/on-call.md"
