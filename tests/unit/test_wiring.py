"""What every handler of the workflow's steps does before its use case is asked."""

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
