"""What somebody with one right cannot do, where no other test says so: see docs/threat-model.md."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders import CLUSTER, NODE_A, NODE_B, NOW
from tests.template import cfn
from tests.unit.test_definition import a_document, faults_of
from tests.unit.usecases.observe.test_record_heartbeat import Recorder

NUMBERS = st.one_of(st.integers(-(2**70), 2**70), st.sampled_from([0, 10**9, 10**12, 10**15, 2**53 - 1]), st.floats())
WORDS = st.one_of(st.sampled_from(["IN_SERVICE", "OUT_OF_SERVICE", "FAILED", "STOPPING"]), st.text(max_size=5))
SAYS = st.fixed_dictionaries(
    {},
    optional={
        "beat": NUMBERS,
        "read_epoch": NUMBERS,
        "knows": NUMBERS,
        "fit": st.one_of(st.booleans(), NUMBERS),
        "keeps_lease": st.booleans(),
        "boot": st.text(max_size=70),
        "services": st.dictionaries(st.text(max_size=8), WORDS, max_size=3),
        "quorum": st.fixed_dictionaries({"reached": NUMBERS, "total": NUMBERS}),
        "instance": st.just(NODE_B),
        "cluster": st.just(CLUSTER),
    },
)


@pytest.mark.no_cover
@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([NODE_A, NODE_B]), SAYS), max_size=4))
def test_whatever_a_node_says_changes_what_is_known_of_that_node_only(beats):  # B10 B1
    """Who holds the lease, the epoch and the other nodes stay as they are: a beat writes its own row."""
    world = Recorder()
    for number, (sender, said) in enumerate(beats, start=1):
        before = world.ledger.state()
        world.beat(sender, at=NOW + 4 * number, **said)
        after = world.ledger.state()
        others = {each: after.nodes[each] for each in after.nodes if each != sender}
        assert others == {each: before.nodes[each] for each in before.nodes if each != sender}
        same = {"nodes": before.nodes, "revision": before.revision, "alert": before.alert, "lone": before.lone}
        assert replace(after, **same) == before


@pytest.mark.parametrize("key", ["unit", "mount", "start", "stop", "script", "command", "kind"])
def test_a_definition_cannot_say_what_a_node_is_to_run(key):  # B10
    document = a_document(services=[{"name": "postgresql", key: "/bin/sh"}])
    (fault,) = faults_of(document)
    assert key in fault


def test_the_keys_of_nodes_stand_where_no_definition_stands():  # B10 B11
    """So the right to put definitions is none on the keys: a path of Parameter Store matches whole names."""
    policy = cfn.of_type("AWS::IAM::ManagedPolicy")["NodePolicy"]
    statements = cfn.resolve(policy["PolicyDocument"]["Statement"], {})
    (keys,) = [each for each in statements if each["Sid"] == "ReadKeys"]
    prefix = cfn.source()["Globals"]["Function"]["Environment"]["Variables"]["PARAMETER_PREFIX"]
    assert cfn.resolve(prefix, {}) == "/understudy/understudy/"
    assert all(":parameter/understudy-keys/" in arn for arn in keys["Resource"])
