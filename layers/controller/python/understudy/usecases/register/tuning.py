"""The stack's tunables, as an operator pastes them: accepted whole, or refused with every fault named."""

import logging

from understudy.domain.cluster.policy import Policy
from understudy.domain.cluster.tuning import BadTuningError, PastedTuning, effective, parse_lines
from understudy.domain.cluster.unaccepted import STACK_WIDE, Unaccepted
from understudy.domain.events.definitions import TuningAccepted, TuningRefused
from understudy.domain.transition.limits import exceeding_execution_limit
from understudy.ports.announcer import Announcer
from understudy.ports.ledger import Registry
from understudy.ports.parameters import ParameterText
from understudy.usecases.register.cluster import RegisterOutcome
from understudy.usecases.step import publish

log = logging.getLogger(__name__)


def register_tuning(text: ParameterText, *, registry: Registry, announcer: Announcer) -> RegisterOutcome:
    """Accept or refuse the text. Doing it twice is harmless; after a refusal the last good set stays in force."""
    before = registry.unaccepted(STACK_WIDE)
    if text.digest == registry.tuning_digest():
        _forget(registry, before)
        return RegisterOutcome.UNCHANGED
    if before is not None and before.revision == text.revision:
        return RegisterOutcome.UNCHANGED
    try:
        pasted = _parse(text.text)
    except BadTuningError as bad:
        log.warning("tuning refused", extra={"faults": bad.faults})
        publish(announcer, TuningRefused(parameter_version=text.version, faults=bad.faults))
        registry.note_unaccepted(STACK_WIDE, Unaccepted(text.revision, tuple(bad.faults)))
        return RegisterOutcome.REFUSED
    registry.put_tuning(pasted.values, text.digest)
    _forget(registry, before)
    event = TuningAccepted(parameter_version=text.version, values=pasted.values, ignored=pasted.ignored)
    log.info("tuning accepted", extra=event.detail())
    publish(announcer, event)
    return RegisterOutcome.ACCEPTED


def _forget(registry: Registry, before: Unaccepted | None) -> None:
    if before is not None:
        registry.forget_unaccepted(STACK_WIDE)


def _parse(text: str) -> PastedTuning:
    """The tunables, if their waits fit into an execution by the default policy. Raises BadTuningError.

    Clusters with other policies are not looked at here: `has_time_to_wait` keeps their executions within.
    """
    pasted = parse_lines(text)
    if faults := exceeding_execution_limit(Policy(), effective(pasted.values, {})):
        raise BadTuningError(faults)
    return pasted
