"""All services of a node under one order: up in dependency order, down in reverse."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from .former import Former
from .kinds import ServiceKind
from .lease import Order
from .model import ServiceSettings, State, StateChange
from .recovery import Recovery
from .remains import Remains
from .service import Service
from .tries import TriesFile

TO_BE_DOWN = (Order.STOP, Order.KILL)
RUNS = (State.IN_SERVICE, State.STARTING)


class DependencyCycleError(ValueError):
    """Services depend on each other in a circle; the message names it."""


def in_dependency_order(specs: Sequence[ServiceSettings]) -> list[ServiceSettings]:
    """The services, each after all that it depends on. Raises DependencyCycleError."""
    by_name = {spec.name: spec for spec in specs}
    ordered: dict[str, ServiceSettings] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise DependencyCycleError(" -> ".join((*path[path.index(name) :], name)))
        if name in ordered or name not in by_name:
            return
        for wanted in by_name[name].depends_on:
            visit(wanted, (*path, name))
        ordered[name] = by_name[name]

    for spec in specs:
        visit(spec.name, ())
    return list(ordered.values())


class Services:
    """Obeys the order of each tick. Never waits: a start, a stop or a look that hangs delays nothing else."""

    def __init__(
        self,
        kinds: Mapping[str, ServiceKind],
        specs: Sequence[ServiceSettings],
        on_unstoppable: Callable[[str], None],
        tries: TriesFile | None = None,
        former: Iterable[Former] = (),
    ) -> None:
        """`on_unstoppable` is called once for a service that killing did not end, or that cannot be killed."""
        self._changes: list[StateChange] = []
        gone = {each.spec.name: each for each in former}
        every = {**kinds, **{title: each.kind for title, each in gone.items()}}
        ordered = in_dependency_order([*specs, *(each.spec for each in gone.values())])
        self._services = [Service(spec, every[spec.name], self._changes.append) for spec in ordered]
        """All that must be down when the order says so."""
        self._by_name = {service.spec.name: service for service in self._services}
        self._bound: frozenset[str] = frozenset()
        self._former = {title: each.name for title, each in gone.items()}  # not the node's any more, and only stopped
        self._own = [service for service in self._services if service.spec.name not in gone]
        self._recovery = Recovery(self._own, self._changes.append)
        self._on_unstoppable = on_unstoppable
        self._called_for: set[str] = set()
        self.unknown: tuple[str, ...] = ()
        """Services that must be down at the end of the lease, and that nothing here can look at or stop."""
        self._tries, self._has_resumed = tries, False
        self._order = Order.LEAVE_ALONE
        self._grant: int | None = None
        self._failed_before: set[str] = set()
        """Services that had failed before the lease was granted: they are tried again under it, once."""

    def bind(self, names: Iterable[str]) -> None:
        """Name what must be down at the end of the lease, whether it can be stopped by this process or not.

        No names: that is not known.
        """
        self._bound = frozenset(names)
        self.unknown = tuple(name for name in names if name not in (*self._by_name, *self._former.values()))
        self._let_go()

    def forget_former(self) -> None:
        """Nothing binds what is not the node's any more."""
        self._remove(list(self._former))

    def _let_go(self) -> None:
        """A lease that was renewed by a beat without it binds it no more; nor is one kept that is down and that no
        lease names, or that has a successor of its name.
        """
        done = []
        for title, name in self._former.items():
            is_named = name in self._bound and name not in self._by_name
            is_free = bool(self._bound) and name not in self._bound
            if is_free or (self._by_name[title].is_down and not is_named):
                done.append(title)
        self._remove(done)

    def _remove(self, titles: Iterable[str]) -> None:
        for title in titles:
            service = self._by_name.pop(title)
            service.doubt()  # a look that is under way has nobody to tell any more
            self._services.remove(service)
            del self._former[title]

    def tick(self, order: Order, epoch: int, now_ms: int, kill_limit_s: float) -> list[StateChange]:
        """Take up what has happened, do what the order asks. The changes of state since the last tick."""
        self._order = order
        self._resume(now_ms)
        kill_limit_ms = int(kill_limit_s * 1000)
        news = [service for service in self._services if self._take_up(service, now_ms, kill_limit_ms)]
        for service in self._services if news else ():
            if service not in news:
                service.doubt()
        self._obey(order, epoch, now_ms)
        self._see_to_unstoppable(now_ms)
        self._let_go()
        if self._tries is not None:
            self._tries.keep(self._recovery.tries())
        changes = list(self._changes)
        self._changes.clear()
        return changes

    def _take_up(self, service: Service, now_ms: int, kill_limit_ms: int) -> bool:
        """Take up what has happened to one. Whether it has come up by itself, or is down again after that.

        Where one has others may have: they are looked at anew, and once more when it is down.
        """
        had_come_up, was = service.came_up, service.state
        if service.is_checked and not self._may_go_on_to_start(service):
            self._give_up_check(service)
        service.advance(now_ms, kill_limit_ms)
        return service.came_up is not had_come_up or (was is None and service.state in RUNS)

    def _resume(self, now_ms: int) -> None:
        if self._tries is not None and not self._has_resumed:
            self._recovery.resume(self._tries.load(now_ms), now_ms)
            self._has_resumed = True

    def _obey(self, order: Order, epoch: int, now_ms: int) -> None:
        if order is Order.SERVE:
            self._serve(epoch, now_ms)
            return
        self._recovery.abandon()
        if order in TO_BE_DOWN:
            self._recovery.forget_failed()
        if order is Order.STOP:
            self._stop(now_ms)
        elif order is Order.KILL:
            self._kill(now_ms)
        else:
            for service in self._services:
                service.watch(now_ms, wanted=order is Order.KEEP)

    def _serve(self, epoch: int, now_ms: int) -> None:
        if epoch != self._grant:
            self._grant = epoch
            self._failed_before = {service.spec.name for service in self._own if service.state is State.FAILED}
            self._recovery.begin(epoch)
        self._recovery.tick(now_ms)
        for title, name in self._former.items():
            if name in self._by_name and not self._by_name[title].is_over:
                self._by_name[title].stop(f"{name} is another one by now", now_ms)
            else:
                self._by_name[title].watch(now_ms, wanted=False)
        for service in self._own:
            if self._has_what_it_needs(service) and self._wants_start(service):
                self._failed_before.discard(service.spec.name)
                service.start(f"the lease of epoch {epoch} is held", now_ms)
            else:
                service.watch(now_ms, wanted=True)

    def _may_go_on_to_start(self, service: Service) -> bool:
        """The order comes first: a look that has just ended leads to a start only under SERVE."""
        is_going_down = self._recovery.is_going_down(service.spec.name)
        return self._order is Order.SERVE and self._has_what_it_needs(service) and not is_going_down

    def _has_what_it_needs(self, service: Service) -> bool:
        return all(self._by_name[name].state is State.IN_SERVICE for name in service.spec.depends_on)

    def _give_up_check(self, service: Service) -> None:
        service.give_up_check(must_be_down=self._order in TO_BE_DOWN)
        if service.state is State.FAILED:
            self._failed_before.add(service.spec.name)

    def _wants_start(self, service: Service) -> bool:
        has_former = any(name == service.spec.name for name in self._former.values())
        if has_former or self._recovery.is_going_down(service.spec.name):
            return False
        if service.state is State.FAILED:
            return service.spec.name in self._failed_before
        return service.state is State.OUT_OF_SERVICE or (service.state is None and service.unknown_looks > 0)

    def _stop(self, now_ms: int) -> None:
        self._grant = None
        for service in reversed(self._services):
            known = service.state is not None or service.unknown_looks > 0
            if known and not service.is_over and self._are_dependents_over(service):
                service.stop("the order is STOP", now_ms)
            else:
                service.watch(now_ms, wanted=False)

    def _are_dependents_over(self, service: Service) -> bool:
        return all(other.is_over for other in self._services if service.spec.name in other.spec.depends_on)

    def _kill(self, now_ms: int) -> None:
        self._grant = None
        for service in self._services:
            if service.is_down or service.is_given_up:
                service.watch(now_ms, wanted=False)
            else:
                service.kill("the order is KILL", now_ms)

    def _see_to_unstoppable(self, now_ms: int) -> None:
        """A service that killing did not end is only reported as FAILED, unless the order requires it to be down.

        Nor is a node taken down for one that was neither started nor seen running since it was last down: its status
        command may lie on a file system that only the active node mounts.
        """
        for service in self._services:
            name = service.spec.name
            if service.unstoppable and self._order in TO_BE_DOWN and not service.may_run:
                service.give_up("it is not known to be down, and was neither started nor seen running here", now_ms)
            elif service.unstoppable and name not in self._called_for and self._order in TO_BE_DOWN:
                self._called_for.add(name)
                self._on_unstoppable(name)
            elif not service.unstoppable:
                self._called_for.discard(name)
        for name in self.unknown:
            if self._order is Order.KILL and name not in self._called_for:
                self._called_for.add(name)
                self._on_unstoppable(name)

    def states(self) -> dict[str, str]:
        """What a beat says of each service. One not known to be gone is never called OUT_OF_SERVICE.

        Without a lease that runs it is the plain truth: OUT_OF_SERVICE of all services is a proof. So one that is
        not the node's any more is named as well until it is down: else nobody would hear of what runs here.
        """
        own = {service.spec.name: self._reported(service).value for service in self._own}
        if not self._former:
            return own
        left = {title: self._by_name[title] for title in self._former}
        return {self._former[title]: each.shown.value for title, each in left.items() if not each.is_down} | own

    def _reported(self, service: Service) -> State:
        serves = self._order is Order.SERVE
        if self._former and service.is_down:
            left = [self._by_name[title].shown for title, name in self._former.items() if name == service.spec.name]
            if left:
                return State.STARTING if serves else left[0]
        return self._recovery.reported(service) if serves else service.shown

    def remains(self) -> dict[str, Remains]:
        """Where what is left of each service can be found."""
        return {service.spec.name: service.remains() for service in self._services}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(service.spec.name for service in self._own)

    def is_former(self, title: str) -> bool:
        """Whether a service is called so that is not the node's any more."""
        return title in self._former

    @property
    def former(self) -> tuple[str, ...]:
        """Names of services that are not the node's any more, and may still have to be stopped."""
        return tuple(self._former.values())

    @property
    def why_unfit(self) -> str:
        """Why one of them could not be started here; "" when nothing is known against it."""
        return next((service.unfit for service in self._own if service.unfit), "")

    @property
    def all_down(self) -> bool:
        """Whether everything that must be down is known to be down."""
        if self.unknown:
            return False
        for service in self._services:  # noqa: SIM110 - asked several times a tick, so it is written out
            if not service.is_down:
                return False
        return True

    @property
    def all_over(self) -> bool:
        """Whether there is nothing to stop: all is down, or was never seen running here and no look has an answer."""
        return not self.unknown and all(service.is_over for service in self._services)

    @property
    def all_looked_at(self) -> bool:
        """Whether each service has been looked at once, with or without an answer."""
        return all(s.state is not None or s.unknown_looks > 0 for s in self._services)

    @property
    def any_seen(self) -> bool:
        """Whether a look has seen any of them running. Of one without an answer nothing is known."""
        return any(s.state not in (None, State.OUT_OF_SERVICE) for s in self._services)

    def orderly_stop_s(self) -> float:
        """What stopping everything in order may take by the services' own limits, in seconds."""
        return sum(service.spec.stop_limit_s for service in self._services)
