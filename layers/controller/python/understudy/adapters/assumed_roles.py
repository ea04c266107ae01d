"""Clients for zones of other accounts, by roles to assume, each kept until shortly before its keys run out."""

from collections.abc import Callable, Mapping
from typing import Any

RENEWAL_S = 120
"""Keys are renewed this long before they run out, so that no call is refused for their age in mid-move."""
DURATION_S = 3600


class AssumedRoles:
    """A boto3 client for each role.

    `sts` makes the client of STS when a role is needed first; `connect` a client from a role's keys; `clock` tells
    seconds since the epoch; `session` is how the sessions are named in the other account's trail.
    """

    def __init__(
        self,
        sts: Callable[[], Any],
        connect: Callable[[Mapping[str, str]], Any],
        clock: Callable[[], float],
        session: str,
    ) -> None:
        self._sts = sts
        self._connect = connect
        self._clock = clock
        self._session = session[:64]
        self._known: dict[tuple[str, str], tuple[Any, float]] = {}

    def client(self, role_arn: str, external_id: str) -> Any:
        """The client that acts as this role. Faults of AssumeRole come through as botocore raises them."""
        known = self._known.get((role_arn, external_id))
        if known is not None and self._clock() < known[1] - RENEWAL_S:
            return known[0]
        keys = self._assume(role_arn, external_id)
        client = self._connect(
            {
                "aws_access_key_id": keys["AccessKeyId"],
                "aws_secret_access_key": keys["SecretAccessKey"],
                "aws_session_token": keys["SessionToken"],
            }
        )
        self._known[(role_arn, external_id)] = (client, keys["Expiration"].timestamp())
        return client

    def _assume(self, role_arn: str, external_id: str) -> Mapping[str, Any]:
        asked = {"RoleArn": role_arn, "RoleSessionName": self._session, "DurationSeconds": DURATION_S}
        answer = self._sts().assume_role(**asked, **({"ExternalId": external_id} if external_id else {}))
        keys: Mapping[str, Any] = answer["Credentials"]
        return keys
