# S11: an EC2 node finds out who it is; a metadata service on loopback stands in
from __future__ import annotations

import http.server
import json
import os
import threading

import pytest
from botocore.utils import get_environ_proxies

from understudy_agent.identity import (
    METADATA_HOSTS,
    NoIdentityError,
    Whoami,
    from_arn,
    from_metadata,
    reach_metadata_directly,
)

TOKEN = "a-token"
ARN = "arn:aws:ec2:eu-west-1:123456789012:instance/i-0a1b"


class Metadata(http.server.BaseHTTPRequestHandler):
    """Answers as IMDSv2 does: nothing without a token."""

    document = ""

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""

    def do_PUT(self) -> None:
        asked_for_token = self.path == "/latest/api/token" and self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
        self.answer(TOKEN if asked_for_token else None)

    def do_GET(self) -> None:
        texts = {
            "/latest/dynamic/instance-identity/document": self.document,
            "/latest/meta-data/services/partition": "aws-cn",
        }
        allowed = self.headers.get("X-aws-ec2-metadata-token") == TOKEN
        self.answer(texts.get(self.path) if allowed else None)

    def answer(self, text: str | None) -> None:
        self.send_response(200 if text is not None else 401)
        self.end_headers()
        self.wfile.write((text or "").encode())


@pytest.fixture
def metadata():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    Metadata.document = json.dumps(
        {"instanceId": "i-0a1b", "region": "cn-north-1", "accountId": "123456789012", "other": 1}
    )
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_instance_finds_its_arn_with_a_session_token(metadata):
    found = from_metadata(metadata)
    assert found.arn == "arn:aws-cn:ec2:cn-north-1:123456789012:instance/i-0a1b"
    assert (found.region, found.instance) == ("cn-north-1", "i-0a1b")


def test_a_proxy_is_never_asked_who_this_machine_is(metadata, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert from_metadata(metadata).instance == "i-0a1b"


@pytest.mark.parametrize("document", ["", "[]", "{}", '{"instanceId": "x", "region": "r", "accountId": "1"}'])
def test_a_document_that_tells_no_instance_is_refused(metadata, document):
    Metadata.document = document
    with pytest.raises(NoIdentityError, match="outside EC2 set instance_arn"):
        from_metadata(metadata)


def test_a_machine_without_metadata_service_is_told_what_to_do():
    with pytest.raises(NoIdentityError, match="outside EC2 set instance_arn"):
        from_metadata("http://127.0.0.1:1", timeout_s=0.5)


@pytest.mark.parametrize("arn", ["", "i-0a", "arn:aws:ec2:r:1:instance/i-0a", "arn:aws:ec2:r:123456789012:x"])
def test_only_the_arn_of_an_instance_is_an_identity(arn):
    with pytest.raises(ValueError, match="is not arn:aws:ec2"):
        from_arn(arn)


# B18: the metadata service may come later than the agent
def test_who_a_node_is_is_asked_until_it_is_known_and_told_once():
    answers = [NoIdentityError("not yet"), NoIdentityError("not yet"), from_arn(ARN)]
    told = []

    def ask():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    who = Whoami(ask, told.append)
    for _ in range(2):
        with pytest.raises(NoIdentityError):
            who()
    assert [who(), who()] == [from_arn(ARN)] * 2
    assert told == [from_arn(ARN)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {}),
        ({"NO_PROXY": "internal"}, {"NO_PROXY": "internal"}),
        ({"HTTP_PROXY": "http://proxy"}, {"no_proxy": METADATA_HOSTS, "NO_PROXY": METADATA_HOSTS}),
        (
            {"https_proxy": "http://proxy", "NO_PROXY": "internal"},
            {"no_proxy": f"internal,{METADATA_HOSTS}", "NO_PROXY": f"internal,{METADATA_HOSTS}"},
        ),
        ({"http_proxy": "http://proxy", "no_proxy": "*"}, {"no_proxy": "*", "NO_PROXY": "*"}),
    ],
)
def test_the_metadata_service_is_never_asked_through_a_proxy(before, after):
    environment = dict(before)
    reach_metadata_directly(environment)
    assert environment == {**before, **after}


def test_botocore_obeys_that(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    assert get_environ_proxies("http://169.254.169.254/latest/") != {}
    reach_metadata_directly(os.environ)
    assert get_environ_proxies("http://169.254.169.254/latest/") == {}
    assert get_environ_proxies("http://example.com/") != {}
