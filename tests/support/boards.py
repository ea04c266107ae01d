"""Clusters in the states that the board is looked at in, in a world in memory. `now` is NOW throughout."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from tests.support.builders import (
    ADDRESS_A,
    ADDRESS_B,
    CLUSTER,
    NODE_A,
    NODE_B,
    NOW,
    RECORD,
    SPECS,
    TCP_REMOTE,
    WITNESS_C,
    a_definition,
    a_failed_start,
    a_moving_state,
    a_report,
    a_state,
    a_transition,
    an_off_report,
    record_sets,
    with_keys,
)
from tests.support.fakes import FakeBoardBook, FakeLedger, FakeReportBook, FakeZone, VirtualClock
from understudy.board.style import Theme
from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.approval import Question
from understudy.domain.cluster.definition import Definition, ElasticIp
from understudy.domain.cluster.hold import Hold
from understudy.domain.cluster.policy import ApprovalPolicy, Policy
from understudy.domain.cluster.reach import Reach
from understudy.domain.cluster.record import RecordSet, desired
from understudy.domain.cluster.state import Alarm, ClusterState, ServiceStatus, Stage, TransitionAction
from understudy.domain.cluster.unaccepted import Unaccepted
from understudy.domain.readiness.facts import Verdict
from understudy.domain.readiness.report import CheckResult, Report
from understudy.domain.watch.drift import written_last
from understudy.usecases.answer.show_clusters import BoardPlaces, show_clusters

STACK, RUNBOOK = "understudy", "https://wiki.example.com/understudy/docs/on-call.md"
PLACES = BoardPlaces(STACK, RUNBOOK, "arn:board")
HOSTILE = (
    "<script>document.title='owned'</script>",
    "\"'><img src=x onerror=\"document.title='owned'\">",
    "</style><svg onload=document.title='owned'>",
    "\u202egnp.exe\u202c orders\u200b",
    "قاعدة-البيانات",
    "a\nb\x00c\x1b[31m",
    "x" * 3000,
)
LONG_AGO = 40 * 86_400


class BoardWorld:
    """What the board reads, with every call counted by the fakes."""

    def __init__(self) -> None:
        self.ledger, self.reports, self.zone = FakeLedger(), FakeReportBook(), FakeZone()
        self.book = FakeBoardBook(self.ledger, self.reports)

    def add(
        self,
        state: ClusterState,
        definition: Definition | None = None,
        report: Report | None = None,
        histories: Mapping[int, Mapping[str, Any]] | None = None,
    ) -> "BoardWorld":
        """Let a cluster be there, its records as the newest move wrote them."""
        definition = definition or a_definition(cluster=state.cluster)
        self.ledger.put_definition(definition)
        self.ledger.put_state(state)
        for epoch, facts in (histories or {state.epoch: a_history(NOW - LONG_AGO)}).items():
            self.ledger.note(state.cluster, epoch, facts)
        if report:
            self.reports.store(report)
        for record, wish in written_last(state, definition, 10, STACK).items():
            for each in desired(record, wish):
                self.zone.put(record, each)
        return self

    def show(self, **event: Any) -> Any:
        """What the function answers."""
        return show_clusters(event, book=self.book, listing=self.zone, clock=VirtualClock(NOW), places=PLACES)

    def html(self, theme: Theme | str = Theme.LIGHT, **event: Any) -> str:
        """The board as a widget gets it."""
        shown = self.show(widgetContext={"theme": str(theme)}, **event)
        assert isinstance(shown, str)
        return shown


def a_history(noticed_at: float, **facts: Any) -> dict[str, Any]:
    """A failover of 4.1 seconds from node-a to node-b that ended well."""
    ends = {"noticed": 0, "opened": 0.4, "fenced": 0.9, "accepted": 1.3, "granted": 1.6, "in_service": 4.1}
    ends |= {"closed": 5.2, "in_sync": 34.0}
    usual = {
        "action": "failover",
        "source": "node-b",
        "target": "node-a",
        "rule": "active-is-silent",
        "why": "the active node has not been heard for silence_limit_s, and another node is fit",
        "outcome": "IN_SERVICE",
        "reasons": [],
        "stages": {f"{name}_at": noticed_at + at for name, at in ends.items()},
    }
    return {**usual, **facts}


def a_check(cluster: str = CLUSTER, *faults: CheckResult) -> Report:
    """A readiness report of three hours ago."""
    failed = tuple(each.name for each in faults if each.verdict is Verdict.FAIL)
    verdict = faults[0].verdict if faults else Verdict.PASS
    return Report(cluster, NOW - 3 * 3600, 1, verdict, faults, failed=failed)


def well(name: str = CLUSTER, number: int = 0) -> tuple[ClusterState, Definition]:
    """A cluster of two nodes, settled for long; `number` makes its record another."""
    record = replace(RECORD, name=f"{name}.corp.example.com")
    state = a_state(cluster=name, epoch=1 + number % 7, address=Address(AddressStatus.IN_SYNC, 1 + number % 7))
    return state, a_definition(cluster=name, records=(record,))


def healthy() -> BoardWorld:
    """One cluster of three nodes, one of them a witness, with quorum hosts, and a history."""
    definition = a_definition(nodes=(*SPECS[:2], WITNESS_C), quorum=TCP_REMOTE, elastic_ips=(ElasticIp("eipalloc-1"),))
    state = a_state(
        3,
        epoch=4,
        address=Address(AddressStatus.IN_SYNC, 4),
        node_a=a_report(NODE_A, quorum=Reach(3, 3), read_epoch=4, heard_at=NOW - 2),
        node_b=a_report(NODE_B, quorum=Reach(2, 3), read_epoch=4, heard_at=NOW - 1),
    )
    moves = {
        4: a_history(NOW - 7200, action="failback", rule="preferred-node-is-stable"),
        3: a_history(NOW - 9000, source="node-a", target="node-b"),
        2: a_history(NOW - LONG_AGO, action="repair", outcome="DEGRADED", reasons=["ADDRESS_OWED"]),
    }
    return BoardWorld().add(state, definition, a_check(), moves)


def failing_over() -> BoardWorld:
    """node-a went silent 16 seconds ago; its proof is there, and node-b starts the service."""
    state = a_moving_state(
        active=NODE_B,
        previous=None,
        transition=a_transition(stage=Stage.STARTING, opened_at=NOW - 6, deadline_at=NOW + 140),
        node_a=a_report(NODE_A, heard_at=NOW - 22),
        node_b=a_report(NODE_B, service=ServiceStatus.STARTING, read_epoch=2, heard_at=NOW - 1),
    )
    ends = {"noticed": -6.8, "opened": -6, "fenced": -5.2, "accepted": -4.6, "granted": -4.3}
    stages = {f"{name}_at": NOW + at for name, at in ends.items()}
    open_move = {**a_history(NOW, source="node-a", target="node-b"), "outcome": "", "stages": stages}
    world = BoardWorld().add(state, report=a_check(), histories={2: open_move, 1: a_history(NOW - LONG_AGO)})
    for each in record_sets(epoch=2, node="node-b", address=ADDRESS_B):
        world.zone.put(RECORD, each)
    return world.add(*well("billing"))


def degraded() -> BoardWorld:
    """No standby is fit, a check fails, and somebody has set the record's TTL by hand."""
    definition = a_definition(records=(RECORD,))
    state = a_state(node_b=an_off_report(NODE_B, heard_at=NOW - 900, alarms={"disk": Alarm(True, NOW - 90)}))
    fault = CheckResult("nodes-in-different-zones", Verdict.FAIL, "both nodes are in us-east-1a", "move one of them")
    warning = CheckResult("ttl-is-short", Verdict.WARN, "the TTL is 300 s", "set ROUTE53_TTL")
    world = BoardWorld().add(state, definition, a_check(CLUSTER, fault, warning))
    world.zone.put(RECORD, RecordSet(RECORD.name, "A", 300, (ADDRESS_A,)))
    return world.add(*well("billing"))


def held() -> BoardWorld:
    """An operator holds one cluster; the other is well."""
    state, definition = well()
    hold = Hold(NOW - 1500, NOW + 2100, "new kernel on both nodes; ask the storage team before you resume")
    return BoardWorld().add(replace(state, hold=hold), definition, a_check()).add(*well("billing"))


def waiting() -> BoardWorld:
    """The active node is silent, and its failover waits for a person's approval."""
    actions = (TransitionAction.FAILOVER, TransitionAction.SWITCHOVER)
    policy = Policy(approval=ApprovalPolicy(actions, 300))
    asked = Question("failover", f"{CLUSTER}-epoch2-1", NOW - 20, NOW + 280, target=NODE_B)
    state = a_state(node_a=a_report(NODE_A, heard_at=NOW - 40), approval=asked)
    return BoardWorld().add(state, a_definition(policy=policy), a_check())


def in_need() -> BoardWorld:
    """The active node is silent and its standby has failed: nothing can move, and a person is needed."""
    state = a_state(
        node_a=a_report(NODE_A, heard_at=NOW - 65),
        node_b=a_report(NODE_B, service=ServiceStatus.FAILED),
        alert="no-fit-candidate",
    )
    world = BoardWorld().add(state, report=a_check()).add(*well("billing"))
    world.book.nonsense.add("files")
    return world.add(*well("files"))


def both_dead() -> BoardWorld:
    """Both nodes fell silent in the same minute, long enough ago for every lease to be over."""
    silent = {NODE_A: a_report(NODE_A, heard_at=NOW - 185), NODE_B: a_report(NODE_B, heard_at=NOW - 181)}
    return BoardWorld().add(a_state(nodes=silent, alert="no-fit-candidate"), report=a_check()).add(*well("billing"))


def zone_down(count: int = 200) -> BoardWorld:
    """A zone is gone with a node of every cluster. Of those served there most are moving, some cannot."""
    world = BoardWorld()
    for number in range(count):
        name = f"cluster-{number:03d}"
        state, definition = well(name, number)
        nodes = {**state.nodes, NODE_A: a_report(NODE_A, heard_at=NOW - 45 - number % 5)}
        state = replace(state, nodes=nodes)
        if number % 10 == 3:
            state = replace(state, nodes={**nodes, NODE_B: a_report(NODE_B, service=ServiceStatus.FAILED)})
        elif number % 2 and number % 3:
            state = _moving_away(state)
        elif not number % 2:
            served = a_report(NODE_B, service=ServiceStatus.IN_SERVICE, read_epoch=state.epoch)
            state = replace(state, active=NODE_B, nodes={**nodes, NODE_B: served})
        world.add(state, definition, a_check(name), _history_of_a_move(state) if state.transition else None)
    return world


def _moving_away(state: ClusterState) -> ClusterState:
    """From the silent node to the other one, which is about to start."""
    moving = a_transition(stage=Stage.STARTING, opened_at=NOW - 25, deadline_at=NOW + 140)
    starting = a_report(NODE_B, service=ServiceStatus.STARTING, read_epoch=state.epoch + 1)
    nodes = {**state.nodes, NODE_B: starting}
    return replace(state, epoch=state.epoch + 1, active=NODE_B, transition=moving, nodes=nodes)


def _history_of_a_move(state: ClusterState) -> dict[int, dict[str, Any]]:
    stages = {f"{name}_at": NOW + at for name, at in (("noticed", -26), ("opened", -25), ("fenced", -20))}
    return {state.epoch: {**a_history(NOW, source="node-a", target="node-b"), "outcome": "", "stages": stages}}


def astray() -> BoardWorld:
    """Somebody has set the record to a machine that is no node of the cluster."""
    world = BoardWorld().add(a_state(), report=a_check()).add(*well("billing"))
    world.zone.put(RECORD, RecordSet(RECORD.name, "A", 300, ("203.0.113.9",)))
    return world


def refused() -> BoardWorld:
    """A text has faults, another one cannot be judged; what was in force before goes on."""
    world = BoardWorld().add(a_state(), report=a_check())
    faults = ("line 7: policy.silence_limit is not a key; did you mean silence_limit_s?", "line 12: nodes: needs two")
    world.ledger.note_unaccepted(CLUSTER, Unaccepted("x 1", faults))
    why = "DescribeInstances: UnauthorizedOperation"
    world.ledger.note_unaccepted("billing", Unaccepted("y 1", since=NOW - 600, why=why))
    return world


def two_serve() -> BoardWorld:
    """node-a came back with its unit enabled, and says that it serves; node-b holds the lease since the failover."""
    state = a_state(
        epoch=2,
        active=NODE_B,
        node_a=a_report(NODE_A, service=ServiceStatus.IN_SERVICE, keeps_lease=False, heard_at=NOW - 1),
        node_b=a_report(NODE_B, service=ServiceStatus.IN_SERVICE, read_epoch=2),
    )
    moves = {2: a_history(NOW - 1200, source="node-a", target="node-b"), 1: a_history(NOW - LONG_AGO)}
    return BoardWorld().add(state, report=a_check(), histories=moves).add(*well("billing"))


def failed_start() -> BoardWorld:
    """The service did not start on node-b an hour ago; node-a serves, and there is no third node."""
    state = a_state(failed_starts=a_failed_start(at=NOW - 3600, epoch=1))
    return BoardWorld().add(state, report=a_check()).add(*well("billing"))


def keys_differ() -> BoardWorld:
    """The nodes know different keys: an outage of AWS would stop the service."""
    said = {"heard_since": NOW - 600}
    state = with_keys(a_state(), node_a={**said, "key": "a1b2c3"}, node_b={**said, "key": "d4e5f6"})
    return BoardWorld().add(state, report=a_check()).add(*well("billing"))


def many(count: int = 200) -> BoardWorld:
    """So many clusters in one zone, some of them in need of somebody."""
    world = BoardWorld()
    for number in range(count):
        state, definition = well(f"cluster-{number:03d}", number)
        if number % 67 == 5:
            state = replace(state, nodes={**state.nodes, NODE_A: a_report(NODE_A, heard_at=NOW - 65)})
            state = replace(state, nodes={**state.nodes, NODE_B: a_report(NODE_B, service=ServiceStatus.FAILED)})
        elif number % 67 == 20:
            state = replace(state, nodes={**state.nodes, NODE_B: an_off_report(NODE_B, heard_at=NOW - 900)})
        elif number % 67 == 40:
            state = replace(state, hold=Hold(NOW - 600, None, "patching"))
        world.add(state, definition, a_check(definition.cluster))
    return world


def hostile(texts: Iterable[str] = HOSTILE) -> BoardWorld:
    """Clusters whose every text is hostile: names, reasons, histories, readiness, what stands in Route 53."""
    world = BoardWorld()
    for number, text in enumerate(texts):
        record = replace(RECORD, name=f"{number}-{text}")
        nodes = tuple(replace(spec, name=text, zone=text, address=f"{text}{spec.address}") for spec in SPECS[:2])
        definition = a_definition(cluster=text, nodes=nodes, records=(record,))
        reports = {each: a_report(each, name=text, agent=text, fault=text) for each in (NODE_A, NODE_B)}
        state = a_state(cluster=text, nodes=reports, hold=Hold(NOW - 60, None, text))
        move = a_history(NOW - 60, action=text, source=text, target=text, rule=text, why=text, outcome=text)
        check = a_check(text, CheckResult(text, Verdict.FAIL, text, text))
        world.add(state, definition, check, {1: {**move, "reasons": [text]}})
        world.zone.put(record, RecordSet(record.name, "A", 10, (text,)))
    return world
