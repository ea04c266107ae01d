"""Stories by name: what once broke, or could have broken, what must always hold, each under the chance of some seeds.

A safeguard of each is switched off in `safeguards.py`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.simulation.plan import FRESH, OFF_ALONE, Before, Fault, Plan, Setting

ALONE, KEYED, WITH_HOSTS = Setting(), Setting(shares_key=True), Setting(quorum="tcp_remote")
KEEP: Mapping[str, Any] = {"on_isolation": "keep", "fencing": {"stop_instance": True}}
WITHOUT_MOUNT, AS_WITNESS_AFTER_A_CRASH = 0, 8
"""What `file_differs` makes of a file."""
LEASE_FILE, PROMISE_FILE = 1, 2
IS_LOST, HOLDS_NONSENSE, CANNOT_BE_OPENED = 0, 12, 36
"""Which file breaks, and how: the sum is the `pick` of `files_break`."""
GRANT_STALLS = 7
"""The `pick` of `function_stalls` at the write of a grant."""
BEAT_10_15, BEAT_10_15_LESS_1, BEAT_10_13_LESS_1 = 101, 76, 51
"""What `lying_beat` says."""


@dataclass(frozen=True)
class Tale:
    """`what` happens, as faults, to a cluster that is found as `before` says. `seeds`: how many are run."""

    what: str
    faults: tuple[Fault, ...] = ()
    before: Before = FRESH
    setting: Setting = ALONE
    policies: tuple[Mapping[str, Any], ...] = ({},)
    seeds: int = 4
    members: int = 2

    def plans(self, seeds: int = 0) -> Iterator[Plan]:
        """What to run, with as many seeds as it needs, or with so many."""
        for seed in range(seeds or self.seeds):
            yield Plan(seed, self.members, 0, 0, self.before, self.faults, self.policies, self.setting)


def _faults(*told: tuple[str, float, float, int, int]) -> tuple[Fault, ...]:
    """Each as (kind, when, for how long, node, pick)."""
    return tuple(
        Fault(number, kind, at_s, for_s, node, 1.0, pick) for number, (kind, at_s, for_s, node, pick) in enumerate(told)
    )


STORIES: Mapping[str, Tale] = {
    "runs-where-no-record-leads": Tale("the service runs on node-b, and there is no record", before=Before((1,))),
    "runs-where-the-record-does-not-lead": Tale(
        "the service runs on node-b, and the record leads to node-a", before=Before((1,), 0)
    ),
    "runs-where-nothing-can-be-read": Tale(
        "the service runs on node-b, whose role may send and not read; the record leads to node-a",
        _faults(("cannot_read", 0.1, 110, 1, 0)),
        before=Before((1,), 0),
    ),
    "runs-where-nothing-can-be-sent": Tale(
        "the service runs on node-b, which is cut off when the cluster is registered",
        _faults(("isolated", 0.1, 60, 1, 0)),
        before=Before((1,)),
    ),
    "runs-unheard-and-not-where-the-record-leads": Tale(
        "the service runs on node-b, which is cut off when the cluster is registered; the record leads to node-a",
        _faults(("isolated", 0.1, 60, 1, 0)),
        before=Before((1,), 0),
    ),
    "runs-on-both": Tale("the service runs on both nodes before the first registration", before=Before((0, 1), 0)),
    "started-where-nothing-can-be-read": Tale(
        "somebody starts the service on node-b, whose agent says so and cannot read that it is to stop it",
        _faults(("cannot_read", 0.1, 115, 1, 0), ("started_by_hand", 40, 1, 1, 0), ("switchover", 100, 1, 1, 1)),
    ),
    "file-lacks-a-service": Tale(
        "node-b's file lacks a service of the definition, and node-a dies",
        _faults(("file_differs", 20, 95, 1, WITHOUT_MOUNT), ("node_dies", 45, 60, 0, 0)),
        setting=Setting(services=2),
    ),
    "file-makes-a-witness": Tale(
        "node-a serves, and its file makes it a witness by mistake; it is asked to go",
        _faults(("file_differs", 30, 80, 0, AS_WITNESS_AFTER_A_CRASH), ("switchover", 45, 1, 1, 1)),
    ),
    "file-names-nothing-unheard": Tale(
        "node-a serves and cannot send; its agent is killed and restarted with a file that names no service",
        _faults(("cannot_send", 30, 85, 0, 0), ("file_differs", 32, 80, 0, AS_WITNESS_AFTER_A_CRASH)),
    ),
    "started-where-the-file-names-nothing": Tale(
        "node-b's file names no service by mistake, and somebody starts the services there beside node-a",
        _faults(("file_differs", 30, 85, 1, AS_WITNESS_AFTER_A_CRASH), ("started_by_hand", 32, 1, 1, 0)),
    ),
    "started-where-the-file-lacks-a-service": Tale(
        "node-b's file lacks a service of the definition, and somebody starts all of them there beside node-a",
        _faults(("file_differs", 30, 85, 1, WITHOUT_MOUNT), ("started_by_hand", 34, 1, 1, 0)),
        setting=Setting(services=2),
    ),
    "started-while-it-is-looked-at": Tale(
        "node-b's file names no service by mistake, and somebody starts the services there while its agent looks "
        "whether those of before are down",
        _faults(("file_differs", 30, 85, 1, AS_WITNESS_AFTER_A_CRASH), ("started_by_hand", 30.005, 1, 1, 0)),
    ),
    "moved-beside-what-no-file-names": Tale(
        "node-c's file lacks a service, somebody starts all of them there, and its agent stops the others; node-b is "
        "wanted",
        _faults(
            ("file_differs", 30, 88, 2, WITHOUT_MOUNT),
            ("started_by_hand", 34, 1, 2, 0),
            ("switchover", 72, 1, 1, 1),
        ),
        setting=Setting(services=2),
        members=3,
    ),
    "last-holder-comes-up-by-itself": Tale(
        "node-b is wanted; node-a reboots, its unit comes up by itself, and its agent can send and not read",
        _faults(("cannot_read", 28, 80, 0, 0), ("switchover", 30, 1, 1, 1), ("node_reboots", 33, 3, 0, 0)),
        before=Before(enabled=(0,)),
        seeds=8,
    ),
    "comes-up-by-itself-unheard": Tale(
        "node-a is cut off from everybody and reboots, and its unit comes up by itself",
        _faults(("isolated", 28, 91, 0, 0), ("node_reboots", 33, 3, 0, 0)),
        before=Before(enabled=(0,)),
    ),
    "start-in-the-tick-of-a-stop": Tale(
        "node-a looks whether the service runs before it starts it, freezes, and thaws after its lease has ended",
        _faults(("looks_fail", 0.1, 50, 0, 2), ("machine_freezes", 5, 15, 0, 0)),
        seeds=20,
    ),
    "start-after-a-freeze": Tale(
        "node-a looks whether the service runs before it starts it, freezes, and thaws while its lease still runs",
        _faults(("looks_fail", 0.1, 50, 0, 2), ("machine_freezes", 5, 4, 0, 0)),
        seeds=20,
    ),
    "number-beyond-all-bounds": Tale(
        "a beat with number 10^15 about node-a, and a switchover to node-b",
        _faults(("lying_beat", 30, 1, 0, BEAT_10_15), ("switchover", 60, 1, 1, 1)),
    ),
    "number-far-ahead": Tale(
        "a beat with number 10^15 - 1 about node-a, which is then cut off",
        _faults(("lying_beat", 30, 1, 0, BEAT_10_15_LESS_1), ("partitioned", 32, 80, 0, 0)),
    ),
    "number-ahead": Tale(
        "a beat with number 10^13 - 1, just within the bounds, about node-a, which is then cut off",
        _faults(("lying_beat", 30, 1, 0, BEAT_10_13_LESS_1), ("partitioned", 32, 80, 0, 0)),
    ),
    "number-ahead-and-late": Tale(
        "a beat with number 10^13 - 1 about node-a is late, and is recorded after many of node-a's own",
        _faults(("beats_delayed", 29, 3, 0, 0), ("lying_beat", 30, 1, 0, BEAT_10_13_LESS_1)),
        seeds=8,
    ),
    "another-one-still-stops": Tale(
        "somebody starts the service on node-c, whose agent says that it stops it; meanwhile node-b is wanted",
        _faults(("started_by_hand", 38, 1, 2, 0), ("switchover", 44, 1, 1, 1)),
        seeds=12,
        members=3,
    ),
    "waiting-holder-forgets": Tale(
        "node-a goes on by node-b's promises; node-b is granted the lease, waits, and its file of promises is garbled",
        _faults(("partitioned", 30, 60, 0, 0), ("files_break", 49, 1, 1, PROMISE_FILE + HOLDS_NONSENSE)),
        setting=KEYED,
        seeds=8,
    ),
    "restored-and-registered": Tale(
        "node-b serves; the table is put back to when node-a did, and a definition is put",
        _faults(("switchover", 60, 1, 1, 1), ("table_restored", 112, 1, 0, 5)),
        seeds=8,
    ),
    "restored-and-counted-on": Tale(
        "node-b serves; the table is put back to when node-a did, which is off; node-b freezes, and the next move has "
        "the epoch of node-b's own",
        _faults(("machine_freezes", 62, 20, 0, 0), ("table_restored", 92, 1, 0, 4), ("machine_freezes", 93, 24, 1, 0)),
        policies=OFF_ALONE[:1],
        seeds=8,
        members=3,
    ),
    "restored-into-a-move": Tale(
        "node-b serves; the table is put back to just before its grant, and node-b is cut off for a while",
        (
            *_faults(("switchover", 30, 1, 1, 1), ("isolated", 95.5, 10, 1, 0)),
            Fault(2, "function_stalls", 30.0, 50.0, 0, 0.6, GRANT_STALLS),
            Fault(3, "table_restored", 96.0, 1.0, 0, 0.5, 4),
        ),
    ),
    "restored-and-up-in-part": Tale(
        "node-a's agent is gone when node-b is wanted; somebody starts node-a's services, the table is put back to "
        "before that, and node-a's new agent has stopped one of them when it holds a lease again that it may not use",
        _faults(
            ("agent_dies", 80, 15, 0, 0),
            ("switchover", 82, 1, 1, 1),
            ("started_by_hand", 92, 1, 0, 0),
            ("table_restored", 92.5, 1, 0, 4),
        ),
        setting=Setting(services=2),
    ),
    "returns-to-an-old-table": Tale(
        "node-a dies and node-b serves; the table is put back to when node-a did, and node-a comes back",
        _faults(("node_dies", 62, 46, 0, 0), ("table_restored", 104, 1, 0, 4)),
        seeds=8,
    ),
    "does-not-start-and-looks-well": Tale(
        "node-b is wanted, and its service does not start there; later node-a dies, and node-c is there, too",
        _faults(("service_breaks", 15, 90, 1, 0), ("switchover", 20, 1, 1, 1), ("node_dies", 75, 40, 0, 0)),
        members=3,
    ),
    "does-not-start-and-nobody-else-is-there": Tale(
        "node-b is wanted, and its service does not start there; it is mended, and node-a dies",
        _faults(("service_breaks", 15, 50, 1, 0), ("switchover", 20, 1, 1, 1), ("node_dies", 75, 40, 0, 0)),
    ),
    "majority-forgotten": Tale(
        "node-a serves without a majority of the quorum hosts, and its agent dies again and again",
        _faults(
            ("hosts_unreached", 30, 70, 0, 14),
            *(("agent_dies", at_s, 1.0, 0, 0) for at_s in (36, 42, 48, 54, 60, 66)),
        ),
        setting=WITH_HOSTS,
    ),
    "lease-file-lost": Tale(
        "node-a serves, its agent dies, and the file of its lease is lost",
        _faults(("files_break", 30, 80, 0, LEASE_FILE + IS_LOST)),
    ),
    "lease-file-garbled": Tale(
        "node-a serves, its agent dies, and the file of its lease is garbled",
        _faults(("files_break", 30, 80, 0, LEASE_FILE + HOLDS_NONSENSE)),
    ),
    "lease-file-cannot-be-opened": Tale(
        "node-a serves, its agent dies, and the file of its lease cannot be opened",
        _faults(("files_break", 30, 80, 0, LEASE_FILE + CANNOT_BE_OPENED)),
    ),
    "keep-starts-nothing": Tale(
        "under a hold, node-a keeps on, cut off, under a lease that ended long ago; its service ends by itself",
        _faults(("hold", 20, 1, 0, 0), ("partitioned", 30, 80, 0, 0), ("service_dies", 70, 1, 0, 0)),
        policies=(KEEP,),
    ),
    "says-how-fit-it-is": Tale(
        "node-a dies, then the node that took over; every node must say how fit it is, and says now this, now that",
        _faults(("node_dies", 30, 25, 0, 0), ("node_dies", 75, 30, 1, 0), ("node_dies", 75, 30, 2, 0)),
        setting=Setting(has_fitness=True),
        policies=({"fitness": {"required": True}},),
        members=3,
        seeds=8,
    ),
    "says-that-it-is-not-fit-before-the-grant": Tale(
        "node-a is cut off, and node-b is wanted: until node-a's lease has run out, node-b's word may change",
        _faults(("isolated", 30, 60, 0, 0), ("switchover", 32, 1, 1, 1)),
        before=Before((0,), 0),
        setting=Setting(has_fitness=True),
        policies=({"fitness": {"required": True}},),
        members=3,
        seeds=8,
    ),
}
