"""Which faults of AWS pass by themselves. By code and class, never by message."""

from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError
from botocore.parsers import ResponseParserError

from understudy.adapters.answers import NoAnswerOfAwsError

NOT_UNDERSTOOD = (ConnectionError, HTTPClientError, NoAnswerOfAwsError, ResponseParserError)
"""What went wrong between AWS and here."""

THROTTLED_CODES = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Said by any service instead of doing it. Throttling has no class in botocore's Route 53: there is only the code."""

PASSING_CODES = THROTTLED_CODES | {
    "InternalError",
    "InternalException",
    "InternalFailure",
    "InternalFault",
    "InternalServerError",
    "InternalServiceError",
    "InternalServiceException",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "TransactionInProgressException",
    "Unavailable",
}

KEYS_REFUSED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "InvalidToken",
        "RequestExpired",
        "TokenRefreshRequired",
        "UnrecognizedClientException",
    }
)
"""What AWS says to keys of a session that has run out, or was revoked: revoking is a policy that denies all."""

NO_ANSWER = (BotoCoreError, ResponseParserError)
"""No answer, or none that is AWS's: connections refused, reset or timed out, no name, no credentials, no sense."""


def code_of(fault: ClientError) -> str:
    """AWS's word for a fault."""
    return str(fault.response.get("Error", {}).get("Code", ""))


def passes(fault: ClientError) -> bool:
    """Whether the same call may well succeed a little later: throttled, an earlier change in work, AWS's own fault."""
    return code_of(fault) in PASSING_CODES or _status_of(fault) >= 500


def is_not_done(fault: Exception) -> bool:
    """Whether AWS has said that it left the call undone for now. After no answer, or a fault of its own, none knows."""
    return isinstance(fault, ClientError) and code_of(fault) in THROTTLED_CODES and _status_of(fault) < 500


def is_worth_asking_again(fault: Exception) -> bool:
    """Whether a call that changes nothing may well succeed a little later; also after no answer over the network."""
    return passes(fault) if isinstance(fault, ClientError) else isinstance(fault, NOT_UNDERSTOOD)


def _status_of(fault: ClientError) -> int:
    return int(fault.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
