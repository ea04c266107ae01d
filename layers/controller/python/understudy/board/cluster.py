"""One cluster as the board shows it."""

from understudy.board.look import BoardEntry
from understudy.board.needs import budget_words, hold_words, needs_of
from understudy.board.parts import address_views, failsafe_of, node_views, quorum_of
from understudy.board.phases import move_view
from understudy.board.service import service_of
from understudy.board.views import Attention, Need, Served, ShownCluster, ShownReadiness, ShownService
from understudy.domain.decide.rules import COLUMNS, Action
from understudy.domain.readiness.facts import Verdict


def shown_cluster(look: BoardEntry) -> ShownCluster:
    """The view of a cluster that could be read."""
    needs = needs_of(look)
    state, definition = look.state, look.definition
    node = definition.node(state.active or "")
    return ShownCluster(
        name=state.cluster,
        service=service_of(look),
        needs=needs,
        epoch=state.epoch,
        active=f"{node.name} ({node.zone})" if node else state.active or "",
        rule=look.decision.rule,
        action=str(look.decision.action),
        why=look.decision.why,
        situation=_situation(look) if look.decision.action is not Action.WAIT else (),
        hold=hold_words(look),
        budget=budget_words(look),
        quorum=quorum_of(look),
        failsafe=failsafe_of(look),
        services=tuple(each.name for each in definition.services),
        nodes=node_views(look),
        addresses=address_views(look),
        moves=tuple(
            move_view(epoch, history, look.now, is_open=state.transition is not None and epoch == state.epoch)
            for epoch, history in sorted(look.histories.items(), reverse=True)
            if history
        ),
        readiness=_readiness(look),
    )


def shown_unread(cluster: str, why: str) -> ShownCluster:
    """The view of a cluster of which not enough could be read. It may be well."""
    need = Need(
        attention=Attention.UNREAD,
        title="what the table holds cannot be read, so nothing is known: it may be well",
        why=why,
        todo=("Find out whether the service answers. Then look at the table: docs/disasters.md.",),
    )
    return ShownCluster(cluster, ShownService(Served.UNREAD), (need,))


def _situation(look: BoardEntry) -> tuple[tuple[str, str], ...]:
    return tuple((question, str(getattr(look.situation, question))) for question in COLUMNS)


def _readiness(look: BoardEntry) -> ShownReadiness | None:
    if look.report is None:
        return None
    bad = look.report.named(Verdict.FAIL) + look.report.named(Verdict.WARN) + look.report.named(Verdict.UNKNOWN)
    return ShownReadiness(str(look.report.verdict), max(0, int(look.now - look.report.checked_at)), bad)
