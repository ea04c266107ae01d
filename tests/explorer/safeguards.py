"""The safeguards whose absence the explorer finds, each with what the world is like without it. Those that it does not
find are in `tests/simulation/safeguards.py`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from tests.explorer import deviations as d
from tests.explorer.deviations import A, B
from tests.explorer.parts import UNREADABLE
from tests.explorer.search import Deviation
from tests.explorer.themes import CANNOT_READ, KEEPING, KEYED, LONG_CUT, NAMES, SETTLED, THEMES, Theme
from tests.explorer.world import Setting
from tests.support.fakes import ledger as fake_ledger
from understudy.domain.cluster.state import ClusterState, Proof
from understudy.domain.decide import situation
from understudy.domain.lease import proof as fencing
from understudy.domain.observe import serving
from understudy.usecases.register import cluster as register_cluster
from understudy.usecases.register.state import next_state
from understudy.usecases.transition import await_service, fence_node, grant_lease
from understudy_agent import files, lease, promise, starts
from understudy_agent.lease import LeaseView
from understudy_agent.messages import Message
from understudy_agent.promise import Memory
from understudy_agent.services import Services
from understudy_agent.view import StateView, TermsView

TWO_SERVE = ("at_most_one_node_serves", "nothing_starts_beside_a_server", "no_grant_beside_a_server", "a_proof_is_true")
UNLEASED = ("nothing_starts_without_a_lease", "nothing_starts_unread")
SWITCHOVER = d.asking("switchover", action="switchover")
BACK = d.asking("switchover to node-a", action="switchover", to=A)


@dataclass(frozen=True)
class Safeguard:
    """`without`: what is patched to switch it off, as (owner, attribute, replacement).

    Its absence must be found as one of `properties`, by at most `count` of the deviations.
    """

    what: str
    without: Sequence[tuple[object, str, object]]
    tried: Sequence[Deviation]
    properties: Sequence[str] = TWO_SERVE
    count: int = 1
    setting: Setting = SETTLED
    horizon_s: int = 60
    until_s: int = 20

    @property
    def theme(self) -> Theme:
        """What to look at."""
        return Theme(self.what, (self.setting,), self.tried, self.count, self.count, self.horizon_s, self.until_s)

    @contextmanager
    def switched_off(self) -> Iterator[None]:
        """The world without it, for as long as the context lasts."""
        with ExitStack() as stack:
            for owner, attribute, new in self.without:
                stack.enter_context(patch.object(owner, attribute, new))
            yield


def _always_proven(*_: Any) -> Proof:
    return Proof.LEASE_EXPIRED


_kill_at_ms = lease.kill_at_ms


def _kill_6_s_late(lease_view: LeaseView) -> int | None:
    at_ms = _kill_at_ms(lease_view)
    return None if at_ms is None else at_ms + 6000


def _never_late(*_: object) -> bool:
    return False


def _any_beat_is_newer(*_: Any) -> bool:
    return True


_after_read = lease.after_read


def _believe_any_epoch(lease_view: LeaseView, view: StateView | None, *who: Any, **more: Any) -> LeaseView:
    return _after_read(replace(lease_view, epoch=0, seen_epoch=0), view, *who, **more)


_start_ms = promise.start_ms


def _start_before_what_was_promised(memory: Memory, terms: TermsView) -> int:
    return _start_ms(replace(memory, bound_until_ms=0), terms)


def _object_only_while_serving(ask: Message, lease_view: LeaseView, view: StateView | None, **own: bool) -> str:
    return "" if own["all_down"] else "it serves"


def _nobody(*_: Any, **__: Any) -> tuple[str, ...]:
    return ()


def _no(*_: Any, **__: Any) -> bool:
    return False


def _yes(*_: Any, **__: Any) -> bool:
    return True


def _nothing(*_: Any, **__: Any) -> None:
    return None


def _as_found(found: LeaseView, *_: Any) -> LeaseView:
    return found


def _lifted_state(definition: Any, state: ClusterState, *rest: Any) -> ClusterState:
    return replace(next_state(definition, state, *rest), epoch=state.epoch + 1)


FIRST_ON_B = Setting("runs on node-b, the record leads to nobody", runs=(B,), settle_s=0)

SAFEGUARDS: Mapping[str, Safeguard] = {
    "proof": Safeguard(
        "fence_node waits until it is proved that the node before cannot serve",
        ((fence_node, "find_proof", _always_proven),),
        (LONG_CUT, SWITCHOVER),
    ),
    "lease-end": Safeguard(
        "the agent kills what is left before its lease has run out",
        ((lease, "kill_at_ms", _kill_6_s_late),),
        (LONG_CUT,),
    ),
    "everybody-is-asked": Safeguard(
        "a first placement waits until every member that may serve was heard, or is off",
        ((situation, "_first_placement", _nothing), (fencing, "_unasked", _no)),
        (d.cut_off(A)[1],),
        ("no_placement_unheard", "no_grant_against_a_newer_word", *TWO_SERVE),
        setting=FIRST_ON_B,
    ),
    "word-of-a-server": Safeguard(
        "nobody is granted the lease beside a member that says that it serves",
        (
            (grant_lease, "objectors", _nobody),
            (fencing, "objectors", _nobody),
            (fence_node, "objectors", _nobody),
            (fencing, "serves_unbound", _no),
        ),
        (CANNOT_READ[0], d.comes_up_anew(A)),
        ("no_grant_against_a_newer_word", "no_proof_against_a_newer_word"),
        count=2,
        horizon_s=50,
        until_s=24,
    ),
    "second-server": Safeguard(
        "two members that say that they serve are told of",
        ((situation, "others_serving", _nobody),),
        (CANNOT_READ[1], d.comes_up_anew(B)),
        ("a_pair_is_told",),
        count=2,
        horizon_s=120,
        until_s=12,
    ),
    "names-of-services": Safeguard(
        "a member that speaks of other services than the definition is no candidate, and in service with none of them",
        tuple((module, "means_the_same", _yes) for module in (situation, fencing, serving, await_service)),
        (LONG_CUT,),
        ("in_service_is_true",),
        setting=NAMES[1],
        until_s=8,
    ),
    "order-first": Safeguard(
        "a look that has just ended leads to a start only where the order is still to serve, and a lease that is taken "
        "up again waits for the others' words",
        ((Services, "_give_up_check", _nothing), (starts, "_returned", _nothing)),
        (d.blowing("no_read", A, 7), d.blowing("read_late", A, 1, 9)),
        UNLEASED,
    ),
    "own-beats": Safeguard(
        "only a beat that the agent itself has sent renews its lease",
        ((lease, "_is_own", _yes),),
        d.lies(A),
        ("no_lease_outlasts_its_term",),
    ),
    "unbound-service": Safeguard(
        "what runs without a lease of this boot is stopped at once where the cluster was placed before",
        ((lease, "woken", _as_found),),
        (LONG_CUT, d.agent_dies(A, 1, "lease")),
        count=2,
        until_s=8,
    ),
    "unreadable-lease": Safeguard(
        "a lease file that cannot be read means that what runs is to be down at once",
        ((lease, "woken", _as_found), (files, "DOWN_AT_ONCE", LeaseView())),
        (LONG_CUT, d.agent_dies(A, 1, "lease", UNREADABLE), d.agent_dies(A, 1, "lease", d.NONSENSE)),
        count=2,
        until_s=8,
    ),
    "start-under-a-running-lease": Safeguard(
        "nothing is started but under a lease or promises that run, whatever the policy",
        ((starts, "may_start", _yes), (lease, "runs", _yes)),
        (LONG_CUT, d.services_die(A)),
        (*TWO_SERVE, *UNLEASED),
        count=2,
        setting=KEEPING,
    ),
    "read-since-the-freeze": Safeguard(
        "nothing is started by a read from before a freeze",
        ((starts, "FREEZE_MS", 10**9),),
        (d.services_die(A), *d.freezes(A)[:1], d.blowing("no_read", A, 7)),
        UNLEASED,
        count=3,
        until_s=7,
        horizon_s=20,
    ),
    "epoch-of-a-registration": Safeguard(
        "a registration lifts no epoch: only a move does, which fences the node of the guard first",
        ((register_cluster, "next_state", _lifted_state),),
        d.backup(),
        ("registration_lifts_no_epoch",),
        setting=THEMES["backup"].settings[0],
    ),
    "order-of-beats": Safeguard(
        "an older beat never replaces a newer one, and while beats are late no silence is believed",
        ((fake_ledger, "_is_newer", _any_beat_is_newer), (situation, "is_late_now", _never_late)),
        (d.blowing("beats_late", A, 5, 20), d.blowing("beats_ingested_late", A, 5, 12)),
        count=2,
    ),
    "lower-epoch": Safeguard(
        "the agent does not believe a table of an epoch below one that it has read",
        ((lease, "after_read", _believe_any_epoch),),
        (SWITCHOVER, d.blowing("old_reads", A, 4, 9), d.blowing("old_reads", A, 6, 5)),
        (*TWO_SERVE, *UNLEASED),
        count=2,
    ),
    "promise-waited-out": Safeguard(
        "a node that has promised waits its promise out before it starts",
        ((promise, "start_ms", _start_before_what_was_promised),),
        (LONG_CUT,),
        setting=KEYED,
    ),
    "holder-promises-nothing": Safeguard(
        "a node that holds the lease gives no promise, nor one to an asker of an older epoch",
        ((promise, "objection", _object_only_while_serving),),
        (LONG_CUT,),
        (*TWO_SERVE, "a_grant_waits_for_one_promise"),
        setting=KEYED,
    ),
    "promise-of-another-life": Safeguard(
        "nothing starts for promise_s after the agent's own start, unless its file says what it has promised",
        ((promise, "blank", lambda *_: Memory(known_joined=promise.EVER)),),
        (LONG_CUT, d.agent_dies(B, 1, "promises")),
        setting=KEYED,
        count=2,
        until_s=27,
        horizon_s=45,
    ),
}
