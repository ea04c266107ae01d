"""What a seed stands for where many clusters move at once, and the faults that come over them (B12)."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from random import Random

from tests.simulation.plan import Fault, Kind

FAULTS_FOR_S = 90.0
"""How long there are faults, in virtual seconds."""
FAULTS_LEAST, FAULTS_MOST = 3, 16
STORM_S = 8.0
LEFT_BEHIND_S = 60.0
"""For so long after its end a fault can still have consequences: a function thaws, a batch arrives."""
KINDS = (
    # What happens to whoever moves the addresses, at one of POINTS.
    Kind("writer_dies", 16, 20, 60),
    Kind("writer_freezes", 14, 20, 60),
    # The table.
    Kind("table_answers_lost", 4, 3, 30),
    Kind("table_down", 3, 2, 20),
    # Route 53, and others who use it.
    Kind("route53_answers_lost", 5, 3, 40),
    Kind("route53_down", 4, 2, 40),
    Kind("batch_is_late", 5, 20, 60),
    Kind("throttled", 5, 3, 40),
    Kind("zone_taken", 5, 3, 40),
    # One of the clusters.
    Kind("access_denied", 5, 10, 70),
    Kind("batch_refused", 5, 10, 70),
    Kind("superseded", 10, 1, 1),
    Kind("guard_of_another", 4, 5, 40),
    Kind("guard_ahead", 3, 1, 1),
    Kind("guard_touched", 3, 1, 1),
)
FOR_GOOD = "denied_for_good"
"""No kind that passes: the cluster may never write. It is drawn for some clusters, and shrinks away as a fault."""
POINTS = (
    "leave",
    "take_turn",
    "waiting",
    "call_crowded",
    "list_resource_record_sets",
    "save",
    "change_resource_record_sets",
    "settle",
    "end_turn",
    "commit",
    "read",
    "take_question",
    "get_change",
    "note_answer",
)
"""The calls before and after which a function can die or freeze, by `pick`."""
SHARES = (0.9, 0.9, 0.3, 0.1)


@dataclass(frozen=True)
class Member:
    """One cluster of the crowd: when it is to move (seconds), and in which zones its records are."""

    begins_at_s: float
    zones: tuple[int, ...]


@dataclass(frozen=True)
class CrowdPlan:
    """A seed, unfolded. `share`: of Route 53's buckets; `is_known`: whether it is called crowded from the start."""

    seed: int
    members: tuple[Member, ...]
    share: float
    is_known: bool
    faults: tuple[Fault, ...]

    def only(self, faults: tuple[Fault, ...]) -> "CrowdPlan":
        """The same seed with fewer faults."""
        return replace(self, faults=faults)


def draw_crowd(seed: int, *, only: Collection[str] = (), faults: tuple[Fault, ...] | None = None) -> CrowdPlan:
    """The plan of a seed. `only`: no faults of other kinds than these; `faults`: these and no others."""
    rng = Random(f"{seed}/crowd")
    zones, size = rng.randint(1, 3), rng.randint(3, 12)
    members = tuple(Member(rng.uniform(0, 6), _zones(rng, number % zones, zones)) for number in range(size))
    share, is_known = rng.choice(SHARES), rng.random() < 0.75
    drawn = faults if faults is not None else _faults(rng, size, only)
    return CrowdPlan(seed, members, share, is_known, drawn)


def _zones(rng: Random, own: int, zones: int) -> tuple[int, ...]:
    """One record for most clusters; some have two, in one zone or in two."""
    return (own, rng.randrange(zones)) if rng.random() < 0.2 else (own,)


def _faults(rng: Random, size: int, only: Collection[str]) -> tuple[Fault, ...]:
    kinds = [kind for kind in KINDS if not only or kind.name in only]
    storms = [0.0, *(rng.uniform(0, FAULTS_FOR_S) for _ in range(rng.randint(0, 2)))]
    weights = [1 if only else kind.weight for kind in kinds]
    drawn = [
        (
            min(FAULTS_FOR_S - 2, abs(rng.gauss(rng.choice(storms), STORM_S))),
            rng.uniform(kind.least_s, kind.most_s),
            kind.name,
            rng.randrange(size),
            rng.random(),
            rng.randrange(1000),
        )
        for kind in rng.choices(kinds, weights, k=rng.randint(FAULTS_LEAST, FAULTS_MOST))
    ]
    if rng.random() < 0.2 and (not only or FOR_GOOD in only):
        drawn.append((0.0, FAULTS_FOR_S, FOR_GOOD, rng.randrange(size), 1.0, 0))
    return tuple(
        Fault(number, kind, at_s, for_s, node, level, pick)
        for number, (at_s, for_s, kind, node, level, pick) in enumerate(sorted(drawn))
    )
