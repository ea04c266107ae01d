"""What every handler of the workflow's steps does before its use case is asked."""

import importlib
import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from tests.unit.usecases.observe.test_hostile_events import HOSTILE, label
from understudy import bootstrap, clients, invocation
from understudy.adapters.route53.retries import ATTEMPT_LIMIT_S
from understudy.invocation import WARM, step
from understudy.usecases.watch.watch_clusters import WatchReport

A_BEAT = {"cluster": "orders-db", "boot": "b", "beat": 1, "keeps_lease": True}
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


# B8
@pytest.mark.parametrize(("wanted", "said"), [("INFO", "moved beware"), ("WARNING", "beware")])
def test_the_log_has_the_level_of_the_stack_and_not_that_of_lambda(wanted, said):
    """Lambda's own has to stay at INFO, for the figures; Powertools would take it."""
    program = (
        "import logging, understudy.invocation; log = logging.getLogger('understudy.usecases.step')\n"
        "log.info('moved'); log.warning('beware')"
    )
    env = {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(sys.path)}
    env |= {"AWS_LAMBDA_LOG_LEVEL": "INFO", "POWERTOOLS_LOG_LEVEL": wanted}
    done = subprocess.run([sys.executable, "-c", program], env=env, check=True, capture_output=True, text=True)
    assert " ".join(json.loads(line)["message"] for line in done.stdout.splitlines()) == said


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


@pytest.mark.parametrize("hostile", [text for text in HOSTILE if len(text) < 1000], ids=label)
def test_whatever_a_node_sends_each_log_record_stays_one_line_of_json(monkeypatch, hostile):  # S11 B8
    monkeypatch.setenv("TABLE_NAME", "clusters")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Understudy")
    handler = importlib.import_module("functions.record_heartbeat.app").handler
    source = "arn:aws:ec2:us-east-1:123456789012:instance/i-0aaaaaaaaaaaaaaa1"
    now = datetime.now(UTC).isoformat()
    log = io.TextIOWrapper(io.BytesIO(), "utf-8")  # as the function's own: it takes no half characters
    monkeypatch.setattr(invocation._logger.registered_handler, "stream", log)
    events = (
        {"source": hostile, "ingested_at": now, "detail": {}},
        {"source": source, "ingested_at": hostile, "detail": {}},
        {"source": source, "ingested_at": now, "detail": {"cluster": hostile or "-"}},
        {"source": source, "ingested_at": now, "detail": {**A_BEAT, "services": {hostile: hostile or "?"}}},
    )
    for event in events:
        assert handler(event, CONTEXT) == {"outcome": "malformed"}
    log.seek(0)
    records = [json.loads(line) for line in log.read().splitlines()]
    assert [record["message"] for record in records] == ["heartbeat refused"] * len(events)
    assert all(record["fault"].isprintable() for record in records)


@pytest.fixture
def settled(monkeypatch):
    """The environment that a function of the stack has."""
    for name, value in {
        "TABLE_NAME": "clusters",
        "BUS_NAME": "understudy",
        "PARAMETER_PREFIX": "/understudy/understudy/",
        "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:understudy-transition",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_METRICS_NAMESPACE": "Understudy",
        "RUNBOOK_URL": "docs/on-call.md",
    }.items():
        monkeypatch.setenv(name, value)
    built = [each for room in (clients, bootstrap) for each in vars(room).values() if hasattr(each, "cache_clear")]
    for each in built:
        each.cache_clear()
    yield
    for each in built:
        each.cache_clear()


@pytest.mark.parametrize("service", ["route53", "sts"])
def test_one_call_of_route_53_is_one_attempt_of_the_length_that_our_retries_count_on(settled, service):  # S6
    config = clients._route53(service).meta.config
    assert config.retries["total_max_attempts"] == 1
    assert config.connect_timeout + config.read_timeout == ATTEMPT_LIMIT_S


def test_telling_that_a_move_was_opened_holds_it_up_for_two_seconds_at_the_most(settled, monkeypatch):  # B5 S10
    """A connection that hangs, or an answer that does not come: there is one attempt, and the service waits for it."""
    app = importlib.import_module("functions.open_transition.app")
    given = {}
    monkeypatch.setattr(app, "open_transition", lambda event, **ports: given.update(ports) or {"outcome": "OPENED"})
    app.handler({"request": {}}, CONTEXT)
    config = given["announcer"]._client.meta.config
    assert config.retries["total_max_attempts"] * (config.connect_timeout + config.read_timeout) == 2


def test_every_other_event_has_three_attempts(settled):  # B5
    assert clients.announcer()._client.meta.config.retries["total_max_attempts"] == 3


def test_all_that_a_watch_does_with_route_53_shares_one_limit(settled, monkeypatch):  # S5
    """Registration, changes and the record monitor: the function ends after 55 s, whatever Route 53 does."""

    def nothing_done() -> WatchReport:
        return WatchReport(0, 0, ())

    app = importlib.import_module("functions.watch_clusters.app")
    given, registered = {}, []
    monkeypatch.setattr(app, "ClusterWatch", lambda **ports: given.update(ports) or SimpleNamespace(run=nothing_done))
    monkeypatch.setattr(bootstrap, "register", lambda text, records: registered.append(records))
    app.handler({}, CONTEXT)
    given["register"]("a text")
    (zone,) = registered
    assert given["follower"].changes.changes is given["follower"].records is given["monitor"].listing is zone
    assert zone._client._retries._limit.left_s == bootstrap.WATCH_ROUTE53_LIMIT_S == 25
    app.handler({}, CONTEXT)
    assert given["follower"].changes is not zone  # the next run has a limit of its own


def test_the_board_has_the_clock_the_table_and_little_of_route_53(settled, monkeypatch):  # S18
    app = importlib.import_module("functions.cluster_board.app")
    given: dict[str, object] = {}
    monkeypatch.setattr(app, "show_clusters", lambda event, **ports: given.update(ports, event=event) or "<div></div>")
    assert app.handler({"cluster": "orders-db"}, CONTEXT) == "<div></div>"
    assert given["event"] == {"cluster": "orders-db"}
    assert given["places"] == app.BoardPlaces("understudy", "docs/on-call.md", CONTEXT.invoked_function_arn)
    assert given["book"] is clients.board_book()
    assert given["listing"]._client._retries._limit.left_s == bootstrap.BOARD_ROUTE53_LIMIT_S
