"""What EC2 and Route 53 say of a definition, whoever asks: registration, or a person before it is submitted."""

from dataclasses import dataclass, replace

from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.errors import AddressUnreadableError
from understudy.ports.network import Network
from understudy.ports.parameters import DefinitionReading
from understudy.ports.readiness import ZoneReader
from understudy.ports.route53 import RecordReader
from understudy.usecases.register.addresses import Survey, survey_addresses
from understudy.usecases.register.names import survey_names


@dataclass(frozen=True)
class Looked:
    """What was found. `faults`: of the text, its nodes and its names; those of the addresses are in `found`.

    `unread`: why something cannot be judged now. `found`: None when the addresses were not looked at.
    """

    definition: Definition | None
    found: Survey | None
    faults: tuple[str, ...]
    unread: tuple[str, ...]


def look_at(
    reading: DefinitionReading, zones: ZoneReader, records: RecordReader, network: Network, stack: str
) -> Looked:
    """Every fault in one round. `stack`: whose guards are not foreign."""
    names = survey_names(reading.records, zones)
    unread = [*filter(None, [reading.unread]), *names.unread]
    found = None
    if reading.definition is not None:
        try:
            found = survey_addresses(replace(reading.definition, records=names.fit), records, network, stack)
        except AddressUnreadableError as fault:
            unread.append(str(fault))
    return Looked(reading.definition, found, (*reading.faults, *names.faults), tuple(unread))
