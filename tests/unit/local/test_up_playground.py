"""What can be done to the cluster that is up, what is refused, and how it is said."""

import contextlib
import os
import socket
from dataclasses import dataclass, field

import pytest

from local.link import LinkState
from local.observer import NodeView, View
from local.stack import FunctionFailed
from local.up import state
from local.up.playground import AWS_ACTIONS, NODE_ACTIONS, BoardFunctions, Playground, Refused
from local.up.ports import PortBlock
from local.up.state import Machine, condition, doubts, situation
from understudy.domain.decide import situation as situation_of_the_controller

OPEN, SILENT, SHUT = LinkState.OPEN, LinkState.SILENT, LinkState.SHUT


@dataclass
class FakeNode:
    name: str
    is_on: bool = True
    is_still: bool = False

    def running(self) -> bool:
        return self.is_on

    def boot(self) -> None:
        self.is_on = True

    def kill(self) -> None:
        self.is_on = self.is_still = False

    def freeze(self) -> None:
        self.is_still = True

    def thaw(self) -> None:
        self.is_still = False


class FakeCluster:
    def __init__(self) -> None:
        self.nodes = [FakeNode("node-a"), FakeNode("node-b")]

    def node(self, name: str) -> FakeNode:
        return next(node for node in self.nodes if node.name == name)


@dataclass
class FakeLink:
    state: LinkState = OPEN

    def turn(self, state: LinkState) -> None:
        self.state = state


@dataclass
class FakeCut:
    links: dict[str, FakeLink] = field(default_factory=lambda: {"node-a": FakeLink(), "node-b": FakeLink()})
    is_parted: bool = False
    is_out: bool = False

    def turn(self, state: LinkState, *names: str) -> None:
        for name in names or self.links:
            self.links[name].turn(state)

    def part(self, *, parted: bool = True) -> None:
        self.is_parted = parted

    @contextlib.contextmanager
    def outage(self, state: LinkState):
        self.turn(state)
        self.is_out = True
        yield
        self.is_out = False


class Setting:
    def __init__(self) -> None:
        self.cluster, self.cut, self.entry = FakeCluster(), FakeCut(), FakeLink()
        self.playground = Playground(self.cluster, self.cut, [self.entry])  # type: ignore[arg-type,list-item]

    def do(self, action: str, node: str = "") -> str:
        return self.playground.do(action, node)

    def links(self) -> list[LinkState]:
        return [link.state for link in self.cut.links.values()]


@pytest.fixture
def setting():
    return Setting()


@pytest.mark.parametrize(
    ("action", "undo", "changed"),
    [("kill", "boot", "off"), ("freeze", "thaw", "frozen"), ("cut", "reconnect", "on")],
)
def test_what_is_done_to_a_node_says_how_it_is_undone_and_is_done_once(setting, action, undo, changed):
    said = setting.do(action, "node-b")
    assert f"make {undo} NODE=node-b" in said
    assert setting.playground.machine("node-b") == changed
    assert setting.playground.machine("node-a") == "on"
    with pytest.raises(Refused, match=f"already.*make {undo} NODE=node-b"):
        setting.do(action, "node-b")
    setting.do(undo, "node-b")
    assert setting.playground.machine("node-b") == "on"
    assert setting.links() == [OPEN, OPEN]
    with pytest.raises(Refused):
        setting.do(undo, "node-b")


def test_a_frozen_node_can_be_killed_and_is_then_off(setting):
    setting.do("freeze", "node-a")
    with pytest.raises(Refused, match="make thaw NODE=node-a"):
        setting.do("boot", "node-a")
    setting.do("kill", "node-a")
    with pytest.raises(Refused, match="First: make boot NODE=node-a"):
        setting.do("freeze", "node-a")
    setting.do("boot", "node-a")
    assert setting.playground.machine("node-a") == "on"


def test_a_node_that_is_cut_off_reaches_nobody_and_the_other_one_only_aws(setting):
    setting.do("cut", "node-a")
    assert setting.links() == [SILENT, OPEN]
    assert setting.cut.is_parted
    setting.do("cut", "node-b")
    setting.do("reconnect", "node-a")
    assert setting.links() == [OPEN, SILENT]
    assert setting.cut.is_parted
    setting.do("reconnect", "node-b")
    assert not setting.cut.is_parted


def test_an_outage_is_one_for_nodes_and_players_and_leaves_the_network_as_it_was_or_was_made(setting):
    setting.do("cut", "node-a")
    assert "make end-outage" in setting.do("outage")
    assert (setting.links(), setting.entry.state) == ([SILENT, SHUT], SHUT)
    assert setting.cut.is_out
    with pytest.raises(Refused, match=r"already.*make end-outage"):
        setting.do("outage")
    setting.do("reconnect", "node-a")
    assert setting.links() == [SHUT, SHUT]
    setting.do("cut", "node-b")
    setting.do("end-outage")
    assert (setting.links(), setting.entry.state) == ([OPEN, SILENT], OPEN)
    assert not setting.cut.is_out
    with pytest.raises(Refused, match="AWS is there"):
        setting.do("end-outage")


def test_an_outage_ends_with_the_playground(setting):
    with setting.playground:
        setting.do("outage")
    assert not setting.cut.is_out


@pytest.mark.parametrize("action", NODE_ACTIONS)
def test_a_wrong_name_and_none_are_answered_with_those_that_there_are(setting, action):
    there = f"There are node-a and node-b: make {action} NODE=node-a"
    with pytest.raises(Refused, match=f"^There is no node node-c. {there}$"):
        setting.do(action, "node-c")
    with pytest.raises(Refused, match=rf"^Which node\? {there}$"):
        setting.do(action)


@pytest.mark.parametrize("action", AWS_ACTIONS)
def test_an_outage_of_one_node_is_refused(setting, action):
    with pytest.raises(Refused, match="leave out NODE=node-a"):
        setting.do(action, "node-a")
    assert setting.entry.state is OPEN


def test_the_board_says_at_once_that_aws_is_gone(setting):
    class Functions:
        def call(self, function, event):
            return f"{function} {event}"

    board = BoardFunctions(Functions(), setting.playground)
    assert board.call("Board", {}) == "Board {}"
    setting.do("outage")
    with pytest.raises(FunctionFailed, match="make end-outage"):
        board.call("Board", {})


NODE = NodeView("node-a", "127.20.1.10", "on", "IN_SERVICE", 2, 1)


@pytest.mark.parametrize(
    ("machine", "active", "is_out", "told"),
    [
        (("on", False), "node-a", False, "on, active, said IN_SERVICE 2 s ago"),
        (("off", False), "", False, "off, said IN_SERVICE 2 s ago"),
        (("frozen", True), "", False, "frozen, cut off, said IN_SERVICE 2 s ago"),
        (("on", True), "node-a", True, "on, cut off"),
    ],
)
def test_what_a_node_is_and_what_it_said_are_told_apart(machine, active, is_out, told):
    line = condition(NODE, Machine("us-east-1a", *machine), View(active=active), is_out=is_out)
    assert line == f"127.20.1.10 in us-east-1a: {told}"


def test_the_situation_is_one_line():
    assert situation(View(epoch=3, active="node-b"), "", is_out=False) == "epoch 3, active node-b, no move is under way"
    moving = situation(View(epoch=3, stage="FENCING", rule="active-is-silent"), "", is_out=False)
    assert moving == "epoch 3, active nobody, a move is under way (FENCING, by rule active-is-silent)"
    called = situation(View(epoch=3, active="node-a"), "observer-is-suspect", is_out=False)
    assert called.endswith("; a person is called: observer-is-suspect (docs/on-call.md)")
    assert situation(View(), "", is_out=True) == "not known while AWS is gone"


@pytest.mark.parametrize(
    ("late_at", "lost_at", "told"),
    [
        (0, 0, []),
        (985, 940, []),
        (986, 0, ["a beat was late 14 s ago; no silence is believed for 1 s more"]),
        (0, 941, ["a beat was lost 59 s ago; no silence is believed for 1 s more"]),
        (999, 950, ["a beat was late 1 s ago; no silence is believed for 14 s more"]),
    ],
)
def test_why_a_failover_would_come_later_is_told(late_at, lost_at, told):
    nodes = {"i-1": {"name": "node-a"}, "i-2": {"name": "node-b", "late_at": late_at, "lost_at": lost_at}}
    assert doubts({"terms": {"silence_limit_s": 15}, "nodes": nodes}, 1000.0) == told
    assert doubts({}, 1000.0) == []


def test_the_controller_doubts_for_as_long_as_is_told():
    assert state.LOSS_COUNTS_SILENCES == situation_of_the_controller.LOSS_COUNTS_SILENCES


def a_free_block() -> PortBlock:
    return next(block for first in range(21000, 30000, 10) if not (block := PortBlock(first)).taken())


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_that_is_taken_is_named_with_who_has_it(kind):
    block = a_free_block()
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", block.dns))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        (said,) = block.taken()
    assert said.startswith(f"port {block.dns} is taken by process {os.getpid()} (")
    assert block.taken() == []
