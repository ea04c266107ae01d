"""Takes up the reads of the cluster's state item: what each shows, and what must be logged about it."""

from __future__ import annotations

from collections.abc import Mapping

from .exchange import Exchange
from .lease import LeaseView, is_outdated
from .log import Log
from .prober import Prober
from .view import MalformedStateError, Read, StateView, parse_state


class Table:
    """Takes up each read once. The quorum hosts that an item names go straight to the prober."""

    def __init__(self, reads: Exchange, prober: Prober, log: Log, forgotten_by: str) -> None:
        """`forgotten_by`: what a person can do so that a table that was created anew is believed."""
        self._reads, self._prober, self._log = reads, prober, log
        self._forgotten_by = forgotten_by
        self._logged: tuple[str, ...] = ()

    def take(self, lease_view: LeaseView, now_ms: int) -> Read | None:
        """The read that has ended, if it has shown anything."""
        done = self._reads.settle(now_ms)
        if done is None or done.error is not None:
            return None
        item = done.value
        try:
            view = parse_state(item) if isinstance(item, Mapping) else None
        except MalformedStateError as fault:
            self._reads.failed(f"the state item is malformed: {fault}", now_ms)
            return None
        if isinstance(item, Mapping):
            self._prober.take_item(item, now_ms)
        self._log_once(view, lease_view)
        return Read(view, self._reads.calls.begun_ms)

    def _log_once(self, view: StateView | None, lease_view: LeaseView) -> None:
        """Log what is wrong when it is new."""
        faults = view.faults if view is not None else ()
        if faults and faults != self._logged:
            self._log.error("state_partly_malformed", f"these parts are ignored: {'; '.join(faults)}")
        ahead = max((node.read_epoch for node in view.nodes.values()), default=0) if view is not None else 0
        if view is not None and ahead > view.epoch:
            faults = (*faults, f"epoch below {ahead}")
            if faults != self._logged:
                why = (
                    f"the table shows epoch {view.epoch}, and a node has read {ahead}, says its beat: was it put back?"
                )
                self._log.error("state_contradicted", why)
        if view is not None and is_outdated(view, lease_view):
            newest = max(lease_view.epoch, lease_view.seen_epoch)
            faults = (*faults, f"epoch below {newest}")
            if faults != self._logged:
                why = f"the table shows epoch {view.epoch}, and this node has read {newest}: the table is an older one"
                self._log.error("state_outdated", f"{why}. If the cluster was made anew: {self._forgotten_by}")
        self._logged = faults
