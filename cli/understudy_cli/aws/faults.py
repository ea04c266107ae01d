"""What a call can fail of, as a sentence with what to do. By class and code of the error, never by its message."""

from __future__ import annotations

from botocore import exceptions

from understudy_cli.core import exits
from understudy_cli.core.faults import Fault

Places = tuple[str, str]
"""The stack and the Region that were asked."""
CREDENTIALS = "Set AWS_PROFILE, use --profile, or sign in again (aws sso login); try: aws sts get-caller-identity"
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired", "InvalidGrantException"}
UNTRUE = {"UnrecognizedClientException", "InvalidClientTokenId", "SignatureDoesNotMatch", "InvalidSignatureException"}
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"}
THROTTLED = {
    *("Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded", "TooManyRequestsException"),
    *("ProvisionedThroughputExceededException", "RequestThrottled", "RequestThrottledException", "SlowDown"),
}
MISSING = {"ResourceNotFoundException", "StateMachineDoesNotExist"}
NO_CREDENTIALS = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
)
SIGN_IN_OVER = (exceptions.SSOError, exceptions.TokenRetrievalError, exceptions.UnauthorizedSSOTokenError)
UNREACHABLE = (exceptions.ConnectionError, exceptions.HTTPClientError)


def fault_of(error: Exception, operation: str, stack: str, region: str) -> Fault:
    """The sentence for an error of botocore. `operation` is what was called, for example `dynamodb:GetItem`."""
    if isinstance(error, exceptions.ClientError):
        return _answered(error, operation, stack, region)
    if isinstance(error, exceptions.ProfileNotFound):
        return Fault(f"{error}", "Name another with --profile; try: aws configure list-profiles", exits.WRONG)
    if isinstance(error, SIGN_IN_OVER):
        return Fault(f"Your sign-in is over ({error})", CREDENTIALS, exits.WRONG)
    if isinstance(error, NO_CREDENTIALS):
        return Fault("There are no AWS credentials", CREDENTIALS, exits.WRONG)
    if isinstance(error, exceptions.NoRegionError):
        return Fault("No Region is set", "Use --region, or set AWS_REGION", exits.WRONG)
    if isinstance(error, UNREACHABLE):
        what = f"AWS does not answer in {region}: {type(error).__name__} at {operation}"
        return Fault(what, "Is the Region right, the network open? What runs goes on. Ask again", exits.NOT_KNOWN)
    return Fault(f"{operation} failed: {error}", "Try again with --show-aws", exits.NOT_KNOWN)


def code_of(error: exceptions.ClientError) -> str:
    """The code of what AWS answered, without a namespace."""
    return str(error.response.get("Error", {}).get("Code", "")).rpartition("#")[2]


def _answered(error: exceptions.ClientError, operation: str, stack: str, region: str) -> Fault:
    code, message = code_of(error), str(error.response.get("Error", {}).get("Message", ""))
    if code in EXPIRED:
        return Fault("Your AWS credentials have expired", CREDENTIALS, exits.WRONG)
    if code in UNTRUE:
        return Fault("AWS does not accept these credentials", CREDENTIALS, exits.WRONG)
    if code in DENIED:
        do = "Ask for the policy of the stack's output ViewerPolicyArn, OperatorPolicyArn or ApproverPolicyArn"
        return Fault(f"You have no right to {operation}: {message}", do, exits.REFUSED)
    if code in THROTTLED:
        return Fault(f"AWS is busy: {operation} is throttled", "Wait some seconds, then ask again", exits.NOT_KNOWN)
    if code in MISSING:
        what = f"What {operation} asks for is not in {region}: {message}"
        return Fault(what, f"Is the Region right? Was the stack {stack} just made or deleted?", exits.WRONG)
    return Fault(f"{operation} failed: {code}: {message}", "Try again with --show-aws", exits.NOT_KNOWN)


def no_stack(stack: str, region: str) -> Fault:
    """That CloudFormation knows no such stack here."""
    do = "Name the stack with --stack (or UNDERSTUDY_STACK) and its Region with --region (or AWS_REGION)"
    return Fault(f"There is no stack {stack} in {region}", do, exits.WRONG)


def hidden_stack(stack: str, region: str) -> Fault:
    """That somebody may not see the stack; who has one of its policies may see no other, and none that is not there."""
    do = "Are name (--stack, UNDERSTUDY_STACK) and Region right? If so, ask for the stack's policy for your role"
    return Fault(f"You have no right to see a stack {stack} in {region}", do, exits.REFUSED)


def no_output(stack: str, region: str, output: str) -> Fault:
    """That the stack is there and has not what the tool needs."""
    do = "Name Understudy's own stack with --stack; was its first deployment finished?"
    return Fault(f"The stack {stack} in {region} has no output {output}", do, exits.WRONG)
