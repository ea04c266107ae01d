"""The nodes and the addresses of a cluster, as the board shows them."""

from understudy.board.clock import span, utc
from understudy.board.look import BoardEntry
from understudy.board.service import found_at, is_fresh, leads_elsewhere
from understudy.board.views import HOLDS_IT, ShownAddress, ShownNode, Tone
from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.definition import LoadBalancer, NodeSpec, QuorumMode, Record, Role
from understudy.domain.cluster.record import RecordReading, RecordSet, read_guard
from understudy.domain.cluster.state import NodeReport, PowerReading
from understudy.domain.decide.leaving import departures
from understudy.domain.decide.situation import health_of
from understudy.domain.observe.fitness import fitness_words
from understudy.domain.observe.health import NodeHealth
from understudy.domain.observe.peers import peer_faults, rotation, unanswered
from understudy.domain.observe.quorum import count_heard, objection
from understudy.domain.observe.serving import others_serving
from understudy.domain.observe.starts import failed_starts
from understudy.domain.readiness.facts import Unread
from understudy.domain.watch.drift import RecordStatus

TONES = {
    RecordStatus.AS_WRITTEN: Tone.GOOD,
    RecordStatus.DRIFTED: Tone.WARN,
    RecordStatus.FOREIGN: Tone.BAD,
    RecordStatus.NEWER: Tone.BAD,
    RecordStatus.OBSTRUCTED: Tone.BAD,
}
NOT_READ = Unread("Route 53 was not asked")


def node_views(look: BoardEntry) -> tuple[ShownNode, ...]:
    """The members, the active one first, then by priority."""
    specs = sorted(look.definition.nodes, key=lambda each: (each.instance_id != look.state.active, each.priority))
    return tuple(_node(spec, look) for spec in specs)


def _node(spec: NodeSpec, look: BoardEntry) -> ShownNode:
    report = look.state.nodes.get(spec.instance_id) or NodeReport(spec.name)
    return ShownNode(
        name=spec.name,
        instance_id=spec.instance_id,
        address=spec.address,
        zone=spec.zone,
        health=health_of(look.view, spec.instance_id),
        heard_age_s=None if report.heard_at is None else max(0, look.now - report.heard_at),
        is_fresh=is_fresh(report, look),
        is_active=spec.instance_id == look.state.active,
        lease=_lease(spec, look),
        service="" if spec.role is Role.WITNESS or report.heard_at is None else str(report.service),
        quorum=_quorum(report, look),
        obeys_epoch=report.read_epoch,
        agent=report.agent,
        notes=tuple(_notes(spec, report, look)),
        is_second=spec.instance_id in others_serving(look.view),
        is_witness=spec.role is Role.WITNESS,
    )


def _lease(spec: NodeSpec, look: BoardEntry) -> str:
    previous = look.state.previous
    if spec.instance_id == look.state.active:
        return _held(look)
    if previous is not None and previous.node == spec.instance_id:
        return f"held it: {previous.proof}" if previous.proof else "held it: no proof yet that it is over"
    return "witness" if spec.role is Role.WITNESS else ""


def _held(look: BoardEntry) -> str:
    """What is known of the lease of the active node, which nobody has ended."""
    report, state = look.state.nodes.get(look.state.active or ""), look.state
    if report is None or report.heard_at is None:
        return "was given it, and never heard"
    if is_fresh(report, look):
        return HOLDS_IT
    unless = ", unless by promises of the others" if state.terms.promise_s else ""
    return f"not renewed for {span(look.now - report.heard_at)}{unless}"


def _quorum(report: NodeReport, look: BoardEntry) -> str:
    if look.definition.quorum.mode is not QuorumMode.TCP_REMOTE:
        return ""
    return "not said" if report.quorum is None else f"{report.quorum.reached} of {report.quorum.total}"


def quorum_of(look: BoardEntry) -> str:
    """The quorum of the whole cluster in words; empty when the definition wants none."""
    mode, hosts = look.definition.quorum.mode, look.definition.quorum.hosts
    if mode is QuorumMode.MAJORITY:
        heard = count_heard(look.view)
        return f"majority: {heard} of {len(look.definition.nodes)} nodes are heard"
    return f"tcp_remote: {len(hosts)} hosts" if mode is QuorumMode.TCP_REMOTE else ""


def failsafe_of(look: BoardEntry) -> str:
    """Whether an outage of AWS would be bridged, in words, and how far a change of the key is; empty when unknown."""
    if faults := peer_faults(look.view):
        return "; ".join(faults)
    if words := rotation(look.view):
        return words
    return "" if unanswered(look.view) else "every node knows the key, and is answered by every other one"


def _notes(spec: NodeSpec, report: NodeReport, look: BoardEntry) -> list[str]:
    said = [f"alarm {name} is on" for name, alarm in sorted(report.alarms.items()) if alarm.on]
    if report.misnamed:
        said.append(f"its agent {report.misnamed}")
    said += [words for words in (report.fault, report.unfit) if words]
    if failed := failed_starts(look.state, look.definition).get(spec.instance_id):
        since = f"since {utc(failed.at)} (epoch {failed.epoch})"
        said.append(f"the service did not start on it, {since}")
    if departure := departures(look.state).get(spec.instance_id):
        said.append(f"about to go, since {utc(departure.at)}: {departure.words}")
    if report.power_now not in (PowerReading.UNKNOWN, PowerReading.RUNNING):
        said.append(f"EC2 says {report.power_now}")
    health = health_of(look.view, spec.instance_id)
    against = objection(look.view, spec.instance_id)
    if health is NodeHealth.READY and spec.role is Role.SERVING and against:
        said.append(f"quorum: {against}")
    if words := fitness_words(look.view, spec.instance_id):
        said.append(f"fitness: {words}")
    return said


def address_views(look: BoardEntry) -> tuple[ShownAddress, ...]:
    """The addresses, records first, as in the definition."""
    definition, unread = look.definition, "EC2 is not asked by the board: this is what the table knows"
    others = [*(each.label for each in definition.routes), *(each.label for each in definition.elastic_ips)]
    return (
        *(_record(record, look) for record in definition.records),
        *(ShownAddress(each, _status(each, look), "", "", unread, _tone(each, look)) for each in others),
        *(_load_balancer(each, look) for each in definition.load_balancers),
    )


def _load_balancer(balancer: LoadBalancer, look: BoardEntry) -> ShownAddress:
    """What the watch has found: the board does not ask it."""
    mismatch = look.state.mismatch
    if mismatch is None or not mismatch.is_told:
        said, tone = "it asks the nodes who serves", _tone(balancer.label, look)
    else:
        said, tone = f"a load balancer does not follow the lease, since {utc(mismatch.since)}", Tone.BAD
    return ShownAddress(balancer.label, _status(balancer.label, look), "", "", said, tone)


def _record(record: Record, look: BoardEntry) -> ShownAddress:
    reading = look.readings.get(record, NOT_READ)
    status = _status(record.label, look)
    if isinstance(reading, Unread):
        return ShownAddress(record.label, status, "not read", "not read", reading.why, Tone.QUIET)
    finding = look.findings.get(record)
    said = (finding.why or "as written") if finding else reading.obstacle or _meanwhile(look)
    tone = TONES[finding.status] if finding else _tone(record.label, look)
    ttl = f", TTL {reading.record.ttl} s" if reading.record else ""
    return ShownAddress(
        label=record.label,
        status=status,
        found=f"{found_at(record, look)}{ttl}",
        guard=_guard(reading),
        said=said,
        tone=Tone.BAD if leads_elsewhere(record, look) else tone,
    )


def _guard(reading: RecordReading) -> str:
    guard: RecordSet | None = reading.guard
    said = read_guard(guard)
    if said:
        return f"epoch {said.epoch}, {said.node} ({said.cluster} of {said.stack})"
    return " ".join(guard.values) if guard else "no guard"


def _meanwhile(look: BoardEntry) -> str:
    if look.state.transition is not None:
        return "a transition is open"
    return "not known to lead to the active node" if look.state.active else "nobody is active"


def _status(label: str, look: BoardEntry) -> str:
    address = look.state.address
    return str(address.status_of(label)) if address else "never moved"


def _tone(label: str, look: BoardEntry) -> Tone:
    address = look.state.address
    if address is None or look.state.transition is not None:
        return Tone.QUIET
    return Tone.WARN if address.status_of(label) is AddressStatus.OWED else Tone.QUIET
