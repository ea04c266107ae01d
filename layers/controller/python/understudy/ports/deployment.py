"""What pruning needs of CloudFormation and Lambda. Adapter and test fake both keep to this."""

from collections.abc import Sequence
from typing import Protocol

from understudy.domain.cluster.versions import Versions


class Deployment(Protocol):
    """The stack that the controller runs in. All of it raises what botocore raises."""

    def functions(self) -> Sequence[str]:
        """The names of the stack's functions."""
        ...

    def versions(self, function: str) -> Versions:
        """What is published of a function, and what its aliases name."""
        ...

    def status(self) -> str:
        """The stack's state in CloudFormation's words."""
        ...

    def delete(self, function: str, number: int) -> bool:
        """Delete one version; False when Lambda refuses, because an alias names it by now. Doing it twice is safe."""
        ...
