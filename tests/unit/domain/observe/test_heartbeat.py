"""Heartbeats are read with suspicion: each malformed field is named, and none is an exception of another kind."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders import NODE_A, NOW
from understudy.domain.cluster.fitness import FITNESS_LIMIT, Fitness
from understudy.domain.cluster.reach import Reach
from understudy.domain.cluster.state import ServiceStatus
from understudy.domain.observe.heartbeat import SERVICES_LIMIT, Beat, MalformedBeatError, parse_beat

ARN = f"arn:aws:ec2:us-east-1:123456789012:instance/{NODE_A}"
DETAIL = {
    "cluster": "orders-db",
    "boot": "aaaaaaaa-1111",
    "beat": 86_400_000,
    "keeps_lease": True,
    "read_epoch": 3,
    "services": {"data": "IN_SERVICE", "postgresql": "STARTING"},
    "agent": "0.1.0+dev-1",
}
MISSING = object()


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def refusal(source: Any = ARN, detail: Any = None, **changes: Any) -> str:
    document = {key: value for key, value in {**DETAIL, **changes}.items() if value is not MISSING}
    with pytest.raises(MalformedBeatError) as caught:
        parse_beat(source, NOW, document if detail is None else detail)
    assert len(str(caught.value)) < 400
    return str(caught.value)


def test_a_beat_says_who_when_and_how_the_services_are():  # S11
    assert parse_beat(ARN, NOW, DETAIL) == Beat(
        cluster="orders-db",
        instance_id=NODE_A,
        heard_at=NOW,
        boot="aaaaaaaa-1111",
        beat=86_400_000,
        keeps_lease=True,
        read_epoch=3,
        service=ServiceStatus.STARTING,
        agent="0.1.0+dev-1",
        services=frozenset({"data", "postgresql"}),
    )


# B18
def test_a_beat_may_say_why_its_sender_could_not_take_over():
    full = "/run/understudy/orders-db cannot be written: No space left on device"
    assert parse_beat(ARN, NOW, DETAIL).unfit == ""
    assert [parse_beat(ARN, NOW, {**DETAIL, **each}).waits for each in ({}, {"waits": True})] == [False, True]
    assert parse_beat(ARN, NOW, {**DETAIL, "unfit": "no room\nleft"}).unfit == "no room\\nleft"
    assert parse_beat(ARN, NOW, {**DETAIL, "unfit": full}).unfit == f"{full[:57]}..."


# B20
def test_a_beat_may_give_a_fingerprint_of_its_agents_configuration():
    assert parse_beat(ARN, NOW, DETAIL).config == ""
    assert parse_beat(ARN, NOW, {**DETAIL, "config": "0a1b2c"}).config == "0a1b2c"


def test_words_that_a_newer_agent_has_added_are_left_aside():  # S11 S17
    """Old and new side by side. A beat of before there were versions is of the first."""
    assert parse_beat(ARN, NOW, {**DETAIL, "version": 1, "colour": {"of": "green"}}) == parse_beat(ARN, NOW, DETAIL)


@pytest.mark.parametrize("version", [2, 0, -1, "1", 1.0, True, None, [1]])
def test_a_beat_of_a_version_that_is_not_known_is_refused_with_what_to_do(version):  # S17 B3
    said = refusal(version=version)
    assert "detail.version is" in said
    assert "Upgrade the stack before the agents" in said


def test_a_node_without_an_agent_beats_too_and_keeps_no_lease():  # S11 B4
    plain = {"cluster": "orders-db", "boot": "b", "beat": 0, "keeps_lease": False}
    beat = parse_beat(ARN, NOW, plain)
    assert (beat.keeps_lease, beat.read_epoch, beat.agent) == (False, 0, "")
    assert beat.service is ServiceStatus.IN_SERVICE


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_every_partition_of_aws_has_instances(partition):
    assert parse_beat(ARN.replace("arn:aws:", f"arn:{partition}:"), NOW, DETAIL).instance_id == NODE_A


@pytest.mark.parametrize(
    "source",
    [
        None,
        7,
        "",
        NODE_A,
        f"{ARN}\n",
        f"x{ARN}",
        ARN.replace(":instance/", ":volume/"),
        ARN.replace("123456789012", "12345"),
        ARN.replace("i-0", "i-X"),
        "x" * 10**6,
        [ARN],
    ],
)
def test_only_an_instance_can_beat(source):  # S11
    assert "not the ARN of an instance" in refusal(source=source)


@pytest.mark.parametrize("detail", [7, "x" * 10**6, [DETAIL], True])
def test_a_detail_that_is_no_object_is_refused(detail):
    assert "not an object" in refusal(detail=detail)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("cluster", MISSING),
        ("cluster", "Orders"),
        ("cluster", "a" * 41),
        ("cluster", "orders-db\n"),
        ("boot", MISSING),
        ("boot", ""),
        ("boot", "b" * 65),
        ("boot", "a b"),
        ("boot", 7),
        ("beat", MISSING),
        ("beat", -1),
        ("beat", 2**53),
        ("beat", 1.5),
        ("beat", True),
        ("beat", "7"),
        ("keeps_lease", MISSING),
        ("keeps_lease", 1),
        ("keeps_lease", "true"),
        ("keeps_lease", None),
        ("read_epoch", None),
        ("read_epoch", -1),
        ("read_epoch", False),
        ("services", None),
        ("services", []),
        ("services", {f"s{n}": "IN_SERVICE" for n in range(SERVICES_LIMIT + 1)}),
        ("services", {"data": "in_service"}),
        ("services", {"data": None}),
        ("services", {"data": {"status": "IN_SERVICE"}}),
        ("services", {"x" * 10**6: "x" * 10**6}),
        ("agent", "0.1 0"),
        ("agent", "1" * 33),
        ("agent", None),
        ("key", ""),
        ("key", "A1B2C3"),
        ("key", "a1b2c3 " * 4),
        ("key", None),
        ("silent", "i-0bbbbbbbbbbbbbbb2"),
        ("silent", ["node-b"]),
        ("silent", [7]),
        ("silent", ["i-0bbbbbbbbbbbbbbb2"] * 10),
        ("config", None),
        ("config", 7),
        ("config", ""),
        ("config", "0A1B2C"),
        ("config", "0" * 17),
        ("unfit", None),
        ("unfit", True),
        ("waits", "yes"),
    ],
)
def test_a_malformed_field_is_named_with_what_is_allowed(key, value):  # S11
    text = refusal(**{key: value})
    assert text.startswith(f"detail.{key}")
    assert "; allowed: " in text


def test_numbers_and_nesting_without_end_are_malformed_too():
    assert "not the ARN" in refusal(source=nested(100_000))
    assert "detail.beat is a number of more than 60 digits" in refusal(beat=10**5000)
    assert "detail.services.data is a list" in refusal(services={"data": nested(100_000)})
    assert "detail.agent is a list" in refusal(agent=nested(100_000))


def test_fields_of_a_newer_agent_are_left_alone():
    assert parse_beat(ARN, NOW, {**DETAIL, "from_the_future": nested(100_000)}).instance_id == NODE_A


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@pytest.mark.no_cover
@settings(max_examples=100, deadline=None)
@given(source=st.just(ARN) | JSON, detail=JSON | st.dictionaries(st.sampled_from(list(DETAIL)), JSON))
def test_no_event_raises_anything_but_a_malformed_beat(source, detail):
    with pytest.raises(MalformedBeatError):
        parse_beat(source, NOW, detail)


@pytest.mark.no_cover
@settings(max_examples=100, deadline=None)
@given(st.fixed_dictionaries({key: st.just(value) | JSON for key, value in DETAIL.items()}))
def test_one_field_gone_wrong_is_a_malformed_beat_or_none(detail):
    try:
        beat = parse_beat(ARN, NOW, detail)
    except MalformedBeatError:
        return
    assert isinstance(beat.service, ServiceStatus)


# B20
@pytest.mark.parametrize(
    ("fit", "fitness"),
    [
        (False, Fitness(None)),
        (0, Fitness(0)),
        (-8192, Fitness(-8192)),
        (8192.0, Fitness(8192)),  # the same number as JSON may write it on its way
        (FITNESS_LIMIT - 1, Fitness(FITNESS_LIMIT - 1)),
        (1 - FITNESS_LIMIT, Fitness(1 - FITNESS_LIMIT)),
    ],
)
def test_a_beat_says_how_fit_its_sender_is_to_take_over(fit, fitness):
    assert parse_beat(ARN, NOW, {**DETAIL, "fit": fit}).fitness == fitness
    assert parse_beat(ARN, NOW, DETAIL).fitness is None


# B20 B10
@pytest.mark.parametrize(
    "fit",
    [
        True,
        None,
        "7",
        "",
        0.5,
        float("inf"),
        float("nan"),
        FITNESS_LIMIT,
        -FITNESS_LIMIT,
        10**300,
        1e300,
        [7],
        {"fit": 7},
    ],
)
def test_a_fitness_that_cannot_be_is_refused_by_name(fit):
    assert refusal(fit=fit).startswith("detail.fit is ")


def test_a_beat_says_how_many_quorum_hosts_its_sender_reaches():  # S12
    assert parse_beat(ARN, NOW, {**DETAIL, "quorum": {"reached": 2, "total": 3}}).quorum == Reach(2, 3)
    assert parse_beat(ARN, NOW, {**DETAIL, "quorum": {"reached": 0, "total": 1}}).quorum == Reach(0, 1)
    assert parse_beat(ARN, NOW, DETAIL).quorum is None


@pytest.mark.parametrize(
    "quorum",
    [
        None,
        "3/3",
        [3, 3],
        {},
        {"reached": 3},
        {"reached": 4, "total": 3},
        {"reached": -1, "total": 3},
        {"reached": 0, "total": 0},
        {"reached": 101, "total": 101},
        {"reached": True, "total": 1},
        {"reached": 1, "total": True},
        {"reached": 2.0, "total": 3},
        {"reached": "2", "total": "3"},
    ],
)
def test_a_reach_that_cannot_be_is_refused_by_name(quorum):  # S12
    assert refusal(quorum=quorum).startswith("detail.quorum is ")


def test_an_agent_that_names_no_service_runs_none_and_is_not_taken_for_serving():  # S12
    assert parse_beat(ARN, NOW, {**DETAIL, "services": {}}).service is ServiceStatus.OUT_OF_SERVICE
    plain = {**DETAIL, "services": {}, "keeps_lease": False}
    assert parse_beat(ARN, NOW, plain).service is ServiceStatus.IN_SERVICE


def test_a_beat_may_say_which_definition_its_sender_knows():  # B11
    detail = {"cluster": "orders-db", "boot": "b", "beat": 0, "keeps_lease": True}
    arn = "arn:aws:ec2:eu-west-1:123456789012:instance/i-0a1b2c3d4e5f60718"
    assert parse_beat(arn, 1, detail).knows == 0
    assert parse_beat(arn, 1, {**detail, "knows": 5}).knows == 5
    with pytest.raises(MalformedBeatError, match="knows"):
        parse_beat(arn, 1, {**detail, "knows": -1})


# B13
def test_a_beat_says_which_keys_its_sender_knows_and_who_does_not_answer_it():
    assert (parse_beat(ARN, NOW, DETAIL).key, parse_beat(ARN, NOW, DETAIL).silent) == ("", ())
    for key in ("-", "a1b2c3", "a1b2c3+", "a1b2c3 d4e5f6+"):
        assert parse_beat(ARN, NOW, {**DETAIL, "key": key}).key == key
    assert parse_beat(ARN, NOW, {**DETAIL, "silent": ["i-0bbbbbbbbbbbbbbb2"]}).silent == ("i-0bbbbbbbbbbbbbbb2",)
