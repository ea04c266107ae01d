"""What a person is to do first, by the rule that called or the reason why a transition ended as it did.

One sentence or two each. The runbook (docs/on-call.md) says how to check, and what not to do.
"""

from collections.abc import Mapping

_BRING_BACK = (
    "Bring any node of the cluster back: start its instance or its agent. A failed service: mend it on its node."
)
_FAILED_STARTS = (
    "Find out why the service did not start on the nodes that are left. When it will start on one, clear that one with "
    'the action "clear": it is then tried by itself.'
)
_COMMON_CAUSE = (
    "Find out why it fails again and again. Then ask for the failover yourself: the budget does not hold back what a "
    "person asks for."
)
_PROVE = (
    "Bring the old node's agent back, or stop its instance by force and wait until EC2 says stopped. Do not start the "
    "service anywhere by hand before."
)
_QUORUM = (
    "Mend the network or the quorum hosts, or bring a node back: it goes on by itself as soon as there is a quorum."
)
_OBSERVER = (
    "Are all clusters silent? Then mend the way of the beats (network, permissions, AWS). Is it only one: "
    "wait a minute, it goes on by itself when beats are steady. Do not stop instances because of this alone."
)
_START_AGENT = "Start the agent of the active node. Is that not possible, stop its instance by force."
_ONE_ONLY = (
    "Decide which node has the good data. Stop the service on the other one now, and see to it that nothing but the "
    "agent starts it (systemctl disable). Everything goes on by itself when that node says that it is down, or when "
    "EC2 says that its instance is stopped."
)
_BE_HEARD = (
    "Start the agent of the member that is not heard, or stop its instance and wait until EC2 says stopped: it may be "
    "serving. The service is then placed by itself."
)
_RESUME = "If you have finished your work, resume the cluster. Is it urgent, ask for the failover yourself."

_GOING = (
    "Bring another node of the cluster back: start its instance or its agent. The service then moves there by itself. "
    "An Auto Scaling group waits for it no longer than its lifecycle hook's time-out; Spot leaves two minutes. Is "
    "another node well? Then either no proof is accepted while this one runs, and it is failed over when it is off. "
    "Or the service did not last there: mend that, and ask for the switchover yourself."
)

OF_RULE: Mapping[str, str] = {
    "observer-is-suspect": _OBSERVER,
    "no-fit-candidate": _BRING_BACK,
    "told-and-no-fit-candidate": _BRING_BACK,
    "only-failed-starts-left": _FAILED_STARTS,
    "told-and-only-failed-starts-left": _FAILED_STARTS,
    "only-failed-starts-to-place-on": _FAILED_STARTS,
    "quorum-is-lost": _QUORUM,
    "told-and-quorum-is-lost": _QUORUM,
    "failover-budget-is-spent": _COMMON_CAUSE,
    "told-and-budget-is-spent": _COMMON_CAUSE,
    "active-is-unknown": _START_AGENT,
    "two-say-they-serve": _ONE_ONLY,
    "member-is-unheard": _BE_HEARD,
    "overdue-and-member-unheard": _BE_HEARD,
    "nobody-to-place-on": _BRING_BACK,
    "no-quorum-to-place-on": _QUORUM,
    "last-holder-is-unproven": _PROVE,
    "held-and-not-served": _RESUME,
    "overdue-and-budget-is-spent": _COMMON_CAUSE,
    "overdue-silent-and-budget-is-spent": _COMMON_CAUSE,
    "overdue-and-held": _RESUME,
    "overdue-silent-and-held": _RESUME,
    "overdue-and-suspect": _OBSERVER,
    "overdue-and-no-candidate": _BRING_BACK,
    "overdue-and-nobody-fit": f"{_BRING_BACK} If the old node has no proof against it: {_PROVE}",
    "overdue-and-unknown": _START_AGENT,
    "active-is-to-go-and-nobody-stays": _GOING,
    "held-and-active-is-to-go": "Resume the cluster, or ask for a switchover yourself, before AWS takes the node away.",
}
"""By the name of each rule that calls an operator."""

OF_REASON: Mapping[str, tuple[str, str]] = {
    "SERVICE_NOT_IN_SERVICE": (
        "The service started on no node that was tried. Clients are not served.",
        "Mend why it does not start (disk, configuration, data). Then restart the agent on the node that holds the "
        "lease, or ask for a failover to another node.",
    ),
    "ADDRESS_OWED": (
        "The service may run, but the address was not moved: clients still go to the old node.",
        "Mend the cause (the history's address_fault names it). It is tried again by itself, in growing gaps up to 15 "
        "minutes. Do not delete the guard.",
    ),
    "NOT_ON_THE_REQUESTED_NODE": (
        "The service did not start on the node that was asked for, and went on to another one.",
        "Find out why before you ask again: each try costs an outage.",
    ),
    "PROCEEDED_WITHOUT_PROOF": (
        "Nothing proved that the old node is off, and policy or operator said to go on: two nodes may have served.",
        "Stop the old node by force now. Look at the data before you let it back.",
    ),
    "GUARD_AHEAD": (
        "The guard in Route 53 carries an epoch that no move of this cluster can have written, so no address was "
        "moved. Who wrote it may have started the service elsewhere.",
        "Find out who wrote the guard (CloudTrail: ChangeResourceRecordSets), and make sure that the service runs "
        "nowhere but where the table says. Then delete the guard's TXT record. Is the cluster held? Then resume it.",
    ),
    "OLD_NODE_UNPROVEN": (
        "Nothing proved that the old node has stopped. Nothing was moved, and nobody holds the lease.",
        _PROVE,
    ),
}
"""What each reason of a transition's end means, and what to do."""
