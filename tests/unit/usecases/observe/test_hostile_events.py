"""Events that nobody means well with: heartbeats, words of EC2 and CloudWatch, requests. Refused, or without effect."""

import json
import logging
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders import CLUSTER, NODE_A, NODE_B, NODE_C, NOW, SPECS, a_definition, a_report, a_state
from tests.support.fakes.scaling import a_releaser
from tests.unit.usecases.observe.test_record_heartbeat import ARN, Recorder
from tests.unit.usecases.watch.test_watch_and_signals import Controller
from understudy.domain.cluster.request import TEXT_LIMIT, BadRequestError, parse_request
from understudy.domain.cluster.service_names import DIGEST_LENGTH
from understudy.domain.cluster.state import PowerReading
from understudy.domain.observe.heartbeat import SERVICE_NAME_LIMIT
from understudy.ports.ledger import STALE
from understudy.usecases.observe.receive_signal import (
    ALARM_STATE,
    EC2_STATE,
    LIFECYCLE_ACTION,
    SPOT_EVENTS,
    receive_signal,
)
from understudy.usecases.observe.record_heartbeat import INGESTION_LIMIT_S, MALFORMED

HOSTILE = [
    "",
    " ",
    "{% $states.input %}",
    "$.cluster",
    "States.Format('{}', $.x)",
    "${TABLE}",
    "#nodes.#id",
    ":beat) OR attribute_exists(pk",
    "' OR 1=1 --",
    "<script>alert(1)</script>",
    'node-a", "active": "node-b',
    '\n{"level": "ERROR", "message": "operator called"}',
    "\r\n\x00\x1b[31m\x85\u2028",
    "\u202egnp.exe",
    "\ud800",
    "%s %(message)s {0.__class__}",
    "../../state",
    "x" * 300_000,
]
ODD: list[Any] = [
    None,
    True,
    -1,
    10**5000,
    2**53,
    1.5,
    float("nan"),
    float("inf"),
    [],
    {},
    [[]] * 1000,
    {"x": {"y": "z"}},
]
LACKS_ONE_AND_HAS_ONE_MORE = "lacks postgresql; has 1 that the definition does not name"
DETAIL = ("cluster", "boot", "beat", "keeps_lease", "read_epoch", "services", "agent", "quorum", "fit")


def label(value: Any) -> str:
    """A short name for a case: pytest would write the value out."""
    return ascii(value)[:30] if isinstance(value, str) else type(value).__name__


def nested(depth: int) -> Any:
    value: Any = {}
    for _ in range(depth):
        value = {"x": value}
    return value


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What gets into the log of each record beside its message."""
    usual = set(logging.makeLogRecord({}).__dict__) | {"message"}
    return [str(value) for record in caplog.records for key, value in record.__dict__.items() if key not in usual]


@pytest.mark.parametrize("field", DETAIL)
@pytest.mark.parametrize("value", [*HOSTILE, *ODD, nested(50_000)], ids=label)
def test_a_hostile_value_in_a_heartbeat_is_refused_or_has_no_effect(field, value, caplog):  # S11 B10
    caplog.set_level(logging.DEBUG)
    world = Recorder()
    before = world.ledger.state()
    outcome = world.beat(**{field: value})
    after = world.ledger.state()
    if outcome == MALFORMED:
        assert world.ledger.calls == []
        assert after == before
    # Whoever sends it speaks of itself only, whatever it says.
    assert after.nodes[NODE_A] == before.nodes[NODE_A]
    assert (after.active, after.epoch, after.transition) == (before.active, before.epoch, before.transition)
    assert not world.launcher.starts
    for text in told(caplog):
        assert len(text) < 1000
        assert text.isprintable(), text


@pytest.mark.parametrize("name", [*HOSTILE, "__proto__", "active"], ids=label)
def test_the_name_of_a_service_in_a_heartbeat_is_stored_nowhere(name, caplog):  # B4
    """Of names that the definition has not, the state keeps a digest and says how many there are."""
    world = Recorder()
    if 0 < len(name) <= SERVICE_NAME_LIMIT:
        assert world.beat(services={name: "OUT_OF_SERVICE"}) == "recorded"
        report = world.ledger.state().nodes[NODE_B]
        assert (report.misnamed, len(report.named)) == (LACKS_ONE_AND_HAS_ONE_MORE, DIGEST_LENGTH)
        usual = Recorder()
        usual.beat(services={"postgresql": "OUT_OF_SERVICE"})
        as_usual = replace(report, misnamed="", named=usual.ledger.state().nodes[NODE_B].named)
        assert as_usual == usual.ledger.state().nodes[NODE_B]
    else:
        assert world.beat(services={name: "OUT_OF_SERVICE"}) == MALFORMED
    assert world.beat(services={name: name}, at=NOW + 5) == MALFORMED
    assert all(len(text) < 1000 and text.isprintable() for text in told(caplog))


@pytest.mark.parametrize(
    "source", [*HOSTILE, *ODD, ARN, f"{ARN}{NODE_B}/x", f"{ARN}*", f"{ARN}${{ec2:SourceInstanceARN}}"], ids=label
)
def test_a_source_that_is_no_instance_is_refused(source):  # S11
    world = Recorder()
    event = {"source": source, "ingested_at": "2027-01-15T08:00:04Z", "detail": {}}
    assert world.send(event) == MALFORMED
    assert world.ledger.calls == []


def test_a_node_of_another_cluster_cannot_beat_for_this_one():  # S11 B10
    world = Recorder()
    before = world.ledger.state()
    assert world.beat(NODE_C, boot="cccccccc") == "not_a_member"
    assert world.ledger.state() == before
    assert not world.launcher.starts


def test_a_heartbeat_that_is_sent_again_renews_nothing():  # S11
    """It was recorded at NOW + 4; whoever sends it again later does so under a later ingestion time."""
    world = Recorder()
    assert world.beat(NODE_A, at=NOW + 4, beat=86_404_000) == "recorded"
    for later in (NOW + 4, NOW + 10, NOW + 60):
        assert world.beat(NODE_A, at=later, beat=86_404_000) == STALE.reason
        assert world.beat(NODE_A, at=later, beat=86_403_999) == STALE.reason
    assert world.ledger.state().nodes[NODE_A].heard_at == NOW + 4


@pytest.mark.parametrize("moment", ["1970-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_an_ingestion_time_that_cannot_be_is_refused(moment):  # B3
    """A node "heard" in the year 9999 would never fall silent, and one heard in 1970 would have no lease left."""
    world = Recorder()
    event = {"source": ARN + NODE_A, "ingested_at": moment, "detail": {}}
    assert world.send(event) == MALFORMED
    assert world.ledger.calls == []


@pytest.mark.parametrize(
    ("off_s", "is_believed"), [(0, True), (INGESTION_LIMIT_S, True), (INGESTION_LIMIT_S + 1, False)]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_an_ingestion_time_is_believed_only_near_the_clock(off_s, is_believed, sign):  # B3
    world = Recorder()
    assert (world.beat(at=NOW + 4, delay_s=sign * off_s) == "recorded") is is_believed


def test_what_a_node_says_of_the_time_is_not_looked_at():  # S11
    world = Recorder()
    assert world.beat(time="1970-01-01T00:00:00Z", ingested_at="9999-12-31T23:59:59Z") == "recorded"
    assert world.ledger.state().nodes[NODE_B].heard_at == NOW + 4


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(HOSTILE) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=8,
)


@pytest.mark.no_cover
@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(["source", "ingested_at", "detail", "time", "id"]), JSON))
def test_no_event_whatever_it_is_makes_the_recorder_of_heartbeats_raise(event):
    world = Recorder()
    assert world.send(event) == MALFORMED
    assert world.ledger.calls == []


KINDS = [EC2_STATE, ALARM_STATE, LIFECYCLE_ACTION, *SPOT_EVENTS]


def receive(world: Controller, event: Any) -> list[str]:
    return receive_signal(
        event,
        beats=world.ledger,
        ledger=world.ledger,
        index=world.ledger,
        judge=world.judge,
        clock=world.clock,
        releaser=a_releaser(world.ledger, world.clock, world.scaling),
    )


@pytest.mark.no_cover
@settings(max_examples=100, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "detail-type": st.sampled_from([EC2_STATE, ALARM_STATE, LIFECYCLE_ACTION, *SPOT_EVENTS]) | JSON,
            "time": JSON,
            "detail": JSON,
        }
    )
)
def test_no_event_whatever_it_is_makes_the_receiver_of_signals_raise(event):
    """What raises is tried again, and lands in the dead-letter queue: it would be no better the third time."""
    world = Controller()
    before = world.ledger.state()
    assert receive(world, event) == []
    assert receive(world, {key: value for key, value in event.items() if key != "detail"}) == []
    assert world.ledger.state() == before


@pytest.mark.parametrize("state", ["hibernated", "unknown", "STOPPED", "", None, 7, ["stopped"], *HOSTILE], ids=label)
def test_a_state_that_ec2_has_not_told_us_of_yet_changes_nothing_and_is_told(state, caplog):  # B3
    world = Controller()
    world.ec2("running")
    before = world.ledger.state()
    caplog.clear()
    assert world.ec2(state, at=NOW + 5) == []
    assert world.ledger.state() == before
    assert not world.launcher.starts
    assert any("detail.state is" in text and "terminated" in text for text in told(caplog))


@pytest.mark.parametrize("instance_id", ["", "i-", "i-X", "node-a", None, 7, [NODE_A], *HOSTILE], ids=label)
def test_a_signal_of_no_instance_is_refused(instance_id):
    assert Controller().ec2("stopped", instance_id=instance_id) == []


@pytest.mark.parametrize("value", ["FIRE", "", None, 7, ["ALARM"], {"value": "ALARM"}, *HOSTILE], ids=label)
def test_a_state_of_an_alarm_that_nobody_knows_changes_nothing(value):  # B3
    named = a_definition(nodes=(replace(SPECS[0], alarms=("down",)), SPECS[1]))
    world = Controller(definition=named)
    world.alarm("ALARM", name="down")
    before = world.ledger.state()
    assert world.alarm(value, name="down", at=NOW + 5) == []
    assert world.ledger.state() == before


@pytest.mark.parametrize("name", HOSTILE, ids=label)
def test_an_alarm_with_a_hostile_name_concerns_nobody(name):
    world = Controller()
    before = world.ledger.state()
    assert world.alarm("ALARM", name=name) == []
    assert world.ledger.state() == before


def test_ec2s_word_is_still_heard_after_one_that_nobody_knows():
    world = Controller(a_state(node_a=a_report(power=PowerReading.RUNNING, power_at=NOW)))
    world.ec2("hibernated", at=NOW + 5)
    assert world.ec2("stopped", at=NOW + 6) == [CLUSTER]


@pytest.mark.parametrize("action", ["switchover", "failover", "hold", "resume"])
@pytest.mark.parametrize("reason", [text[:TEXT_LIMIT] for text in HOSTILE], ids=label)
def test_an_operators_reason_is_kept_as_one_line_that_can_be_written_anywhere(reason, action):  # S10 B5
    kept = parse_request({"cluster": CLUSTER, "action": action, "reason": reason}).reason
    assert len(kept) <= TEXT_LIMIT
    assert kept.isprintable()
    assert json.loads(json.dumps(kept, ensure_ascii=False).encode("utf-8")) == kept
    if reason.isprintable():
        assert kept == reason


@pytest.mark.parametrize("value", [*HOSTILE, *(each for each in ODD if each != 2**53), nested(50_000)], ids=label)
@pytest.mark.parametrize("key", ["for_s", "until"])
def test_a_hold_without_a_time_that_can_be_is_refused(key, value):  # S10
    with pytest.raises(BadRequestError, match=key):
        parse_request({"cluster": CLUSTER, "action": "hold", key: value})


@pytest.mark.parametrize("value", [*HOSTILE, *ODD], ids=label)
def test_nobody_goes_on_without_a_proof_by_a_word_that_is_not_the_one(value):  # B4
    request = {"cluster": CLUSTER, "action": "failover", "reason": "it is off", "unproven": value}
    with pytest.raises(BadRequestError, match="unproven is"):
        parse_request(request)
