"""What to do about a call that AWS did not take: permissions that lack, or a clock of this node that is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

CODES = frozenset({"AccessDenied", "AccessDeniedException"})
CLOCK_CODES = frozenset(
    {"InvalidSignatureException", "SignatureDoesNotMatch", "RequestExpired", "RequestTimeTooSkewed", "AuthFailure"}
)
"""Of a signature that AWS refuses, by which it also calls one with a time that it does not accept."""
SET_IT = "set it (chronyc makestep), and see that it stays right"
"""What to do about a clock that is wrong."""
CLOCK_LIMIT_S = 60
"""AWS accepts five minutes; less than this is no reason for a refusal."""
REMEDIES = {
    "beat": "attach the stack's NodePolicy to this instance's role; a beat's source must be this instance's own ARN",
    "read": "attach the stack's NodePolicy to this instance's role, and give the role the tag understudy:cluster "
    "(or understudy:cluster-2 to -5) with the cluster's name as value",
    "failsafe_key": "attach the stack's NodePolicy to this instance's role, and give the role the tag "
    "understudy:cluster; for a parameter of your own, ssm:GetParameter on failsafe_key_parameter, and kms:Decrypt on "
    "its key",
}
"""By what the calls are for. See PERMISSIONS in the agent's README."""


def reason_of(what: str, error: Exception, now_s: Callable[[], float] = time.time) -> str:
    """Why a call failed, in words; with what to do when this node is not allowed to make it, or its clock is wrong.

    `now_s`: the node's clock, in seconds since 1970.
    """
    reason = str(error) or type(error).__name__
    # botocore's ClientError, which is not imported here: nothing else of it is needed.
    answer: Mapping[str, Any] = getattr(error, "response", None) or {}
    code = answer.get("Error", {}).get("Code")
    if code in CODES and what in REMEDIES:
        return f"{reason}; {REMEDIES[what]}"
    ahead_s = clock_ahead_s(error, now_s())
    if ahead_s is None or abs(ahead_s) < CLOCK_LIMIT_S:
        return reason
    direction = "ahead of" if ahead_s > 0 else "behind"
    return (
        f"this node's clock is some {_rounded(abs(ahead_s))} s {direction} AWS's, so AWS refuses what it signs: "
        f"{SET_IT}; calls are signed by AWS's clock meanwhile; {code}"
    )


def clock_ahead_s(error: Exception, now_s: float) -> float | None:
    """By how much this node's clock is ahead of AWS's (seconds), by an answer that refuses a signature.

    None: the error is none, or the answer has no time.
    """
    answer: Mapping[str, Any] = getattr(error, "response", None) or {}
    if answer.get("Error", {}).get("Code") not in CLOCK_CODES:
        return None
    return ahead_of_date_s(answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", ""), now_s)


def ahead_of_date_s(date: str, now_s: float) -> float | None:
    """By how much a clock is ahead of the date of an answer (seconds). None: the answer has none."""
    try:
        return now_s - parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError, IndexError):
        return None


def _rounded(seconds: float) -> int:
    """Told once for each reason, so not to the second."""
    return round(seconds / 10) * 10
