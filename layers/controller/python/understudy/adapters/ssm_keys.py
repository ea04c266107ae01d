"""The keys of the clusters: NodeKeys, SecureString parameters on a path apart from the definitions."""

from secrets import token_hex
from typing import Any

from botocore.exceptions import ClientError

from understudy.adapters.aws_errors import NO_ANSWER, code_of
from understudy.domain.cluster.errors import KeyNotMadeError

FOLDER = "/understudy-keys/"
"""The nodes' role, the template and the agents (understudy_agent.keys) have the same."""
KEY_BYTES = 32
THERE = "ParameterAlreadyExists"
MEANT_FOR = "Understudy: the key that the agents of this cluster share. Whoever reads it can speak for them"


class SsmKeys:
    """By a boto3 client; `stack` is the stack's name. Encrypted with the key that AWS manages, `aws/ssm`.

    It needs `ssm:PutParameter` without the right to overwrite, and reads nothing.
    """

    def __init__(self, client: Any, stack: str) -> None:
        self._client = client
        self._folder = f"{FOLDER}{stack}/"

    def make(self, cluster: str) -> bool:
        """See NodeKeys.make. Parameter Store itself refuses the second one, so of several who make it, one does."""
        try:
            self._client.put_parameter(
                Name=f"{self._folder}{cluster}",
                Description=MEANT_FOR,
                Type="SecureString",
                Value=token_hex(KEY_BYTES),
                Overwrite=False,
            )
        except ClientError as fault:
            if code_of(fault) == THERE:
                return False
            raise KeyNotMadeError(f"the key of {cluster} was not made: {fault}") from fault
        except NO_ANSWER as fault:
            raise KeyNotMadeError(f"whether the key of {cluster} was made is not known: {fault}") from fault
        return True
