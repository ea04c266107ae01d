"""Third step of deciding: one table of rules. Exactly one rule fits every situation, so their order never matters.

`docs/decision-table.md` is printed from this table, and a test walks the whole product of the enums.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from understudy.domain.decide.situation import (
    Budget,
    Candidate,
    Holder,
    Mode,
    Observer,
    Phase,
    PlannedMove,
    Repair,
    Situation,
)


class Action(StrEnum):
    """What the controller does about a situation."""

    WAIT = "WAIT"
    FAIL_OVER = "FAIL_OVER"
    PLACE = "PLACE"  # give the lease to a node when nobody holds it
    FAIL_BACK = "FAIL_BACK"  # to the node of the best priority; until then the service stays in service
    SWITCH_OVER = "SWITCH_OVER"  # away from a node that AWS takes away, in good order
    REPAIR = "REPAIR"  # finish what is unfinished; the service stays where it is
    CALL_OPERATOR = "CALL_OPERATOR"


ANY: frozenset[StrEnum] = frozenset()
"""Matches every value of its column. It is always written out: an empty cell could be an oversight."""


@dataclass(frozen=True)
class Rule:
    """One row: it fits a situation when every column names the situation's value, or is ANY.

    `advice`: what a person is to do first, of a rule that calls one.
    """

    name: str
    phase: frozenset[StrEnum]
    holder: frozenset[StrEnum]
    candidate: frozenset[StrEnum]
    repair: frozenset[StrEnum]
    budget: frozenset[StrEnum]
    observer: frozenset[StrEnum]
    mode: frozenset[StrEnum]
    planned: frozenset[StrEnum]
    action: Action
    why: str
    advice: str = ""

    def fits(self, situation: Situation) -> bool:
        """Whether this row is the one for the situation."""
        return all(getattr(situation, column) in allowed for column, allowed in self._conditions)

    @cached_property
    def _conditions(self) -> Sequence[tuple[str, frozenset[StrEnum]]]:
        """The columns that do not fit everything."""
        return [(column, allowed) for column, allowed in self.columns.items() if allowed is not ANY]

    @property
    def columns(self) -> Mapping[str, frozenset[StrEnum]]:
        """The conditions by the name of the question."""
        return {column: getattr(self, column) for column in COLUMNS}


COLUMNS: Mapping[str, type[StrEnum]] = {
    "phase": Phase,
    "holder": Holder,
    "candidate": Candidate,
    "repair": Repair,
    "budget": Budget,
    "observer": Observer,
    "mode": Mode,
    "planned": PlannedMove,
}


@dataclass(frozen=True)
class Decision:
    """The rule that fits, what to do, and why, in words for the log, the history and the operator."""

    rule: str
    action: Action
    why: str


def _one_of(*values: StrEnum) -> frozenset[StrEnum]:
    return frozenset(values)


SETTLED, UNDER_WAY, OVERDUE = (_one_of(phase) for phase in Phase)
READY, GONE, UNKNOWN, NOBODY, AWAITED, UNHEARD, CONTESTED, RETURNED, UNPROVEN = (
    _one_of(holder) for holder in Holder if holder not in (Holder.FAILED, Holder.SILENT)
)
FAILED, SILENT = _one_of(Holder.FAILED), _one_of(Holder.SILENT)
TOLD = FAILED | GONE
"""What the node itself, its alarm or EC2 has said. Silence is nobody's word: it is worth as much as the observer."""
SOUND, RETRY, NO_RETRY, NO_QUORUM, NO_FITNESS, UNREADY = (_one_of(candidate) for candidate in Candidate)
FIT = SOUND | RETRY
NONE = NO_RETRY | NO_QUORUM | NO_FITNESS | UNREADY
NOT_DUE, DUE = (_one_of(repair) for repair in Repair)
LEFT, SPENT = (_one_of(budget) for budget in Budget)
TRUSTED, SUSPECT = (_one_of(observer) for observer in Observer)
NORMAL, HELD = (_one_of(mode) for mode in Mode)
STAY, RETURN, LEAVE, STRANDED = (_one_of(planned) for planned in PlannedMove)
GO = LEAVE | STRANDED
"""AWS is about to take the active node away."""
TROUBLE = frozenset(Holder) - READY - AWAITED - CONTESTED
"""Everything but a holder that serves, and members that may still be heard. Two that serve are worse than all."""

WAIT, FAIL_OVER, PLACE, FAIL_BACK, SWITCH_OVER, REPAIR, CALL_OPERATOR = Action

# What a person is to do first. The runbook says how to check, and what not to do.
BRING_BACK = "Bring any node of the cluster back: start its instance or its agent. If its service has failed, fix that on the node."
FAILED_STARTS = (
    "Find out why the service did not start on the nodes that are left. When you have repaired one, clear it with the "
    'action "clear": it is then tried by itself.'
)
COMMON_CAUSE = (
    "Find out why it fails again and again. Then ask for the failover yourself: the budget is no limit for what a "
    "person asks for."
)
PROVE = (
    "Bring the old node's agent back, or force-stop its instance and wait until EC2 says stopped. Until then, do not "
    "start the service anywhere by hand."
)
QUORUM = (
    "Repair the network or the quorum hosts, or bring a node back. The move goes on by itself when there is a quorum."
)
NOT_FIT = (
    "Look at the data of each node that is left, and at what its command `fit` says: a node that says that it is not fit "
    "may lack what clients have written. It goes on by itself as soon as one says that it is fit. To take over with what "
    "a node has: write `fit = /bin/echo 0` into its agent's file, restart its agent, and put the command back afterwards; "
    "or, where nodes only cannot say, put policy.fitness.required to false."
)
OBSERVER = (
    "If all clusters are silent, repair the heartbeat path (network, permissions, AWS). If only one is silent, "
    "wait a minute: it goes on by itself when beats are steady. Do not stop instances because of this alone."
)
START_AGENT = "Start the agent of the active node. If that is not possible, force-stop its instance."
ONE_ONLY = (
    "Decide which node has the good data. Stop the service on the other one now, and make sure that only the agent "
    "starts it (systemctl disable). Everything goes on by itself when that node says that it is down, or when EC2 "
    "says that its instance is stopped."
)
BE_HEARD = (
    "Start the agent of the member that is not heard, or stop its instance and wait until EC2 says stopped: it may be "
    "serving. The service then starts by itself."
)
RESUME = "If you have finished your work, resume the cluster. If it is urgent, ask for the failover yourself."
GOING = (
    "Bring another node of the cluster back: start its instance or its agent. The service then moves there by itself. "
    "An Auto Scaling group waits no longer than its lifecycle hook's time-out; Spot gives two minutes. If another "
    "node is well, perhaps no proof is accepted while this one runs: then the service fails over when this one is "
    "off. Or the service did not last there: fix that, and ask for the switchover yourself."
)
BRING_BACK_OR_PROVE = f"{BRING_BACK} If the old node has no proof against it: {PROVE}"
RESUME_OR_SWITCH = "Resume the cluster, or ask for a switchover yourself, before AWS takes the node away."


# fmt: off
RULES: tuple[Rule, ...] = (
    #    name                                 phase      holder                       cand.  repair    budget  observer  mode     planned  action         why, advice
    Rule("transition-is-under-way",            UNDER_WAY, ANY,                         ANY,   ANY,      ANY,    ANY,      ANY,     ANY,     WAIT,          "a transition is under way and within its deadline; a hold lets it end"),
    Rule("active-is-ready",                    SETTLED,   READY,                       ANY,   NOT_DUE,  ANY,    ANY,      ANY,     STAY,    WAIT,          "the active node is heard and well, and nothing is due"),
    Rule("address-is-owed",                    SETTLED,   READY,                       ANY,   DUE,      ANY,    ANY,      NORMAL,  STAY | RETURN | STRANDED, REPAIR,        "the service is in service, but not all of its addresses are known to lead to it"),
    Rule("active-is-to-go",                    SETTLED,   READY,                       ANY,   ANY,      ANY,    ANY,      NORMAL,  LEAVE,   SWITCH_OVER,   "AWS is about to take the active node away (Auto Scaling, Spot), and another node is sound and stays"),
    Rule("active-is-to-go-and-nobody-stays",   SETTLED,   READY,                       ANY,   NOT_DUE,  ANY,    ANY,      NORMAL,  STRANDED, CALL_OPERATOR, "AWS is about to take the active node away (Auto Scaling, Spot); no other node is sound and stays, or a switchover would not help: no proof would be accepted while the node runs, or failovers have brought the service back", GOING),
    Rule("held-and-active-is-to-go",           SETTLED,   READY,                       ANY,   ANY,      ANY,    ANY,      HELD,    GO,      CALL_OPERATOR, "AWS is about to take the active node away (Auto Scaling, Spot), and the cluster is held: nothing moves until somebody resumes it or asks for a move", RESUME_OR_SWITCH),
    Rule("preferred-node-is-stable",           SETTLED,   READY,                       ANY,   NOT_DUE,  ANY,    TRUSTED,  NORMAL,  RETURN,  FAIL_BACK,     "the node of the best priority has been fit for stable_for_s, failback is automatic, and its hours are open"),
    Rule("failback-waits-for-observer",        SETTLED,   READY,                       ANY,   NOT_DUE,  ANY,    SUSPECT,  NORMAL,  RETURN,  WAIT,          "the service could go back, but beats are late for the controller: in doubt nothing begins"),
    Rule("held-and-failback-is-due",           SETTLED,   READY,                       ANY,   NOT_DUE,  ANY,    ANY,      HELD,    RETURN,  WAIT,          "the service could go back, but the cluster is held"),
    Rule("held-and-address-is-owed",           SETTLED,   READY,                       ANY,   DUE,      ANY,    ANY,      HELD,    STAY | RETURN, WAIT,          "an address is not known to lead to the service, but the cluster is held: the address is repaired after the hold"),
    Rule("active-is-gone",                     SETTLED,   GONE,                        FIT,   ANY,      LEFT,   ANY,      NORMAL,  ANY,     FAIL_OVER,     "EC2 says that the active node is off or going off, and another node is fit"),
    Rule("active-is-silent",                   SETTLED,   SILENT,                      FIT,   ANY,      LEFT,   TRUSTED,  NORMAL,  ANY,     FAIL_OVER,     "the active node has not been heard for silence_limit_s, and another node is fit"),
    Rule("active-has-failed",                  SETTLED,   FAILED,                      FIT,   ANY,      LEFT,   ANY,      NORMAL,  ANY,     FAIL_OVER,     "the active node says that it has failed or serves nothing, or its alarm is on, and another node is fit"),
    Rule("observer-is-suspect",                SETTLED,   SILENT,                      ANY,   ANY,      ANY,    SUSPECT,  NORMAL,  ANY,     CALL_OPERATOR, "beats are late for the controller itself, or nobody anywhere is heard: the observer is doubted, not the node", OBSERVER),
    Rule("no-fit-candidate",                   SETTLED,   SILENT,                      UNREADY, ANY,    ANY,    TRUSTED,  NORMAL,  ANY,     CALL_OPERATOR, "the active node has not been heard for silence_limit_s, and no other node is fit to take over", BRING_BACK),
    Rule("told-and-no-fit-candidate",          SETTLED,   TOLD,                        UNREADY, ANY,    ANY,    ANY,      NORMAL,  ANY,     CALL_OPERATOR, "the active node has failed or is gone, and no other node is fit to take over", BRING_BACK),
    Rule("only-failed-starts-left",            SETTLED,   SILENT,                      NO_RETRY, ANY,   ANY,    TRUSTED,  NORMAL,  ANY,     CALL_OPERATOR, "the active node has not been heard for silence_limit_s, the service did not start on any node that is left, and retry_failed_start is false", FAILED_STARTS),
    Rule("told-and-only-failed-starts-left",   SETTLED,   TOLD,                        NO_RETRY, ANY,   ANY,    ANY,      NORMAL,  ANY,     CALL_OPERATOR, "the active node has failed or is gone, the service did not start on any node that is left, and retry_failed_start is false", FAILED_STARTS),
    Rule("quorum-is-lost",                     SETTLED,   SILENT,                      NO_QUORUM, ANY,  ANY,    TRUSTED,  NORMAL,  ANY,     CALL_OPERATOR, "the active node has not been heard for silence_limit_s, and quorum keeps the nodes that are ready from taking over", QUORUM),
    Rule("told-and-quorum-is-lost",            SETTLED,   TOLD,                        NO_QUORUM, ANY,  ANY,    ANY,      NORMAL,  ANY,     CALL_OPERATOR, "the active node has failed or is gone, and quorum keeps the nodes that are ready from taking over", QUORUM),
    Rule("fitness-is-missing",                 SETTLED,   SILENT,                      NO_FITNESS, ANY, ANY,    TRUSTED,  NORMAL,  ANY,     CALL_OPERATOR, "the active node has not been heard for silence_limit_s, and no other node that is ready says that it is fit to take over", NOT_FIT),
    Rule("told-and-fitness-is-missing",        SETTLED,   TOLD,                        NO_FITNESS, ANY, ANY,    ANY,      NORMAL,  ANY,     CALL_OPERATOR, "the active node has failed or is gone, and no other node that is ready says that it is fit to take over", NOT_FIT),
    Rule("failover-budget-is-spent",           SETTLED,   SILENT,                      FIT,   ANY,      SPENT,  TRUSTED,  NORMAL,  ANY,     CALL_OPERATOR, "the active node has not been heard for silence_limit_s, but max_failovers are used up in this window", COMMON_CAUSE),
    Rule("told-and-budget-is-spent",           SETTLED,   TOLD,                        FIT,   ANY,      SPENT,  ANY,      NORMAL,  ANY,     CALL_OPERATOR, "the active node has failed or is gone, but max_failovers are used up in this window", COMMON_CAUSE),
    Rule("active-is-unknown",                  SETTLED,   UNKNOWN,                     ANY,   ANY,      ANY,    ANY,      NORMAL,  ANY,     CALL_OPERATOR, "the active node has never been heard, or is not the node of the definition any more: unknown is not failed", START_AGENT),
    Rule("two-say-they-serve",                 SETTLED | OVERDUE, CONTESTED,           ANY,   ANY,      ANY,    ANY,      ANY,     ANY,     CALL_OPERATOR, "a member says that it serves without holding the lease, and it is not the only one that serves or should: nothing moves before one of them is down", ONE_ONLY),
    Rule("place-by-priority",                  SETTLED,   NOBODY,                      FIT,   ANY,      ANY,    ANY,      NORMAL,  ANY,     PLACE,         "nobody holds the lease, and the node that serves already, or else the fit node of the best priority, gets it; one on which it did not start comes last"),
    Rule("member-is-unheard",                  SETTLED,   UNHEARD,                     ANY,   ANY,      ANY,    ANY,      NORMAL,  ANY,     CALL_OPERATOR, "no node has had the lease yet, and a member may be serving: it does not say that it is down, and EC2 does not say that it is off", BE_HEARD),
    Rule("members-are-awaited",                SETTLED | OVERDUE, AWAITED,             ANY,   ANY,      ANY,    ANY,      ANY,     ANY,     WAIT,          "nobody holds the lease; a member that may be serving, or one that makes a quorum, may still be heard, for silence_limit_s"),
    Rule("nobody-to-place-on",                 SETTLED,   NOBODY,                      UNREADY, ANY,    ANY,    ANY,      NORMAL,  ANY,     CALL_OPERATOR, "nobody holds the lease, and no node is fit to get it", BRING_BACK),
    Rule("only-failed-starts-to-place-on",     SETTLED,   NOBODY,                      NO_RETRY, ANY,   ANY,    ANY,      NORMAL,  ANY,     CALL_OPERATOR, "nobody holds the lease, the service did not start on any node that is left, and retry_failed_start is false", FAILED_STARTS),
    Rule("no-quorum-to-place-on",              SETTLED,   NOBODY,                      NO_QUORUM, ANY,  ANY,    ANY,      NORMAL,  ANY,     CALL_OPERATOR, "nobody holds the lease, and quorum keeps the nodes that are ready from getting it", QUORUM),
    Rule("no-fitness-to-place-on",             SETTLED,   NOBODY,                      NO_FITNESS, ANY, ANY,    ANY,      NORMAL,  ANY,     CALL_OPERATOR, "nobody holds the lease, and no node that is ready says that it is fit to get it", NOT_FIT),
    Rule("place-on-last-holder",               SETTLED,   RETURNED,                    ANY,   ANY,      ANY,    ANY,      NORMAL,  ANY,     PLACE,         "nobody holds the lease; the node that served last, or whose address the record carries, is fit"),
    Rule("last-holder-is-unproven",            SETTLED,   UNPROVEN,                    ANY,   ANY,      ANY,    ANY,      NORMAL,  ANY,     CALL_OPERATOR, "the node that served last may still serve, and there is no proof that it does not", PROVE),
    Rule("held-and-not-served",                SETTLED,   TROUBLE,                     ANY,   ANY,      ANY,    ANY,      HELD,    ANY,     CALL_OPERATOR, "the cluster is held, and perhaps nobody serves: nothing moves until somebody resumes it or asks for a move", RESUME),
    Rule("overdue-and-active-is-ready",        OVERDUE,   READY,                       ANY,   ANY,      ANY,    ANY,      ANY,     ANY,     REPAIR,        "a transition outlived its deadline after the lease was granted: it is finished under a new epoch"),
    Rule("overdue-and-holder-returned",        OVERDUE,   RETURNED,                    ANY,   ANY,      ANY,    ANY,      ANY,     ANY,     PLACE,         "a transition outlived its deadline before the old node was fenced, and that node is fit"),
    Rule("overdue-and-nobody-holds",           OVERDUE,   NOBODY,                      FIT,   ANY,      ANY,    ANY,      ANY,     ANY,     PLACE,         "a transition outlived its deadline after the old node was fenced, and a node is fit"),
    Rule("overdue-and-unproven",               OVERDUE,   UNPROVEN,                    FIT,   ANY,      ANY,    ANY,      NORMAL,  ANY,     FAIL_OVER,     "a transition outlived its deadline before the old node was fenced: fencing goes on under a new epoch"),
    Rule("overdue-and-active-is-gone",         OVERDUE,   TOLD,                        FIT,   ANY,      LEFT,   ANY,      NORMAL,  ANY,     FAIL_OVER,     "a transition outlived its deadline and the active node has failed or is gone"),
    Rule("overdue-and-active-is-silent",       OVERDUE,   SILENT,                      FIT,   ANY,      LEFT,   TRUSTED,  NORMAL,  ANY,     FAIL_OVER,     "a transition outlived its deadline and the active node is silent"),
    Rule("overdue-and-budget-is-spent",        OVERDUE,   TOLD,                        FIT,   ANY,      SPENT,  ANY,      NORMAL,  ANY,     CALL_OPERATOR, "a transition outlived its deadline and the active node has failed or is gone, but max_failovers are used up", COMMON_CAUSE),
    Rule("overdue-silent-and-budget-is-spent", OVERDUE,   SILENT,                      FIT,   ANY,      SPENT,  TRUSTED,  NORMAL,  ANY,     CALL_OPERATOR, "a transition outlived its deadline and the active node is silent, but max_failovers are used up", COMMON_CAUSE),
    Rule("overdue-and-held",                   OVERDUE,   TOLD | UNPROVEN,             FIT,   ANY,      ANY,    ANY,      HELD,    ANY,     CALL_OPERATOR, "a transition outlived its deadline, and only a failover could go on; the cluster is held", RESUME),
    Rule("overdue-silent-and-held",            OVERDUE,   SILENT,                      FIT,   ANY,      ANY,    TRUSTED,  HELD,    ANY,     CALL_OPERATOR, "a transition outlived its deadline and the active node is silent; the cluster is held", RESUME),
    Rule("overdue-and-suspect",                OVERDUE,   SILENT,                      ANY,   ANY,      ANY,    SUSPECT,  ANY,     ANY,     CALL_OPERATOR, "a transition outlived its deadline, and the observer is doubted", OBSERVER),
    Rule("overdue-and-no-candidate",           OVERDUE,   SILENT,                      NONE,  ANY,      ANY,    TRUSTED,  ANY,     ANY,     CALL_OPERATOR, "a transition outlived its deadline, and no node is fit to take over", BRING_BACK),
    Rule("overdue-and-nobody-fit",             OVERDUE,   TOLD | NOBODY | UNPROVEN, NONE,  ANY,      ANY,    ANY,      ANY,     ANY,     CALL_OPERATOR, "a transition outlived its deadline, nobody serves, and no node is fit", BRING_BACK_OR_PROVE),
    Rule("overdue-and-member-unheard",         OVERDUE,   UNHEARD,                     ANY,   ANY,      ANY,    ANY,      ANY,     ANY,     CALL_OPERATOR, "a transition outlived its deadline, and a member may be serving: it does not say that it is down, and EC2 does not say that it is off", BE_HEARD),
    Rule("overdue-and-unknown",                OVERDUE,   UNKNOWN,                     ANY,   ANY,      ANY,    ANY,      ANY,     ANY,     CALL_OPERATOR, "a transition outlived its deadline, and the active node has never been heard, or is not as defined", START_AGENT),
)
# fmt: on

ON_SILENCE = frozenset(rule.name for rule in RULES if rule.holder == SILENT and rule.action is FAIL_OVER)
"""The rules that take the lease from a node for no other reason than that it is not heard. They may be put off."""
ADVICE: Mapping[str, str] = {rule.name: rule.advice for rule in RULES if rule.advice}
"""What a person is to do first, by the name of the rule that calls."""


def decide(situation: Situation) -> Decision:
    """Look the situation up. Pure: the same situation always gives the same decision."""
    rule = next(rule for rule in RULES if rule.fits(situation))
    return Decision(rule=rule.name, action=rule.action, why=rule.why)
