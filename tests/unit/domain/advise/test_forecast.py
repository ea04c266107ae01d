"""What a move is going to take: policy where nothing was measured, what was measured where something was (B7)."""

from tests.support.balancers import LOAD_BALANCER, a_probe
from tests.support.builders import RECORD, a_definition, a_state
from tests.support.readiness import ROUTE
from understudy.domain.advise.fencing_outlook import dead_end, outlook
from understudy.domain.advise.forecast import PredictedPhase, forecast, measured_outage_s
from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.policy import Fencing, Policy
from understudy.domain.cluster.state import Lease, Proof, TransitionAction
from understudy.domain.cluster.tuning import Tuning

SWITCHOVER, FAILOVER = TransitionAction.SWITCHOVER, TransitionAction.FAILOVER


def a_story(action: str = "switchover", **took_s: float) -> dict[str, object]:
    """A past move, opened at 100: fenced, granted and in service so many seconds after that."""
    return {"action": action, "stages": {"opened_at": 100.0, **{key: 100 + each for key, each in took_s.items()}}}


def phases(
    action: TransitionAction, *past: dict[str, object], definition: Definition | None = None
) -> dict[str, PredictedPhase]:
    found = forecast(action, definition or a_definition(), past)
    return {phase.name: phase for phase in found.phases}


def accepting(*proofs: Proof) -> Definition:
    return a_definition(policy=Policy(fencing=Fencing(accept=proofs)))


def test_a_failover_waits_for_silence_and_a_switchover_does_not():  # B7
    silence = phases(FAILOVER)["noticing silence"]
    assert (silence.least_s, silence.usual_s, silence.most_s) == (11, 15, 75)
    assert "noticing silence" not in phases(SWITCHOVER)


def test_fencing_takes_what_the_first_accepted_proof_takes():  # B4 B7
    assert phases(FAILOVER)["fencing"].usual_s == 0
    assert phases(SWITCHOVER)["fencing"].usual_s == 4
    assert phases(SWITCHOVER, definition=accepting(Proof.LEASE_EXPIRED))["fencing"].usual_s == 15
    assert phases(FAILOVER, definition=accepting(Proof.STOPPED))["fencing"].usual_s == 30


def test_every_phase_ends_at_its_ceiling_or_at_the_worst_that_was_measured():  # B7
    usual = phases(SWITCHOVER)
    assert (usual["fencing"].most_s, usual["starting the services"].most_s) == (60, 120)
    slow = phases(SWITCHOVER, a_story(granted_at=1, in_service_at=501))
    assert slow["starting the services"].most_s == 500


def test_the_median_of_the_past_is_the_usual():  # B7
    past = [a_story(granted_at=1, in_service_at=1 + each) for each in (9, 2, 5)]
    starting = phases(SWITCHOVER, *past)["starting the services"]
    assert (starting.least_s, starting.usual_s, starting.measured) == (2, 5, 3)
    assert starting.line == "starting the services: 2 / 5 / 120 s (measured 3 times)"


def test_a_failover_is_fenced_otherwise_than_a_switchover_and_is_measured_apart():  # B7
    past = (a_story("failover", fenced_at=1), a_story("switchover", fenced_at=7))
    assert phases(FAILOVER, *past)["fencing"].usual_s == 1
    assert phases(SWITCHOVER, *past)["fencing"].usual_s == 7


def test_what_a_placement_or_a_repair_took_says_nothing_of_fencing_and_starting():  # B7
    """Nobody is fenced by either, and the services may run already."""
    past = [a_story(action, fenced_at=0, granted_at=1, in_service_at=1) for action in ("place", "repair")]
    found = phases(SWITCHOVER, *past)
    assert [found[name].measured for name in ("fencing", "starting the services")] == [0, 0]
    assert found["moving the addresses, granting the lease"].measured == 2


def test_a_move_that_never_came_to_a_phase_measures_nothing_of_it():  # B7
    assert phases(SWITCHOVER, a_story(fenced_at=2), {})["starting the services"].measured == 0
    assert measured_outage_s(a_story(fenced_at=2)) is None
    assert measured_outage_s({}) is None
    assert measured_outage_s(a_story(in_service_at=6.5)) == 6.5


def test_clients_wait_for_route_53_and_for_ttl_only_where_there_is_a_record():  # S13 B7
    clients = forecast(SWITCHOVER, a_definition(tuning=Tuning(ROUTE53_TTL=60)), ()).clients
    assert clients is not None
    assert (clients.least_s, clients.usual_s) == (0, 86)
    measured = forecast(SWITCHOVER, a_definition(), [a_story(accepted_at=2, in_sync_at=8)]).clients
    assert measured is not None
    assert (measured.usual_s, measured.measured) == (7, 1)
    assert forecast(SWITCHOVER, a_definition(records=(), routes=(ROUTE,)), ()).clients is None


def test_the_total_is_measured_only_where_every_phase_is():  # B7
    story = a_story(fenced_at=3, granted_at=4, in_service_at=9)
    assert forecast(SWITCHOVER, a_definition(), [story]).total.measured == 1
    assert forecast(SWITCHOVER, a_definition(records=(RECORD,)), [story]).total.usual_s == 9
    assert forecast(FAILOVER, a_definition(), [story]).total.measured == 0


def test_an_outlook_after_the_lease_has_ended_speaks_of_that_lease():  # B4 B7
    state = a_state(active=None, previous=Lease("i-0aaaaaaaaaaaaaaa1", 1, 30, True, 2))
    (_, expiry, _) = outlook(state, a_definition(), may_stop=False)
    assert "33 s after" in expiry.how


def test_a_holder_that_keeps_no_lease_can_only_be_stopped():  # B4 B7
    state = a_state(active=None, previous=Lease("i-0aaaaaaaaaaaaaaa1", 1, 12, False, 2))
    proofs = outlook(state, a_definition(), may_stop=True)
    assert not any(each.comes_alive or each.comes_dead for each in proofs)
    assert dead_end(proofs).startswith("nothing that the policy accepts")
    assert dead_end(()) == ""


def test_clients_of_a_load_balancer_wait_for_its_probing_and_for_no_ttl():  # B7 B21
    balanced = a_definition(records=(), load_balancers=(LOAD_BALANCER,))
    found = forecast(FAILOVER, balanced, (), (a_probe(), a_probe(interval_s=10, healthy=3)))
    assert found.clients is None
    assert found.balanced == PredictedPhase("clients of the load balancer, after that", 20, 25, 30)
    assert forecast(FAILOVER, balanced, ()).balanced is None
