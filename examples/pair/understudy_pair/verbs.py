"""What the agent calls, where it is the same for every server: whatever is not surely read-only may be writable."""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable

from .command import DONE, FAILED, NOT_FIT, PAUSE_S, RUNS, STOPPED, TURN_S, UNKNOWN
from .node import Node, Teller, tell

LOOK_LIMIT_S, KILL_LOOK_LIMIT_S = 2.0, 0.3


class Replicated(Node, ABC):
    """A node whose server can be made read-only while it runs."""

    @abstractmethod
    def is_read_only(self, limit_s: float = LOOK_LIMIT_S) -> bool | None:
        """Whether the server takes no writes; None: it does not answer within the limit."""

    @abstractmethod
    def demote(self) -> bool:
        """Whether it takes no writes any more, and nobody is left whose word could make it writable again.

        When it is done, the peer has what it lacked, if it was connected and answered.
        """


def start(node: Node, once: Callable[[], int | None]) -> int:
    """Promote: `once` is one try, under the lock; None: it is not done yet. The agent's limit ends it."""
    while True:
        with node.locked():
            status = once()
        if status is not None:
            return status
        time.sleep(PAUSE_S)


def stop(node: Replicated) -> int:
    """Read-only again. The peer gets what it lacks, and clients are disconnected."""
    with node.locked():
        while node.processes():
            if node.is_read_only() and not node.may_be_writable():
                return DONE
            if node.demote():
                node.unmark()
                return DONE
            time.sleep(PAUSE_S)
    return DONE


def kill(node: Replicated) -> int:
    """What may be writable is ended at once. It waits for no lock."""
    if node.may_be_writable() or not node.is_read_only(KILL_LOOK_LIMIT_S):
        node.kill()
    return DONE


def status(node: Replicated) -> int:
    """Whether this node's server takes writes. A replica is stopped; one that does not answer is unknown."""
    if not node.processes():
        return STOPPED
    is_marked, is_read_only = node.may_be_writable(), node.is_read_only()
    if is_read_only is None:
        return UNKNOWN
    if not is_read_only:
        return RUNS
    return UNKNOWN if is_marked else STOPPED


def refuse_claim(why: str) -> int:
    """`why`: what is known of the other node, and what to do."""
    tell(f"not claimed: the other node {why}")
    return FAILED


def fit(measured: Callable[[], int | None]) -> int:
    """Print how fit the data is, higher is fitter; None: it is not fit. LookupError and ConnectionError: unknown."""
    try:
        number = measured()
    except (ConnectionError, LookupError) as unknown:
        sys.stdout.write(f"{unknown}\n")  # for the agent, which logs it only when the answer changes
        return UNKNOWN
    if number is None:
        return NOT_FIT
    sys.stdout.write(f"{number}\n")
    return DONE


def follow(turn: Callable[[Teller], None]) -> int:
    """Take one turn after the other until it is ended by a signal; the server runs on."""
    say = Teller()
    while True:
        try:
            turn(say)
        except ConnectionError as fault:
            say(str(fault))
        time.sleep(TURN_S)
