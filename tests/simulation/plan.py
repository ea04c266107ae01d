"""What a seed stands for: the cluster, and the list of faults that come over it. Drawn as a whole before anything runs.

A run with some of the faults left out is a run of the same seed: that is how a failing one is made smaller.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from understudy.domain.lease.paces import NORMAL, TIMINGS, timings_of

FAULTS_FOR_S = 120.0
"""How long there are faults, in virtual seconds."""
FAULTS_LEAST, FAULTS_MOST = 3, 18
LAST_BEFORE_S = 2.0
"""How long before all faults end the last one can begin: no alarm goes on and off within one second."""
STORM_S = 8.0
"""Faults come together: what breaks one thing often breaks the next. This is how near to each other, in seconds."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, or that somebody does, at a time and for a time (seconds since the beginning).

    `level` (0 to 1) says how much, `pick` chooses where there is something to choose; each kind reads them its way.
    """

    number: int
    kind: str
    at_s: float
    for_s: float
    node: int
    level: float
    pick: int

    def __str__(self) -> str:
        return (
            f"#{self.number} {self.kind} at {self.at_s:.1f} s for {self.for_s:.1f} s "
            f"node {self.node} level {self.level:.2f} pick {self.pick}"
        )


@dataclass(frozen=True)
class Setting:
    """What a cluster has beside its policy. A witness, a latecomer and a leaver are its third node.

    `quorum`: the mode, "" for none; `shares_key`: its agents ask each other for promises; `has_latecomer`: one node is
    added to the definition while the cluster is in use; `has_leaver`: one is taken out, and perhaps put in again;
    `keys_differ`: somebody changes the key on one node and not on the others; `services`: how many, 0: the seed says;
    `has_fitness`: the nodes say how fit they are; `has_balancer`: a load balancer stands beside the record,
    or alone when there is none (`has_record`).
    """

    quorum: str = ""
    has_witness: bool = False
    shares_key: bool = False
    has_latecomer: bool = False
    has_leaver: bool = False
    keys_differ: bool = False
    services: int = 0
    has_fitness: bool = False
    has_balancer: bool = False
    has_record: bool = True


@dataclass(frozen=True)
class Before:
    """What there is before the cluster is registered, by numbers of nodes.

    `runs_on`: where the services run; `record`: whose address the record carries, None: there is no record;
    `enabled`: where the services come up by themselves at every boot but the first, as a unit does that is enabled.
    """

    runs_on: tuple[int, ...] = ()
    record: int | None = None
    enabled: tuple[int, ...] = ()


FRESH = Before()


def adopted(node: int) -> Before:
    """The services ran on this node before there was an Understudy, and the record leads there."""
    return Before((node,), node)


@dataclass(frozen=True)
class Kind:
    """A kind of fault: how often it is drawn, and how long it lasts (seconds)."""

    name: str
    weight: int
    least_s: float
    most_s: float
    needs: str = ""
    """What a cluster must have for it to mean anything: the name of a field of Setting."""
    is_of_the_controller: bool = False
    """Whether it keeps the controller from hearing, or from doing what it should."""


ON_THE_WAY = (
    # What happens to beats and other events on their way.
    Kind("beats_lost", 6, 4, 60),
    Kind("beats_delayed", 5, 4, 40),
    Kind("beats_duplicated", 3, 10, 60),
    Kind("beats_ingested_late", 3, 4, 40),
    Kind("pipeline_down", 4, 4, 60),
    Kind("ec2_signals_lost", 2, 10, 60),
    Kind("signals_delayed", 3, 10, 60),
    Kind("watch_lost", 2, 30, 120),
)
WITH_NODES = (
    # A node and AWS. An isolated one is cut off from everybody.
    Kind("aws_dead", 4, 10, 60, is_of_the_controller=True),
    Kind("isolated", 5, 8, 60),
    Kind("cannot_send", 5, 4, 60),
    Kind("cannot_read", 5, 4, 60),
    Kind("partitioned", 9, 8, 60),
    Kind("partition_turns", 3, 20, 70),
    Kind("old_reads", 3, 5, 60),
    # Nodes and each other, and the quorum hosts.
    Kind("nodes_parted", 6, 5, 60, "shares_key"),
    Kind("messages_lost", 4, 5, 60, "shares_key"),
    Kind("messages_late", 3, 5, 60, "shares_key"),
    Kind("messages_twice", 2, 10, 60, "shares_key"),
    Kind("hosts_unreached", 7, 5, 60, "quorum"),
    # What a node does.
    Kind("node_dies", 8, 5, 60),
    Kind("node_is_stopped", 5, 20, 80),
    Kind("node_reboots", 4, 5, 20),
    Kind("agent_dies", 6, 1, 30),
    Kind("agent_is_stopped", 3, 1, 30),
    Kind("agent_hangs", 4, 20, 80),
    Kind("service_breaks", 4, 5, 60),
    Kind("service_dies", 3, 1, 2),
    Kind("looks_fail", 4, 5, 40),
    Kind("alarm_rings", 4, 5, 40),
    Kind("files_break", 5, 1, 20),
    # What people do on a node, behind the back of all.
    Kind("started_by_hand", 3, 1, 1),
    Kind("file_differs", 4, 15, 90),
    Kind("home_made_beats", 4, 10, 80),
    Kind("lying_beat", 4, 1, 1),
)
WITH_AWS = (
    # What AWS does to the controller.
    Kind("function_dies", 10, 20, 90),
    Kind("function_stalls", 10, 20, 90),
    Kind("slow_calls", 4, 5, 40),
    Kind("calls_repeated", 4, 5, 60),
    Kind("answers_lost", 4, 5, 40),
    Kind("lambda_throttled", 2, 3, 20),
    Kind("ledger_down", 3, 2, 30),
    Kind("table_conflicts", 3, 2, 30),
    Kind("zone_down", 4, 2, 60),
    Kind("zone_slow", 3, 10, 90),
    Kind("batch_is_late", 5, 20, 120),
    Kind("nodes_down", 3, 5, 60),
    Kind("stop_is_refused", 2, 20, 90),
    Kind("stop_never_ends", 3, 20, 120),
    Kind("no_such_instance", 2, 10, 90),
    Kind("announcer_down", 2, 5, 60),
    Kind("launcher_down", 3, 2, 30),
    Kind("parameters_down", 1, 5, 60),
)
WITH_PEOPLE = (
    # What people do.
    Kind("switchover", 9, 1, 1),
    Kind("failback", 3, 1, 1),
    Kind("failover_by_hand", 2, 1, 1),
    Kind("asked_in_other_words", 4, 1, 1),
    Kind("definition_changes", 4, 1, 1),
    Kind("member_joins", 6, 1, 1, "has_latecomer"),
    Kind("member_leaves", 12, 10, 90, "has_leaver"),
    Kind("key_differs", 12, 30, 118, "keys_differ"),
    Kind("tuning_changes", 2, 1, 1),
    Kind("record_drifts", 3, 1, 1),
    Kind("table_restored", 3, 1, 1),
    Kind("registered_again", 3, 10, 60),
    Kind("hold", 5, 1, 1),
    Kind("resume", 2, 1, 1),
)
KINDS = (
    *(replace(kind, is_of_the_controller=True) for kind in ON_THE_WAY),
    *WITH_NODES,
    *(replace(kind, is_of_the_controller=True) for kind in WITH_AWS),
    *WITH_PEOPLE,
)
PAUSES = (Kind("machine_freezes", 12, 1, 60),)
"""Only where the proofs that suffice do not rest on a lease, or where the instant after a thaw is excused."""

PROVEN: tuple[Mapping[str, Any], ...] = (
    {},
    {
        "heartbeat_interval_s": 2,
        "lease_read_interval_s": 1,
        "lease_s": 8,
        "drift_margin_s": 2,
        "silence_limit_s": 11,
        "fencing": {"limit_s": 30},
        "service_start_limit_s": 30,
    },
    {"lease_s": 14, "silence_limit_s": 17, "fencing": {"limit_s": 45}, "service_start_limit_s": 60},
    {"fencing": {"stop_instance": True}},
    {"failback": {"mode": "automatic", "stable_for_s": 60}},
)
POLICIES: tuple[Mapping[str, Any], ...] = (
    *PROVEN,
    {"on_isolation": "keep", "fencing": {"stop_instance": True}},
    {
        "on_isolation": "keep",
        "fencing": {"stop_instance": True, "accept": ["stopped"], "limit_s": 30, "unproven": "proceed"},
    },
)
"""The last goes on without a proof: then the node that was passed over may serve beside the next, and it does."""
PROOFS = (
    ("released", "lease_expired", "stopped"),
    ("released", "lease_expired", "stopped"),
    ("lease_expired", "stopped"),
    ("released", "lease_expired"),
    ("released", "stopped"),
    ("lease_expired",),
)
OFF_ALONE: tuple[Mapping[str, Any], ...] = (
    {"fencing": {"stop_instance": True, "accept": ["stopped"]}},
    {**POLICIES[1], "fencing": {"stop_instance": True, "accept": ["stopped"], "limit_s": 45}},
)
"""EC2's word alone is proof: then no instant after a thaw is excused."""
TUNINGS: tuple[Mapping[str, int], ...] = (
    {},
    {"ROUTE53_CHANGEID_INTERVAL": 5, "ROUTE53_CHANGEID_TRY_COUNT": 2, "ROUTE53_RECORD_TRY_COUNT": 2},
    {"ROUTE53_RECORD_INTERVAL": 1, "ROUTE53_RECORD_TRY_COUNT": 5, "ROUTE53_TTL": 5},
)


PACED: tuple[Mapping[str, Any], ...] = (
    *({"pace": pace} for pace in ("calm", NORMAL, "fast", "fastest")),
    {"pace": "fastest", "lease_s": 4.5, "kill_limit_s": 1, "silence_limit_s": 7.5, "observer_lag_limit_s": 4.5},
)
"""The paces, and one of them with timings of its own."""
PACED_SHARE = 0.2
"""How many of the seeds have clusters whose timings are those of paces."""
CALM_LIMIT_S = 40
"""Less than this is too little time for fencing, and for a start, where a lease is as long as the calm pace's."""


@dataclass(frozen=True)
class Plan:
    """A seed, unfolded."""

    seed: int
    members: int
    policy: int
    tuning: int
    before: Before
    faults: tuple[Fault, ...]
    policies: tuple[Mapping[str, Any], ...] = POLICIES
    """Those that the cluster's definitions can have; `policy` is the first, by its place here."""
    setting: Setting = Setting()
    lasts_s: float = FAULTS_FOR_S
    """How long there are faults, in virtual seconds."""
    weather: str = ""
    """The script that the faults are from (see weather_scripts); empty when they were drawn one by one."""
    hurts_a_node: bool = False
    """Whether such a script hurts a node as well."""

    def only(self, faults: tuple[Fault, ...]) -> "Plan":
        """The same seed with fewer faults."""
        return replace(self, faults=faults)


def draw(
    seed: int,
    *,
    pauses: bool = False,
    only: Collection[str] = (),
    policies: tuple[Mapping[str, Any], ...] | None = None,
    setting: Setting | None = None,
    before: Before | None = None,
    paced: bool = False,
) -> Plan:
    """The plan of a seed.

    `pauses`: machines freeze and thaw, too. `only`: no faults of other kinds than these, each as often as the others.
    `policies`: what the cluster's definitions can have; `setting`: what the cluster has; `before`: how it is found.
    What is not given, the seed says. `paced`: all timings are those of paces, not only in some seeds.
    """
    if policies is None:
        policies = _draw_policies(Random(f"{seed}/policies"))
        dice = Random(f"{seed}/paces")
        policies = _at_paces(policies, dice) if dice.random() < PACED_SHARE or paced else policies
    rng = Random(f"{seed}/plan")
    setting = setting or _draw_setting(Random(f"{seed}/setting"), Random(f"{seed}/keys"), only)
    is_of_three = setting.quorum == "majority" or any((setting.has_witness, setting.has_latecomer, setting.has_leaver))
    members = rng.choice((3,) if is_of_three else (2, 2, 3))
    kinds = [
        kind
        for kind in KINDS + (PAUSES if pauses else ())
        if (not only or kind.name in only) and (not kind.needs or getattr(setting, kind.needs))
    ]
    storms = [rng.uniform(0, FAULTS_FOR_S) for _ in range(rng.randint(1, 4))]
    drawn = rng.choices(kinds, [1 if only else kind.weight for kind in kinds], k=rng.randint(FAULTS_LEAST, FAULTS_MOST))
    faults = [
        (
            min(FAULTS_FOR_S - LAST_BEFORE_S, abs(rng.gauss(rng.choice(storms), STORM_S))),
            rng.uniform(kind.least_s, kind.most_s),
            kind.name,
            rng.randrange(members),
            rng.random(),
            rng.randrange(1000),
        )
        for kind in drawn
    ]
    return Plan(
        seed=seed,
        members=members,
        policy=rng.randrange(len(policies)),
        tuning=rng.randrange(len(TUNINGS)),
        before=before
        or _draw_before(Random(f"{seed}/before"), 2 if setting.has_witness or setting.has_latecomer else members),
        faults=tuple(
            Fault(number, kind, at_s, for_s, node, level, pick)
            for number, (at_s, for_s, kind, node, level, pick) in enumerate(sorted(faults))
        ),
        policies=policies,
        setting=setting,
    )


def _draw_setting(rng: Random, keys: Random, only: Collection[str]) -> Setting:
    """A cluster in which each of the faults that alone are wanted means something. `keys`: the dice for keys."""
    needed = {kind.needs for kind in KINDS if kind.name in only}
    quorum = "tcp_remote" if "quorum" in needed else rng.choice(("", "", "tcp_remote", "majority"))
    third = rng.random()
    has_latecomer = "has_latecomer" in needed or (0.2 <= third < 0.3 and quorum != "majority")
    shares_key = bool(needed & {"shares_key", "keys_differ"}) or rng.random() < 0.85
    return Setting(
        quorum="" if "has_leaver" in needed and quorum == "majority" else quorum,
        has_witness=third < 0.2 and "has_leaver" not in needed,
        shares_key=shares_key,
        has_latecomer=has_latecomer,
        has_leaver="has_leaver" in needed or (0.3 <= third < 0.4 and quorum != "majority"),
        keys_differ="keys_differ" in needed or (shares_key and keys.random() < 0.15),
    )


def _draw_before(rng: Random, serving: int) -> Before:
    """Half of the clusters are new, and the services of most do not come up by themselves."""
    enabled = tuple(node for node in range(serving) if rng.random() < 0.5) if rng.random() < 0.2 else ()
    if rng.random() < 0.5:
        return Before(enabled=enabled)
    runs_on = tuple(rng.sample(range(serving), rng.choice((0, 1, 1, 1, 1, 1, 2))))
    led_to = rng.choice((*runs_on, *runs_on, *runs_on, rng.randrange(serving), None))
    return Before(runs_on, led_to, enabled)


def _draw_policies(rng: Random) -> tuple[Mapping[str, Any], ...]:
    """Those of every day, or three of which every setting is drawn."""
    return POLICIES if rng.random() < 0.5 else tuple(_draw_policy(rng) for _ in range(3))


def _at_paces(policies: tuple[Mapping[str, Any], ...], rng: Random) -> tuple[Mapping[str, Any], ...]:
    """The same choices, each at a pace: where the definition changes while it is in use, the pace does."""
    return tuple(_at_pace(policy, rng.choice(PACED)) for policy in policies)


def _at_pace(policy: Mapping[str, Any], timings: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = {name: value for name, value in policy.items() if name not in (*TIMINGS, "promise_s")}
    if "service_start_limit_s" in choices:
        choices["service_start_limit_s"] = max(CALM_LIMIT_S, choices["service_start_limit_s"])
    if "limit_s" in choices.get("fencing", {}):
        choices["fencing"] = {**choices["fencing"], "limit_s": max(CALM_LIMIT_S, choices["fencing"]["limit_s"])}
    return {**choices, **timings}


def timing(policy: Mapping[str, Any], name: str) -> float:
    """A timing of a policy as it is written: its own, or its pace's (seconds)."""
    return float(policy.get(name, timings_of(policy.get("pace", NORMAL))[name]))


def _draw_policy(rng: Random) -> Mapping[str, Any]:
    """Settings that agree with each other. A lease is as long as drift_margin_s allows on the slowest clock."""
    beat_s, kill_s, margin_s = rng.choice((1, 2, 3, 4, 4)), rng.choice((0.5, 1, 1, 2)), rng.choice((2, 2, 2.5, 4))
    read_s = rng.choice([each for each in (1, 2, 3) if each <= beat_s])
    least_s = 2 * beat_s + read_s + 1 + kill_s
    lease_s = round(min(least_s + rng.choice((0, 0, 1, 3, 8)), max(least_s, 14 * (margin_s - 0.95))), 1)
    promise_s = rng.choice((None, None, lease_s, max(2 * (kill_s + 1), round(lease_s * rng.uniform(0.5, 1), 1))))
    silence_s = max(lease_s + 1 + margin_s, 2 * beat_s + 5 + 1) + rng.choice((0, 0, 2, 10))
    accept = rng.choice(PROOFS)
    stops = "stopped" in accept and (rng.random() < 0.5 or "lease_expired" not in accept)
    keeps = stops and rng.random() < 0.4
    policy = {
        "heartbeat_interval_s": beat_s,
        "lease_read_interval_s": read_s,
        "kill_limit_s": kill_s,
        "drift_margin_s": margin_s,
        "lease_s": lease_s,
        "silence_limit_s": silence_s,
        "observer_lag_limit_s": 5,
        "service_start_limit_s": rng.choice((40, 60, 120)),
        "on_isolation": "keep" if keeps else "stop",
        "fencing": {
            "stop_instance": stops,
            "accept": list(accept),
            "limit_s": max(30, lease_s + 1 + margin_s) + rng.choice((0, 15, 60)),
            "unproven": "proceed" if rng.random() < 0.15 else "hold",
        },
        "failback": rng.choice(("manual", "manual", {"mode": "automatic", "stable_for_s": rng.choice((60, 120))})),
    }
    return policy if promise_s is None else {**policy, "promise_s": promise_s}
