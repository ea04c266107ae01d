"""A cluster of two nodes of which nothing is left but beats, reads and judging: what the figures of paces are from.

When a beat and a read are due say the agent's own rules (`understudy_agent.pacing`). What becomes of a beat says the
controller's own use case, with its memory of late and lost beats, and whether a failover begins says the ruling of the
workflow's first step. What lies between them, the way of a call and of an event, is drawn. Times are milliseconds.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from random import Random
from typing import Any, Protocol

from tests.support.builders import BOOTS, CLUSTER, NODE_A, NODE_B, NOW, a_definition, a_report, a_state
from tests.support.fakes.ledger import FakeLedger
from understudy.domain.cluster.policy import Policy
from understudy.domain.cluster.request import Request
from understudy.domain.cluster.state import ClusterState, TransitionAction
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.situation import observer_of_all
from understudy.domain.events.event import Event
from understudy.domain.lease.terms import terms_of
from understudy.domain.transition.opening import Opening, rule_on_request
from understudy.usecases.observe.judge import Judge
from understudy.usecases.observe.record_heartbeat import record_heartbeat
from understudy_agent import pacing
from understudy_agent.pacing import Calls, Urgency
from understudy_agent.view import NodeEntry, StateView, TermsView

BEGIN_MS = NOW * 1000
TIMEOUT_MS = 2000
"""When an agent gives a call up: `call_timeout_s` by default."""
WATCH_MS = 60_000
NODES = (NODE_A, NODE_B)
ACTIVE = NODE_A
ARN = "arn:aws:ec2:us-east-1:123456789012:instance/"


class Way(Protocol):
    """What becomes of a call and of an event. None: it is lost."""

    def call_ms(self, node: str, at_ms: int) -> int | None:
        """How long a call of a node takes, of which the first half is its way to AWS."""

    def delivery_ms(self, node: str, at_ms: int) -> int | None:
        """How long after it was taken in an event has been dealt with."""

    def starting_ms(self) -> int:
        """How long it takes from asking for an execution to its first step."""

    def is_anyone_heard(self, at_ms: int) -> bool:
        """Whether beats of other clusters come."""


class Nobody:
    """Reads no event."""

    def announce(self, event: Event) -> None:
        """It is not listened to."""


@dataclass
class Node:
    """What pacing must know of an agent, and how long its lease runs. `dead_ms`: when it loses its power."""

    instance: str
    beats: Calls = field(default_factory=Calls)
    reads: Calls = field(default_factory=Calls)
    urgency: Urgency = field(default_factory=Urgency)
    view: StateView | None = None
    accepted: int = 0
    is_sending: bool = False
    is_reading: bool = False
    renewed_by_ms: int = 0
    dead_ms: int | None = None
    wakes: int = 0
    """How often it has gone to sleep: what was to wake it from an earlier sleep wakes it no more."""


class LeanCluster:
    """Build it, then `run`: it goes on until a failover is opened, or the time is over."""

    def __init__(self, policy: Policy, way: Way, rng: Random) -> None:
        self._policy, self._way, self._rng = policy, way, rng
        self._definition = a_definition(policy=policy)
        self._ledger = FakeLedger(self._settled(), self._definition)
        self._now_ms = BEGIN_MS
        self._judge = Judge(self._ledger, self, Nobody(), self._clock)
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = count()
        self._asked: set[str] = set()
        self.nodes = {each: self._at_rest(each) for each in NODES}
        self.opened_ms: int | None = None
        """When a failover was opened."""
        self.stopped_ms: int | None = None
        """When the lease alone would have ended the service on a node that lives: without a key, it stops."""

    def run(self, until_ms: int, dead_ms: int | None = None) -> None:
        """Let time pass. `dead_ms`: when the active node loses its power."""
        self.nodes[ACTIVE].dead_ms = dead_ms
        for node in self.nodes.values():
            self._sleep(node)
        self._after(self._rng.randrange(WATCH_MS), self._watch)
        while self._queue and self.opened_ms is None and self._queue[0][0] <= until_ms:
            self._now_ms, _, happens = heapq.heappop(self._queue)
            happens()
        self._look_at_lease(until_ms)

    # --- the beginning --------------------------------------------------------------------------

    def _settled(self) -> ClusterState:
        due_by = NOW + self._policy.hearing_s
        reports = {
            each: replace(a_report(each), beat=BEGIN_MS, due_by=due_by, knows=1, key="a1b2c3+") for each in NODES
        }
        return replace(a_state(), nodes=reports, terms=terms_of(self._policy))

    def _at_rest(self, instance: str) -> Node:
        """A node whose newest beat was recorded just now, and whose next one is due at any time from now on."""
        sent_ms = BEGIN_MS - self._rng.randrange(int(self._policy.heartbeat_interval_s * 1000))
        read_ms = BEGIN_MS - self._rng.randrange(int(self._policy.lease_read_interval_s * 1000))
        return Node(
            instance,
            beats=Calls(sent_ms, sent_ms),
            reads=Calls(read_ms, read_ms),
            view=self._seen(),
            accepted=1,
            renewed_by_ms=BEGIN_MS,
        )

    # --- a node ---------------------------------------------------------------------------------

    def _wake(self, node: Node, wakes: int) -> None:
        if wakes != node.wakes or (node.dead_ms is not None and self._now_ms >= node.dead_ms):
            return
        terms = self._terms()
        silence = pacing.silence_of_active(node.view, node.instance, BOOTS[node.instance], self._now_ms)
        node.urgency = pacing.urgency_after(node.urgency, silence)
        is_urgent = pacing.urgent_beat_due(node.urgency, silence, node.beats, self._now_ms)
        is_due = self._now_ms >= pacing.next_beat_ms(node.beats, terms, wanted=False)
        if (is_urgent or is_due) and not node.is_sending:
            node.urgency = replace(node.urgency, sent=node.urgency.sent + is_urgent)
            self._send(node)
        if self._now_ms >= pacing.next_read_ms(node.reads, node.beats, node.view, terms) and not node.is_reading:
            self._read(node)
        self._sleep(node)

    def _sleep(self, node: Node) -> None:
        """Until something is due that no call under way keeps from beginning, or a silence would begin."""
        terms, node.wakes = self._terms(), node.wakes + 1
        due_ms = [self._silent_ms(node)]
        if not node.is_sending:
            due_ms.append(pacing.next_beat_ms(node.beats, terms, wanted=False))
        if not node.is_reading:
            due_ms.append(pacing.next_read_ms(node.reads, node.beats, node.view, terms))
        wakes = node.wakes
        self._after(max(1, min(due_ms) - self._now_ms), lambda: self._wake(node, wakes))

    def _silent_ms(self, node: Node) -> int:
        """When to look again for a silence of the active node: when it begins, and when one more beat may be due."""
        far_ms = self._now_ms + WATCH_MS
        if pacing.silence_of_active(node.view, node.instance, BOOTS[node.instance], self._now_ms):
            sent_ms = node.beats.begun_ms or 0
            is_over = node.urgency.sent >= pacing.URGENT_BEATS_MAX or node.is_sending
            return far_ms if is_over else sent_ms + pacing.URGENT_BEAT_EVERY_MS
        assert node.view is not None
        own, active = node.view.nodes[node.instance], node.view.nodes[ACTIVE]
        if node.instance == ACTIVE:
            return own.beat + int(pacing.LOST_AFTER_BEATS * self._policy.heartbeat_interval_s * 1000)
        heard_ms = own.beat + ((active.heard_at or 0) - (own.heard_at or 0)) * 1000
        return heard_ms + int(self._policy.silence_limit_s * 1000) - pacing.CUT_OFF_MS

    def _send(self, node: Node) -> None:
        sent_ms, took_ms = self._now_ms, self._way.call_ms(node.instance, self._now_ms)
        node.is_sending, node.beats = True, Calls(sent_ms, node.beats.done_ms, node.beats.failures)
        accepted = node.accepted
        if took_ms is not None:
            self._after(took_ms // 2, lambda: self._taken_in(node, sent_ms, accepted))
        is_answered = took_ms is not None and took_ms < TIMEOUT_MS
        self._after(took_ms if is_answered and took_ms else TIMEOUT_MS, lambda: self._sent(node, is_answered))

    def _sent(self, node: Node, is_answered: bool) -> None:
        node.is_sending, node.accepted = False, node.accepted + is_answered
        failures = 0 if is_answered else node.beats.failures + 1
        node.beats = Calls(node.beats.begun_ms, self._now_ms, failures)
        self._sleep(node)

    def _read(self, node: Node) -> None:
        took_ms = self._way.call_ms(node.instance, self._now_ms)
        node.is_reading, node.reads = True, Calls(self._now_ms, node.reads.done_ms, node.reads.failures)
        if took_ms is None or took_ms >= TIMEOUT_MS:
            self._after(TIMEOUT_MS, lambda: self._has_read(node, None))
            return
        rest_ms = took_ms - took_ms // 2

        def looked_up() -> None:
            seen = self._seen()
            self._after(rest_ms, lambda: self._has_read(node, seen))

        self._after(took_ms // 2, looked_up)

    def _has_read(self, node: Node, seen: StateView | None) -> None:
        node.is_reading = False
        node.reads = Calls(node.reads.begun_ms, self._now_ms, 0 if seen else node.reads.failures + 1)
        if seen is not None:
            if node.instance == ACTIVE:
                self._look_at_lease(self._now_ms)
                node.renewed_by_ms = seen.nodes[ACTIVE].beat
            node.view = seen
        self._sleep(node)

    def _look_at_lease(self, now_ms: int) -> None:
        """Whether the lease of the active node, while it lived, has run out up to now."""
        node, policy = self.nodes[ACTIVE], self._policy
        end_ms = node.renewed_by_ms + int((policy.lease_s - policy.kill_limit_s) * 1000)
        is_alive = node.dead_ms is None or end_ms < node.dead_ms
        if self.stopped_ms is None and is_alive and end_ms <= now_ms:
            self.stopped_ms = end_ms

    # --- the controller -------------------------------------------------------------------------

    def _taken_in(self, node: Node, sent_ms: int, accepted: int) -> None:
        ingested_ms, took_ms = self._now_ms, self._way.delivery_ms(node.instance, self._now_ms)
        if took_ms is not None:
            event = _event(node.instance, sent_ms, accepted, ingested_ms)
            self._after(took_ms, lambda: self._arrives(event))

    def _arrives(self, event: Mapping[str, Any]) -> None:
        record_heartbeat(event, beats=self._ledger, ledger=self._ledger, judge=self._judge, clock=self._clock)

    def _watch(self) -> None:
        state, now = self._ledger.state(), self._now_ms // 1000
        is_anyone_heard = self._way.is_anyone_heard(self._now_ms)
        self._judge.judge(state, now, observer_of_all(state, self._policy, now, is_anyone_heard))
        self._after(WATCH_MS, self._watch)

    def start(self, name: str, request: Mapping[str, Any]) -> bool:
        """As Launcher.start: the execution's first step comes a little later."""
        if name in self._asked:
            return False
        self._asked.add(name)
        self._after(self._way.starting_ms(), lambda: self._open(name, request))
        return True

    def _open(self, name: str, request: Mapping[str, Any]) -> None:
        view = ClusterView(self._ledger.state(), self._definition, self._now_ms // 1000)
        asked = Request(CLUSTER, TransitionAction(request["action"]), rule=request["rule"], epoch=request["epoch"])
        if isinstance(rule_on_request(asked, name, view), Opening):
            self.opened_ms = self._now_ms

    # --- time -----------------------------------------------------------------------------------

    def _clock(self) -> float:
        return self._now_ms / 1000

    def _after(self, milliseconds: int, happens: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self._now_ms + milliseconds, next(self._numbers), happens))

    def _terms(self) -> TermsView:
        terms = self._ledger.state().terms
        return TermsView(
            terms.heartbeat_interval_s,
            terms.lease_read_interval_s,
            terms.lease_s,
            terms.kill_limit_s,
            terms.silence_limit_s,
        )

    def _seen(self) -> StateView:
        state = self._ledger.state()
        nodes = {each: NodeEntry(report.beat, report.heard_at, report.boot) for each, report in state.nodes.items()}
        return StateView(state.epoch, ACTIVE, in_transition=False, terms=self._terms(), nodes=nodes)


def _event(instance: str, sent_ms: int, accepted: int, ingested_ms: int) -> dict[str, Any]:
    """A beat as the rule of EventBridge hands it to the function."""
    return {
        "source": ARN + instance,
        "ingested_at": datetime.fromtimestamp(ingested_ms // 1000, UTC).isoformat(),
        "detail": {
            "cluster": CLUSTER,
            "boot": BOOTS[instance],
            "beat": sent_ms,
            "keeps_lease": True,
            "read_epoch": 1,
            "services": {"postgresql": "IN_SERVICE" if instance == ACTIVE else "OUT_OF_SERVICE"},
            "agent": "0.1.0",
            "knows": 1,
            "key": "a1b2c3+",
            "accepted": accepted,
        },
    }
