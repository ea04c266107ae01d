"""Readiness of the agents: what each check says when all is well, when it is not, and when it cannot be read."""

import pytest

from tests.support.builders import (
    NODE_B,
    TCP_REMOTE,
    a_definition,
    a_report,
    a_state,
)
from tests.support.readiness import says
from understudy.domain.cluster.reach import Reach
from understudy.domain.readiness import agents
from understudy.domain.readiness.facts import Verdict

PASS, WARN, FAIL, UNKNOWN = Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("version", "verdict"),
    [("0.1.0", PASS), ("0.1.1", WARN), ("0.2.0", WARN), ("", FAIL), ("1.0.0", FAIL)],
)
def test_agents_of_different_versions_are_reported_and_of_different_kinds_fail(version, verdict):  # S17
    state = a_state(node_b=a_report(NODE_B, agent=version))
    says(agents.agents_alike, verdict, f"node-b has {version or 'no agent'}", state=state)


def test_a_node_that_was_never_heard_has_no_version_yet():  # S17
    says(agents.agents_alike, UNKNOWN, "node-b was never heard", state=a_state(node_b=a_report(NODE_B, heard_at=None)))
    says(agents.agents_alike, UNKNOWN, "node-b was never heard", state=a_state(1))
    differing = a_state(
        3, node_b=a_report(NODE_B, agent="0.2.0"), node_c=a_report("i-0ccccccccccccccc3", heard_at=None)
    )
    says(agents.agents_alike, WARN, "node-c was never heard", members=3, state=differing)


def reaches(reach, verdict, words):
    state = a_state(node_a=a_report(quorum=Reach(3, 3)), node_b=a_report(NODE_B, quorum=reach))
    says(agents.quorum_reachable, verdict, words, definition=a_definition(quorum=TCP_REMOTE), state=state)


def test_a_node_that_reaches_no_majority_of_the_quorum_hosts_could_take_nothing_over():  # S12
    reaches(Reach(3, 3), PASS, "node-a reaches 3 of 3 quorum hosts; node-b reaches 3 of 3 quorum hosts")
    reaches(Reach(2, 3), WARN, "node-b reaches 2 of 3 quorum hosts")
    reaches(Reach(1, 3), FAIL, "node-b: it reaches 1 of 3 quorum hosts")
    reaches(Reach(5, 5), UNKNOWN, "node-b: it speaks of 5 quorum hosts, and the definition names 3")
    reaches(None, UNKNOWN, "node-b: it does not say how many of the 3 quorum hosts it reaches")
    says(agents.quorum_reachable, PASS, "no quorum hosts are named")
