"""A thin HTTP proxy in front of one service of the embedded AWS.

It passes everything on, and adds what the emulator lacks: a Route 53 change stays PENDING for as long as
`propagation.delay_s` says, a second batch for a zone is refused while one is under way, and faults can be
ordered.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.aws_calls import Answer, Call, call_of, refusal
from local.faults import Fault, FaultKind, FaultPlan
from local.helper import LoopbackServer
from local.propagation import Propagation
from local.zone_records import Records, read_zone

_UPSTREAM_LIMIT_S = 30
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}
_CHANGE_ID = re.compile(rb"<Id>/change/([^<]+)</Id>")
_STATUS = re.compile(rb"<Status>(?:PENDING|INSYNC)</Status>")


class AwsProxy(LoopbackServer):
    """Listens on a free loopback port from `with` on. `url` is its endpoint URL.

    `keys`: for what it asks itself; without, it asks as nobody.
    """

    def __init__(self, upstream_port: int, propagation_s: float = 0.0, keys: Credentials | None = None) -> None:
        self.propagation = Propagation(propagation_s)
        self.faults = FaultPlan()
        self._upstream_port, self._keys = upstream_port, keys
        self._batch_locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        proxy = self

        class Handler(_Handler):
            owner = proxy

        super().__init__("aws-proxy", _Server(("127.0.0.1", 0), Handler))

    def served_records(self, zone: str) -> Records:
        """The zone's record sets as Route 53's servers have them now."""
        old = self.propagation.still_served(zone)
        return read_zone(zone, self._fetch) if old is None else old

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        call = call_of(method, path, headers, body)
        fault = self.faults.take(call.operation)
        refused = _refused_by(fault, call)
        if refused:
            return refused
        if call.operation == "ChangeResourceRecordSets":
            answer = self._one_batch_at_a_time(call, fault, method, path, headers, body)
        else:
            answer = self._pass_on(fault, method, path, headers, body)
        if fault and fault.kind is FaultKind.LOST_ANSWER:
            time.sleep(fault.delay_s)
            return refusal(call, 500, "InternalFailure", "ordered fault: done, but the answer was lost")
        return self._with_status(call, answer) if call.operation == "GetChange" else answer

    def _one_batch_at_a_time(
        self, call: Call, fault: Fault | None, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> Answer:
        try:
            with self.batch_under_way(call.resource):
                return self._batch(call, fault, method, path, headers, body)
        except _BatchUnderWayError:
            return refusal(
                call, 400, "PriorRequestNotComplete", "The request was rejected because Route 53 was still "
                "processing a prior request for this hosted zone.",
            )  # fmt: skip

    def _batch(
        self, call: Call, fault: Fault | None, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> Answer:
        before = read_zone(call.resource, self._fetch) if self.propagation.delay_s > 0 else {}
        answer = self._pass_on(fault, method, path, headers, body)
        change = _CHANGE_ID.search(answer.body)
        if answer.status == http.HTTPStatus.OK and change:
            self.propagation.accepted(change.group(1).decode(), call.resource, before)
        return answer

    @contextlib.contextmanager
    def batch_under_way(self, zone: str) -> Iterator[None]:
        """The zone is busy with a batch meanwhile; another one is refused."""
        lock = self._batch_locks[zone]
        if not lock.acquire(blocking=False):
            raise _BatchUnderWayError
        try:
            yield
        finally:
            lock.release()

    def _with_status(self, call: Call, answer: Answer) -> Answer:
        status = self.propagation.status(call.resource)
        if status is None:
            return answer
        body = _STATUS.sub(b"<Status>" + status.encode() + b"</Status>", answer.body)
        return Answer(answer.status, answer.headers, body)

    def _fetch(self, path: str) -> bytes:
        asked = AWSRequest("GET", f"http://127.0.0.1:{self._upstream_port}{path}")
        if self._keys:
            SigV4Auth(self._keys, "route53", "us-east-1").add_auth(asked)  # where Route 53 is, for all Regions
        listed = self._pass_on(None, "GET", path, dict(asked.headers), b"")
        if listed.status != http.HTTPStatus.OK:
            raise ConnectionError(f"GET {path}: HTTP {listed.status}")
        return listed.body

    def _pass_on(self, fault: Fault | None, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if fault and fault.kind is FaultKind.DELAYED:
            time.sleep(fault.delay_s)
        upstream = http.client.HTTPConnection("127.0.0.1", self._upstream_port, timeout=_UPSTREAM_LIMIT_S)
        try:
            upstream.request(method, path, body=body, headers=headers)
            response = upstream.getresponse()
            content = response.read()
            kept = [(k, v) for k, v in response.getheaders() if k.lower() not in _HOP_BY_HOP]
            return Answer(response.status, kept, content)
        finally:
            upstream.close()


def _refused_by(fault: Fault | None, call: Call) -> Answer | None:
    if fault and fault.kind is FaultKind.THROTTLED:
        code = {"json": "ThrottlingException", "query": "RequestLimitExceeded"}.get(call.protocol, "Throttling")
        return refusal(call, 400, code, "Rate exceeded")
    if fault and fault.kind is FaultKind.UNAVAILABLE:
        return refusal(call, 503, "ServiceUnavailable", "ordered fault: unavailable")
    return None


class _BatchUnderWayError(Exception):
    pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    owner: AwsProxy

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP}
        try:
            answer = self.owner.answer(self.command, self.path, headers, body)
        except OSError as error:
            answer = Answer(502, [("Content-Type", "text/plain")], f"upstream: {error}".encode())
        try:
            self._send(answer)
        except ConnectionError:  # a client that was kept waiting has given up, as it should
            self.close_connection = True

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = _handle  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: the services log for themselves."""
