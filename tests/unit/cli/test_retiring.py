"""The protection of a cluster is ended, in an order that kills no service that runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.balancers import LOAD_BALANCER
from tests.support.builders import NODE_B, NOW, a_definition, a_report, a_state
from tests.unit.cli.running import a_stack, a_story, document, run
from understudy.adapters.dynamodb.items import claim_item, definition_item
from understudy.adapters.dynamodb.keys import look_ups
from understudy.adapters.dynamodb.values import from_item
from understudy.domain.cluster.definition import ElasticIp, Route
from understudy.domain.cluster.record import guard_name
from understudy_cli.core.retiring import guards

SPECS = a_definition().nodes
DEFINITION = a_definition(
    nodes=(replace(SPECS[0], alarms=("disk", "cpu")), SPECS[1]),
    routes=(Route("10.9.9.9/32", ("rtb-0a1b2c3d", "rtb-1a2b3c4d")),),
    elastic_ips=(ElasticIp("eipalloc-0a1b2c3d"),),
    load_balancers=(LOAD_BALANCER,),
)
SILENT = {"node_a": a_report(heard_at=NOW - 60), "node_b": a_report(NODE_B, heard_at=NOW - 60)}


def registered(**state):
    """A cluster with everything that the controller writes for it, beside one that shares the stack."""
    stack = a_stack(a_state(**state), a_state(cluster="files"))
    stack.put(from_item(definition_item(DEFINITION)))
    for pk, sk in look_ups(DEFINITION):
        stack.put({"pk": pk, "sk": sk})
    for address in DEFINITION.claims:
        stack.put(from_item(claim_item("orders-db", address)))
    for sk in ("readiness", "drill", "refusal"):
        stack.put({"pk": "orders-db", "sk": sk})
    stack.put(a_story(1, "first"))
    stack.parameters["clusters/orders-db"] = "nodes: []"
    stack.keys.add("orders-db")
    return stack


def left(stack):
    return sorted(key for key in stack.items if key != ("files", "state"))


def test_the_state_is_never_deleted_while_a_node_is_heard():  # B23 B11
    """Its agent would find no state, keep no lease, and kill the service."""
    stack = registered()
    before = left(stack)
    result = run(stack, "retire", "orders-db", "--yes")
    assert result.exit_code == 5
    assert "stop the agents on node-b, node-a, in this order" in result.output
    assert (left(stack), stack.parameters, stack.keys) == (before, {}, {"orders-db"})


@pytest.mark.parametrize("node", ["node_a", "node_b"])
def test_one_node_that_is_heard_is_enough_to_wait(node):  # B23
    stack = registered(**{each: report for each, report in SILENT.items() if each != node})
    assert run(stack, "retire", "orders-db", "--yes").exit_code == 5
    assert ("orders-db", "state") in stack.items


def test_nothing_is_left_but_the_history_and_what_is_others():  # B23
    stack = registered(**SILENT)
    result = run(stack, "retire", "orders-db", "--yes")
    assert result.exit_code == 0
    assert left(stack) == [("orders-db", "history#00000001")]
    assert ("files", "state") in stack.items
    assert (stack.parameters, stack.keys) == ({}, set())
    assert f"  delete the TXT record {guard_name(DEFINITION.records[0])} in Z0EXAMPLE" in result.output.splitlines()
    assert guards(from_item(definition_item(DEFINITION))["definition"]) == [
        "_understudy.orders-db.corp.example.com in Z0EXAMPLE"
    ]


def test_the_history_goes_when_somebody_says_so():
    stack = registered(**SILENT)
    assert run(stack, "retire", "orders-db", "--with-history", "--yes").exit_code == 0
    assert left(stack) == []


def test_an_address_that_is_another_clusters_by_now_stays_that_ones():  # B23
    stack = registered(**SILENT)
    stack.put(from_item(claim_item("files", "eipalloc-0a1b2c3d")))
    run(stack, "retire", "orders-db", "--yes")
    assert ("address#eipalloc-0a1b2c3d", "claim") in stack.items


@pytest.mark.parametrize("cut_off_after", range(12))
def test_it_may_be_cut_off_anywhere_and_run_again(cut_off_after, monkeypatch):  # B23
    stack = registered(**SILENT)
    delete, done = stack.delete_item, []

    def cut_off(pk, sk, claimed_by=""):
        if len(done) == cut_off_after:
            raise KeyboardInterrupt
        done.append(sk)
        delete(pk, sk, claimed_by)

    monkeypatch.setattr(stack, "delete_item", cut_off)
    assert run(stack, "retire", "orders-db", "--yes").exit_code == 6
    assert not done or done[0] == "state", "nothing goes before the state"
    monkeypatch.undo()
    assert run(stack, "retire", "orders-db", "--yes").exit_code == 0
    assert left(stack) == [("orders-db", "history#00000001")]


def test_a_plan_does_nothing():  # B23
    stack = registered()
    before = left(stack)
    told = document(stack, "retire", "orders-db", "--plan")
    assert (told["exit"], left(stack), len(stack.parameters)) == (0, before, 1)
    assert told["items"][0] == ["orders-db", "state"]
    assert {tuple(each) for each in told["items"]} == set(before) - {("orders-db", "history#00000001")}


def test_it_is_asked_back_about_and_there_must_be_something_to_retire():  # B23
    stack = registered(**SILENT)
    assert run(stack, "retire", "orders-db").exit_code == 2
    assert ("orders-db", "state") in stack.items
    assert run(stack, "retire", "order-db", "--yes").exit_code == 2
