"""Whether IAM would allow what a failover needs: RightsReader. It asks IAM's simulation; nothing is done for real."""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

from understudy.adapters.unreadable import unreadable
from understudy.domain.readiness_facts import HERE, STACK_TAG, Right

ALLOWED = "allowed"


class IamRights:
    """The simulation for one role, by its ARN and a function that makes a boto3 client when one is needed.

    `region`: the Region that the controller works in.
    """

    def __init__(self, connect: Callable[[], Any], role_arn: str, region: str) -> None:
        self._connect = connect
        self._role_arn = role_arn
        self._region = region

    @cached_property
    def _client(self) -> Any:
        return self._connect()

    def granted(self, rights: Iterable[Right]) -> Mapping[Right, bool]:
        """Whether the role would be granted each right, one simulation for each (B1).

        Raises UnreadableError, also when the simulation itself is forbidden: that says nothing of the rights.
        """
        return {right: self._is_granted(right) for right in rights}

    def _is_granted(self, right: Right) -> bool:
        with unreadable(f"the right {right.action} of {self._role_arn}"):
            answer = self._client.simulate_principal_policy(
                PolicySourceArn=self._role_arn,
                ActionNames=[right.action],
                ResourceArns=[self._arn(right.resource)],
                ContextEntries=[
                    {
                        "ContextKeyName": key,
                        "ContextKeyValues": list(values),
                        "ContextKeyType": "string" if key == STACK_TAG else "stringList",
                    }
                    for key, values in right.context
                ],
            )
        return bool(answer["EvaluationResults"]) and all(
            each["EvalDecision"] == ALLOWED for each in answer["EvaluationResults"]
        )

    def _arn(self, resource: str) -> str:
        if resource == "*":
            return resource
        _, partition, _, _, account, _ = self._role_arn.split(":", 5)
        return f"arn:{partition}:{resource.replace(HERE, f'{self._region}:{account}')}"
