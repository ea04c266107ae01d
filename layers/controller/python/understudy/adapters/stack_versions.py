"""The stack that the controller runs in, its functions and their versions: Deployment."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from understudy.adapters.aws_errors import code_of
from understudy.domain.cluster.versions import Published, Versions

FUNCTION = "AWS::Lambda::Function"
LATEST = "$LATEST"
NAMED_BY_AN_ALIAS = "ResourceConflictException"


class StackVersions:
    """CloudFormation and Lambda, by boto3 clients; `stack_id` is the stack's ARN."""

    def __init__(self, stacks: Any, functions: Any, stack_id: str) -> None:
        self._stacks, self._functions = stacks, functions
        self._stack_id = stack_id

    def functions(self) -> Sequence[str]:
        """As Deployment.functions."""
        return [
            str(each["PhysicalResourceId"])
            for page in self._stacks.get_paginator("list_stack_resources").paginate(StackName=self._stack_id)
            for each in page["StackResourceSummaries"]
            if each["ResourceType"] == FUNCTION and "PhysicalResourceId" in each
        ]

    def versions(self, function: str) -> Versions:
        """As Deployment.versions. The aliases are read last: what is published meanwhile is not in the list."""
        published = [
            Published(int(each["Version"]), datetime.fromisoformat(each["LastModified"]).timestamp())
            for page in self._functions.get_paginator("list_versions_by_function").paginate(FunctionName=function)
            for each in page["Versions"]
            if each["Version"] != LATEST
        ]
        pages = self._functions.get_paginator("list_aliases").paginate(FunctionName=function)
        named = {number for page in pages for alias in page["Aliases"] for number in _named(alias)}
        return Versions(published, named)

    def status(self) -> str:
        """As Deployment.status."""
        (stack,) = self._stacks.describe_stacks(StackName=self._stack_id)["Stacks"]
        return str(stack["StackStatus"])

    def delete(self, function: str, number: int) -> bool:
        """As Deployment.delete. The version stands in the name: a call that lost it would delete the whole function."""
        try:
            self._functions.delete_function(FunctionName=f"{function}:{number}")
        except ClientError as refused:
            if code_of(refused) == NAMED_BY_AN_ALIAS:
                return False
            raise
        return True


def _named(alias: Mapping[str, Any]) -> Iterator[int]:
    more = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    yield from (int(version) for version in (alias["FunctionVersion"], *more) if version != LATEST)
