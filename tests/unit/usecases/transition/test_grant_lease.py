"""GrantLease and AwaitService: what a member says after the fencing still counts, as do the names of its services."""

import pytest

from tests.support.builders import (
    CLUSTER,
    NODE_A,
    NODE_B,
    NODE_C,
    NOW,
    a_beat,
    a_definition,
    a_moving_state,
    a_previous,
    a_report,
    a_transition,
    an_off_report,
)
from tests.support.fakes.clock import VirtualClock
from tests.support.fakes.ledger import FakeLedger
from tests.support.fakes.nodes import FakeNodes
from understudy.domain.cluster.errors import UnprovenError
from understudy.domain.cluster.fitness import Fitness
from understudy.domain.cluster.policy import Fencing, Policy
from understudy.domain.cluster.service_names import NO_NAMES
from understudy.domain.cluster.state import NodeReport, PowerReading, Proof, ServiceStatus, Stage
from understudy.usecases.transition.await_service import await_service
from understudy.usecases.transition.fence_node import fence_node
from understudy.usecases.transition.grant_lease import grant_lease

STEP = {"cluster": CLUSTER, "epoch": 2}
DOWN, UP = ServiceStatus.OUT_OF_SERVICE, ServiceStatus.IN_SERVICE
READY_TO_GRANT = {"previous": a_previous(proof=Proof.LEASE_EXPIRED), "transition": a_transition(stage=Stage.GRANTING)}


def table(members=2, definition=None, **state):
    usual = {**READY_TO_GRANT, "node_a": a_report(service=DOWN)}
    return FakeLedger(a_moving_state(members, **{**usual, **state}), definition or a_definition(members))


def grant(ledger):
    return grant_lease(STEP, ledger=ledger, clock=VirtualClock(NOW))


def test_the_lease_is_granted_when_nobody_says_that_it_serves():  # B4
    ledger = table()
    assert grant(ledger)["outcome"] == "GRANTED"
    assert ledger.state().active == NODE_B


@pytest.mark.parametrize("keeps_lease", [True, False])
def test_an_old_holder_that_booted_again_and_serves_keeps_the_lease_from_being_granted(keeps_lease):  # B4
    """Its service came up by itself while the address was moved: the proof of before is void."""
    ledger = table(node_a=a_report(boot="rebooted", keeps_lease=keeps_lease))
    found = grant(ledger)
    assert (found["outcome"], found["why"], found["wait_s"]) == ("UNFENCED", "node-a says that it serves", 1)
    state = ledger.state()
    assert (state.active, state.previous.proof, state.transition.stage) == (None, None, Stage.FENCING)
    assert ledger.history(CLUSTER, 2)["not_granted"] == "node-a says that it serves"
    with pytest.raises(UnprovenError):
        ledger.put_state(a_moving_state(node_a=a_report(service=DOWN)))
        grant(ledger)


def test_a_third_member_that_serves_keeps_the_lease_from_being_granted_and_the_proof_stands():  # B4
    ledger = table(3, node_c=a_report(NODE_C, service=UP, keeps_lease=False))
    assert grant(ledger)["outcome"] == "UNFENCED"
    assert ledger.state().previous.proof is Proof.LEASE_EXPIRED


def test_what_the_target_itself_says_does_not_object():  # B4
    assert grant(table(node_b=a_report(NODE_B, service=ServiceStatus.STARTING)))["outcome"] == "GRANTED"


def test_a_node_that_is_off_by_ec2s_word_does_not_object_whatever_it_said_before():  # B4
    assert grant(table(node_a=an_off_report(power_at=NOW + 1)))["outcome"] == "GRANTED"


# The fencing that begins again.


def fence(ledger, nodes=None, after_s=0):
    return fence_node(STEP, ledger=ledger, nodes=nodes or FakeNodes(), clock=VirtualClock(NOW + after_s))


def unbound():
    return a_report(boot="rebooted", keeps_lease=False, heard_at=NOW)


def test_the_fencing_of_a_node_that_serves_unbound_waits_for_ec2_and_then_gives_up_with_the_reason():  # B4
    ledger = table(node_a=unbound(), previous=a_previous(), transition=a_transition())
    assert fence(ledger, after_s=40)["outcome"] == "NOT_YET"
    gave_up = fence(ledger, after_s=60)
    assert gave_up["outcome"] == "GAVE_UP"
    assert "its services run under no lease" in gave_up["why"]


def test_ec2s_word_that_such_a_node_is_off_is_recorded_so_that_the_grant_believes_it_too():  # B4
    nodes = FakeNodes()
    nodes.powers[NODE_A] = PowerReading.STOPPED
    ledger = table(node_a=unbound(), previous=a_previous(), transition=a_transition())
    assert fence(ledger, nodes, after_s=1)["proof"] == "STOPPED"
    assert ledger.state().nodes[NODE_A].power_now is PowerReading.STOPPED
    assert grant_lease(STEP, ledger=ledger, clock=VirtualClock(NOW + 2))["outcome"] == "GRANTED"


def test_a_third_member_that_serves_is_named_when_fencing_gives_up():  # B4 B5
    third = a_report(NODE_C, service=UP, keeps_lease=False)
    ledger = table(3, node_c=third, previous=a_previous(), transition=a_transition())
    assert "node-c says that it serves, and holds no lease" in fence(ledger, after_s=60)["why"]


def test_a_first_placement_waits_for_the_word_of_every_member_and_names_who_is_missing():  # B4 B5
    ledger = table(node_a=NodeReport("node-a"), previous=None, transition=a_transition(source=None))
    assert fence(ledger)["outcome"] == "NOT_YET"
    assert "nobody knows whether node-a serves" in fence(ledger, after_s=60)["why"]
    down = table(previous=None, transition=a_transition(source=None))
    assert fence(down)["proof"] == "NO_HOLDER"
    assert grant(down)["outcome"] == "GRANTED"


@pytest.mark.parametrize("asked", [True, False])
def test_a_person_who_answers_for_it_may_have_a_first_placement_without_that_word(asked):  # B4
    transition = a_transition(source=None, may_go_unproven=asked)
    ledger = table(node_a=NodeReport("node-a"), previous=None, transition=transition)
    assert fence(ledger, after_s=60).get("proof") == ("UNPROVEN" if asked else None)
    assert ledger.state().transition.without_proof is asked


def test_not_even_a_person_gets_a_placement_beside_a_node_that_says_that_it_serves():  # B4
    transition = a_transition(source=None, may_go_unproven=True)
    ledger = table(node_a=a_report(keeps_lease=False), previous=None, transition=transition)
    assert fence(ledger, after_s=60)["outcome"] == "GAVE_UP"


def test_a_policy_that_goes_on_does_not_go_on_beside_a_third_member_that_serves():  # B4
    policy = Policy(fencing=Fencing(accept=(Proof.STOPPED,), unproven="proceed"))
    third = a_report(NODE_C, service=UP, keeps_lease=False)
    definition = a_definition(3, policy=policy)
    ledger = table(3, definition, node_c=third, previous=a_previous(), transition=a_transition())
    assert fence(ledger, after_s=600)["outcome"] == "GAVE_UP"


# Waiting for the service.


def test_a_service_that_the_nodes_file_does_not_name_is_never_in_service():  # B2
    started = a_transition(stage=Stage.STARTING, deadline_at=NOW + 100)
    report = a_report(NODE_B, service=UP, read_epoch=2, named="ffffff", misnamed="lacks postgresql")
    ledger = table(active=NODE_B, previous=None, transition=started, node_b=report)
    found = await_service(STEP, ledger=ledger, clock=VirtualClock(NOW))
    assert found["outcome"] == "FAILED"
    assert "node-b does not serve what the definition names: its agent lacks postgresql" in found["why"]


def test_a_node_that_names_nothing_is_told_of_even_without_words():  # B2
    started = a_transition(stage=Stage.STARTING, deadline_at=NOW + 100)
    report = a_report(NODE_B, service=DOWN, read_epoch=2, named=NO_NAMES)
    ledger = table(active=NODE_B, previous=None, transition=started, node_b=report)
    assert "its agent names other services" in await_service(STEP, ledger=ledger, clock=VirtualClock(NOW))["why"]


def test_a_holder_whose_agent_knows_other_services_is_fenced_by_ec2_alone_and_the_reason_names_them():  # B4 B5
    lacking = a_report(service=DOWN, named=NO_NAMES, misnamed="lacks postgresql")
    ledger = table(node_a=lacking, previous=a_previous(), transition=a_transition())
    assert "its agent lacks postgresql, so its word and its lease prove nothing" in fence(ledger, after_s=60)["why"]


@pytest.mark.parametrize(("read_epoch", "outcome"), [(1, "NOT_YET"), (2, "IN_SERVICE"), (3, "NOT_YET")])
def test_a_word_is_believed_that_was_said_under_this_very_epoch(read_epoch, outcome):  # B2
    """An epoch that there has not been comes from another life of the table, or from nobody's agent."""
    started = a_transition(stage=Stage.STARTING, deadline_at=NOW + 100)
    report = a_report(NODE_B, service=UP, read_epoch=read_epoch)
    ledger = table(active=NODE_B, previous=None, transition=started, node_b=report)
    assert await_service(STEP, ledger=ledger, clock=VirtualClock(NOW))["outcome"] == outcome


class Beaten(FakeLedger):
    """A table in which a node beats between the last look before a grant and the grant."""

    def commit(self, before, after, **how):
        if after.active is not None and before.nodes[NODE_A].service is DOWN:
            self.record_beat(a_beat(NODE_A, service=UP, boot="rebooted"))
        return super().commit(before, after, **how)


# B4
def test_what_a_member_says_between_the_last_look_and_the_grant_counts():
    ledger = Beaten(a_moving_state(2, **READY_TO_GRANT, node_a=a_report(service=DOWN)), a_definition(2))
    assert grant(ledger)["outcome"] == "UNFENCED"
    assert ledger.state().active is None


class TurnedUnfit(FakeLedger):
    """A table in which the target says for the first time how fit it is between that look and the grant."""

    def commit(self, before, after, **how):
        if after.active is not None and before.nodes[NODE_B].fitness is None:
            self.record_beat(a_beat(NODE_B, service=DOWN, fitness=Fitness(None)))
        return super().commit(before, after, **how)


# B20
def test_a_target_that_says_for_the_first_time_that_it_is_not_fit_just_before_the_grant_gets_none():
    down = {"node_a": a_report(service=DOWN), "node_b": a_report(NODE_B, service=DOWN)}
    ledger = TurnedUnfit(a_moving_state(2, **READY_TO_GRANT, **down), a_definition(2))
    assert grant(ledger)["outcome"] == "NOT_FIT"
    assert ledger.state().active is None


# B18 B4
def test_a_standby_that_could_not_serve_and_is_down_keeps_no_other_from_taking_over():
    """Were it called failed, nobody could: a node that has failed is not known to be down."""
    ledger = table(3, node_c=a_report(NODE_C, service=DOWN, unfit="systemd cannot start db.service: it is masked"))
    assert grant(ledger)["outcome"] == "GRANTED"
    failed = table(3, node_c=a_report(NODE_C, service=ServiceStatus.FAILED))
    assert grant(failed)["outcome"] == "UNFENCED"
