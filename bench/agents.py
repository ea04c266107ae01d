"""What an agent at rest asks of AWS: the real loop, on a virtual clock, with calls that take their time.

How long a call takes is drawn by seed: whether the read after a beat comes in place of the periodic one or beside it
depends on that.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest import mock

from botocore.awsrequest import AWSResponse

from bench.beats import _Raw
from tests.support.builders import NODE_A, a_state
from tests.unit.agent.fakes import FakeCaller, FakeClock, FakeGuard, FakeKind, FakeLog, FakeTransport
from tests.unit.agent.items import BOOT, ME, OTHER, item, node, terms
from understudy.adapters.dynamodb import items
from understudy_agent.aws import Aws
from understudy_agent.exchange import Exchange
from understudy_agent.failsafe import Failsafe
from understudy_agent.files import LeaseFile, PlacedFile, PromiseFile, StatusFile
from understudy_agent.identity import from_arn
from understudy_agent.loop import Agent, AgentFiles, Channel, Host, Safeguards
from understudy_agent.model import ServiceSettings
from understudy_agent.placed import Placed
from understudy_agent.ports import Self
from understudy_agent.prober import Prober
from understudy_agent.services import Services
from understudy_agent.systemd import SdNotifier
from understudy_agent.worker import Done

CALL_MS = (5, 100)
"""The shortest and the longest call."""
SETTLING_S = 30
TOKEN_BYTES, HEAD_BYTES = 1200, 300
"""Assumed: the session token of an instance's role, and the head of an answer."""


class SlowCaller(FakeCaller):
    """Answers some milliseconds after the call was made."""

    def __init__(self, clock: FakeClock, rng: random.Random) -> None:
        super().__init__()
        self._clock, self._rng = clock, rng
        self.answers_at_ms: int | None = None

    def submit(self, call: Callable[[], object]) -> bool:
        if not super().submit(call):
            return False
        self.answers_at_ms = self._clock.now_ms + self._rng.randint(*CALL_MS)
        return True

    def take(self) -> Done | None:
        if self.answers_at_ms is None or self._clock.now_ms < self.answers_at_ms:
            return None
        self.answers_at_ms = None
        return super().take()


class AgentAtRest:
    """One agent of a settled cluster of two nodes, in which nothing happens."""

    def __init__(self, directory: Path, active: str, seed: int, changed: Mapping[str, float]) -> None:
        """`changed`: timings that are not the usual ones (seconds)."""
        rng = random.Random(seed)
        self._clock = FakeClock()
        self.aws = FakeTransport(item(epoch=1, active=active, mine=node(boot=""), terms=terms(**changed)))
        self.aws.me = ME
        self._callers = SlowCaller(self._clock, rng), SlowCaller(self._clock, rng)
        log = FakeLog()
        self._agent = Agent(
            who=Self("orders-db", ME, BOOT, orderly_stop_s=30),
            services=Services({"db": FakeKind(running=active == ME)}, [ServiceSettings("db")], lambda _name: None),
            channel=Channel(
                transport=self.aws,
                beats=Exchange("beat", self._callers[0], log),
                reads=Exchange("read", self._callers[1], log),
            ),
            files=AgentFiles(
                lease=LeaseFile(directory / "lease.json", BOOT),
                placed=Placed(PlacedFile(directory / "placed.json"), Exchange("placed_file", FakeCaller(), log)),
                status=StatusFile(directory / "status.json"),
            ),
            safeguards=Safeguards(
                prober=Prober(lambda _name: FakeCaller(), log, lambda _host, _timeout_s: True),
                failsafe=Failsafe("orders-db", ME, PromiseFile(directory / "promises.json", BOOT), log),
                keeper=FakeGuard(),
            ),
            host=Host(clock_ms=self._clock, notifier=SdNotifier({}), log=log),
        )

    def rest(self, seconds: int) -> None:
        """Ticks as `understudy_agent.assembly.run` does: when the loop asks for it, and when a call has ended."""
        end_ms = self._clock.now_ms + seconds * 1000
        while self._clock.now_ms < end_ms:
            assert self.aws.item is not None
            self.aws.item["nodes"][OTHER]["heard_at"] = self._clock.now_ms // 1000
            self._agent.tick(self._clock.now_ms)
            answers = [each.answers_at_ms for each in self._callers if each.answers_at_ms is not None]
            wakes_at_ms = self._clock.now_ms + self._agent.pause_ms(self._clock.now_ms)
            self._clock.now_ms = max(self._clock.now_ms + 1, min([wakes_at_ms, *answers]))


def count(
    minutes: int = 10, seed: int = 0, changed: Mapping[str, float] = MappingProxyType({})
) -> dict[str, dict[str, int]]:
    """Beats and reads in so many minutes: of the node that holds the lease, and of one that does not.

    `changed`: timings that are not the usual ones, by their names in the terms (seconds).
    """
    return {"active": _of(ME, minutes, seed, changed), "standby": _of(OTHER, minutes, seed, changed)}


def _of(active: str, minutes: int, seed: int, changed: Mapping[str, float]) -> dict[str, int]:
    with tempfile.TemporaryDirectory() as directory:
        agent = AgentAtRest(Path(directory), active, seed, changed)
        agent.rest(SETTLING_S)
        beats, reads = len(agent.aws.beats), agent.aws.reads
        agent.rest(minutes * 60)
        return {"beats": len(agent.aws.beats) - beats, "reads": agent.aws.reads - reads}


def call_bytes() -> dict[str, int]:
    """HTTP of a beat and of a read, both ways, as the agent's own client sends it. TCP and TLS come to it."""
    keys = {"AWS_ACCESS_KEY_ID": "A" * 20, "AWS_SECRET_ACCESS_KEY": "s" * 40, "AWS_SESSION_TOKEN": "t" * TOKEN_BYTES}
    arn = f"arn:aws:ec2:us-east-1:123456789012:instance/{NODE_A}"
    with mock.patch.dict(os.environ, keys):
        aws = Aws(
            who=lambda: from_arn(arn), region="", table="bench", bus="bench", cluster="orders-db", call_timeout_s=2
        )
        beat = {
            "cluster": "orders-db",
            "boot": "01234567-89ab-cdef-0123-456789abcdef",
            "beat": 1_000_000_000,
            "keeps_lease": True,
            "read_epoch": 1,
            "services": {"data": "IN_SERVICE", "postgresql": "IN_SERVICE"},
            "agent": "0.1.0",
            "knows": 1,
        }
        taken = {"FailedEntryCount": 0, "Entries": [{"EventId": "01234567-89ab-cdef-0123-456789abcdef"}]}
        return {
            "beat": _bytes_of(aws._events.made(), taken, lambda: aws.put_beat(beat)),
            "read": _bytes_of(aws._dynamodb.made(), {"Item": items.state_item(a_state(), 7)}, aws.read_state),
        }


def _bytes_of(client: Any, answer: Any, call: Callable[[], object]) -> int:
    body, sent = json.dumps(answer).encode(), []

    def take(request: Any, **_: Any) -> AWSResponse:
        head = [f"POST / HTTP/1.1\r\nHost: {request.url}\r\n", *(f"{k}: {v}\r\n" for k, v in request.headers.items())]
        sent.append(len("".join(map(str, head))) + len(request.body))
        return AWSResponse(request.url, 200, {}, _Raw(body))

    client.meta.events.register("before-send", take)
    call()
    return sum(sent) + HEAD_BYTES + len(body)
