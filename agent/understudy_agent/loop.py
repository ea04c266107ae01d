"""The supervising loop: on every tick it looks at the lease first, and obeys it.

The tick never waits: network calls are made by two threads, services are polled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from . import lease, pacing, reporting, starts
from .exchange import Exchange
from .failsafe import Failsafe
from .farewell import ENDED_WELL, STOPPED_BADLY, Farewell
from .files import LeaseFile, StatusFile
from .fitness import NOT_ASKED_YET, FitCommand, differ
from .lease import UNBOUND, LeaseAnswer, LeaseView, Order, Sender
from .log import Log
from .placed import Placed
from .ports import BeatReport, LeaseKeeper, Self, Transport
from .prober import Prober
from .sent import SentBeats
from .services import Services
from .serving import Snapshot
from .starts import Watch
from .systemd import SdNotifier
from .table import Table
from .view import StateView

TICK_MS = 200
TICK_WHILE_MOVING_MS = 50


@dataclass(frozen=True)
class Channel:
    """How an agent reaches the controller: the two calls, and what makes each of them one at a time."""

    transport: Transport
    beats: Exchange
    reads: Exchange


@dataclass(frozen=True)
class AgentFiles:
    """What an agent writes down: for the agent after it the lease and the newest epoch, for people its status."""

    lease: LeaseFile
    placed: Placed
    status: StatusFile


@dataclass(frozen=True)
class Safeguards:
    """What must agree besides the lease: quorum hosts, promises, and the process that keeps a dead agent's lease."""

    prober: Prober
    failsafe: Failsafe
    keeper: LeaseKeeper


@dataclass(frozen=True)
class Host:
    """What the machine gives an agent: its clock (CLOCK_BOOTTIME in ms), its service manager, a log, and what says how
    fit it is to take over; None: nothing does.
    """

    clock_ms: Callable[[], int]
    notifier: SdNotifier
    log: Log
    fitness: FitCommand | None = None


class Agent:
    """Beats, reads, and keeps the services where the lease says. Call `tick` at least every TICK_MS."""

    def __init__(
        self, who: Self, services: Services, channel: Channel, files: AgentFiles, safeguards: Safeguards, host: Host
    ) -> None:
        self.exit_status: int | None = None
        """None while the agent goes on; then the exit status of its process."""
        self._who, self._services = who, services
        self._transport, self._beats, self._reads = channel.transport, channel.beats, channel.reads
        self._lease_file, self._placed, self._status = files.lease, files.placed, files.status
        self._prober, self._failsafe, self._keeper = safeguards.prober, safeguards.failsafe, safeguards.keeper
        self._clock_ms, self._notifier, self._log = host.clock_ms, host.notifier, host.log
        self._fitness = host.fitness or FitCommand(None, self._log)
        self._lease_view = self._woken(self._clock_ms())
        self._table = Table(self._reads, self._prober, self._log, f"remove {self._placed.path} and restart this agent")
        self._view: StateView | None = None
        self._sent = SentBeats(self._clock_ms)
        self._order = Order.LEAVE_ALONE
        self._urgency = pacing.Urgency()
        self._news = False
        self._report, self._save_fault = BeatReport(0, {}, {}), ""
        self._watch = Watch()
        self._farewell = Farewell()
        self._why = "nothing was read yet"
        self.snapshot = self._snapshot(self._clock_ms())
        """What it knows, for other threads."""

    def _woken(self, now_ms: int) -> LeaseView:
        """Where it stands by what agents before it have left."""
        self._saved = self._lease_file.load(now_ms)
        found = lease.woken(self._saved, self._placed.wake_up(), now_ms)
        self._services.bind(found.services)
        if found == LeaseView():
            self._services.forget_former()
        reporting.unknown(self._services, self._log)
        reporting.former(self._services, self._log)
        self._failsafe.wake_up(now_ms)
        self._prober.wake_up(now_ms)
        return found

    def ask_to_stop(self) -> None:
        """Take the services out of service, say so in a last beat, end. Safe in a signal handler."""
        self._farewell.ask(self._clock_ms())

    @property
    def who(self) -> Self:
        return self._who

    @property
    def is_stopping(self) -> bool:
        return self._farewell.is_asked

    @property
    def is_placed(self) -> bool:
        """Whether the disk of this node says that its cluster was placed."""
        return self._placed.is_kept

    def may_start(self, now_ms: int) -> bool:
        """Whether any service may be started at this moment. Nothing ever is when it may not."""
        return starts.may_start(self._lease_view, self._watch, now_ms)

    def tick(self, now_ms: int) -> None:
        """Look at the lease, obey it, then see to beats and reads."""
        self._notifier.alive(now_ms)
        self._watch = starts.ticked(self._watch, now_ms)
        self._take_read(now_ms)
        self._take_beat(now_ms)
        self._prober.tick(now_ms, self._lease_view.terms)
        were_down = self._services.all_down
        self._placed.tick(self._lease_view, now_ms, all_down=were_down)
        self._see_to_promises(now_ms, all_down=were_down)
        self._obey(now_ms, were_down=were_down)
        self._keeper.tick(now_ms, self._services.remains(), self._lease_view.terms)
        self._fitness.tick(now_ms)
        self._report_states(now_ms)
        self.snapshot = self._snapshot(now_ms)  # before a beat can say that the services are down
        self._see_to_end(now_ms)
        self._beat_if_due(now_ms)
        self._read_if_due(now_ms)
        self._show()

    def pause_ms(self, now_ms: int) -> int:
        """How long the loop may rest until the next tick, unless a call ends before."""
        if any(state in ("STARTING", "STOPPING") for state in self._report.services.values()):
            return TICK_WHILE_MOVING_MS
        due = [now_ms + TICK_MS]
        if self._beats.idle:
            due.append(self._next_beat_ms())
        if self._reads.idle:
            due.append(self._next_read_ms())
        return max(10, min(due) - now_ms)

    # --- the lease ----------------------------------------------------------------------------

    def _take_read(self, now_ms: int) -> None:
        read = self._table.take(self._lease_view, now_ms)
        if read is None:
            return
        view = self._view = read.view
        sender = Sender(self._who.instance, self._who.boot, self._sent.numbers, now_ms, self._services.names)
        after = lease.after_read(self._lease_view, view, sender)
        if view is not None:
            self._failsafe.take_view(view, after, now_ms)
        watch = self._watch
        if view is None or not lease.is_outdated(view, self._lease_view):
            watch = starts.after_read(watch, self._lease_view, after, read, self._who.instance, now_ms)
        if after.seen_epoch:
            self._placed.note(after, all_down=self._services.all_down)
        else:
            self._placed.forget()
        if after == self._lease_view:
            self._watch = watch
        else:
            self._stand(after, view, watch)

    def _stand(self, after: LeaseView, view: StateView | None, watch: Watch) -> None:
        """Take up what a read has changed, if it can be written down."""
        is_new = after.answer is LeaseAnswer.MINE and self._lease_view.answer is not LeaseAnswer.MINE
        if is_new and not self._placed.is_kept:
            return  # what is started could not be told, later, from what ran before its cluster was registered
        if not self._save(after):
            if is_new:
                return  # nothing may be started that a dead agent would leave unbound
            after = lease.unsaved(self._lease_view, after)
        if after.epoch != self._lease_view.epoch:
            self._news = True
            active = view.active if view else ""
            self._log.info("epoch_read", f"active is {active or 'nobody'}", epoch=after.epoch)
        self._lease_view, self._watch = after, watch
        self._services.bind(after.services)

    def _see_to_promises(self, now_ms: int, *, all_down: bool) -> None:
        after = self._failsafe.tick(self._lease_view, now_ms, all_down=all_down)
        if after is not self._lease_view and after != self._lease_view:
            self._lease_view = after if self._save(after) else lease.unsaved(self._lease_view, after)

    def _save(self, lease_view: LeaseView) -> bool:
        try:
            self._lease_file.save(lease_view)
        except OSError as fault:
            if str(fault) != self._save_fault:
                self._save_fault = str(fault)
                self._log.error("lease_file_not_written", self._save_fault)
            return False
        self._saved, self._save_fault = lease_view, ""
        return True

    def _obey(self, now_ms: int, *, were_down: bool) -> None:
        order = lease.order(self._lease_view, now_ms, self._who.orderly_stop_s)
        is_down = self._order is not Order.SERVE and were_down
        is_holder = order in (Order.SERVE, Order.KEEP)
        lacks_quorum = is_holder and self._prober.forbids(now_ms, is_down=is_down)
        if is_holder and (self.is_stopping or lacks_quorum):
            order = Order.STOP
        elif is_holder and self._failsafe.waits_until(self._lease_view, now_ms) is not None:
            order = Order.WAIT
        elif order is Order.SERVE and not self._lets_start(now_ms):
            order = Order.KEEP
        self._why = reporting.reason(
            order, self._lease_view, self._watch, is_stopping=self.is_stopping, lacks_quorum=lacks_quorum
        )
        if order is not self._order:
            self._log.info("order", self._why, order=order.value, before=self._order.value, at_ms=now_ms)
            self._order = order
        terms = self._lease_view.terms
        for change in self._services.tick(order, self._lease_view.epoch, now_ms, terms.kill_limit_s):
            log = self._log.error if change.new.value == "FAILED" else self._log.info
            log("service", change.why, service=change.service, state=change.new.value, at_ms=now_ms)
        if self._services.all_down:
            self._settle(now_ms)

    def _lets_start(self, now_ms: int) -> bool:
        return self.may_start(now_ms) and self._keeper.is_there and self._prober.lets_start

    def _settle(self, now_ms: int) -> None:
        """Nothing runs: a lease that is not its own, or has run out, binds it to nothing, and says so in its file."""
        after = lease.settled(self._lease_view, now_ms)
        if after is not self._lease_view and after != self._lease_view and self._save(after):
            self._lease_view = after
        elif self._order is Order.KILL and self._saved != UNBOUND:
            self._save(UNBOUND)

    def _report_states(self, now_ms: int) -> None:
        states = self._services.states()
        if states != self._report.services:
            self._news = True
        keeps_lease = lease.keeps_lease(self._lease_view, self._services.all_down)
        unfit = "" if self._lease_view.answer is LeaseAnswer.MINE else self._why_unfit(now_ms)
        if unfit != self._report.unfit:
            self._news = True
            self._log.warning("cannot_take_over", unfit) if unfit else self._log.info("can_take_over", "again")
        waits = self._order is Order.WAIT or (self._order is Order.KEEP and self._watch.returned is not None)
        fit = self._fitness.words(now_ms)
        self._news = self._news or differ(fit, self._report.fit)
        reach = self._prober.words(now_ms)
        self._report = BeatReport(self._lease_view.epoch, states, reach, keeps_lease, unfit, waits, fit)

    def _why_unfit(self, now_ms: int) -> str:
        """What speaks against this node's taking over. Its first beat waits for a first answer on how fit it is."""
        against = self._keeper.why_unfit or self._placed.why_unfit or self._services.why_unfit
        is_late = self._beats.calls.begun_ms is not None and self._fitness.is_pending(now_ms)
        return against or (NOT_ASKED_YET if is_late else "")

    # --- beats and reads ----------------------------------------------------------------------

    def _next_beat_ms(self) -> int:
        return pacing.next_beat_ms(self._beats.calls, self._lease_view.terms, wanted=self._news)

    def _next_read_ms(self) -> int:
        return pacing.next_read_ms(self._reads.calls, self._beats.calls, self._view, self._lease_view.terms)

    def _beat_if_due(self, now_ms: int) -> None:
        if self._beats.calls.begun_ms is None and self._is_too_early(now_ms):
            return
        if not self._services.all_looked_at or pacing.awaits_first_read(self._reads.calls, now_ms):
            return  # a first beat that did not know the services, or what is to become of them, would mislead
        silence = pacing.silence_of_active(self._view, self._who.instance, self._who.boot, now_ms)
        self._urgency = pacing.urgency_after(self._urgency, silence)
        urgent = pacing.urgent_beat_due(self._urgency, silence, self._beats.calls, now_ms)
        if not urgent and now_ms < self._next_beat_ms():
            return
        if self._beats.begin(self._send_beat, now_ms):
            self._news = False
            if urgent:
                self._urgency = replace(self._urgency, sent=self._urgency.sent + 1)
                self._log.info("urgent_beat", "no newer beat of the active node is known", sent=self._urgency.sent)

    def _is_too_early(self, now_ms: int) -> bool:
        """Whether a first beat would lack what decides on this node's taking over. One that serves is heard at once."""
        return self._prober.is_pending(now_ms) or (self._services.all_down and self._fitness.is_pending(now_ms))

    def _send_beat(self) -> None:
        """Called in the sending thread. The number is taken before the call: the lease runs from there."""
        said = reporting.beat(self._who, self._sent.next(), self._report, self._failsafe, self._sent.accepted)
        self._transport.put_beat(said)

    def _take_beat(self, now_ms: int) -> None:
        done = self._beats.settle(now_ms)
        if done is None:
            return
        if done.error is None:
            self._sent.accepted += 1
        self._farewell.beat_was_sent(self._beats.calls.begun_ms)

    def _read_if_due(self, now_ms: int) -> None:
        if now_ms >= self._next_read_ms():
            self._reads.begin(self._transport.read_state, now_ms)

    # --- the end, and what people see ---------------------------------------------------------

    def _see_to_end(self, now_ms: int) -> None:
        if self._farewell.begins(self._services, self._order, now_ms):
            self._news = True
            return
        if self._farewell.take_note(self._lease_view, now_ms):
            self._news = True
        self.exit_status = self._farewell.exit_status(self._services, now_ms)
        if self.exit_status is not None:
            self._fitness.end()
        if self.exit_status == STOPPED_BADLY:
            self._log.error("stopped_badly", "services are left that could not be stopped")
        elif self.exit_status == ENDED_WELL:
            if self._services.all_down:
                self._save(UNBOUND)
            self._log.info("stopped", "the agent was asked to stop")

    def _snapshot(self, now_ms: int) -> Snapshot:
        return Snapshot(
            looked_ms=now_ms,
            order=self._order,
            why=self._why,
            lease_view=self._lease_view,
            report=self._report,
            until_ms=lease.serves_until_ms(self._lease_view, self._who.orderly_stop_s),
            returned=self._watch.returned is not None,
            read_ms=self._watch.read_begun_ms,
            accepted=self._sent.accepted,
        )

    def _show(self) -> None:
        try:
            self._status.show(
                reporting.status(self._who.cluster, self._who.instance, self._order, self._lease_view, self._report)
            )
        except OSError as fault:
            self._log.warning("status_file_not_written", str(fault))
