"""Calls are told apart as each protocol names them, and refused in its own words."""

import json

import pytest

from local.aws_calls import Call, call_of, refusal


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "expected"),
    [
        ("POST", "/2013-04-01/hostedzone/Z1/rrset/", {}, b"", Call("ChangeResourceRecordSets", "Z1")),
        ("GET", "/2013-04-01/hostedzone/Z1/rrset?maxitems=1", {}, b"", Call("ListResourceRecordSets", "Z1")),
        ("GET", "/2013-04-01/change/C9", {}, b"", Call("GetChange", "C9")),
        ("GET", "/2013-04-01/hostedzone/Z1", {}, b"", Call("GetHostedZone", "Z1")),
        ("GET", "/2013-04-01/hostedzonesbyvpc?vpcid=vpc-1", {}, b"", Call("ListHostedZonesByVPC")),
        ("POST", "/", {"X-Amz-Target": "DynamoDB_20120810.GetItem"}, b"{}", Call("GetItem", "", "json")),
        (
            "POST",
            "/",
            {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
            b"Action=DescribeInstances&Version=2016-11-15",
            Call("DescribeInstances", "", "query"),
        ),
        ("GET", "/elsewhere", {}, b"", Call("Unknown")),
    ],
)
def test_a_call_is_known_by_its_protocol(method, path, headers, body, expected):
    assert call_of(method, path, headers, body) == expected


def test_a_refusal_speaks_the_protocol_of_the_call():
    rest = refusal(Call("GetChange"), 400, "Throttling", "a < b")
    assert b"<Code>Throttling</Code>" in rest.body
    assert b"a &lt; b" in rest.body
    query = refusal(Call("DescribeInstances", "", "query"), 503, "Unavailable", "no")
    assert query.body.startswith(b"<Response><Errors>")
    as_json = refusal(Call("GetItem", "", "json"), 400, "ThrottlingException", "no")
    assert json.loads(as_json.body)["__type"] == "ThrottlingException"
