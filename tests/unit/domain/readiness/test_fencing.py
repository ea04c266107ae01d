"""Readiness to fence: what each check says when all is well, when it is not, and when it cannot be read."""

import pytest

from tests.support.builders import (
    NODE_A,
    NODE_B,
    a_definition,
    a_report,
    a_state,
)
from tests.support.readiness import UNREAD, instances, says
from understudy.domain.cluster.policy import ApprovalPolicy, Fencing, Policy
from understudy.domain.cluster.state import Proof, TransitionAction
from understudy.domain.readiness import fencing
from understudy.domain.readiness.facts import Verdict

PASS, WARN, FAIL, UNKNOWN = Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.UNKNOWN


def under(**changes):
    return a_definition(policy=Policy(fencing=Fencing(**changes)))


def test_an_instance_that_refuses_to_be_stopped_is_warned_about():  # S12
    says(
        fencing.stop_protection,
        WARN,
        "node-b has DisableApiStop on",
        stop_protected={NODE_A: False, NODE_B: True},
    )
    says(
        fencing.stop_protection,
        UNKNOWN,
        "node-b: AccessDenied",
        stop_protected={NODE_A: False, NODE_B: UNREAD},
    )
    says(fencing.stop_protection, UNKNOWN, "node-b: ", stop_protected={NODE_A: False})
    says(fencing.stop_protection, PASS, "node-a can be stopped")


def test_where_only_stopped_is_accepted_an_instance_that_refuses_to_be_stopped_breaks_the_failover():  # S12
    protected = {NODE_A: False, NODE_B: True}
    only = under(accept=(Proof.STOPPED,))
    says(
        fencing.stop_protection,
        FAIL,
        "node-b has DisableApiStop on",
        stop_protected=protected,
        definition=only,
    )


def test_a_stop_that_iam_would_deny_is_found_before_it_is_needed():  # S12
    stops, only = under(stop_instance=True), under(stop_instance=True, accept=(Proof.STOPPED,))
    tagged = instances(node_a={"stack": "understudy"}, node_b={"stack": "understudy"})
    half = instances(node_a={"stack": "understudy"}, node_b={"stack": "other"})
    says(fencing.stop_allowed, PASS, "stops no instance")
    says(fencing.stop_allowed, WARN, "AllowStopInstances is false", definition=stops, instances=tagged)
    says(fencing.stop_allowed, FAIL, "AllowStopInstances is false", definition=only, instances=tagged)
    says(fencing.stop_allowed, PASS, "node-a has the tag", definition=only, instances=tagged, may_stop=True)
    says(
        fencing.stop_allowed,
        FAIL,
        "node-b: tag understudy:stack is other",
        definition=only,
        instances=half,
        may_stop=True,
    )
    says(fencing.stop_allowed, WARN, "is missing", definition=stops, may_stop=True)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ({"is_one_time": True}, "node-b is a one-time Spot Instance"),
        ({"root_device": "instance-store"}, "node-b has its root device in the instance store"),
    ],
)
def test_an_instance_of_a_kind_that_ec2_cannot_stop_is_found_before_it_is_needed(kind, words):  # S12
    stops, only = under(stop_instance=True), under(stop_instance=True, accept=(Proof.STOPPED,))
    says(fencing.stop_possible, PASS, "stops no instance", instances=instances(node_b=kind))
    says(fencing.stop_possible, WARN, words, definition=stops, instances=instances(node_b=kind))
    says(fencing.stop_possible, FAIL, words, definition=only, instances=instances(node_b=kind))
    says(fencing.stop_possible, PASS, "node-b is of a kind", definition=only)


def test_a_node_whose_death_nobody_could_prove_without_a_person_is_warned_about():  # B4
    says(fencing.death_provable, PASS, "the end of a lease is accepted")
    says(
        fencing.death_provable,
        PASS,
        "is stopped",
        definition=under(stop_instance=True, accept=(Proof.STOPPED,)),
    )
    says(
        fencing.death_provable,
        WARN,
        "lease_expired is not accepted",
        definition=under(accept=(Proof.STOPPED,)),
    )
    unleased = a_state(node_b=a_report(NODE_B, keeps_lease=False))
    says(fencing.death_provable, WARN, "node-b: keeps no lease", state=unleased)
    says(
        fencing.death_provable,
        UNKNOWN,
        "node-b: never heard",
        state=a_state(node_b=a_report(NODE_B, heard_at=None)),
    )


def test_a_node_that_ec2_brings_back_must_keep_a_lease():  # B4
    without_lease = a_state(node_b=a_report(NODE_B, keeps_lease=False))
    says(fencing.auto_recovery, WARN, "node-b is recovered by EC2 and keeps no lease", state=without_lease)
    says(fencing.auto_recovery, PASS, "node-b is recovered by EC2 and keeps a lease")
    never_heard = a_state(node_b=a_report(NODE_B, heard_at=None))
    says(fencing.auto_recovery, UNKNOWN, "node-b is recovered by EC2, and was never heard", state=never_heard)
    only_a = a_state(1)
    says(fencing.auto_recovery, UNKNOWN, "node-b is recovered by EC2, and was never heard", state=only_a)
    off = instances(node_b={"recovers": False})
    says(fencing.auto_recovery, UNKNOWN, "AccessDenied", instances=UNREAD)
    says(fencing.auto_recovery, PASS, "node-b is not recovered", instances=off, state=without_lease)
    silent = instances(node_b={"recovers": None})
    says(fencing.auto_recovery, UNKNOWN, "node-b: EC2 does not say", instances=silent)


# B4
def test_a_failover_that_waits_for_a_person_is_warned_about_with_the_number():
    def asking(approval):
        return a_definition(policy=Policy(approval=approval))

    says(fencing.failover_unattended, PASS, "no failover waits")
    planned = asking(ApprovalPolicy((TransitionAction.SWITCHOVER,), 300))
    says(fencing.failover_unattended, PASS, "no failover waits", definition=planned)
    holds = asking(ApprovalPolicy((TransitionAction.FAILOVER,), 300))
    says(fencing.failover_unattended, WARN, "up to 300 s, and does not go ahead", definition=holds)
    proceeds = asking(ApprovalPolicy((TransitionAction.FAILOVER,), 300, "proceed"))
    says(fencing.failover_unattended, WARN, "up to 300 s, then goes ahead", definition=proceeds)
