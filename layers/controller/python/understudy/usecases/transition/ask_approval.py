"""AskApproval: put the question whether a move may be opened to people, with the two commands that answer it."""

import logging
from collections.abc import Mapping
from typing import Any

from understudy.domain.cluster.approval import commands
from understudy.domain.cluster.request import parse_request
from understudy.domain.cluster.view import ClusterView
from understudy.domain.events.approvals import ApprovalAsked
from understudy.ports.announcer import Announcer
from understudy.ports.ledger import StateReader
from understudy.usecases.observe.facts import facts_of
from understudy.usecases.step import Clock, definition_in_force

LOGGED = ("cluster", "action", "source", "target", "rule", "why", "wait_s", "execution")
"""The commands that answer are in no log."""
log = logging.getLogger(__name__)


def ask_approval(payload: Mapping[str, Any], *, ledger: StateReader, announcer: Announcer, clock: Clock) -> None:
    """Publish the question. It answers nothing: the workflow waits for whoever has `payload["token"]`.

    Raises AnnouncementError when the bus does not take it, for then nobody could ever answer. Raises BadRequestError
    and KeyError for a payload that OpenTransition has not let through.
    """
    request, asked, execution = (
        parse_request(payload["request"], by_controller=True),
        payload["asked"],
        payload["execution"],
    )
    state = ledger.read(request.cluster)
    if state is None:
        raise KeyError(f"{request.cluster} is not registered any more")
    definition = definition_in_force(ledger, state)
    source = asked["source"]
    event = ApprovalAsked(
        cluster=state.cluster,
        epoch=state.epoch,
        action=asked["action"],
        source=definition.name_of(source) if source else None,
        target=definition.name_of(asked["target"]),
        rule=asked["rule"],
        why=asked["why"],
        facts=facts_of(ClusterView(state, definition, int(clock()))),
        wait_s=asked["wait_s"],
        on_timeout=asked["on_timeout"],
        execution=execution.rpartition(":")[2],
        **commands(payload["token"], region=execution.split(":")[3]),
    )
    announcer.announce(event)
    log.warning("approval asked for", extra={key: value for key, value in event.detail().items() if key in LOGGED})
