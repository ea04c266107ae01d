"""The processor time of a heartbeat's handler, all but the network: a real client, whose answer comes at once."""

from __future__ import annotations

import contextlib
import io
import json
import os
import statistics
import time
from datetime import UTC, datetime
from typing import Any
from unittest import mock

from botocore.awsrequest import AWSResponse

from bench.calls import CLUSTER, _context, _forget, _handler, _wiring
from tests.support.builders import NODE_A, NOW, a_definition, a_state
from understudy.adapters import dynamodb_items as items

SETTINGS = {
    "TABLE_NAME": "bench",
    "BUS_NAME": "bench",
    "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:bench",
    "PARAMETER_PREFIX": "/understudy/bench/",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "POWERTOOLS_METRICS_NAMESPACE": "Understudy",
    "POWERTOOLS_SERVICE_NAME": "bench",
}


class _Raw(io.BytesIO):
    def stream(self, **_: Any) -> Any:
        yield self.read()


def measure(times: int = 500) -> dict[str, float]:
    """Milliseconds of processor time of one warm beat, median and 99th percentile, and the bytes that it prints."""
    printed = io.StringIO()
    with mock.patch.dict(os.environ, SETTINGS), mock.patch.object(_wiring(), "clock", lambda: float(NOW)):
        _forget()
        try:
            with contextlib.redirect_stdout(printed):
                taken = _taken(times)
        finally:
            _forget()
    cuts = statistics.quantiles(taken, n=100)
    return {"p50_ms": round(cuts[49], 2), "p99_ms": round(cuts[98], 2), "printed": len(printed.getvalue()) // times}


def _taken(times: int) -> list[float]:
    handler, ledger = _handler("record_heartbeat"), _wiring().ledger()
    ledger._definitions[CLUSTER] = a_definition()
    body = json.dumps({"Attributes": items.state_item(a_state(), 7)}).encode()
    answer = {"content-type": "application/x-amz-json-1.0"}
    ledger._client.meta.events.register(
        "before-send.dynamodb.UpdateItem", lambda request, **_: AWSResponse(request.url, 200, answer, _Raw(body))
    )
    event = {
        "source": f"arn:aws:ec2:us-east-1:123456789012:instance/{NODE_A}",
        "ingested_at": datetime.fromtimestamp(NOW, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "detail": {
            "cluster": CLUSTER,
            "boot": "boot-a",
            "beat": 1,
            "keeps_lease": True,
            "services": {"data": "IN_SERVICE"},
        },
    }
    taken = []
    for _ in range(times):
        began = time.process_time()
        told = handler(event, _context("record_heartbeat"))
        taken.append((time.process_time() - began) * 1000)
        if told["outcome"] != "recorded":
            raise AssertionError(f"the beat was not recorded: {told}")
    return taken[times // 10 :]
