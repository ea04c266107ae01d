"""Whether a hosted zone owns a protected name: whether resolvers that ask for the name end there."""

from collections.abc import Iterable, Mapping, Sequence

from understudy.domain.cluster.definition import Record
from understudy.domain.readiness.facts import FoundRecord, HostedZone, PrivateZone


def zone_fault(record: Record, zone: HostedZone | None) -> str:
    """Why no record of this name can be in this zone, in words; empty when it can."""
    if zone is None:
        return f"there is no hosted zone {record.hosted_zone_id}"
    if not _owns(zone.name, record.name):
        return f"{record.hosted_zone_id} is {zone.name}, which does not own {record.name}"
    return ""


def _owns(zone_name: str, name: str) -> bool:
    return name == zone_name or name.endswith(f".{zone_name}")


def shadowing(record: Record, zone: HostedZone, seen: Iterable[PrivateZone]) -> PrivateZone | None:
    """The private zone that a VPC's resolver looks in for the record's name instead of the record's; None without any.

    `seen`: every private zone that the VPC sees. The one with the most specific name answers alone: what is not in it
    does not exist, whatever is in a less specific or in a public one. (Route 53 Developer Guide, Considerations when
    working with a private hosted zone: zones that have overlapping namespaces.)
    """
    owning = [each for each in seen if each.zone_id != record.hosted_zone_id and _owns(each.name, record.name)]
    closer = [each for each in owning if not zone.is_private or len(each.name) > len(zone.name)]
    return max(closer, key=lambda each: len(each.name), default=None)


def names_below(zone: HostedZone, name: str) -> tuple[str, ...]:
    """A name of the zone and every name above it that is not the zone's own: each of them may be delegated."""
    names = [name]
    while (above := names[-1].partition(".")[2]).endswith(f".{zone.name}"):
        names.append(above)
    return tuple(each for each in names if each != zone.name)


def delegation_fault(record: Record, found: Mapping[str, Sequence[FoundRecord]]) -> str:
    """Why resolvers ask another zone for the name, in words; empty when they do not.

    `found`: what stands under each of `names_below`.
    """
    for name, there in found.items():
        if any(each.type == "NS" for each in there):
            return f"{name} NS in {record.hosted_zone_id} delegates {record.name} to another zone; allowed: that zone"
    return ""


def obstacle(record: Record, found: Sequence[FoundRecord]) -> str:
    """What stands under the name, and can neither be moved nor have the record beside it; empty when nothing does."""
    for each in found:
        if each.type == "CNAME":
            return f"{record.name} CNAME stands there, and no other record can stand beside it"
        if each.type == record.type and each.record_set is None:
            return each.foreign
    return ""
