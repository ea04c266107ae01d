"""What registration needs of Parameter Store."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from understudy.domain.cluster.definition import Definition, Record


@dataclass(frozen=True)
class ParameterText:
    """A cluster's parameter as it stands: the cluster's name, Parameter Store's version, and the text."""

    cluster: str
    version: int
    text: str

    @property
    def is_tuning(self) -> bool:
        """Whether it holds the stack's tunables instead of a cluster's definition."""
        return self.cluster == ""

    @property
    def digest(self) -> str:
        """Tells texts apart. Versions do not: a parameter that was deleted and put again starts at 1."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]

    @property
    def revision(self) -> str:
        """Tells one submission from the next, also of the same text: what did not fit to AWS may fit by then."""
        return f"{self.digest} {self.version}"


@dataclass(frozen=True)
class DefinitionReading:
    """What a cluster's text stands for.

    `definition`: None when there is any fault, or when EC2 could not be asked, and why: `unread`. `faults`: every one
    that the text has by itself and by what EC2 says. `records`: those that it names, as far as they can be understood.
    """

    definition: Definition | None
    faults: tuple[str, ...] = ()
    records: tuple[Record, ...] = ()
    unread: str = ""


class Parameters(Protocol):
    """Parameter Store as registration sees it."""

    def cluster_text(self, cluster: str) -> ParameterText | None:
        """The parameter of one cluster, None when it has been deleted."""
        ...

    def tuning_text(self) -> ParameterText | None:
        """The parameter with the stack's tunables, None when there is none. Its `cluster` is empty."""
        ...

    def cluster_texts(self) -> Iterator[ParameterText]:
        """The parameters of all clusters, page by page."""
        ...
