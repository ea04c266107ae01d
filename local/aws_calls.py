"""Which AWS operation an HTTP request is, and how its service words an error."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

_ROUTE_53 = [
    ("POST", re.compile(r"^/2013-04-01/hostedzone/([^/]+)/rrset/?$"), "ChangeResourceRecordSets"),
    ("GET", re.compile(r"^/2013-04-01/hostedzone/([^/]+)/rrset/?$"), "ListResourceRecordSets"),
    ("GET", re.compile(r"^/2013-04-01/change/([^/]+)/?$"), "GetChange"),
    ("GET", re.compile(r"^/2013-04-01/hostedzone/([^/]+)/?$"), "GetHostedZone"),
    ("GET", re.compile(r"^/2013-04-01/hostedzonesbyvpc()/?$"), "ListHostedZonesByVPC"),
]


@dataclass(frozen=True)
class Call:
    """One API call. `resource` is the hosted zone or change of a Route 53 call, else empty."""

    operation: str
    resource: str = ""
    protocol: str = "rest-xml"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


def call_of(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Call:
    """Route 53 is known by its paths, JSON services by X-Amz-Target, query services by Action."""
    target = headers.get("X-Amz-Target") or ""
    if target:
        return Call(target.rpartition(".")[2], protocol="json")
    if headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
        return Call(parse_qs(body.decode()).get("Action", ["Unknown"])[0], protocol="query")
    bare = path.partition("?")[0]
    for wanted, pattern, operation in _ROUTE_53:
        found = pattern.match(bare)
        if found and method == wanted:
            return Call(operation, found.group(1))
    return Call("Unknown")


def refusal(call: Call, status: int, code: str, message: str) -> Answer:
    """An error in the words of the protocol that the call speaks."""
    if call.protocol == "json":
        text = json.dumps({"__type": code, "message": message})
        return Answer(status, [("Content-Type", "application/x-amz-json-1.1")], text.encode())
    error = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if call.protocol == "query":
        text = f"<Response><Errors><Error>{error}</Error></Errors><RequestID>local</RequestID></Response>"
    else:
        text = (
            '<ErrorResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/">'
            f"<Error><Type>Sender</Type>{error}</Error><RequestId>local</RequestId></ErrorResponse>"
        )
    return Answer(status, [("Content-Type", "text/xml")], text.encode())
