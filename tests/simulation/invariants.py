"""What must always hold, each as a function with a name. A violation ends the run, whatever code it happens in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.simulation.plan import KINDS
from tests.support.asl_runner import Status
from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.definition import Definition, QuorumMode, Role
from understudy.domain.cluster.record import Change, ChangeVerb, guard_epoch
from understudy.domain.cluster.state import ClusterState, Proof, ServiceStatus, Transition, TransitionAction
from understudy.domain.transition.opening import MANUAL_RULE
from understudy_agent.lease import LeaseAnswer, Order
from understudy_agent.loop import Agent

if TYPE_CHECKING:
    from tests.simulation.node import Machine
    from tests.simulation.world import World

GIVES_UP_WITHIN_S = 1.5
ACTS_WITHIN_S = 75.0
"""What an agent that may act at once needs for what runs by itself: its first read and its looks, two orderly stops of
30 s at the longest, and what a kill takes."""
TOLD_WITHIN_S = 30.0
"""By when the controller has heard of what somebody started, or else has not heard its node for longer than it may be
silent."""
TWO_SERVE = ("at_most_one_node_serves", "nothing_starts_beside_a_server")
"""The first sign of two that serve: the second is seen when its start begins, or when both are up."""
IS_TOLD_WITHIN_S = 30.0
KEEPS_FROM_TELLING = tuple(kind.name for kind in KINDS if kind.is_of_the_controller)
FINISHING = (TransitionAction.REPAIR, TransitionAction.PLACE)
BY_SILENCE = ("active-is-silent", "overdue-and-active-is-silent")


class Violation(BaseException):
    """Something that must never be has been."""

    def __init__(self, invariant: str, found: str) -> None:
        super().__init__(f"{invariant}: {found}")
        self.invariant = invariant


def broken(machine: Machine, process: str, fault: BaseException) -> Violation:
    """No process of ours on a node ends with an error of its own, whatever it finds there."""
    return Violation("no_process_breaks", f"{process} on {machine.name}: {fault!r}")


def at_most_one_node_serves(world: World) -> None:
    """B4. Where a lease counts as proof, a node that thaws is excused until it can have killed what it runs.

    This is the gap that leases cannot close. `world.excuses_thaw` is False where LEASE_EXPIRED is not accepted.
    A node that was passed over without a proof (`unproven: proceed`) is excused, from when that was written down until
    nothing of its service is left or it is granted the lease again, and no longer. What somebody else than an agent has
    started is excused until its agent has had time to end it, for which its file has to name it; nothing may be started
    beside it all the same, see nothing_starts_beside_a_server.
    """
    serving = []
    for machine in world.machines:  # as machine.serves(), written out: it is asked after every event
        if not machine.is_on or machine.is_frozen:
            continue
        for process in machine.workload.processes.values():
            if process.is_running and (process.gone_at_ms is None or machine.now_ms() < process.gone_at_ms):
                serving.append(machine)
                break
    if len(serving) > 1:
        serving = [machine for machine in serving if not _may_run_by_itself(world, machine)]
    if world.passed_over:
        serving = _without_passed_over(world, serving)
    if len(serving) > 1 and world.excuses_thaw:
        serving = [machine for machine in serving if world.clock.now_s >= machine.excused_until_s]
    if len(serving) > 1:
        raise Violation(
            "at_most_one_node_serves", f"{' and '.join(each.name for each in serving)} serve at the same moment"
        )


def _may_run_by_itself(world: World, machine: Machine) -> bool:
    if not machine.runs_by_itself():
        return False
    since_s = machine.could_act_since_s()
    if since_s is None or world.clock.now_s < since_s + ACTS_WITHIN_S:
        return True
    return machine.runs_what_no_agent_names()


def nothing_starts_beside_a_server(world: World, machine: Machine, service: str) -> None:
    """B4. Whoever started what serves elsewhere, and whether or not it is to be there: no agent starts beside it.

    Excused are a machine that has just thawed, one that was passed over, and what came up behind everybody's back:
    before its agent could end it, or any beat could tell of it when the lease was granted.
    """
    state = world.ledger.items.get((world.cluster, "state"))
    for other in world.machines:
        if other is machine or not other.serves() or other.spec.instance_id in world.passed_over:
            continue
        if state is not None and other.spec.instance_id not in state.nodes and other.runs_by_itself():
            continue  # nobody has said that it has anything to do with this cluster
        if world.excuses_thaw and world.clock.now_s < other.excused_until_s:
            continue
        if not _came_up_unseen(world, other):
            raise Violation(
                "nothing_starts_beside_a_server", f"{machine.name} begins to start {service} while {other.name} serves"
            )


def _came_up_unseen(world: World, machine: Machine) -> bool:
    if not machine.runs_by_itself() or machine.by_itself_s is None:
        return False
    if machine.by_itself_s <= machine.told_s <= world.ledger.granted_s and not machine.runs_what_no_agent_names():
        return False
    was_heard_down = world.ledger.registered_s < machine.said_down_s
    was_known_down = was_heard_down or _was_off_until_it_booted(world, machine)
    could_be_told_s = machine.by_itself_s + (TOLD_WITHIN_S if was_known_down else 0)
    placed_s = world.ledger.placed_s
    if placed_s is not None and placed_s < could_be_told_s:
        return _may_run_by_itself(world, machine)  # from then on it is its agent's to end it
    return world.clock.now_s < could_be_told_s


def _was_off_until_it_booted(world: World, machine: Machine) -> bool:
    """Whether EC2's word in the table, that it is off, was true until it came up by itself."""
    state = world.ledger.items.get((world.cluster, "state"))
    report = state.nodes.get(machine.spec.instance_id) if state is not None else None
    return report is not None and report.power.is_off and report.power_at <= machine.booted_at_s


def _without_passed_over(world: World, serving: list[Machine]) -> list[Machine]:
    for machine in world.machines:
        if not machine.is_on or not machine.workload.is_up(machine.now_ms()):
            world.passed_over.discard(machine.spec.instance_id)
    rest = [machine for machine in serving if machine.spec.instance_id not in world.passed_over]
    world.served_beside |= len(serving) > 1 >= len(rest)
    return rest


def note_who_is_passed_over(world: World, before: ClusterState, after: ClusterState) -> None:
    """What `unproven: proceed` gives up, exactly: see at_most_one_node_serves."""
    previous = after.previous
    was_unproven = before.previous is not None and before.previous.proof is Proof.UNPROVEN
    if previous is not None and previous.proof is Proof.UNPROVEN and not was_unproven:
        world.went_unproven = True
        world.passed_over.add(previous.node)
    if after.active is not None and after.active != before.active:
        world.passed_over.discard(after.active)


def unproven_only_where_the_policy_says_so(definition: Definition, before: ClusterState, after: ClusterState) -> None:
    """B4. `definition`: in force when `before` was read. A person may answer for it, too, for one transition."""
    if before.transition is not None and before.transition.may_go_unproven:
        return
    if before.previous is None or after.previous is None or before.previous.proof or before.epoch != after.epoch:
        return
    if after.previous.proof is Proof.UNPROVEN and definition.policy.fencing.unproven != "proceed":
        raise Violation("unproven_only_where_the_policy_says_so", f"{after.previous} under {definition.policy.fencing}")


def names_differ_is_never_chosen_or_released(
    world: World, definition: Definition, before: ClusterState, after: ClusterState
) -> None:
    """B4. Who names other services than the definition does not say of these that they are down, and cannot run them.

    By the newest beat in the state that was read.
    """
    wanted = frozenset(service.name for service in definition.services)

    def differs(instance_id: str) -> bool:
        report = before.nodes.get(instance_id)
        named = world.names_by_beat.get((instance_id, report.boot, report.beat)) if report else None
        return report is not None and named is not None and named != wanted and bool(named or report.keeps_lease)

    previous, was_proven = after.previous, before.previous is not None and before.previous.proof is not None
    if previous is not None and previous.proof is Proof.RELEASED and not was_proven and differs(previous.node):
        raise Violation("names_differ_is_never_released", f"{previous}, which names other services")
    # Whose file is changed in mid-move is granted the lease, and is left at once because it serves nothing. A move that
    # goes on under a lifted epoch chooses nobody anew.
    opened = after.transition if after.epoch != before.epoch else None
    if opened is None or _goes_on(before.transition, opened):
        return
    if opened.target not in (before.active, opened.source) and differs(opened.target):
        raise Violation("names_differ_is_never_chosen", f"{opened.target} is to take over, and names other services")


def _goes_on(before: Transition | None, after: Transition) -> bool:
    """Whether it is the same move, under another epoch."""
    return before is not None and (before.execution, before.target) == (after.execution, after.target)


def a_word_to_the_contrary_counts(
    world: World, definition: Definition, before: ClusterState, after: ClusterState
) -> None:
    """B4. No lease is granted while another node's newest beat, heard just now, says that it serves under no lease.

    A node that is adopted serves already: nothing is started by that.
    """
    if after.active in (None, before.active) or world.machine_of(after.active).serves():
        return
    for instance_id, report in before.nodes.items():
        is_heard = report.heard_at is not None and (
            world.clock.now_s - report.heard_at <= definition.policy.silence_limit_s
        )
        is_off = report.power_now.is_off or (
            before.previous is not None
            and before.previous.node == instance_id
            and before.previous.proof in (Proof.STOPPED, Proof.UNPROVEN)
        )
        names = world.names_by_beat.get((instance_id, report.boot, report.beat))
        says_so = names and not report.keeps_lease and report.service is not ServiceStatus.OUT_OF_SERVICE
        if instance_id != after.active and is_heard and says_so and not is_off:
            raise Violation(
                "a_word_to_the_contrary_counts",
                f"{after.active} is granted the lease; {report.name} says that it serves",
            )


def two_servers_are_told(world: World, state: ClusterState) -> None:
    """B4. Two whose newest words say that they serve are not left alone: within a while an operator was called.

    Counted while nothing keeps words from the controller, or the controller from working. After an outage of the beats
    the members are awaited for silence_limit_s first.
    """
    now_s, limit_s = world.clock.now_s, state.terms.silence_limit_s
    serving = [
        report.name
        for instance_id, report in state.nodes.items()
        if report.heard_at is not None
        and now_s - report.heard_at <= limit_s
        and report.service is not ServiceStatus.OUT_OF_SERVICE
        and world.names_by_beat.get((instance_id, report.boot, report.beat))
    ]
    if len(serving) < 2 or state.alert is not None or any(map(world.weather.of, KEEPS_FROM_TELLING)):
        world.two_say_so_s = None
    elif world.two_say_so_s is None:
        world.two_say_so_s = now_s
    elif now_s - world.two_say_so_s > limit_s + IS_TOLD_WITHIN_S:
        raise Violation("two_servers_are_told", f"{' and '.join(serving)} have said for long that they serve")


def epochs_never_fall(before: ClusterState, after: ClusterState) -> None:
    """B1, in the table."""
    if after.epoch < before.epoch:
        raise Violation("epochs_never_fall", f"the table goes from epoch {before.epoch} to {after.epoch}")


def no_lease_without_proof(before: ClusterState, after: ClusterState) -> None:
    """B4. The lease goes to a node only when the one before is proved harmless in the table, or is that node itself."""
    if after.active in (None, before.active):
        return
    if before.active is not None:
        raise Violation("no_lease_without_proof", f"the lease goes from {before.active} to {after.active} in one write")
    previous = before.previous
    in_use = (ServiceStatus.IN_SERVICE, ServiceStatus.STARTING)
    if previous is not None and previous.is_assumed and before.nodes[after.active].service in in_use:
        return  # nothing starts: it serves already, and who was only assumed to serve has held no lease
    if previous is not None and previous.node != after.active and previous.proof is None:
        raise Violation(
            "no_lease_without_proof", f"{after.active} gets the lease; nothing proves that {previous} ended"
        )


def record_obeys_the_newest_epoch(accepted: int, batch: Sequence[Change]) -> int:
    """B1, in Route 53: the epoch of this batch, which may not be below one that was accepted before."""
    written = [guard_epoch(change.record_set) for change in batch if change.verb is not ChangeVerb.DELETE]
    epoch = max(written, default=0)
    if epoch < accepted:
        raise Violation(
            "record_obeys_the_newest_epoch", f"a batch of epoch {epoch} is accepted after one of {accepted}"
        )
    return epoch


def no_failover_for_the_pipelines_sake(world: World, before: ClusterState, after: ClusterState) -> None:
    """B3. A node that is well and beats is not left because nobody at all could be heard.

    It may have stopped its service meanwhile, as its lease ran out: it takes it up again when it is heard.
    """
    opened = after.transition
    if after.epoch == before.epoch or opened is None or opened.action is not TransitionAction.FAILOVER:
        return
    if opened.rule not in BY_SILENCE or before.active is None:
        return
    machine = world.machine_of(before.active)
    if machine.is_well() and world.bus.only_the_pipeline_failed(machine, before.terms.heartbeat_interval_s):
        raise Violation(
            "no_failover_for_the_pipelines_sake",
            f"{machine.name} is well and beats; its beats were lost because nobody's could arrive",
        )


def weather_fails_over_nobody_who_serves(world: World, before: ClusterState, after: ClusterState) -> None:
    """B14. Under a script of weather, a node that serves is left only when a person asks for it."""
    opened = after.transition
    if not world.plan.weather or after.epoch == before.epoch or opened is None or before.active is None:
        return
    machine = world.machine_of(before.active)
    if opened.action is TransitionAction.FAILOVER and machine.goes_on_serving():
        raise Violation("weather_fails_over_nobody_who_serves", f"{machine.name} serves, and is left by {opened.rule}")


def weather_stops_nobody_in_touch(machine: Machine, agent: Agent, before: Order) -> None:
    """B13 B14. Under a script of weather that hurts no node, no service is stopped."""
    plan = machine.world.plan
    if plan.weather and not plan.hurts_a_node and before is Order.SERVE and agent._order in (Order.STOP, Order.KILL):
        raise Violation("weather_stops_nobody_in_touch", f"{machine.name} stops its services by {agent._order.value}")


def nothing_begins_while_held(before: ClusterState, after: ClusterState, now_s: float) -> None:
    """B6. Under a hold nothing is opened that no operator asked for.

    What was begun before is carried through: its own execution tries the next node, or, once it is dead, what it left
    is finished; but a failover is not begun for that.
    """
    opened, left, hold = after.transition, before.transition, before.hold
    # Not Hold.is_on: what is tested here is not asked.
    is_held = hold is not None and (hold.until is None or now_s < hold.until)
    if after.epoch == before.epoch or opened is None or not is_held or opened.rule == MANUAL_RULE:
        return
    is_next_try = left is not None and left.execution == opened.execution
    is_left_over = left is not None and now_s >= left.deadline_at and opened.action in FINISHING
    if not (is_next_try or is_left_over):
        raise Violation("nothing_begins_while_held", f"{opened.action} is opened by {opened.rule} under {hold}")


def no_candidate_without_a_majority(definition: Definition, before: ClusterState, after: ClusterState) -> None:
    """S12. What is opened on another node than the holder is opened on one that quorum lets take over, as was read."""
    opened, mode = after.transition, definition.quorum.mode
    if opened is None or after.epoch == before.epoch or opened.action is TransitionAction.REPAIR:
        return
    if _goes_on(before.transition, opened):
        return  # under a lifted epoch
    if mode is QuorumMode.TCP_REMOTE:
        report, total = before.nodes.get(opened.target), len(definition.quorum.hosts)
        reach = report.quorum if report else None
        is_majority = reach is not None and reach.total == total and reach.reached * 2 > total
    elif mode is QuorumMode.MAJORITY:
        limit_s = opened.opened_at - definition.policy.silence_limit_s
        reports = [before.nodes.get(node.instance_id) for node in definition.nodes]
        heard = [each for each in reports if each is not None and each.heard_at is not None and each.heard_at > limit_s]
        is_majority = len(heard) * 2 > len(reports)
    else:
        return
    if not is_majority:
        found = f"{opened.action} to {opened.target} by {opened.rule} is opened without a majority ({mode})"
        raise Violation("no_candidate_without_a_majority", found)


def at_a_start(world: World, machine: Machine, service: str) -> None:
    """What holds whenever the command that starts a service begins."""
    nothing_starts_without_a_lease(machine, service)
    nothing_starts_beside_a_server(world, machine, service)
    _nothing_starts_long_after_a_majority(world, machine)
    a_witness_starts_nothing(machine)


def nothing_starts_without_a_lease(machine: Machine, service: str) -> None:
    """B4 B11. Only under SERVE, under a lease or promises that run, and that were read since whatever took time away.

    Whatever the policy says. A read counts from when it was begun: after the last start of the agent and the last thaw.
    """
    agent, now_ms = machine.agent, machine.now_ms()
    if agent is None or agent._services._order is not Order.SERVE:
        order = "no agent" if agent is None else agent._services._order.value
        raise Violation("nothing_starts_without_a_lease", f"{machine.name} begins to start {service} under {order}")
    lease_view = agent._lease_view
    if lease_view.answer is not LeaseAnswer.MINE or lease_view.end_ms is None or now_ms >= lease_view.end_ms:
        raise Violation(
            "nothing_starts_without_a_lease", f"{machine.name} begins to start {service} at {now_ms} under {lease_view}"
        )
    if machine.reads.taken_s is None or machine.reads.taken_s < machine.awake_since_s:
        raise Violation(
            "nothing_starts_without_a_lease",
            f"{machine.name} begins to start {service} by what it read before it was started or thawed",
        )


def _nothing_starts_long_after_a_majority(world: World, machine: Machine) -> None:
    """S12. What a node brings in service one after the other it goes on with for as long as a lease lasts."""
    agent, lost_s = machine.agent, world.clock.now_s - machine.majority_s
    if (
        world.hosts
        and agent is not None
        and lost_s > agent._lease_view.terms.lease_s / machine.rate + GIVES_UP_WITHIN_S
    ):
        raise Violation("nothing_begins_without_a_majority", f"{machine.name} starts {lost_s:.1f} s after it lost it")


def a_witness_starts_nothing(machine: Machine) -> None:
    """S12."""
    if machine.spec.role is Role.WITNESS:
        raise Violation("a_witness_starts_nothing", f"{machine.name} is a witness and starts the service")


def after_tick(world: World, machine: Machine, agent: Agent, before: Order, *, was_down: bool) -> None:
    """What holds whenever an agent has looked at its lease. `before`: its order until then; `was_down`: as it knew."""
    _a_lease_is_counted_from_own_beats(world, machine, agent)
    weather_stops_nobody_in_touch(machine, agent, before)
    if world.hosts and agent._order is Order.SERVE:
        if before is not Order.SERVE and was_down:
            _nothing_begins_without_a_majority(world, machine)
        _majority_lost_is_given_up(world, machine, agent)
    if machine.shares_key:
        _grant_waits_for_one_promise(world, machine, agent)
        if before is Order.SERVE and agent._order in (Order.STOP, Order.KILL):
            _in_touch_serves_on(world, machine, agent)


def _a_lease_is_counted_from_own_beats(world: World, machine: Machine, agent: Agent) -> None:
    """B4. No number that somebody else has sent makes a lease longer.

    What runs under no lease at all is given an end, too: it lets nobody serve.
    """
    end_ms, sent_ms = agent._lease_view.lease_end_ms, machine.sent_ms
    if end_ms is None or sent_ms is None or agent._lease_view.renewed_by is None:
        return
    if end_ms > sent_ms + world.longest_lease_s * 1000:
        raise Violation(
            "a_lease_is_counted_from_own_beats", f"{machine.name} sent {sent_ms} at last and counts on {end_ms}"
        )


def _nothing_begins_without_a_majority(world: World, machine: Machine) -> None:
    """S12. A node begins to serve only when it can have reached a majority of the quorum hosts just now."""
    if machine.majority_s < world.clock.now_s:
        lost_s = world.clock.now_s - machine.majority_s
        raise Violation("nothing_begins_without_a_majority", f"{machine.name} begins {lost_s:.1f} s after it lost it")


def _majority_lost_is_given_up(world: World, machine: Machine, agent: Agent) -> None:
    """S12. A node that has been without a majority for longer than its lease has given up."""
    lost_s = world.clock.now_s - machine.majority_s
    if lost_s > agent._lease_view.terms.lease_s / machine.rate + GIVES_UP_WITHIN_S:
        raise Violation("majority_lost_is_given_up", f"{machine.name} serves, without a majority for {lost_s:.1f} s")


def _grant_waits_for_one_promise(world: World, machine: Machine, agent: Agent) -> None:
    """B11. Who holds the lease gives no promise, so what was given before delays its service once, not for ever.

    Where somebody has restored the table, another node may hold the lease of a higher epoch, and is promised for.
    """
    if agent._order is not Order.WAIT or world.ledger.was_restored:
        machine.waits_since_s = None
        return
    machine.waits_since_s = machine.waits_since_s or world.clock.now_s
    waited_s = world.clock.now_s - machine.waits_since_s
    if waited_s > world.waits_at_most_s:
        raise Violation(
            "grant_waits_for_one_promise", f"{machine.name} holds the lease and has waited {waited_s:.1f} s"
        )


def _in_touch_serves_on(world: World, machine: Machine, agent: Agent) -> None:
    """B11. Cut off from AWS, alone or with everybody, a holder whose peers are in touch and down does not stop.

    In touch: for the length of a lease and a promise nothing has happened to them, to it, or to what they send each
    other. The table has it for as long: no transition was opened meanwhile, so no other node may start.
    """
    terms, state, now_s = agent._lease_view.terms, world.ledger.items.get((world.cluster, "state")), world.clock.now_s
    if state is None:
        return
    is_meant = agent.is_stopping or agent._prober.forbids(machine.now_ms(), is_down=False)
    if (
        agent._lease_view.answer is not LeaseAnswer.MINE
        or is_meant
        or not terms.promise_s
        or state.active != machine.spec.instance_id
    ):
        return
    members = [each for each in world.machines if each.spec.instance_id in state.nodes]
    if any(
        each.agent is None or each.is_frozen or (each is not machine and not each.agent._services.all_down)
        for each in members
    ):
        return
    since_s = max(world.ledger.moved_s, world.network.disturbed_s, *(each.disturbed_s for each in members))
    if now_s - since_s > (terms.lease_s + terms.promise_s) / 0.99:
        raise Violation(
            "in_touch_serves_on", f"{machine.name} stops, and its peers have been in touch for {now_s - since_s:.1f} s"
        )


def every_execution_ends(world: World) -> None:
    """B7, when the faults have stopped and the bound has passed."""
    running = [execution for execution in world.executions if execution.status is Status.RUNNING]
    if running:
        found = ", ".join(f"{each.name} in {each.state}" for each in running)
        raise Violation("every_execution_ends", f"still running: {found}")


def in_service_on_one_node(world: World) -> list[str]:
    """What is missing for the cluster to be well; empty when nothing is."""
    state, serving = (
        world.ledger.items.get((world.cluster, "state")),
        [each for each in world.machines if each.serves()],
    )
    if state is None:
        return ["the cluster is not registered"]
    missing = []
    if [machine.spec.instance_id for machine in serving] != [state.active]:
        missing.append(f"{[machine.name for machine in serving]} serves, and the table has {state.active}")
    elif not serving[0].reports_in_service():
        missing.append(f"{serving[0].name} is not in service yet")
    elif world.setting.has_record and world.record_value() != serving[0].spec.address:
        missing.append(f"the record leads to {world.record_value()}, not to {serving[0].name}")
    if state.transition is not None:
        missing.append(f"a transition is open: {state.transition}")
    if state.hold is not None:
        missing.append(f"the cluster is held: {state.hold}")
    if state.address is None or state.address.status not in (AddressStatus.IN_SYNC, AddressStatus.UNCONFIRMED):
        missing.append(f"the address is {state.address}")
    if world.setting.has_balancer and world.balancer.healthy() != tuple(each.name for each in serving):
        missing.append(f"the load balancer leads to {world.balancer.healthy()}")
    return missing
