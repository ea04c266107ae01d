"""Looking nodes up in a definition."""

from tests.support.builders import NODE_B, NODE_C, SPECS, a_definition


def test_a_member_is_found_by_its_instance():
    assert a_definition().node(NODE_B) == SPECS[1]
    assert a_definition(2).node(NODE_C) is None


def test_a_member_is_found_by_its_name():
    assert a_definition().node_named("node-b") == SPECS[1]
    assert a_definition(2).node_named("node-c") is None


def test_people_read_names_and_for_strangers_the_instance():
    assert a_definition().name_of(NODE_B) == "node-b"
    assert a_definition(2).name_of(NODE_C) == NODE_C
