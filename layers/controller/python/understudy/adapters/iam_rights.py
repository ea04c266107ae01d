"""Whether IAM would allow what a failover needs: RightsReader. It asks IAM's simulation; nothing is done for real."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from understudy.adapters.unreadable import unreadable
from understudy.domain.cluster.tags import MEMBER_TAG
from understudy.domain.readiness.facts import HERE, Right

ALLOWED = "allowed"
NAMES_A_MEMBER = Right(
    "ec2:CreateTags",
    f"ec2:{HERE}:instance/*",
    (("aws:TagKeys", (MEMBER_TAG,)), (f"aws:RequestTag/{MEMBER_TAG}", ("a-cluster/a-node",))),
)
"""What whoever sets the tag of a member must be allowed to do."""
OF_ONE_VALUE = ("aws:ResourceTag/", "aws:RequestTag/")
Context = tuple[tuple[str, tuple[str, ...]], ...]
"""See Right.context."""


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
        """Whether the role would be granted each right: one simulation for those that share a context.

        Raises UnreadableError, also when the simulation itself is forbidden: that says nothing of the rights.
        """
        asked = list(dict.fromkeys(rights))
        decided = {pair for batch in _batches(asked) for pair in self._allowed(*batch)}
        return {right: (right.action.lower(), self._arn(right.resource)) in decided for right in asked}

    def _allowed(self, context: Context, actions: Sequence[str], resources: Sequence[str]) -> Iterator[tuple[str, str]]:
        """The pairs of action (in lower case) and ARN that are allowed, of each action on each resource."""
        with unreadable(f"the rights {', '.join(actions)} of {self._role_arn}"):
            pages = list(
                self._client.get_paginator("simulate_principal_policy").paginate(
                    PolicySourceArn=self._role_arn,
                    ActionNames=list(actions),
                    ResourceArns=[self._arn(each) for each in resources],
                    ContextEntries=[_entry(key, values) for key, values in context],
                )
            )
        for result in (each for page in pages for each in page["EvaluationResults"]):
            action, parts = str(result["EvalActionName"]).lower(), result.get("ResourceSpecificResults", ())
            if len(resources) == 1:
                parts = [{"EvalResourceName": self._arn(resources[0]), "EvalResourceDecision": result["EvalDecision"]}]
            # Of several resources the result's own decision is the worst of all; each one's stands below it.
            yield from ((action, each["EvalResourceName"]) for each in parts if each["EvalResourceDecision"] == ALLOWED)

    def _arn(self, resource: str) -> str:
        if resource == "*":
            return resource
        _, partition, _, _, account, _ = self._role_arn.split(":", 5)
        return f"arn:{partition}:{resource.replace(HERE, f'{self._region}:{account}')}"


class ProfileRights:
    """What the roles of nodes may do: TaggerReader, by a function that makes a boto3 client, and the nodes' Region."""

    def __init__(self, connect: Callable[[], Any], region: str) -> None:
        self._connect = connect
        self._region = region

    @cached_property
    def _client(self) -> Any:
        return self._connect()

    def may_name_members(self, profile_arn: str) -> bool:
        """See TaggerReader.may_name_members. What a tag of the caller's or of the instance allows is not seen."""
        name = profile_arn.rpartition("/")[2]
        with unreadable(f"the roles of instance profile {name}"):
            profile = self._client.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
        roles = (IamRights(lambda: self._client, role["Arn"], self._region) for role in profile["Roles"])
        return any(role.granted([NAMES_A_MEMBER])[NAMES_A_MEMBER] for role in roles)


def _batches(rights: Iterable[Right]) -> Iterator[tuple[Context, Sequence[str], Sequence[str]]]:
    """The rights as (context, actions, resources), in which every action is wanted on every resource.

    A condition key has one value in a simulation, so rights of different contexts are never asked for together.
    """
    actions_on: dict[tuple[Context, str], list[str]] = {}
    for right in rights:
        actions_on.setdefault((right.context, right.resource), []).append(right.action)
    resources_of: dict[tuple[Context, tuple[str, ...]], list[str]] = {}
    for (context, resource), actions in actions_on.items():
        resources_of.setdefault((context, tuple(actions)), []).append(resource)
    for (context, wanted), resources in resources_of.items():
        yield context, wanted, resources


def _entry(key: str, values: Sequence[str]) -> dict[str, Any]:
    kind = "string" if key.startswith(OF_ONE_VALUE) else "stringList"
    return {"ContextKeyName": key, "ContextKeyValues": list(values), "ContextKeyType": kind}
