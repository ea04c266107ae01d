"""What can be done to the cluster that is up: each thing with its undo, refused where it makes no sense."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Self

from local.board_server import Functions
from local.cluster import Cluster
from local.cut import Cut
from local.link import Link, LinkState
from local.node import Node
from local.stack import FunctionFailed

NODE_ACTIONS = ("kill", "boot", "cut", "reconnect", "freeze", "thaw")
AWS_ACTIONS = ("outage", "end-outage")


class Refused(Exception):  # noqa: N818  (it reads as the sentence that the operator gets)
    """What was asked for makes no sense now; the message says why, and what does."""


class Playground:
    """One thing at a time is done to it, in the thread that started the nodes: they live no longer than that.

    `entries`: the links to AWS of whoever plays.
    """

    def __init__(self, cluster: Cluster, cut: Cut, entries: Sequence[Link]) -> None:
        self._cluster, self._cut, self._entries = cluster, cut, entries
        self._frozen: set[str] = set()
        self._apart: set[str] = set()
        self._outage = contextlib.ExitStack()
        self.is_out = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._outage.close()

    def do(self, action: str, node: str) -> str:
        """A sentence that says what was done, and how to undo it. Raises Refused."""
        if action in AWS_ACTIONS:
            if node:
                raise Refused(f"`make {action}` is for all of AWS; leave out NODE={node}.")
            return self._begin_outage() if action == "outage" else self._end_outage()
        acts: dict[str, Callable[[Node], str]] = {
            "kill": self._kill,
            "boot": self._boot,
            "cut": self._cut_off,
            "reconnect": self._reconnect,
            "freeze": self._freeze,
            "thaw": self._thaw,
        }
        return acts[action](self._named(node, action))

    def machine(self, name: str) -> str:
        """on, off or frozen."""
        if not self._cluster.node(name).running():
            return "off"
        return "frozen" if name in self._frozen else "on"

    def is_cut(self, name: str) -> bool:
        return name in self._apart

    def _named(self, name: str, action: str) -> Node:
        names = [node.name for node in self._cluster.nodes]
        if name not in names:
            found = f"There is no node {name}." if name else "Which node?"
            raise Refused(f"{found} There are {' and '.join(names)}: make {action} NODE={names[0]}")
        return self._cluster.node(name)

    def _kill(self, node: Node) -> str:
        if self.machine(node.name) == "off":
            raise Refused(f"{node.name} is off already. To switch it on: make boot NODE={node.name}")
        node.kill()
        self._frozen.discard(node.name)
        return f"{node.name} is dead, with everything that ran on it. To switch it on again: make boot NODE={node.name}"

    def _boot(self, node: Node) -> str:
        machine = self.machine(node.name)
        if machine == "frozen":
            raise Refused(f"{node.name} is on, and frozen. To let it go on: make thaw NODE={node.name}")
        if machine == "on":
            raise Refused(f"{node.name} is on already. To kill it: make kill NODE={node.name}")
        node.boot()
        return f"{node.name} boots. It will be heard within some seconds: make state"

    def _cut_off(self, node: Node) -> str:
        if self.is_cut(node.name):
            raise Refused(f"{node.name} is cut off already. To reconnect it: make reconnect NODE={node.name}")
        self._apart.add(node.name)
        self._set_links()
        others = " and ".join(each.name for each in self._cluster.nodes if each is not node)
        return (
            f"{node.name} reaches neither AWS nor {others}. Clients on this machine still reach it. "
            f"To reconnect it: make reconnect NODE={node.name}"
        )

    def _reconnect(self, node: Node) -> str:
        if not self.is_cut(node.name):
            raise Refused(f"{node.name} is not cut off. To cut it off: make cut NODE={node.name}")
        self._apart.discard(node.name)
        self._set_links()
        return f"{node.name} has its network again."

    def _freeze(self, node: Node) -> str:
        machine = self.machine(node.name)
        if machine != "on":
            undo = "boot" if machine == "off" else "thaw"
            raise Refused(f"{node.name} is {machine} already. First: make {undo} NODE={node.name}")
        node.freeze()
        self._frozen.add(node.name)
        return f"{node.name} stands still, with everything that runs on it. To let it go on: make thaw NODE={node.name}"

    def _thaw(self, node: Node) -> str:
        if self.machine(node.name) != "frozen":
            raise Refused(f"{node.name} is {self.machine(node.name)}, and not frozen. To see all: make state")
        node.thaw()
        self._frozen.discard(node.name)
        return f"{node.name} goes on where it stood."

    def _begin_outage(self) -> str:
        if self.is_out:
            raise Refused("AWS is gone already. To bring it back: make end-outage")
        self._outage.enter_context(self._cut.outage(LinkState.SHUT))
        self.is_out = True
        self._set_links()
        return "AWS's APIs answer nobody; DNS does. To bring them back: make end-outage"

    def _end_outage(self) -> str:
        if not self.is_out:
            raise Refused("AWS is there. To take it away: make outage")
        self._outage.close()
        self.is_out = False
        self._set_links()
        return "AWS is back."

    def _set_links(self) -> None:
        there = LinkState.SHUT if self.is_out else LinkState.OPEN
        for entry in self._entries:
            entry.turn(there)
        for name in self._cut.links:
            self._cut.turn(LinkState.SILENT if self.is_cut(name) else there, name)
        self._cut.part(parted=bool(self._apart))


class BoardFunctions:
    """The functions of the stack as the board calls them: at once refused while AWS is gone."""

    def __init__(self, stack: Functions, playground: Playground) -> None:
        self._stack, self._playground = stack, playground

    def call(self, function: str, event: dict[str, Any]) -> Any:
        if self._playground.is_out:
            raise FunctionFailed("AWS's APIs are gone. To bring them back: make end-outage")
        return self._stack.call(function, event)
