"""The table of the workflow: what each state's function may answer, and where each answer leads."""

LEFT = "LeaveToAnother"
"""Where an execution goes that is not in charge any more: whether that is a failure depends on who has asked for it."""

OUTCOMES: dict[str, dict[str, str]] = {
    "OpenTransition": {
        "OPENED": "FenceNode",
        "STOOD_DOWN": "StoodDown",
        "REFUSED": "Refused",
        "EXHAUSTED": "CloseTransition",
        "MODE_SET": "ModeSet",
        "DOUBTED": "Doubted",
        "CLEARED": "Cleared",
        "APPROVAL_NEEDED": "AskApproval",
        "NOT_APPROVED": "NotApproved",
    },
    "FenceNode": {
        "FENCED": "MoveAddress",
        "NOT_YET": "BeforeFenceNodeAgain",
        "GAVE_UP": "CloseTransition",
        "STALE": LEFT,
    },
    "MoveAddress": {
        "ACCEPTED": "GrantLease",
        "ALREADY_THERE": "GrantLease",
        "RETRY": "BeforeMoveAddressAgain",
        "REFUSED": "GrantLease",
        "GAVE_UP": "GrantLease",
        "LIFTED": "OpenTransition",
        "GUARD_UNFENCED": "FenceNode",
        "GUARD_AHEAD": "CloseTransition",
        "STALE": LEFT,
    },
    "GrantLease": {
        "GRANTED": "AwaitService",
        "UNFENCED": "BeforeFenceNodeAgain",
        "NOT_FIT": "OpenTransition",
        "STALE": LEFT,
    },
    "AwaitService": {
        "IN_SERVICE": "CheckChange",
        "NOT_YET": "BeforeAwaitServiceAgain",
        "FAILED": "OpenTransition",
        "STALE": LEFT,
    },
    "CheckChange": {
        "IN_SYNC": "CloseTransition",
        "UNCONFIRMED": "CloseTransition",
        "PENDING": "BeforeCheckChangeAgain",
        "PROPAGATING": "CloseTransition",
        "OWED": "CloseTransition",
        "STALE": "Superseded",
    },
    "CloseTransition": {
        "IN_SERVICE": "InService",
        "DEGRADED": "Degraded",
        "HELD": "Held",
        "STALE": LEFT,
    },
    "CheckReadiness": {"CHECKED": "Checked", "NOT_READY": "NotReady", "REFUSED": "Refused"},
    "Advise": {"ADVISED": "Advised", "REFUSED": "Refused"},
}

ASKING = "AskApproval"
"""It has no outcome: a person answers, and OpenTransition judges what came back."""
STEPS = (*OUTCOMES, ASKING)
ASKING_STEPS = ("CheckReadiness", "Advise")
"""Those that move nothing."""
TRANSITION_STEPS = tuple(step for step in OUTCOMES if step not in ASKING_STEPS)
"""Those that every transition goes through, in order."""
