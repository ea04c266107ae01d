"""When to beat and when to read next, as pure functions of what is known.

Times are local milliseconds.

A standby beats at once, and then twice a second, when the active node seems silent: the controller judges when a beat
arrives, and would otherwise notice the silence up to `heartbeat_interval_s` later. Such a beat only makes it look; it
decides by AWS's times as always.

No read is ever put off: the next one is due `lease_read_interval_s` after the one before, or earlier. The rule for
timings, `2 * heartbeat_interval_s + lease_read_interval_s + 1 <= lease_s - kill_limit_s`, counts on that alone. Reads
are strongly consistent, which costs twice as much: else an agent would read a lease that it has lost, and serve.
"""

from __future__ import annotations

from dataclasses import dataclass

from .view import StateView, TermsView

FIRST_READ_LIMIT_MS = 3000
FIRST_RETRY_MS = 500
READ_AFTER_OWN_BEAT_MS = 300
READ_SHOWS_BEAT_MS = 200
"""A periodic read that begins so long after an own beat is as good as the read that the beat calls for.

By the default timings both would fall on nearly the same moment, and one paid read in six would be for nothing. Where
the way to the table takes longer than this, the next read sees the beat, as for every beat that is recorded late.
"""
READ_WHILE_MOVING_MS = 500
LOST_AFTER_BEATS = 2
"""Intervals after which an own beat that is not known to be recorded counts as lost, or late."""
URGENT_BEAT_EVERY_MS = 500
URGENT_BEATS_MAX = 20
CUT_OFF_MS = 1000


@dataclass(frozen=True)
class Calls:
    """The calls of one kind so far. `failures`: in a row, up to now; `begun_ms` None: never called."""

    begun_ms: int | None = None
    done_ms: int | None = None
    failures: int = 0


@dataclass(frozen=True)
class Urgency:
    """Urgent beats sent about one silence: `about` names the active node, its newest beat and the epoch."""

    about: tuple[int, str, int] | None = None
    sent: int = 0


def retry_after_ms(failures: int, interval_ms: int) -> int:
    """The wait after `failures` failed calls in a row: doubles, and is never longer than the interval."""
    return min(interval_ms, FIRST_RETRY_MS << min(failures - 1, 10))


def next_beat_ms(beats: Calls, terms: TermsView, *, wanted: bool) -> int:
    """When the next beat is due. `wanted`: there is news, which does not wait for the interval."""
    interval_ms = int(terms.heartbeat_interval_s * 1000)
    if beats.begun_ms is None:
        return 0
    if beats.failures:
        return (beats.done_ms or beats.begun_ms) + retry_after_ms(beats.failures, interval_ms)
    return beats.begun_ms if wanted else beats.begun_ms + interval_ms


def next_read_ms(reads: Calls, beats: Calls, view: StateView | None, terms: TermsView) -> int:
    """When the next read is due: soon after an own beat, often while the active role is moving."""
    interval_ms = int(terms.lease_read_interval_s * 1000)
    if reads.begun_ms is None:
        return 0
    if reads.failures:
        return (reads.done_ms or reads.begun_ms) + retry_after_ms(reads.failures, interval_ms)
    moving = view is not None and (view.in_transition or not view.active)
    due_ms = reads.begun_ms + (min(interval_ms, READ_WHILE_MOVING_MS) if moving else interval_ms)
    own_beat_ms = None if beats.failures else beats.done_ms
    if own_beat_ms is not None and reads.begun_ms < own_beat_ms + READ_SHOWS_BEAT_MS:
        due_ms = min(due_ms, own_beat_ms + READ_AFTER_OWN_BEAT_MS)
    return due_ms


def awaits_first_read(reads: Calls, now_ms: int) -> bool:
    """Whether the first read, within its limit, may still show what the services are for.

    An agent that took its services along when it died, and holds the lease, is about to start them again.
    """
    if reads.done_ms is not None:
        return False
    return reads.begun_ms is None or now_ms - reads.begun_ms < FIRST_READ_LIMIT_MS


def silence_of_active(view: StateView | None, me: str, boot: str, now_ms: int) -> tuple[int, str, int] | None:
    """The silence of the active node, by this node's clock; None when it is heard, absent, or cannot be known.

    The active node itself is silent when its newest recorded beat is so old that one must have been lost, or be late:
    it beats at once then, before anybody else takes it for silent.
    """
    if view is None or not view.active:
        return None
    own, active = view.nodes.get(me), view.nodes.get(view.active)
    if own is None or active is None or own.boot != boot or own.heard_at is None or active.heard_at is None:
        return None
    if view.active == me:
        is_silent = now_ms - own.beat >= LOST_AFTER_BEATS * view.terms.heartbeat_interval_s * 1000
    else:
        # Both nodes' newest beats carry AWS's time, and the own one is known in local time too: that places the
        # active node's beat in local time, up to a second too late: AWS's times are cut off to whole seconds.
        heard_ms = own.beat + (active.heard_at - own.heard_at) * 1000
        is_silent = now_ms - heard_ms + CUT_OFF_MS >= view.terms.silence_limit_s * 1000
    return (view.epoch, view.active, active.beat) if is_silent else None


def urgency_after(urgency: Urgency, silence: tuple[int, str, int] | None) -> Urgency:
    """The count of urgent beats, started afresh when the silence is another one."""
    if silence is None or silence == urgency.about:
        return urgency
    return Urgency(about=silence)


def urgent_beat_due(urgency: Urgency, silence: tuple[int, str, int] | None, beats: Calls, now_ms: int) -> bool:
    """Whether to beat now: the controller judges the active node when a beat of any node arrives."""
    if silence is None or urgency.sent >= URGENT_BEATS_MAX:
        return False
    return beats.begun_ms is None or now_ms - beats.begun_ms >= URGENT_BEAT_EVERY_MS
