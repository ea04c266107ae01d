"""Clients for zones of other accounts, by roles to assume, each kept until shortly before its keys run out."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from understudy.adapters.aws_errors import KEYS_REFUSED, code_of

T = TypeVar("T")
CallAs = Callable[[str, str, Callable[[Any], Any]], Any]
"""Makes a call with the client of a role (its ARN, and the external id): see AssumedRoles.call."""
RENEWAL_S = 120
"""Keys are renewed this long before they run out, so that no call is refused for their age in mid-move."""
DURATION_S = 3600
YOUNG_S = 60
"""What refuses keys that are younger than this (seconds) would refuse new ones, too."""
REFUSAL_LIMIT_S = 1
"""A refusal that took longer is not followed by another call at once: whoever asks has reckoned with no more time."""


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

    def call(self, role_arn: str, external_id: str, make: Callable[[Any], T]) -> T:
        """What comes of a call that is made with the client of this role.

        When its keys are refused, they may have been revoked: the role is assumed anew, and the call made again, once,
        at once or when it is asked for next. Faults come through as botocore raises them, those of AssumeRole too.
        """
        client, begun_at = self._client(role_arn, external_id), self._clock()
        try:
            return make(client)
        except ClientError as fault:
            if code_of(fault) not in KEYS_REFUSED or not self._drop(role_arn, external_id):
                raise
            if self._clock() - begun_at > REFUSAL_LIMIT_S:
                raise
        return make(self._client(role_arn, external_id))

    def _drop(self, role_arn: str, external_id: str) -> bool:
        """Forget the keys. False: they were fetched just now, or there are none."""
        known = self._known.get((role_arn, external_id))
        if known is None or self._clock() < known[1] - DURATION_S + YOUNG_S:
            return False
        del self._known[(role_arn, external_id)]
        return True

    def _client(self, role_arn: str, external_id: str) -> Any:
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
