"""Tell people which cluster has nobody left to take over while its service still runs."""

import logging
from dataclasses import replace

from understudy.domain.cluster.errors import LedgerConflictError
from understudy.domain.cluster.no_standby import NoStandby, no_standby_after
from understudy.domain.cluster.state import ClusterState
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.situation import (
    NO_FIT_STANDBY,
    NO_SOUND_STANDBY,
    Candidate,
    Holder,
    Mode,
    Observer,
    Phase,
    PlannedMove,
    Situation,
    survey,
)
from understudy.domain.events.alerts import ClusterDegraded
from understudy.ports.announcer import Announcer
from understudy.ports.ledger import StateLedger
from understudy.usecases.observe.facts import facts_of
from understudy.usecases.step import publish

FAULTS = {
    Candidate.RETRY: NO_SOUND_STANDBY,
    Candidate.NO_RETRY: NO_SOUND_STANDBY,
    Candidate.NONE: "no other node is fit to take over",
    Candidate.NO_QUORUM: "quorum keeps every other node that is ready from taking over",
    Candidate.NO_FITNESS: NO_FIT_STANDBY,
}
log = logging.getLogger(__name__)


def no_standby_now(view: ClusterView, observer: Observer) -> NoStandby | None:
    """What is to be remembered of a cluster from `now` on.

    It stays as it is where nothing can be known, or where something else is told: see `_is_plain`.
    """
    situation = survey(view, observer)
    if not _is_plain(situation):
        return view.state.lone
    return no_standby_after(view.state.lone, view.now, is_missing=situation.candidate in FAULTS)


def tell_degraded(
    view: ClusterView,
    observer: Observer,
    *,
    ledger: StateLedger,
    announcer: Announcer,
) -> ClusterState:
    """Tell once when a cluster has had nobody who could take over for LONE_LIMIT_S, and once when it has again.

    The state as it then is.
    """
    before, after = view.state.lone, no_standby_now(view, observer)
    if after == before:
        return view.state
    if (after is not None and after.is_told) or (before is not None and before.is_told):
        fault = FAULTS[survey(view, observer).candidate] if after else None
        event = ClusterDegraded(
            cluster=view.state.cluster,
            epoch=view.state.epoch,
            fault=fault,
            since=after.since if after else None,
            facts=facts_of(view),
        )
        log.warning("cluster degraded" if fault else "cluster no longer degraded", extra=event.detail())
        publish(announcer, event)
    try:
        return ledger.commit(view.state, replace(view.state, lone=after))
    except LedgerConflictError:
        log.info("not noted: the state has changed; the next watch repeats it")
        return view.state


def _is_plain(situation: Situation) -> bool:
    """Whether the service runs and nothing is under way, and silence can be believed.

    Else: a move has taken the standby, an operator works on it, a rule calls a person, or nobody at all is heard.
    """
    return (
        situation.phase is Phase.SETTLED
        and situation.holder is Holder.READY
        and situation.mode is Mode.NORMAL
        and situation.observer is Observer.TRUSTED
        and situation.planned is not PlannedMove.STRANDED
    )
