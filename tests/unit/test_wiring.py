"""What every handler of the workflow's steps does before its use case is asked."""

import importlib
import json
from types import SimpleNamespace

from understudy.wiring import WARM, step

CONTEXT = SimpleNamespace(
    function_name="fence_node",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:fence_node",
    aws_request_id="00000000-0000-4000-8000-000000000000",
)


def test_a_call_that_keeps_a_function_warm_does_nothing():
    asked = []
    handler = step(lambda event, context: asked.append(event))
    assert handler(dict(WARM), CONTEXT) == {"outcome": "WARM"}
    assert asked == []


def test_any_other_call_is_a_step():
    handler = step(lambda event, context: {"outcome": "FENCED", "cluster": event["cluster"]})
    assert handler({"cluster": "orders-db", "epoch": 2}, CONTEXT) == {"outcome": "FENCED", "cluster": "orders-db"}


def test_a_heartbeat_is_counted_by_what_became_of_it(monkeypatch, capsys):  # S11 B8
    monkeypatch.setenv("TABLE_NAME", "clusters")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Understudy")
    handler = importlib.import_module("functions.record_heartbeat.app").handler
    assert handler({"source": "nobody", "detail": {}}, CONTEXT) == {"outcome": "malformed"}
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    (counted,) = [line for line in lines if "_aws" in line]
    (metric,) = counted["_aws"]["CloudWatchMetrics"]
    assert metric["Namespace"] == "Understudy"
    assert [each["Name"] for each in metric["Metrics"]] == ["Heartbeats"]
    assert "outcome" in metric["Dimensions"][0]
    assert (counted["Heartbeats"], counted["outcome"]) == ([1.0], "malformed")
