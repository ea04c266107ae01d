"""What is known of the addresses that clients use."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class AddressStatus(StrEnum):
    """What AWS has said of the newest change of an address. A route or an Elastic IP is never PROPAGATING."""

    OWED = "OWED"  # not accepted: the address may still lead to another node
    PROPAGATING = "PROPAGATING"  # accepted, not yet on every server of Route 53
    UNCONFIRMED = "UNCONFIRMED"  # Route 53 holds it, but cannot say any more whether every server has it
    IN_SYNC = "IN_SYNC"

    @classmethod
    def of_all(cls, statuses: Iterable["AddressStatus"]) -> "AddressStatus":
        """One word for several addresses: the worst of theirs. Raises ValueError when there is none."""
        return min(statuses, key=list(cls).index)


@dataclass(frozen=True)
class Address:
    """The newest change of the cluster's addresses, and the epoch that it carries.

    `status` speaks for all of them, `parts` for each by its label where there are several. `change_ids`: what Route 53
    has accepted; `change_of`: which of them brought which address, where there are several of both. `retry_at`: when
    an owed one is due; `failures`: how many moves in a row have left the same owed.
    """

    status: AddressStatus
    epoch: int
    change_ids: tuple[str, ...] = ()
    retry_at: int = 0
    parts: Mapping[str, AddressStatus] = field(default_factory=dict)
    change_of: Mapping[str, str] = field(default_factory=dict)
    failures: int = 0

    def status_of(self, label: str) -> AddressStatus:
        """What is known of one address."""
        return self.parts.get(label, self.status)

    def changes_of(self, label: str) -> tuple[str, ...]:
        """The changes that brought one address: one, or all where it is not known which."""
        return (self.change_of[label],) if label in self.change_of else self.change_ids
