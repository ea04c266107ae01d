"""Whether clients of a cluster are served now, since when they are not, and how that is known."""

from understudy.board.clock import span
from understudy.board.look import BoardEntry
from understudy.board.views import Served, ShownService
from understudy.domain.cluster.definition import Record
from understudy.domain.cluster.record import RecordReading
from understudy.domain.cluster.state import INGESTION_CUT_OFF_S, NodeReport, ServiceStatus, Stage
from understudy.domain.decide.situation import Holder
from understudy.domain.observe.serving import others_serving
from understudy.domain.transition.ending import CloseOutcome


def service_of(look: BoardEntry) -> ShownService:
    """What is known of the service at this moment. Not known is neither yes nor no."""
    others = others_serving(look.view)
    if others:
        holder = f", and {look.definition.name_of(look.state.active)} holds it" if look.state.active else ""
        names = " and ".join(map(look.definition.name_of, others))
        return ShownService(Served.TWICE, f"{names} says that it serves without the lease{holder}")
    found = _by_nobody(look) if look.state.active is None else _by_active(look, look.state.active)
    since = found.since_s
    return found if since is None else ShownService(found.served, found.how, max(0, look.now - since))


def is_fresh(report: NodeReport, look: BoardEntry) -> bool:
    """Whether a node's newest word is younger than a lease: an older one says nothing of now."""
    limit_s = look.state.terms.lease_s + INGESTION_CUT_OFF_S
    return report.heard_at is not None and look.now - report.heard_at <= limit_s and not report.power_now.is_off


def leads_elsewhere(record: Record, look: BoardEntry) -> bool:
    """Whether Route 53 is known to lead clients away from the active node, while nothing is being moved."""
    reading, node = look.readings.get(record), look.definition.node(look.state.active or "")
    is_moving = look.state.transition is not None and look.state.transition.stage is not Stage.CONFIRMING
    if not isinstance(reading, RecordReading) or node is None or is_moving:
        return False
    return reading.record is None or reading.record.values != (look.definition.leads_to(node)[record.label],)


def found_at(record: Record, look: BoardEntry) -> str:
    """To where a record leads, in words: whose address that is, when it is one of the cluster's."""
    reading = look.readings.get(record)
    if not isinstance(reading, RecordReading):
        return "not known"
    if reading.record is None:
        return "something else" if reading.obstacle else "no record"
    owners = {look.definition.leads_to(node)[record.label]: node.name for node in look.definition.nodes}
    return ", ".join(f"{each} ({owners.get(each, 'no node of it')})" for each in reading.record.values)


def _by_nobody(look: BoardEntry) -> ShownService:
    previous, holder = look.state.previous, look.situation.holder
    renewed_at = previous.renewed_at if previous and not previous.is_assumed else None
    since = _earliest(renewed_at, _began(look))
    if previous is not None and previous.proof is None and holder not in (Holder.NOBODY, Holder.UNHEARD):
        name = look.definition.name_of(previous.node)
        how = f"nobody holds the lease, and nothing proves yet that {name} has stopped"
        return ShownService(Served.PERHAPS, how, since)
    if holder in (Holder.AWAITED, Holder.UNHEARD):
        return ShownService(Served.PERHAPS, "nobody holds the lease, and a member that may serve is not heard", since)
    return ShownService(Served.NO, "nobody holds the lease", since)


def _by_active(look: BoardEntry, active: str) -> ShownService:
    """Of the node that was given the lease last."""
    report, name = look.state.nodes[active], look.definition.name_of(active)
    if report.power_now.is_off:
        return ShownService(Served.NO, f"EC2 says that {name} is {report.power_now}", report.power_at)
    if report.heard_at is None:
        return ShownService(Served.PERHAPS, f"{name} was given the lease, and was never heard")
    if not is_fresh(report, look):
        how = f"{name} was last heard {span(look.now - report.heard_at)} ago, and last said {report.service}"
        return ShownService(Served.NO if _has_lapsed(report, look) else Served.PERHAPS, how, report.heard_at)
    if report.service is not ServiceStatus.IN_SERVICE:
        return ShownService(Served.NO, f"{name} says {report.service}", _began(look))
    if report.power_now.is_leaving:
        return ShownService(Served.PERHAPS, f"EC2 says that {name} is {report.power_now}", report.power_at)
    on = {each: alarm.at for each, alarm in sorted(report.alarms.items()) if alarm.on}
    if on:
        how = f"{name} says IN_SERVICE, and its alarm {next(iter(on))} is on"
        return ShownService(Served.PERHAPS, how, min(on.values()))
    astray = [record for record in look.definition.records if leads_elsewhere(record, look)]
    if astray:
        how = f"{astray[0].name} leads to {found_at(astray[0], look)}, not to {name}"
        return ShownService(Served.ASTRAY, how)
    return ShownService(Served.YES, f"by {name}")


def _has_lapsed(report: NodeReport, look: BoardEntry) -> bool:
    """Whether the lease of the active node is certainly over: no promise of another node can prolong it."""
    lease, terms = look.state.lease, look.state.terms
    if lease is None or not lease.keeps_lease or terms.promise_s or report.heard_at is None:
        return False
    return look.now >= report.heard_at + INGESTION_CUT_OFF_S + terms.lease_s + look.definition.policy.drift_margin_s


def _began(look: BoardEntry) -> int | None:
    """When the cause of the newest transition was noticed, when it is open or did not end well (seconds)."""
    history = look.histories.get(look.state.epoch, {})
    if history.get("outcome") == CloseOutcome.IN_SERVICE:
        return None
    stages = history.get("stages", {})
    at = stages.get("noticed_at", stages.get("opened_at"))
    return None if at is None else int(at)


def _earliest(*times: int | None) -> int | None:
    return min((at for at in times if at is not None), default=None)
