"""Local recovery: a failed service is restarted on its own node before it is called FAILED.

A restart takes what depends on the service out of service first, then clears what is left of the service itself, and
brings all of it back bottom-up. It happens under a running lease only: `Services` calls `tick` while the order is
SERVE, and `abandon` when it is another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .model import State, StateChange
from .service import Service
from .tries import Tries

PAUSE_MOST_MS = 60_000


class Recovery:
    """Which services are being restarted, and how often each was. Times are local milliseconds."""

    def __init__(self, services: Sequence[Service], report: Callable[[StateChange], None]) -> None:
        """`services` in dependency order."""
        self._services = {service.spec.name: service for service in services}
        self._needs = {name: self._all_needs(name) for name in self._services}
        self._report = report
        self._epoch: int | None = 0
        """Of the lease that the restarts are counted under; None: of whichever comes first."""
        self._failed_before: dict[str, int] = {}
        """Services that an agent before this one has left failed, until it is seen how they are."""
        self._served: set[str] = set()
        self._restarts: dict[str, list[int]] = {name: [] for name in self._services}
        self._going_down: dict[str, str] = {}
        self._under_way: set[str] = set()
        self._given_up: set[str] = set()

    def _all_needs(self, name: str) -> set[str]:
        """Whatever a service depends on, through others too."""
        direct = {needed for needed in self._services[name].spec.depends_on if needed in self._services}
        return direct.union(*(self._all_needs(needed) for needed in direct))

    # --- what the supervisor reports -----------------------------------------------------------

    def begin(self, epoch: int) -> None:
        """A lease has been granted, or has come back: what fails to start now is not restarted."""
        self._served.clear()
        self._given_up.clear()
        if self._epoch not in (None, epoch):
            self.forget_failed()
            for restarts in self._restarts.values():
                restarts.clear()
        self._epoch = epoch

    def resume(self, tries: Tries | None, now_ms: int) -> None:
        """Go on where an agent before this one was. What is not known counts against the services: no try is left."""
        if tries is None:
            self._epoch = None
            self._restarts = {name: [now_ms] * each.spec.restart_tries for name, each in self._services.items()}
            return
        if tries.may_run is not None:
            for name, service in self._services.items():
                service.may_run = name in tries.may_run
        self._epoch = tries.epoch
        self._restarts = {name: list(tries.restarts.get(name, ())) for name in self._services}
        self._failed_before = {name: at_ms for name, at_ms in tries.failed.items() if name in self._services}

    def tries(self) -> Tries:
        """What the next agent must know."""
        failed = {
            name: service.failed_at_ms
            for name, service in self._services.items()
            if service.state is State.FAILED and name not in self._under_way
        }
        restarts = {name: tuple(times) for name, times in self._restarts.items() if times}
        may_run = frozenset(name for name, service in self._services.items() if service.may_run)
        return Tries(self._epoch or 0, restarts, {**self._failed_before, **failed}, may_run)

    def forget_failed(self) -> None:
        """What had failed is stopped, and may be tried again under the next lease."""
        self._failed_before.clear()

    def abandon(self) -> None:
        """There is no lease to restart anything under: what is under way is given up."""
        self._going_down.clear()
        self._under_way.clear()

    def tick(self, now_ms: int) -> None:
        """Begin the restarts that are due, and go on with those under way."""
        for name in [name for name in self._failed_before if self._services[name].state is not None]:
            failed_at_ms = self._failed_before.pop(name)
            if self._services[name].is_down:
                self._services[name].stay_failed(failed_at_ms)
        for name, service in self._services.items():
            if service.state is State.IN_SERVICE:
                self._note_in_service(name, now_ms)
            elif service.state is State.FAILED and name not in self._going_down:
                self._restart_or_give_up(service, now_ms)
        for name in reversed(self._services):
            if name in self._going_down:
                self._take_down(self._services[name], now_ms)
        lost = {name for name, service in self._services.items() if self._is_lost(name, service)}
        self._under_way = {
            name for name in self._under_way if self._is_on_its_way(name) and not self._needs[name] & lost
        }

    # --- what the supervisor asks --------------------------------------------------------------

    def is_going_down(self, name: str) -> bool:
        """Whether a service must be stopped before it may be started again."""
        return name in self._going_down

    def reported(self, service: Service) -> State:
        """What a beat says of a service while the lease runs.

        STARTING while anything is restarted: the controller leaves a node alone that is bringing its services in
        service, and takes one that is stopping them for failed.
        """
        state = service.shown
        is_failed = state is State.FAILED and (service.is_unknown or service.spec.name not in self._under_way)
        if service.unstoppable or is_failed:
            return State.FAILED
        return State.STARTING if self._under_way and state is not State.IN_SERVICE else state

    # --- one service ---------------------------------------------------------------------------

    def _note_in_service(self, name: str, now_ms: int) -> None:
        """Only a service that runs lets its restarts grow old: those that fail in a row always run out."""
        window_ms = self._services[name].spec.restart_window_s * 1000
        self._restarts[name] = [at_ms for at_ms in self._restarts[name] if now_ms - at_ms < window_ms]
        self._served.add(name)
        self._given_up.discard(name)

    def _restart_or_give_up(self, service: Service, now_ms: int) -> None:
        name, spec = service.spec.name, service.spec
        if not self._may_restart(service, now_ms):
            self._give_up(service)
            return
        needs = [self._services[needed] for needed in self._needs[name]]
        failed = {needed.spec.name for needed in needs if needed.state is State.FAILED}
        if failed - self._under_way:
            self._under_way.discard(name)  # what it needs has failed for good
            return
        self._under_way.add(name)
        if now_ms < service.failed_at_ms + self._pause_ms(service):
            return
        unsure = [n for n in needs if n.state is State.IN_SERVICE and n.looked_at_ms < service.failed_at_ms]
        for needed in unsure:
            needed.look_soon()
        if failed or unsure:
            return  # it may have failed with what it needs: then the restart begins there, and counts there
        self._restarts[name].append(now_ms)
        count = len(self._restarts[name])
        why = f"it is restarted on its node, {count} of {spec.restart_tries} within {spec.restart_window_s:g} s"
        dependents = [other for other, others_needs in self._needs.items() if name in others_needs]
        self._going_down |= dict.fromkeys(dependents, f"{name}, which it depends on, is restarted")
        self._going_down[name] = why
        self._under_way.update(dependents, [name])

    def _may_restart(self, service: Service, now_ms: int) -> bool:
        name, spec = service.spec.name, service.spec
        if spec.restart_tries == 0:
            return False
        if now_ms - service.failed_at_ms >= spec.restart_window_s * 1000:
            # Reported as FAILED all that time, and the lease is still here: nobody can take over.
            self._restarts[name].clear()
            return True
        if name not in self._served and not self._restarts[name]:
            return False  # it never came in service under this lease: another node may do better
        return len(self._restarts[name]) < spec.restart_tries

    def _pause_ms(self, service: Service) -> int:
        """Before the next restart: none before the first, then longer each time, so that tries are not all used up at
        once on what passes in a moment.
        """
        count = len(self._restarts[service.spec.name])
        return min(int(service.spec.restart_pause_s * 1000) * 2 ** (count - 1), PAUSE_MOST_MS) if count else 0

    def _give_up(self, service: Service) -> None:
        name = service.spec.name
        self._under_way.discard(name)
        if name in self._given_up:
            return
        self._given_up.add(name)
        count = len(self._restarts[name])
        if count:
            window_s = service.spec.restart_window_s
            why = f"it was restarted {count} times within {window_s:g} s, and is not restarted again"
            self._report(StateChange(name, service.state, State.FAILED, why))

    def _take_down(self, service: Service, now_ms: int) -> None:
        name = service.spec.name
        if service.is_over:
            del self._going_down[name]
        elif not any(name in self._needs[other] and not self._services[other].is_over for other in self._services):
            service.stop(self._going_down[name], now_ms)

    def _is_lost(self, name: str, service: Service) -> bool:
        return service.state is State.FAILED and name not in self._under_way

    def _is_on_its_way(self, name: str) -> bool:
        return name in self._going_down or self._services[name].state is not State.IN_SERVICE
