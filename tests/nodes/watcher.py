"""A client outside of all nodes, which asks one of them some hundred times a second and notes when it was answered."""

from __future__ import annotations

import itertools
import socket
import threading
import time

from local.helper import Helper
from local.waiting import wait_for
from tests.nodes.leases import boottime_s
from tests.nodes.machine import Machine
from tests.nodes.networks import Hub

EVERY_S = 0.01
ANSWER_LIMIT_S = 0.2
SPAN_GAP_S = 0.3
"""Answers that are further apart are two spans of service: a busy machine may keep the client itself from asking."""
HTTP = b"GET / HTTP/1.0\r\n\r\n"
POSTGRESQL = bytes((0, 0, 0, 8, 4, 210, 22, 47))
"""What a client of PostgreSQL asks first: whether it may encrypt. A server that starts or ends answers nothing."""


class Watcher(Helper):
    """Asks from `with` on. `answers` holds when it was answered, in seconds of CLOCK_BOOTTIME."""

    def __init__(self, hub: Hub, machine: Machine, port: int, ask: bytes = b"") -> None:
        super().__init__(f"watcher of {machine.name}")
        self.answers: list[float] = []
        self._hub, self._machine, self._target, self._ask = hub, machine, (machine.address, port), ask
        self._is_to_end = threading.Event()

    def _run(self) -> None:
        self._hub.enter()
        while not self._is_to_end.wait(EVERY_S):
            if self._is_answered():
                self.answers.append(boottime_s())

    def _end(self) -> None:
        self._is_to_end.set()

    def _is_answered(self) -> bool:
        try:
            with socket.create_connection(self._target, ANSWER_LIMIT_S) as connection:
                connection.sendall(self._ask)
                return bool(connection.recv(64))
        except OSError:
            return False

    def wait_served(self, limit_s: float = 30.0) -> float:
        """Until it is answered from now on: when."""
        since = boottime_s()
        return wait_for(
            f"{self._machine.name} serves",
            lambda: self.first_after(since),
            limit_s,
            interval_s=0.01,
            why=self._machine.tail,
        )

    def wait_silent(self, limit_s: float = 30.0) -> float:
        """Until it has not been answered for a while: when it was the last time."""

        def silent() -> float | None:
            last = self.answers[-1] if self.answers else 0.0
            return last if boottime_s() - last > SPAN_GAP_S + ANSWER_LIMIT_S else None

        return wait_for(
            f"{self._machine.name} serves no more", silent, limit_s, interval_s=0.01, why=self._machine.tail
        )

    def first_after(self, since: float) -> float | None:
        return next((at for at in self.answers if at > since), None)

    def last_before(self, until: float) -> float:
        """0: it was never answered before."""
        return max((at for at in self.answers if at < until), default=0.0)

    def longest_gap_s(self, since: float) -> float:
        """Between two answers after `since`."""
        times = [at for at in self.answers if at > since]
        return max((later - earlier for earlier, later in itertools.pairwise(times)), default=0.0)

    def spans(self) -> list[tuple[float, float]]:
        """When it served, from answer to answer."""
        found: list[tuple[float, float]] = []
        for at in self.answers:
            if found and at - found[-1][1] <= SPAN_GAP_S:
                found[-1] = (found[-1][0], at)
            else:
                found.append((at, at))
        return found


def both_served_s(one: Watcher, other: Watcher) -> float:
    """How long both were answered at the same time."""
    pairs = itertools.product(one.spans(), other.spans())
    return sum(max(0.0, min(a[1], b[1]) - max(a[0], b[0])) for a, b in pairs)


def wait_passed(at: float) -> None:
    """Until the clock has passed a time of CLOCK_BOOTTIME, and a little more."""
    wait_for(
        "the time has come", lambda: boottime_s() > at, max(1.0, at - time.clock_gettime(time.CLOCK_BOOTTIME) + 5), 0.01
    )
