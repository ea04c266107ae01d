"""Which faults of AWS pass by themselves. By code and class, never by message."""

from botocore.exceptions import BotoCoreError, ClientError

PASSING_CODES = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Throttling has no class in botocore's Route 53: the code is all there is."""

NO_ANSWER = BotoCoreError
"""No answer, or none that is AWS's: connections refused, reset or timed out, no name, no credentials."""


def code_of(fault: ClientError) -> str:
    """AWS's word for a fault."""
    return str(fault.response.get("Error", {}).get("Code", ""))


def passes(fault: ClientError) -> bool:
    """Whether the same call may well succeed a little later: throttled, an earlier change in work, AWS's own fault."""
    status = fault.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return code_of(fault) in PASSING_CODES or int(status) >= 500
