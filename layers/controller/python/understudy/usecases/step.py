"""What the steps of the workflow have in common: they belong to an epoch, and somebody newer ends them quietly."""

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.errors import AnnouncementError, LedgerConflictError
from understudy.domain.cluster.state import ClusterState
from understudy.domain.cluster.tuning import StackWide, effective
from understudy.domain.events.event import Event
from understudy.domain.transition.outcomes import Overtaken
from understudy.ports.announcer import Announcer
from understudy.ports.ledger import StateLedger, StateReader

Clock = Callable[[], float]
"""Seconds since the epoch."""

Outcome = dict[str, Any]
"""What a step answers to the workflow: `outcome`, one enumerated word, and what goes with it. Times are seconds."""

StepWork = Callable[["Step", ClusterState, Definition], Outcome]
"""What a step does, given the state and the definition that are in force."""

CONFLICT_TRIES = 5
T = TypeVar("T")
R = TypeVar("R")
log = logging.getLogger(__name__)


def for_each(items: Iterable[T], work: Callable[[T], R], otherwise: str) -> list[R]:
    """The answers of the work for each item. A fault with one never hides the next.

    `otherwise`: what the log says of an item with a fault. Raises the first of these faults when all are done.
    """
    answers, faults = list[R](), list[Exception]()
    for item in items:
        try:
            answers.append(work(item))
        except Exception as fault:
            log.exception(otherwise, extra={"item": str(item)})
            faults.append(fault)
    if faults:
        raise faults[0]
    return answers


@dataclass(frozen=True)
class Step:
    """Which transition a step belongs to, and how often it was tried before (from 0).

    `crowded_until`: until when Route 53 is taken for crowded (seconds).
    """

    cluster: str
    epoch: int
    attempt: int = 0
    crowded_until: int = 0


def parse_step(payload: Mapping[str, Any]) -> Step:
    """Read what the workflow hands to a step."""
    return Step(payload["cluster"], int(payload["epoch"]), int(payload.get("attempt", 0)))


def do_step(name: str, payload: Mapping[str, Any], ledger: StateLedger, work: StepWork) -> Outcome:
    """Do the work of one step on the state as it is, and again when somebody else wrote in between.

    STALE when the epoch is not the step's any more: somebody newer is in charge. Raises LedgerConflictError in the end.
    """
    step = parse_step(payload)

    def once() -> Outcome:
        found = read_in_force(ledger, step.cluster)
        if found is None or found[0].epoch != step.epoch:
            return answer(Overtaken.STALE)
        state, definition, stack_wide = found
        return work(replace(step, crowded_until=stack_wide.crowded_until), state, definition)

    outcome = redo_on_conflict(once)
    log.info(name, extra={"cluster": step.cluster, "epoch": step.epoch, **outcome})
    return outcome


def read_in_force(ledger: StateReader, cluster: str) -> tuple[ClusterState, Definition, StackWide] | None:
    """The state, the definition with its tunables as they are at this moment, and what holds for all clusters.

    None when the cluster is not registered. The state is read last, but for a definition that is not in memory yet:
    whatever is read after it gives beats time to come between it and a write that wants its node to hold still. With a
    slow table that write would never succeed.
    """
    stack_wide = ledger.stack_wide()
    state = ledger.read(cluster)
    return None if state is None else (state, _in_force(ledger, state, stack_wide), stack_wide)


def definition_in_force(ledger: StateReader, state: ClusterState) -> Definition:
    """The definition with its tunables as they are at this moment: a change counts from the next step on."""
    return _in_force(ledger, state, ledger.stack_wide())


def _in_force(ledger: StateReader, state: ClusterState, stack_wide: StackWide) -> Definition:
    definition = ledger.definition(state.cluster, state.definition_version)
    return replace(definition, tuning=effective(stack_wide.tuning, definition.tuning_set))


def redo_on_conflict(work: Callable[[], T]) -> T:
    """Do a read-judge-write again when somebody else wrote in between. Raises LedgerConflictError in the end."""
    for _ in range(CONFLICT_TRIES - 1):
        with suppress(LedgerConflictError):
            return work()
    return work()


def answer(word: str, **facts: Any) -> Outcome:
    """An outcome as the workflow reads it."""
    return {"outcome": str(word), **facts}


def publish(announcer: Announcer, event: Event) -> None:
    """Publish an event. A bus that cannot be reached must not stop a failover: the history has it all the same."""
    try:
        announcer.announce(event)
    except AnnouncementError:
        log.exception("event not published", extra={"detail_type": event.detail_type, "detail": event.detail()})
