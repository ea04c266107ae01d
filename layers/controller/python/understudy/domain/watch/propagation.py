"""What becomes of changes that Route 53 has accepted, told apart by address."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.record import ChangeReading

STATUS_OF: Mapping[ChangeReading, AddressStatus] = {
    ChangeReading.IN_SYNC: AddressStatus.IN_SYNC,
    ChangeReading.PENDING: AddressStatus.PROPAGATING,
}


def propagating(address: Address, definition: Definition) -> tuple[str, ...]:
    """The labels of the addresses whose changes are to be asked for."""
    found = _statuses(address, definition)
    return tuple(label for label, status in found.items() if status is AddressStatus.PROPAGATING)


def change_ids_of(address: Address, labels: Iterable[str]) -> tuple[str, ...]:
    """The changes that brought these addresses, each once."""
    return tuple(dict.fromkeys(change_id for label in labels for change_id in address.changes_of(label)))


def reading_of(address: Address, label: str, readings: Mapping[str, ChangeReading]) -> ChangeReading:
    """Route 53's word on one address, from its word on each change. Without a word on a change: PENDING.

    Without any change that could be asked for it is UNKNOWN.
    """
    found = [readings.get(change_id, ChangeReading.PENDING) for change_id in address.changes_of(label)]
    if ChangeReading.PENDING in found:
        return ChangeReading.PENDING
    return ChangeReading.IN_SYNC if found and ChangeReading.UNKNOWN not in found else ChangeReading.UNKNOWN


def address_followed(
    address: Address,
    definition: Definition,
    readings: Mapping[str, ChangeReading],
    stands: Mapping[str, bool],
    now: int,
) -> Address:
    """What the table is to say after Route 53 has been asked at `now` (seconds). Unchanged when nothing is news.

    `stands`: for addresses whose change Route 53 does not know any more, whether Route 53 holds them as they were
    written. Those that it does are UNCONFIRMED, those that it does not are OWED and due at once; those of which nobody
    knows stay as they are.
    """
    statuses = _statuses(address, definition)
    for label in propagating(address, definition):
        reading = reading_of(address, label, readings)
        if reading in STATUS_OF:
            statuses[label] = STATUS_OF[reading]
        elif label in stands:
            statuses[label] = AddressStatus.UNCONFIRMED if stands[label] else AddressStatus.OWED
    if not statuses:
        return address
    status = AddressStatus.of_all(statuses.values())
    is_lost = status is AddressStatus.OWED and address.status is not AddressStatus.OWED
    return replace(
        address,
        status=status,
        parts=statuses if address.parts else {},
        retry_at=now if is_lost else address.retry_at,
    )


def _statuses(address: Address, definition: Definition) -> dict[str, AddressStatus]:
    labels = [label for label in definition.labels if not address.parts or label in address.parts]
    return {label: address.status_of(label) for label in labels}
