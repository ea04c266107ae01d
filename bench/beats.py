"""The processor time of a heartbeat's handler, all but the network, and what it prints: a real client, whose answer
comes at once. The clock goes on as with one cluster of two nodes."""

from __future__ import annotations

import contextlib
import io
import json
import os
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from unittest import mock

from botocore.awsrequest import AWSResponse

from bench.calls import BEAT_S, CLUSTER, _context, _forget, _handler, _wiring
from tests.support.builders import NODE_A, NODE_B, NOW, a_definition, a_report, a_state
from understudy.adapters.dynamodb import items

SETTINGS = {
    "TABLE_NAME": "bench",
    "BUS_NAME": "bench",
    "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:bench",
    "PARAMETER_PREFIX": "/understudy/bench/",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "POWERTOOLS_METRICS_NAMESPACE": "Understudy",
    "POWERTOOLS_SERVICE_NAME": "understudy",
}
GAP_S = BEAT_S / 2
UNDER_WAY_S = 0.213
"""From EventBridge's time of a beat, cut off to a second, until its handler runs. Any figure with three digits."""


class _Raw(io.BytesIO):
    def stream(self, **_: Any) -> Any:
        yield self.read()


class _Beats:
    """Beats of the active node of a cluster, `GAP_S` apart: as its function hears of two nodes."""

    def __init__(self) -> None:
        self.now_s = float(NOW)
        self._handler, ledger = _handler("record_heartbeat"), _wiring().ledger()
        ledger._definitions._kept[CLUSTER] = a_definition()
        self._answer = b""
        answer = {"content-type": "application/x-amz-json-1.0"}
        ledger._table._client.meta.events.register(
            "before-send.dynamodb.UpdateItem",
            lambda request, **_: AWSResponse(request.url, 200, answer, _Raw(self._answer)),
        )

    def beat(self) -> float:
        """One beat; the milliseconds of processor time that its handler took."""
        heard_at = int(self.now_s)
        nodes = {each: a_report(each, heard_at=heard_at) for each in (NODE_A, NODE_B)}
        self._answer = json.dumps({"Attributes": items.state_item(a_state(nodes=nodes), 7)}).encode()
        event = {
            "source": f"arn:aws:ec2:us-east-1:123456789012:instance/{NODE_A}",
            "ingested_at": datetime.fromtimestamp(heard_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "detail": {
                "cluster": CLUSTER,
                "boot": "boot-a",
                "beat": heard_at % 10**8 * 1000,
                "keeps_lease": True,
                "services": {"data": "IN_SERVICE"},
            },
        }
        self.now_s += UNDER_WAY_S
        began = time.process_time()
        told = self._handler(event, _context("record_heartbeat"))
        taken_ms = (time.process_time() - began) * 1000
        if told["outcome"] != "recorded":
            raise AssertionError(f"the beat was not recorded: {told}")
        self.now_s += GAP_S - UNDER_WAY_S
        return taken_ms


@contextlib.contextmanager
def _beats(printed: io.StringIO) -> Iterator[_Beats]:
    now = [lambda: float(NOW)]
    with mock.patch.dict(os.environ, SETTINGS), mock.patch.object(_wiring(), "clock", lambda: now[0]()):
        _forget()
        try:
            beats = _Beats()
            now[0] = lambda: beats.now_s
            with contextlib.redirect_stdout(printed):
                yield beats
        finally:
            _forget()


def printed_bytes(times: int = 160) -> float:
    """What a beat's function prints, a beat, with one worker for one cluster: more clusters share its lines."""
    printed = io.StringIO()
    with _beats(printed) as beats:
        for _ in range(times):
            beats.beat()
    return round(len(printed.getvalue().encode()) / times, 1)


def measure(times: int = 500) -> dict[str, float]:
    """Milliseconds of processor time of one warm beat, median and 99th percentile."""
    with _beats(io.StringIO()) as beats:
        taken = [beats.beat() for _ in range(times)][times // 10 :]
    cuts = statistics.quantiles(taken, n=100)
    return {"p50_ms": round(cuts[49], 2), "p99_ms": round(cuts[98], 2)}
