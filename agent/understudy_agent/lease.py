"""The lease, as pure logic: what a node may do, from what it has read and what its clock says.

No clock and no input or output here. Times are whole milliseconds of the node's CLOCK_BOOTTIME; they
are compared with each other only, never with another machine's.

        beat sent          recorded, read                  stop_at     kill_at   lease end
    ──────┼───────────────────┼──────────────────────────────┼───────────┼──────────┼──────▶ boottime
          └───────────────────── lease_s ───────────────────────────────────────────┘
                              SERVE ─────────────────────────▶ STOP ─────▶ KILL ─────────▶
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial

from .view import NodeEntry, StateView, TermsView


class Order(Enum):
    """What the agent does with its services now."""

    LEAVE_ALONE = "LEAVE_ALONE"  # neither start nor stop: nobody has placed this cluster yet
    SERVE = "SERVE"  # bring in service, bottom-up
    KEEP = "KEEP"  # leave running what runs, and start nothing: no lease runs that was read since the last freeze
    WAIT = "WAIT"  # this node holds the lease and has promised to start nothing yet: neither start nor stop
    STOP = "STOP"  # take out of service, top-down, in an orderly way
    KILL = "KILL"  # kill what is left, all at once


class LeaseAnswer(Enum):
    """What the newest read said about the lease."""

    NOTHING = "NOTHING"  # nothing read yet, or a cluster that was never placed
    MINE = "MINE"
    NOT_MINE = "NOT_MINE"


DEFAULT_TERMS = TermsView()


@dataclass(frozen=True)
class LeaseView:
    """Where a node stands after its reads.

    `lease_end_ms` is the moment by which its services must be down. It outlives the lease itself: a node
    whose lease was ended early must still be down when the controller counts the lease as run out.
    `promised_until_ms`: until then no other node starts the services, whatever the table may grant meanwhile.
    `epoch`: the newest that it obeys; `seen_epoch`: the newest that it has seen. `renewed_by`: the number of the own
    beat that renewed the lease last, by this process or by one before it that has written it down. `services`: what
    that beat named. The controller counts on these being down at the end, whatever the agent's file has said since.
    """

    answer: LeaseAnswer = LeaseAnswer.NOTHING
    epoch: int = 0
    lease_end_ms: int | None = None
    terms: TermsView = DEFAULT_TERMS
    promised_until_ms: int | None = None
    renewed_by: int | None = None
    seen_epoch: int = 0
    services: tuple[str, ...] = ()

    @property
    def end_ms(self) -> int | None:
        """By when the services must be down (local ms): the end of the lease or of the promises, the later one."""
        if self.lease_end_ms is None or self.promised_until_ms is None:
            return self.lease_end_ms
        return max(self.lease_end_ms, self.promised_until_ms)


@dataclass(frozen=True)
class Sender:
    """The process that reads: its instance, its boot, the numbers of the beats that it has sent, its clock (local ms).

    Who can speak for this node can have any number recorded. Only what this process has sent renews its lease.
    `services`: what its beats name.
    """

    instance: str
    boot: str
    sent: Collection[int]
    now_ms: int
    services: tuple[str, ...] = ()


def after_read(lease_view: LeaseView, view: StateView | None, sender: Sender) -> LeaseView:
    """Where a node stands after one more read. `view` None: there is no such item.

    A cluster that was never placed says nothing: a lease held before is not renewed and runs out.
    """
    if view is None or view.epoch == 0:
        return replace(lease_view, answer=LeaseAnswer.NOTHING, epoch=0, seen_epoch=0)
    if is_outdated(view, lease_view):
        return lease_view
    own, heard = view.nodes.get(sender.instance), partial(replace, lease_view, epoch=view.epoch, seen_epoch=view.epoch)
    if own is None or view.active != sender.instance:
        end_ms = _end_of_stopping(lease_view, view, sender)
        return heard(answer=LeaseAnswer.NOT_MINE, terms=_terms_of_ended(lease_view, view), lease_end_ms=end_ms)
    if own.heard_at is None:
        return _with_no_beat_recorded(lease_view, view)
    if own.boot != sender.boot:
        # The recorded beat is from before a reboot: that lease was another life's.
        return heard(answer=LeaseAnswer.NOT_MINE, terms=_terms_of_ended(lease_view, view))
    if _is_own(own, lease_view, sender):
        end_ms = own.beat + _ms(view.terms.lease_s)
        services = sender.services if own.beat in sender.sent else lease_view.services
        return heard(
            answer=LeaseAnswer.MINE, terms=view.terms, lease_end_ms=end_ms, renewed_by=own.beat, services=services
        )
    if lease_view.lease_end_ms is None or lease_view.renewed_by is None:
        return _with_no_beat_recorded(lease_view, view)
    # An agent before this one has sent what is recorded, or a stranger: the lease runs on, and is not renewed.
    end_ms = min(lease_view.lease_end_ms, lease_view.renewed_by + _ms(view.terms.lease_s))
    return heard(answer=LeaseAnswer.MINE, terms=view.terms, lease_end_ms=end_ms)


def is_outdated(view: StateView, lease_view: LeaseView) -> bool:
    """Whether it is a table from an earlier time: epochs only grow, so it says nothing of now."""
    return view.epoch < max(lease_view.epoch, lease_view.seen_epoch)


def _with_no_beat_recorded(lease_view: LeaseView, view: StateView) -> LeaseView:
    """Placed here, and no beat of this process is recorded yet: nothing is renewed, and what runs is not disturbed.

    The grant is obeyed, and reported, once there is a beat from which its lease runs.
    """
    answer = LeaseAnswer.NOT_MINE if lease_view.answer is LeaseAnswer.NOT_MINE else LeaseAnswer.NOTHING
    terms = _terms_of_ended(lease_view, view) if answer is LeaseAnswer.NOT_MINE else view.terms
    return replace(lease_view, answer=answer, terms=terms, seen_epoch=view.epoch)


def _is_own(own: NodeEntry, lease_view: LeaseView, sender: Sender) -> bool:
    """Whether the beat that is recorded is one that this process has sent, or that has renewed the lease before."""
    return own.beat <= sender.now_ms and (own.beat == lease_view.renewed_by or own.beat in sender.sent)


def _terms_of_ended(lease_view: LeaseView, view: StateView) -> TermsView:
    """The newest terms; but who must be down by the end of its lease is not freed by a `keep` that it reads after it.

    The controller has counted on that end, and the lease may be another node's by now.
    """
    if lease_view.lease_end_ms is None or lease_view.terms.keeps_on:
        return view.terms
    return replace(view.terms, on_isolation="stop")


def _end_of_stopping(lease_view: LeaseView, view: StateView, sender: Sender) -> int | None:
    """By when the services of a node whose lease was ended must be down (local ms).

    A recorded beat that says "I have read it, and am still stopping" moves the end, until the controller has written
    down a proof: the controller counts in just the same way.
    """
    own, previous, end_ms = view.nodes.get(sender.instance), view.previous, lease_view.lease_end_ms
    if end_ms is None or own is None or previous is None or previous.node != sender.instance or previous.is_proven:
        return end_ms
    has_read_the_end = previous.ended_epoch <= own.read_epoch <= view.epoch
    if own.boot != sender.boot or own.is_down or not has_read_the_end or not _is_own(own, lease_view, sender):
        return end_ms
    return max(end_ms, own.beat + _ms(previous.lease_s))


def unsaved(before: LeaseView, after: LeaseView) -> LeaseView:
    """Where a node stands whose renewal could not be written down: what others keep for it ends as it is written."""
    if after.end_ms is None or (before.end_ms is not None and after.end_ms <= before.end_ms):
        return after
    return replace(
        after,
        lease_end_ms=before.lease_end_ms,
        promised_until_ms=before.promised_until_ms,
        renewed_by=before.renewed_by,
    )


def kill_at_ms(lease_view: LeaseView) -> int | None:
    """When what is left of the services is killed (local ms); None: there is no lease to be out of.

    Under `on_isolation: keep` a lease does not run out by itself: it proves nothing to the controller.
    """
    if lease_view.end_ms is None or lease_view.terms.keeps_on:
        return None
    return lease_view.end_ms - _ms(lease_view.terms.kill_limit_s)


def stop_at_ms(lease_view: LeaseView, orderly_stop_s: float) -> int | None:
    """When an orderly stop begins if nothing renews the lease (local ms).

    It takes at most what the timings leave over, so that one lost beat still costs nothing, and that promises can be
    renewed before.
    """
    kill_at, terms = kill_at_ms(lease_view), lease_view.terms
    if kill_at is None:
        return None
    stop_at = kill_at - _ms(min(orderly_stop_s, terms.slack_s()))
    if lease_view.promised_until_ms is None or lease_view.promised_until_ms <= stop_at:
        return stop_at
    # Promises that run at that moment are about to be renewed.
    return max(stop_at, kill_at - _ms(min(orderly_stop_s, terms.promise_slack_s())))


def serves_until_ms(lease_view: LeaseView, orderly_stop_s: float) -> int | None:
    """Until when the holder of the lease goes on serving if nothing renews it (local ms); None: it holds none.

    Under `on_isolation: keep`, until when it is known that nobody else serves.
    """
    if lease_view.answer is not LeaseAnswer.MINE or lease_view.end_ms is None:
        return None
    stop_at = stop_at_ms(lease_view, orderly_stop_s)
    return lease_view.end_ms - _ms(lease_view.terms.kill_limit_s) if stop_at is None else stop_at


def runs(lease_view: LeaseView, now_ms: int) -> bool:
    """Whether a lease or promises run, and what is left is not to be killed yet."""
    return lease_view.end_ms is not None and now_ms < lease_view.end_ms - _ms(lease_view.terms.kill_limit_s)


def order(lease_view: LeaseView, now_ms: int, orderly_stop_s: float = 0.0) -> Order:
    """What to do with the services at `now_ms` (local ms). SERVE only under a lease or promises that still run."""
    if lease_view.terms.keeps_on and lease_view.answer is LeaseAnswer.MINE:
        return Order.SERVE if runs(lease_view, now_ms) else Order.KEEP
    kill_at, stop_at = kill_at_ms(lease_view), stop_at_ms(lease_view, orderly_stop_s)
    if kill_at is None or stop_at is None:
        return Order.LEAVE_ALONE if lease_view.answer is LeaseAnswer.NOTHING else Order.STOP
    if now_ms >= kill_at:
        return Order.KILL
    if lease_view.answer is LeaseAnswer.NOT_MINE or now_ms >= stop_at:
        return Order.STOP
    return Order.SERVE if lease_view.answer is LeaseAnswer.MINE else Order.LEAVE_ALONE


UNBOUND = LeaseView()
"""Where a node stands that no lease binds, as far as it knows."""
DOWN_AT_ONCE = LeaseView(LeaseAnswer.NOT_MINE, lease_end_ms=0)
"""The view of a node that cannot know its lease: whatever runs may be another node's to run by now."""
UNBOUND_STOP_MS = 5000
"""How long a service that is found running under no lease may take to stop before it is killed."""


def woken(found: LeaseView, placed: int | None, now_ms: int) -> LeaseView:
    """Where an agent stands that has read nothing yet. `found`: by the lease file of this boot.

    `placed`: the newest epoch that this node has ever read, None when the cluster was never placed; then what runs is
    left alone: it ran before its cluster was registered. Else nothing bounds it, and it is stopped at once.
    """
    if placed is None:
        return found
    if found != UNBOUND:
        return replace(found, seen_epoch=placed)
    end_ms = now_ms + UNBOUND_STOP_MS + _ms(found.terms.kill_limit_s)
    return LeaseView(LeaseAnswer.NOT_MINE, lease_end_ms=end_ms, seen_epoch=placed)


def not_beyond(woken: LeaseView, last: LeaseView) -> LeaseView:
    """Where services stand that nothing bounds now, and that a lease bounded which was never known to be over."""
    ends = [each for each in (woken.lease_end_ms, last.end_ms) if each is not None]
    return replace(woken, answer=LeaseAnswer.NOT_MINE, lease_end_ms=min(ends), terms=last.terms)


def keeps_lease(lease_view: LeaseView, all_down: bool) -> bool:
    """Whether a lease bounds how long this node serves; not so while a service runs that nothing read is about."""
    return all_down or lease_view.answer is not LeaseAnswer.NOTHING or lease_view.lease_end_ms is not None


def settled(lease_view: LeaseView, now_ms: int) -> LeaseView:
    """Where a node stands once all its services are down: a lease no longer its own binds it to nothing.

    One that runs, and of which nothing has been read, may still be its own.
    """
    may_be_its_own = lease_view.answer is LeaseAnswer.NOTHING and runs(lease_view, now_ms)
    if lease_view.answer is LeaseAnswer.MINE or lease_view.lease_end_ms is None or may_be_its_own:
        return lease_view
    return LeaseView(LeaseAnswer.NOT_MINE, lease_view.epoch, terms=lease_view.terms, seen_epoch=lease_view.seen_epoch)


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
