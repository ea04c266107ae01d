"""MoveAddress: make every address of the cluster lead to the new node, in one step of the workflow."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from understudy.domain.batching.group_commit import QUEUE_GAP_S
from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.definition import Definition, NodeSpec
from understudy.domain.cluster.intervals import record_gap_s
from understudy.domain.cluster.state import ClusterState, Stage
from understudy.domain.cluster.view import ClusterView
from understudy.domain.transition.addresses import Moved, faults_of, is_waiting, known_parts, outcome_of, owed, story_of
from understudy.domain.transition.limits import has_time_to_wait, kept_open
from understudy.domain.transition.outcomes import MoveOutcome, Overtaken
from understudy.domain.transition.steps import TRY_BUDGET_S, address_owed, addresses_moved, entered, proof_in_hand
from understudy.ports.announcer import Announcer
from understudy.ports.ledger import StateLedger
from understudy.usecases.step import Clock, Outcome, Step, answer, do_step, redo_on_conflict
from understudy.usecases.transition.lift_epoch import lift_epoch
from understudy.usecases.transition.record_mover import Mover, MoveTask, OvertakenError

log = logging.getLogger(__name__)


def move_address(
    payload: Mapping[str, Any],
    *,
    ledger: StateLedger,
    movers: Sequence[Mover],
    announcer: Announcer,
    clock: Clock,
    stack: str,
) -> Outcome:
    """Move all addresses, ROUTE53_RECORD_TRY_COUNT times at most. What is not moved is noted as owed.

    The answer and the history name each address and what became of it. LIFTED when a guard of our own was ahead
    of the table: then nothing was moved, and the transition begins anew. Raises UnprovenError when the previous holder
    is not fenced.
    """
    begun_at = clock()

    def work(step: Step, state: ClusterState, definition: Definition) -> Outcome:
        # Of the whole function: what it has queued up for is answered in the queue, also when it does its work again.
        tried = _Try(step, state, definition, ledger, clock, is_crowded=begun_at < step.crowded_until)
        try:
            return tried.move(movers, stack)
        except OvertakenError as fault:
            return tried.overtaken(fault, announcer)

    return do_step("move address", payload, ledger, work)


@dataclass(frozen=True)
class _Try:
    """One try at the addresses of a transition, on the state and the definition as they are now."""

    step: Step
    state: ClusterState
    definition: Definition
    ledger: StateLedger
    clock: Clock
    is_crowded: bool

    def move(self, movers: Sequence[Mover], stack: str) -> Outcome:
        """Move what is not known to lead to the target. Raises OvertakenError, UnprovenError."""
        proof_in_hand(self.state)
        node = self._target()
        if node is None:
            return self._note([owed(each, "the target is no member any more") for each in self.definition.labels])
        task = self._task(node, stack)
        return self._note([each for mover in movers for each in mover.move(task)])

    def overtaken(self, fault: OvertakenError, announcer: Announcer) -> Outcome:
        """Somebody newer is in charge, or a guard of our own is ahead of the table: then the epoch is lifted."""
        state = self.state
        log.warning("overtaken", extra={"cluster": state.cluster, "epoch": state.epoch, "why": str(fault)})
        if fault.guard is not None:
            return lift_epoch(state, self.definition, fault.guard, self.ledger, announcer, self.clock)
        if fault.has_written:
            redo_on_conflict(lambda: _mark_unmoved(state, self.ledger, self.clock))
        return answer(Overtaken.STALE)

    def _target(self) -> NodeSpec | None:
        target = self.state.transition.target if self.state.transition else self.state.active
        return self.definition.node(target) if target else None

    def _task(self, node: NodeSpec, stack: str) -> MoveTask:
        state, begun_at = self.state, self.clock()

        def is_current() -> bool:
            there = self.ledger.read(state.cluster)
            return there is not None and there.epoch == state.epoch

        return MoveTask(
            definition=self.definition,
            node=node,
            epoch=state.epoch,
            stack=stack,
            known=known_parts(state, self.definition.labels),
            is_current=is_current,
            has_time=lambda: self.clock() - begun_at < TRY_BUDGET_S,
            now=int(begun_at),
            is_crowded=self.is_crowded,
        )

    def _note(self, moved: Sequence[Moved]) -> Outcome:
        """Write down what became of the addresses, and answer it.

        However it ended, the transition goes on: the old node is fenced, nobody else can serve, so the lease is
        granted, and what is owed stays owed. Before another try only what was accepted is written down: so it can be
        followed.
        """
        state, now = self.state, self.clock()
        # To stand in a queue is no try: it ends by its own limit, not by ROUTE53_RECORD_TRY_COUNT.
        waits = is_waiting(moved)
        wait_s = QUEUE_GAP_S if waits else record_gap_s(self.definition.tuning, self.step.attempt)
        if self.definition.load_balancers and state.active is None:
            wait_s = None  # clients come by the load balancer as soon as somebody serves: what is owed can wait
        if wait_s is not None and not has_time_to_wait(state.transition, self.definition.policy, wait_s, int(now)):
            log.warning(
                "tries ended early: the execution reaches its limit",
                extra={"cluster": state.cluster, "epoch": state.epoch},
            )
            wait_s = None
        outcome = outcome_of(moved, tries_left=wait_s is not None)
        facts: dict[str, Any] = {"addresses": story_of(moved)}
        if why := faults_of(moved):
            facts["why"] = why
        after = addresses_moved(state, moved, int(now))
        if outcome is MoveOutcome.RETRY and wait_s is not None:
            tried = kept_open(after if any(each.is_new for each in moved) else state, wait_s, int(now))
            if tried != state:
                self.ledger.commit(state, tried)
            return answer(outcome, wait_s=wait_s, attempt=self.step.attempt + (not waits), **facts)
        history = {state.epoch: _history(outcome, moved, now)}
        self.ledger.commit(
            state, entered(ClusterView(after, self.definition, int(now)), Stage.GRANTING), history=history
        )
        return answer(outcome, change_ids=list(after.address.change_ids if after.address else ()), **facts)


def _history(outcome: MoveOutcome, moved: Sequence[Moved], now: float) -> dict[str, Any]:
    facts: dict[str, Any] = {"addresses": story_of(moved)}
    if why := faults_of(moved):
        return {**facts, "address_fault": why}
    if outcome is MoveOutcome.ACCEPTED:
        facts["stages.accepted_at"] = now
    if all(each.status is AddressStatus.IN_SYNC for each in moved):
        facts["stages.in_sync_at"] = now
    return facts


def _mark_unmoved(state: ClusterState, ledger: StateLedger, clock: Clock) -> None:
    """Somebody newer has come while we wrote without a guard: our write may be on top of theirs. So it is owed, now.

    The newer epoch's own step, or the next evaluation, puts the addresses right. The lease is not touched: the node
    that the address may lead to now cannot serve.
    """
    newer = ledger.read(state.cluster)
    if newer is not None and newer.epoch > state.epoch:
        history = {newer.epoch: {"overtaken_epoch": state.epoch}}
        ledger.commit(newer, address_owed(newer, int(clock())), history=history)
