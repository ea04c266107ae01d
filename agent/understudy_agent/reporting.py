"""What an agent reports: why it does what it does, its beats, and its status file."""

from __future__ import annotations

from . import __version__
from .failsafe import Failsafe
from .lease import LeaseAnswer, LeaseView, Order
from .log import Log
from .ports import BeatReport, Self
from .services import Services
from .starts import Watch


def reason(order: Order, lease_view: LeaseView, watch: Watch, *, is_stopping: bool, lacks_quorum: bool) -> str:
    """Why this is the order.

    `is_stopping`: the agent was asked to end; `lacks_quorum`: the lease is held, and quorum forbids to serve.
    """
    if is_stopping and order is Order.STOP:
        return "the agent was asked to stop"
    if order is Order.LEAVE_ALONE:
        return "nothing read says whether this node is to serve"
    if order is Order.KEEP:
        why = "no lease runs that was read since this agent was started or frozen last"
        if watch.returned is not None:
            why = "it had lost this lease, and does not know yet that no other node serves"
        return f"this node was granted the lease of epoch {lease_view.epoch}, keeps what runs and starts nothing: {why}"
    if order is Order.WAIT:
        return f"this node holds the lease of epoch {lease_view.epoch}, and starts when its promise is over"
    if lease_view.answer is LeaseAnswer.NOT_MINE and not lease_view.epoch:
        return "nothing has been read yet, and no lease of this boot bounds what runs here"
    if order is Order.STOP and lease_view.answer is LeaseAnswer.NOT_MINE:
        return f"this node does not hold the lease of epoch {lease_view.epoch}"
    if order is Order.STOP and lacks_quorum:
        return f"this node holds the lease of epoch {lease_view.epoch}, and reaches no majority of the quorum hosts"
    if order is Order.SERVE:
        return f"this node holds the lease of epoch {lease_view.epoch}"
    return f"the lease of epoch {lease_view.epoch} was not renewed"


def beat(who: Self, number: int, report: BeatReport, failsafe: Failsafe, accepted: int) -> dict[str, object]:
    """What a beat says. `accepted`: how many beats of this process AWS took in before."""
    return {
        "cluster": who.cluster,
        "boot": who.boot,
        "beat": number,
        "keeps_lease": report.keeps_lease,
        "read_epoch": report.read_epoch,
        "services": dict(report.services),
        "agent": __version__,
        **report.quorum,
        **({"unfit": report.unfit} if report.unfit else {}),
        **({"waits": True} if report.waits else {}),
        **report.fit,
        **({"config": who.config} if who.config else {}),
        "knows": failsafe.knows,
        **failsafe.words,
        "accepted": accepted,
    }


def unknown(services: Services, log: Log) -> None:
    """Log what a lease binds and this process cannot stop."""
    for name in services.unknown:
        why = "it may run under the lease that was found, and the file does not name it: it cannot be stopped from here"
        log.error("service_unknown", why, service=name)


def former(services: Services, log: Log) -> None:
    """Log what a lease binds and this process may only stop."""
    for name in services.former:
        why = "it may run under the lease that was found, and is not in the file, or is another one there by now"
        log.warning("service_of_before", why, service=name)


def status(cluster: str, instance: str, order: Order, lease_view: LeaseView, report: BeatReport) -> dict[str, object]:
    """The status file's content."""
    return {
        "cluster": cluster,
        "instance": instance,
        "order": order.value,
        "epoch": lease_view.epoch,
        "lease_end_ms": lease_view.lease_end_ms,
        "promised_until_ms": lease_view.promised_until_ms,
        "services": dict(report.services),
        "unfit": report.unfit,
        **report.quorum,
        **report.fit,
    }
