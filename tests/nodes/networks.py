"""Network namespaces without a name: each lives as long as this process holds it, and nobody can leave one behind."""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)
HUB_ADDRESS = "10.77.0.1"
"""Where the nodes find the embedded AWS."""
PREFIX = 24
METADATA_ADDRESS = "169.254.169.254"
QUORUM_ADDRESSES = ("10.77.0.2", "10.77.0.3", "10.77.0.4")
"""Where the nodes find the quorum hosts of clusters that have some."""


class Network:
    """A network namespace of its own, with a loopback interface and nothing else."""

    def __init__(self) -> None:
        self._fd = _in_thread(_new_namespace)
        self.run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6")  # nothing is sent unasked
        self.run("ip", "link", "set", "lo", "up")

    @property
    def path(self) -> str:
        """Where any program of this machine finds it."""
        return f"/proc/{os.getpid()}/fd/{self._fd}"

    def run(self, *program: str) -> str:
        """Run a program there. Raises RuntimeError when it fails."""
        done = subprocess.run(
            ["nsenter", f"--net={self.path}", *program], capture_output=True, text=True, check=False, timeout=30
        )
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(program)}: {done.stderr.strip()}")
        return done.stdout

    def inside(self, call: Callable[[], T]) -> T:
        """Call it in a thread that is there: a socket that it makes stays there."""

        def entered() -> T:
            self.enter()
            return call()

        return _in_thread(entered)

    def enter(self) -> None:
        """Move the calling thread there. It must not do anything else afterwards."""
        if _LIBC.setns(self._fd, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def close(self) -> None:
        os.close(self._fd)


class Hub(Network):
    """The network between the nodes. It has no way to any other."""

    def __init__(self) -> None:
        super().__init__()
        self.run("ip", "link", "add", "hub", "type", "bridge")
        for address in (HUB_ADDRESS, *QUORUM_ADDRESSES):
            self.run("ip", "address", "add", f"{address}/{PREFIX}", "dev", "hub")
        self.run("ip", "link", "set", "hub", "up")


class NodeNetwork(Network):
    """A node's network: `eth0` with its address at the hub, and `metadata0` to a metadata service of its own."""

    def __init__(self, hub: Hub, name: str, address: str) -> None:
        super().__init__()
        self._hub, self._port = hub, f"to-{name}"
        self.metadata = Network()
        """Where the node's metadata service is: as on EC2, no cut of the node's network cuts it off."""
        hub.run("ip", "link", "add", self._port, "type", "veth", "peer", "name", "eth0", "netns", self.path)
        hub.run("ip", "link", "set", self._port, "master", "hub", "up")
        pair = ("type", "veth", "peer", "name", "node")
        self.run("ip", "link", "add", "metadata0", *pair, "netns", self.metadata.path)
        for network, own, device in (
            (self, "169.254.169.253", "metadata0"),
            (self.metadata, METADATA_ADDRESS, "node"),
        ):
            network.run("ip", "address", "add", f"{own}/30", "dev", device)
            network.run("ip", "link", "set", device, "up")
        self.run("ip", "address", "add", f"{address}/{PREFIX}", "dev", "eth0")
        self.run("ip", "link", "set", "eth0", "up")

    def cut(self, *, incoming: bool, outgoing: bool) -> None:
        """Drop what comes to the node, or what it sends, without a word to anybody."""
        if incoming:
            self.run("nft", _drop("eth0"))
        if outgoing:
            self._hub.run("nft", _drop(self._port))

    def cut_from(self, *addresses: str) -> None:
        """Drop what the node sends to these addresses, and nothing else, instead of those before."""
        self._restore(self._hub, _SOME + self._port)
        self._hub.run("nft", _drop(self._port, addresses))

    def lose(self, percent: int) -> None:
        """Drop so many of a hundred packets, drawn by chance, of what comes to the node and of what it sends."""
        for network, device in ((self, "eth0"), (self._hub, self._port)):
            network.run("nft", _drop_some(device, percent))

    def restore(self) -> None:
        """Let everything pass again."""
        for network, name in ((self, "eth0"), (self._hub, self._port), (self._hub, _SOME + self._port)):
            self._restore(network, name)

    def _restore(self, network: Network, name: str) -> None:
        network.run("nft", f"add table netdev cut-{name}; delete table netdev cut-{name}")

    def close(self) -> None:
        self.restore()
        self._hub.run("ip", "link", "delete", self._port)
        self.metadata.close()
        super().close()


_SOME = "some-of-"


def _drop(device: str, addresses: tuple[str, ...] = ()) -> str:
    """What comes in at a device: everything, or only what goes to these addresses."""
    name = f"cut-{_SOME if addresses else ''}{device}"
    policy = "accept" if addresses else "drop"
    hook = f"type filter hook ingress device {device} priority 0; policy {policy};"
    rule = f"add rule netdev {name} everything ip daddr {{ {', '.join(addresses)} }} drop" if addresses else ""
    return f"add table netdev {name}; add chain netdev {name} everything {{ {hook} }}; {rule}"


def _drop_some(device: str, percent: int) -> str:
    name = f"cut-{device}"
    hook = f"type filter hook ingress device {device} priority 0; policy accept;"
    rule = f"add rule netdev {name} everything numgen random mod 100 < {percent} drop"
    return f"add table netdev {name}; add chain netdev {name} everything {{ {hook} }}; {rule}"


def _new_namespace() -> int:
    if _LIBC.unshare(_CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    return os.open(Path("/proc/thread-self/ns/net"), os.O_RDONLY | os.O_CLOEXEC)


def _in_thread(call: Callable[[], T]) -> T:
    """What it returns or raises, from a thread that ends with it."""
    answers: list[T] = []
    faults: list[BaseException] = []

    def target() -> None:
        try:
            answers.append(call())
        except BaseException as fault:
            faults.append(fault)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    if faults:
        raise faults[0]
    return answers[0]
