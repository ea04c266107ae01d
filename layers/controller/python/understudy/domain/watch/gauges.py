"""What is wrong with a cluster that nobody may have noticed, because nothing happens: the gauges of the watch."""

from enum import StrEnum

from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.rules import Action, decide
from understudy.domain.decide.silence import is_put_off
from understudy.domain.decide.situation import Candidate, Mode, Observer, Phase, survey
from understudy.domain.transition.consent import is_in_question
from understudy.domain.transition.opening import ACTION_OF

HELD_LIMIT_S = 86_400
"""A hold that is older (seconds) counts as forgotten."""


class HealthGauge(StrEnum):
    """One question about a cluster each; the values are the names of metrics, which count the clusters."""

    WITHOUT_STANDBY = "ClustersWithoutStandby"
    DEGRADED = "ClustersDegraded"
    HELD_TOO_LONG = "ClustersHeldTooLong"
    OVERDUE = "TransitionsOverdue"
    DOUBTED = "ClustersDoubted"


def health_gauges(view: ClusterView, observer: Observer) -> frozenset[HealthGauge]:
    """What ails a cluster at `now` (seconds).

    WITHOUT_STANDBY: no node is fit to take over, but for those on which the service did not start. Not while a
    transition is under way, whose target is none any more, nor while the cluster is held: then a standby may be down
    because somebody works on it.
    DEGRADED: a person is needed, also for an approval, or an address is not known to lead to the service.
    DOUBTED: a move that rests on the silence of a node is put off, because many are silent.
    """
    situation = survey(view, observer)
    is_owed = view.state.address is not None and view.state.address.status is AddressStatus.OWED
    is_under_way = situation.phase is Phase.UNDER_WAY
    decision = decide(situation)
    action = decision.action
    needs_person = action is Action.CALL_OPERATOR or is_in_question(
        ACTION_OF.get(action), view.policy, view.state, view.now
    )
    found = {
        HealthGauge.WITHOUT_STANDBY: situation.candidate is not Candidate.FIT
        and situation.mode is Mode.NORMAL
        and not is_under_way,
        HealthGauge.DEGRADED: needs_person or (is_owed and not is_under_way),
        HealthGauge.HELD_TOO_LONG: view.state.hold is not None
        and view.state.hold.is_on(view.now)
        and view.now - view.state.hold.since > HELD_LIMIT_S,
        HealthGauge.OVERDUE: situation.phase is Phase.OVERDUE,
        HealthGauge.DOUBTED: is_put_off(decision.rule, view.state, view.now),
    }
    return frozenset(ailment for ailment, is_so in found.items() if is_so)
