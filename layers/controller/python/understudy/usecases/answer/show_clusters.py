"""The board: look at every cluster, and at what Route 53 says of its records. Nothing is written."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from understudy.board.cluster import shown_cluster, shown_unread
from understudy.board.look import BoardEntry
from understudy.board.manual import MANUAL
from understudy.board.page import page, shown_in_full
from understudy.board.style import Theme
from understudy.board.texts import shown_text
from understudy.board.triage import most_urgent_first
from understudy.board.views import Board, ShownCluster, ShownText
from understudy.domain.cluster.definition import Record, ZoneKey
from understudy.domain.cluster.errors import AddressUnreadableError, UnreadableError
from understudy.domain.cluster.quoting import quoted
from understudy.domain.cluster.record import RecordReading
from understudy.domain.cluster.state import ClusterState
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.rules import Action
from understudy.domain.decide.situation import is_heard_now, observer_of_all
from understudy.domain.readiness.facts import Unread
from understudy.ports.board import BoardBook, Remembered
from understudy.ports.route53 import ZoneListing
from understudy.usecases.step import Clock

ZONE_LIMIT = 10
"""Zones read for one look. Route 53 counts the calls of the whole account, and a failover needs some of them."""
KEPT_MOVES = 3
"""Transitions that are shown of a cluster in full."""
Readings = dict[Record, RecordReading | Unread]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BoardPlaces:
    """The stack's name, the address of docs/on-call.md, and the ARN of the board's own function."""

    stack: str
    runbook: str
    endpoint: str


def show_clusters(
    event: Mapping[str, Any],
    *,
    book: BoardBook,
    listing: ZoneListing,
    clock: Clock,
    places: BoardPlaces,
) -> str | dict[str, str]:
    """Answer a custom widget of CloudWatch: the board as HTML, or its manual in Markdown when asked to describe itself.

    `event`: `cluster`, to see one only; `widgetContext.theme`.
    """
    if event.get("describe"):
        return {"markdown": MANUAL}
    context = event.get("widgetContext")
    theme = context.get("theme") if isinstance(context, Mapping) else None
    asked = event.get("cluster", "")
    shown = asked if isinstance(asked, str) else quoted(asked)
    board = look_at_all(book=book, listing=listing, clock=clock, stack=places.stack, shown=shown)
    board = replace(board, runbook=places.runbook)
    return page(board, Theme(theme) if theme in list(Theme) else Theme.AUTO, places.endpoint if context else "")


def look_at_all(*, book: BoardBook, listing: ZoneListing, clock: Clock, stack: str, shown: str = "") -> Board:
    """Every cluster, or the one `shown`, as it is now. What cannot be read is said, and hides nothing else."""
    now = int(clock())
    try:
        looks, unread = _gather(book, now, stack, shown)
    except UnreadableError as fault:
        log.warning("board: table not read", extra={"fault": str(fault)})
        return Board(stack, now, (), (f"Nothing is known: {fault}",), shown)
    looks, notes = _with_readings(looks, listing)
    texts, unread_texts = _texts(book, now, shown)
    notes = (*notes, *unread_texts)
    try:
        newest = book.histories({look.state.cluster: [look.state.epoch] for look in looks})
        looks = [replace(look, histories=newest[look.state.cluster]) for look in looks]
        views = _with_earlier_moves(most_urgent_first([*map(shown_cluster, looks), *unread]), looks, book)
    except UnreadableError as fault:
        log.warning("board: histories not read", extra={"fault": str(fault)})
        notes = (*notes, f"Transitions are missing here: {fault}")
        views = most_urgent_first([*map(shown_cluster, looks), *unread])
    return Board(stack, now, views, notes, shown, texts)


def _texts(book: BoardBook, now: int, shown: str) -> tuple[tuple[ShownText, ...], tuple[str, ...]]:
    """What was put and is not in force, and why that could not be read."""
    try:
        found = book.unaccepted()
    except UnreadableError as fault:
        log.warning("board: texts not read", extra={"fault": str(fault)})
        return (), (f"Definitions that are not in force are missing here: {fault}",)
    return tuple(shown_text(name, each, now) for name, each in sorted(found.items()) if shown in ("", name)), ()


def _gather(book: BoardBook, now: int, stack: str, shown: str) -> tuple[list[BoardEntry], list[ShownCluster]]:
    """The clusters that could be read, and views of those that could not.

    All are read also when one is shown: whether silence can be believed is a question to all of them.
    """
    found = book.states(list(book.clusters()))
    states = {name: each for name, each in found.items() if isinstance(each, ClusterState)}
    remembered = book.remembered(list(states.values()))
    known = {name: each for name, each in remembered.items() if isinstance(each, Remembered)}
    heard = any(is_heard_now(states[name], each.definition.policy, now) for name, each in known.items())
    looks = [_look(states[name], each, heard, stack, now) for name, each in known.items() if shown in ("", name)]
    unread = {name: each.why for name, each in {**found, **remembered}.items() if isinstance(each, Unread)}
    return looks, [shown_unread(name, why) for name, why in unread.items() if shown in ("", name)]


def _look(state: ClusterState, known: Remembered, is_anyone_heard: bool, stack: str, now: int) -> BoardEntry:
    observer = observer_of_all(state, known.definition.policy, now, is_anyone_heard)
    return BoardEntry(ClusterView(state, known.definition, now), observer, stack, known.report)


def _with_readings(looks: Sequence[BoardEntry], listing: ZoneListing) -> tuple[list[BoardEntry], tuple[str, ...]]:
    """With what Route 53 says of the records: one reading for all clusters of a zone, and what was not read."""
    zones: dict[ZoneKey, list[Record]] = {}
    for look in sorted(looks, key=lambda each: each.decision.action is Action.WAIT):
        for record in look.definition.records:
            zones.setdefault(record.zone, []).append(record)
    readings: Readings = {}
    notes = []
    for number, ((_, zone, _), records) in enumerate(zones.items()):
        read = _read(records, listing) if number < ZONE_LIMIT else Unread(f"only {ZONE_LIMIT} zones are read at a time")
        readings |= dict.fromkeys(records, read) if isinstance(read, Unread) else read
        if isinstance(read, Unread):
            notes.append(f"Hosted zone {zone} was not read, so it is not known what its names say: {read.why}")
    return [_with(look, readings) for look in looks], tuple(notes)


def _with(look: BoardEntry, readings: Readings) -> BoardEntry:
    return replace(look, readings={each: readings[each] for each in look.definition.records})


def _read(records: Collection[Record], listing: ZoneListing) -> Mapping[Record, RecordReading] | Unread:
    try:
        return listing.read_many(records)
    except AddressUnreadableError as fault:
        log.warning("board: zone not read", extra={"fault": str(fault)})
        return Unread(str(fault))


def _with_earlier_moves(
    views: tuple[ShownCluster, ...], looks: Sequence[BoardEntry], book: BoardBook
) -> tuple[ShownCluster, ...]:
    """With the transitions before the newest one, for those that are shown in full."""
    by_name = {each.state.cluster: each for each in looks}
    full = [by_name[each.name] for each in shown_in_full(views) if each.name in by_name]
    before = book.histories({each.state.cluster: _earlier(each.state.epoch) for each in full})
    more = {
        each.state.cluster: shown_cluster(replace(each, histories={**each.histories, **before[each.state.cluster]}))
        for each in full
    }
    return tuple(more.get(each.name, each) for each in views)


def _earlier(epoch: int) -> range:
    return range(max(1, epoch - KEPT_MOVES + 1), epoch)
