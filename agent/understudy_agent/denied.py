"""What to do about a call that AWS's permissions do not allow."""

from __future__ import annotations

CODES = frozenset({"AccessDenied", "AccessDeniedException"})
REMEDIES = {
    "beat": "attach the stack's NodePolicy to this instance's role; a beat's source must be this instance's own ARN",
    "read": "attach the stack's NodePolicy to this instance's role, and give the role the tag understudy:cluster "
    "(or understudy:cluster-2 to -5) with the cluster's name as value",
    "failsafe_key": "give this instance's role ssm:GetParameter on failsafe_key_parameter, and kms:Decrypt on its key",
}
"""By what the calls are for. See PERMISSIONS in the agent's README."""


def reason_of(what: str, error: Exception) -> str:
    """Why a call failed, in words; with what to do when this node is not allowed to make it."""
    reason = str(error) or type(error).__name__
    # botocore's ClientError, which is not imported here: nothing else of it is needed.
    answer = getattr(error, "response", None) or {}
    is_denied = answer.get("Error", {}).get("Code") in CODES
    return f"{reason}; {REMEDIES[what]}" if is_denied and what in REMEDIES else reason
