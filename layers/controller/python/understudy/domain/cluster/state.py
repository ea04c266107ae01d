"""The state of a cluster: the one item that heartbeats, workflow and agents share.

Nodes are named by EC2 instance id. Times are whole seconds since the epoch on AWS's clocks.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from understudy.domain.cluster.address import Address
from understudy.domain.cluster.approval import Question
from understudy.domain.cluster.departure import Cause, Departure
from understudy.domain.cluster.doubt import Doubt
from understudy.domain.cluster.failed_start import FailedStart
from understudy.domain.cluster.fitness import Fitness
from understudy.domain.cluster.hold import Hold
from understudy.domain.cluster.mismatch import Mismatch
from understudy.domain.cluster.no_standby import NoStandby
from understudy.domain.cluster.reach import QuorumHosts, Reach

INGESTION_CUT_OFF_S = 1
"""EventBridge gives its ingestion time in whole seconds, cut off."""
EPOCH_LIMIT = 10**9
"""One transition a second for 31 years."""
KEEP = "keep"
"""The `on_isolation` under which a lease does not end by itself."""


class ServiceStatus(StrEnum):
    """The services of a node taken together, as its agent reports them."""

    OUT_OF_SERVICE = "OUT_OF_SERVICE"
    STARTING = "STARTING"
    IN_SERVICE = "IN_SERVICE"
    STOPPING = "STOPPING"
    FAILED = "FAILED"

    @classmethod
    def of_all(cls, services: Mapping[str, "ServiceStatus"]) -> "ServiceStatus":
        """One word for all services of a node.

        A node that reports none (it beats without an agent) runs its service by other means: IN_SERVICE.
        """
        found = set(services.values()) or {cls.IN_SERVICE}
        if len(found) == 1:
            return found.pop()
        for status in (cls.FAILED, cls.STOPPING):
            if status in found:
                return status
        return cls.STARTING


class PowerReading(StrEnum):
    """EC2's word on an instance. UNKNOWN (a read that failed) never counts as off."""

    UNKNOWN = "unknown"
    PENDING = "pending"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    SHUTTING_DOWN = "shutting-down"
    TERMINATED = "terminated"

    @property
    def is_off(self) -> bool:
        """Whether nothing can run on the instance any more. `stopping` is not off."""
        return self in _OFF

    @property
    def is_leaving(self) -> bool:
        """Whether the instance is off or on its way there."""
        return self in _LEAVING


_OFF = (PowerReading.STOPPED, PowerReading.TERMINATED)
_LEAVING = (*_OFF, PowerReading.STOPPING, PowerReading.SHUTTING_DOWN)


class Proof(StrEnum):
    """Why the node before can no longer serve."""

    NO_HOLDER = "NO_HOLDER"  # nobody held the lease
    KEEPS_LEASE = "KEEPS_LEASE"  # the target itself holds the lease and keeps it: nobody is to be fenced
    RELEASED = "RELEASED"
    LEASE_EXPIRED = "LEASE_EXPIRED"
    STOPPED = "STOPPED"
    UNPROVEN = "UNPROVEN"  # no proof: the policy or an operator said to go on without one


class TransitionAction(StrEnum):
    """What a transition is for. `repair` finishes what is unfinished without moving the service."""

    FAILOVER = "failover"
    SWITCHOVER = "switchover"
    FAILBACK = "failback"
    PLACE = "place"
    REPAIR = "repair"


class Stage(StrEnum):
    """How far the open transition has come. From CONFIRMING on the service is in service and failures count again."""

    FENCING = "FENCING"
    MOVING = "MOVING"
    GRANTING = "GRANTING"
    STARTING = "STARTING"
    CONFIRMING = "CONFIRMING"


@dataclass(frozen=True)
class Alarm:
    """A CloudWatch alarm of a node. `on` is the ALARM state."""

    on: bool
    at: int


@dataclass(frozen=True)
class NodeReport:
    """What is known of one node: its newest beat, and EC2's newest word.

    `beat` is the sender's CLOCK_BOOTTIME in milliseconds; `heard_at` AWS's ingestion time, None before the first beat;
    `heard_since` when the present run of beats began, and `due_by` by when the next must be recorded to go on with it;
    `read_epoch` the epoch that the agent obeyed when it sent the beat; `power_boot` the boot that beat last when EC2's
    word came, so that a machine that has rebooted since is not taken for gone. `fault`: in what EC2 says that the
    instance is not as the definition has it any more; empty when it is. `quorum`: None when its newest beat does not
    say. `named`: the digest of the services that its beat names, empty when an older release recorded it; `misnamed`:
    in what these are not the definition's, in words (see cluster.service_names). `unfit`: why it could not
    take over, in its own words; empty when its newest beat does not say so. `late_at`: when a beat of it that was late
    was dealt with last (seconds); 0: never. `accepted`: how many beats of its agent's process AWS had taken in before
    the newest; `lost_at`: when a beat was recorded last that shows that one before it was lost, or is late; 0: never.
    `config`: a fingerprint of its agent's configuration of the services, empty when its newest beat gives none.
    `waits`: whether it holds the lease, by its newest beat, and only waits before it starts its services by itself.
    `fitness`: how fit it is to take over, in its own words; None when its newest beat does not say.

    `departure`: AWS's newest word that the instance goes, and `departure_boot` the boot that beat last when it came.

    `key`: which keys of promises it knows, in the words of observe.peers; `silent`: which nodes do not answer
    it. For promises between the agents: `ip`, where the node is asked; `joined`, the version of the
    definition that added it to a cluster in use, 0 for the first nodes; `knows`, the version whose nodes it would ask,
    as its own beat says, 0 when it asks nobody.
    """

    name: str
    ip: str = ""
    joined: int = 0
    knows: int = 0
    beat: int = 0
    heard_at: int | None = None
    heard_since: int = 0
    due_by: float = 0
    boot: str = ""
    service: ServiceStatus = ServiceStatus.OUT_OF_SERVICE
    keeps_lease: bool = False
    read_epoch: int = 0
    agent: str = ""
    power: PowerReading = PowerReading.UNKNOWN
    power_at: int = 0
    power_boot: str = ""
    alarms: Mapping[str, Alarm] = field(default_factory=dict)
    fault: str = ""
    quorum: Reach | None = None
    named: str = ""
    misnamed: str = ""
    unfit: str = ""
    key: str = ""
    silent: tuple[str, ...] = ()
    config: str = ""
    late_at: int = 0
    accepted: int | None = None
    lost_at: int = 0
    waits: bool = False
    fitness: Fitness | None = None
    departure: Departure | None = None
    departure_boot: str = ""

    @property
    def departure_now(self) -> Departure | None:
        """AWS's word that the instance goes, unless it came back from that: a Spot instance may only be stopped.

        Whatever an Auto Scaling group ends is ended.
        """
        departure = self.departure
        if departure is None or departure.cause is Cause.AUTO_SCALING or self.departure_boot == self.boot:
            return departure
        return None

    @property
    def power_now(self) -> PowerReading:
        """EC2's word, unless the node has beaten since from another boot, or at all after it was said to be off.

        An event can be delivered long after its time: that a machine was off says nothing when it has beaten later.
        """
        if self.power_boot != self.boot:
            return PowerReading.UNKNOWN
        has_beaten_since = self.heard_at is not None and self.heard_at > self.power_at
        if has_beaten_since and self.power.is_off:
            return PowerReading.UNKNOWN
        return self.power


@dataclass(frozen=True)
class Terms:
    """The timings that the agents obey, as they stand in the state item. Seconds.

    `hearing_s` is the controller's own: a run of beats is broken when the next is recorded later than this.
    `promise_s` 0: no promises are asked for or given. `on_isolation`: `stop` or `keep`, for a holder without promises.
    """

    heartbeat_interval_s: float
    lease_read_interval_s: float
    lease_s: float
    kill_limit_s: float
    silence_limit_s: float
    hearing_s: float
    promise_s: float = 0
    on_isolation: str = "stop"


@dataclass(frozen=True)
class Lease:
    """The right of one node to serve. It ends by itself unless the node's beats renew it, and is granted anew.

    `node`: its holder. `renewed_at`: ingestion time of the last beat that could renew it (seconds), None when there
    was none. `lease_s`: how long it lasts from there, 0 when it was never granted. `keeps_lease`: whether it does end
    by itself, without `on_isolation: keep`. `ended_epoch`: the epoch whose opening ended it; 0 while it is held.
    `proof`: why its holder can serve no longer; None until that is proved.
    """

    node: str
    renewed_at: int | None
    lease_s: float
    keeps_lease: bool
    ended_epoch: int = 0
    proof: Proof | None = None

    @property
    def is_assumed(self) -> bool:
        """Whether it was never granted: an address led to its node when the cluster was registered."""
        return not self.lease_s

    def ended(self, epoch: int) -> "Lease":
        """The lease as the opening of this epoch leaves it: nothing renews it any more."""
        return replace(self, ended_epoch=epoch)


@dataclass(frozen=True)
class Transition:
    """The open transition. `tried`: nodes on which the service failed to start in this chain.

    `begun_at`: when its execution opened its first transition, or asked a person before it, where that was not this.
    `may_go_unproven`: an operator asked to go on without a proof at the limit; `without_proof`: this chain did.
    """

    action: TransitionAction
    source: str | None
    target: str
    rule: str
    stage: Stage
    opened_at: int
    deadline_at: int
    execution: str
    tried: tuple[str, ...] = ()
    begun_at: int = 0
    may_go_unproven: bool = False
    without_proof: bool = False

    @property
    def execution_begun_at(self) -> int:
        """When its execution opened its first transition, or asked a person whether it may."""
        return self.begun_at or self.opened_at


@dataclass(frozen=True)
class ClusterState:
    """The hot item. `revision` grows with every write but beats and signals, `epoch` with every transition.

    `quorum` is there while the definition names quorum hosts.
    `preferred_since`: since when the node of the best priority has been fit without a break while another one is
    active; it is kept only where failback is automatic. `approval`: what a person was asked last. `lone`: whether
    nobody could take over. `doubt`: a move on the active node's silence that was put off. `peers`: what people
    were told of keys and peers, as a digest. `mismatch`: that load balancers lead elsewhere than the lease.
    `failed_starts`: as they were noted, by instance id; which of them count, see observe.starts.
    """

    cluster: str
    revision: int
    epoch: int
    definition_version: int
    terms: Terms
    nodes: Mapping[str, NodeReport]
    active: str | None = None
    previous: Lease | None = None
    transition: Transition | None = None
    failover_times: tuple[int, ...] = ()
    address: Address | None = None
    alert: str | None = None
    quorum: QuorumHosts | None = None
    hold: Hold | None = None
    preferred_since: int | None = None
    approval: Question | None = None
    lone: NoStandby | None = None
    doubt: Doubt | None = None
    peers: str = ""
    mismatch: Mismatch | None = None
    failed_starts: Mapping[str, FailedStart] = field(default_factory=dict)

    @property
    def was_placed(self) -> bool:
        """Whether anybody has been granted the lease; that an address leads to a node is no grant."""
        return self.active is not None or (self.previous is not None and not self.previous.is_assumed)

    @property
    def lease(self) -> Lease | None:
        """The lease that is held; else the last one, until its end is proved and somebody else is granted one."""
        if self.active is None:
            return self.previous
        report = self.nodes[self.active]
        ends = report.keeps_lease and self.terms.on_isolation != KEEP
        return Lease(self.active, report.heard_at, self.terms.lease_s, ends)

    @property
    def last_holder(self) -> str | None:
        """The node that holds the lease, or held it last; None when that is proved over and forgotten."""
        return self.active or (self.previous.node if self.previous else None)
