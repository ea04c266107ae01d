"""Readiness of the protected name: pure functions of gathered facts, one for each named check."""

from collections.abc import Callable
from dataclasses import replace

from understudy.domain.cluster.definition import Record
from understudy.domain.cluster.record import foreign_words, guard_epoch, guard_name, read_guard
from understudy.domain.readiness.check import FAIL, UNKNOWN, WARN, check
from understudy.domain.readiness.facts import (
    Facts,
    Finding,
    FoundRecord,
    HostedZone,
    InboundEndpoint,
    Unread,
    Verdict,
    together,
)
from understudy.domain.readiness.ownership import delegation_fault, names_below, obstacle, shadowing, zone_fault

TTL_LIMIT_S = 60
ENDPOINT_WORKS = "OPERATIONAL"
ENDPOINT_ADDRESSES = 2
ADDRESS_TYPES = ("A", "AAAA", "CNAME")
NO_RECORD = Finding(Verdict.PASS, "no address of kind route53_record")
NOT_ASKED = Unread("it was not asked for")
ZONE = "aws route53 get-hosted-zone --id ZONE_ID"
RECORDS = "aws route53 list-resource-record-sets --hosted-zone-id ZONE_ID --start-record-name NAME --max-items 10"


@check(
    "route53-answers",
    means={
        UNKNOWN: "no answer, or none that this function may read; other checks are then UNKNOWN too.",
    },
    remedy=(
        "Check that the stack's HostedZoneIds has the zone. For a zone of another account, check that ZoneRoleArns has "
        "the role, and that the role may read the zone. Look at https://health.aws.amazon.com."
    ),
    command=ZONE,
)
def route53_answers(facts: Facts) -> Finding:
    """The Route 53 API can be reached and lets its answers be read."""
    findings = [
        Finding(Verdict.UNKNOWN, reading.why)
        if isinstance(reading, Unread)
        else Finding(Verdict.PASS, f"Route 53 answers for {zone_id}")
        for zone_id, reading in facts.zones.items()
    ]
    return together(findings or [NO_RECORD])


@check(
    "zone-owns-name",
    means={
        FAIL: "no record of this name can be written in this zone, or resolvers ask another zone for it.",
    },
    remedy="Submit the definition with the id of the zone that owns the name: that to which it is delegated, if it is.",
    command=ZONE,
)
def zone_owns_name(facts: Facts) -> Finding:
    """The hosted zone exists and owns the protected name, and delegates it to nobody."""

    def look(record: Record, zone: HostedZone | None) -> Finding:
        if fault := zone_fault(record, zone):
            return Finding(Verdict.FAIL, fault)
        return _delegated(record, zone, facts) if zone else NO_RECORD

    return _of_each_zone(facts, look)


def _delegated(record: Record, zone: HostedZone, facts: Facts) -> Finding:
    found = {}
    for name in names_below(zone, record.name):
        there = facts.records.get((record.hosted_zone_id, name), NOT_ASKED)
        if isinstance(there, Unread):
            return Finding(Verdict.UNKNOWN, there.why)
        found[name] = there
    fault = delegation_fault(record, found)
    return Finding(Verdict.FAIL, fault) if fault else Finding(Verdict.PASS, f"{record.hosted_zone_id} is {zone.name}")


@check(
    "record-movable",
    means={
        FAIL: "an alias, a routing policy or a CNAME is in the way.",
        WARN: (
            "several values, which the first move makes one; or an address record beside the protected one, which "
            "never follows."
        ),
    },
    remedy="Replace what stands there by one simple A record with one value, and delete what stands beside it.",
    command=RECORDS,
)
def record_movable(facts: Facts) -> Finding:
    """What stands under the protected name is a simple record of one value, or nothing yet."""

    def look(record: Record, found: tuple[FoundRecord, ...]) -> Finding:
        ours = {each.type for each in facts.definition.records if each.name == record.name}
        findings = [_movable(record, each, ours) for each in found if each.type in ADDRESS_TYPES]
        return together(findings or [Finding(Verdict.PASS, f"{record.name} {record.type} is not there yet")])

    return _of_each_record(facts, look)


def _movable(record: Record, found: FoundRecord, ours: set[str]) -> Finding:
    name = f"{record.name} {found.type}"
    if found.type not in (*ours, "CNAME"):
        return Finding(Verdict.WARN, f"{name} stands beside it and is not protected: it never follows the service")
    if found.record_set is None or found.type == "CNAME":
        return Finding(Verdict.FAIL, obstacle(replace(record, type=found.type), [found]))
    if len(found.record_set.values) > 1:
        return Finding(Verdict.WARN, f"{name} has several values: {', '.join(found.record_set.values)}")
    return Finding(Verdict.PASS, f"{name} is {', '.join(found.record_set.values)}")


@check(
    "guard-ours",
    means={
        FAIL: "every move would be refused, because somebody else, or a newer epoch, writes the record.",
    },
    remedy=(
        "Find out which stack writes the record; one cluster can own it. If the other one is gone for good, delete "
        "the TXT record _understudy.NAME: the next move makes it anew. If this table was restored from a backup, do "
        "not delete it but rebuild the cluster (docs/disasters.md): the guard may be the only memory of the newest "
        "epoch."
    ),
    command=RECORDS,
)
def guard_ours(facts: Facts) -> Finding:
    """The guard beside the record is this cluster's, and no newer than its state."""

    def look(record: Record, found: tuple[FoundRecord, ...]) -> Finding:
        text = next((each for each in found if each.type == "TXT"), None)
        if text is None:
            return Finding(Verdict.PASS, f"{guard_name(record)} is not there yet")
        if text.record_set is None:
            return Finding(Verdict.FAIL, text.foreign)
        if words := foreign_words(text.record_set, facts.stack, facts.definition.cluster):
            if read_guard(text.record_set):
                words = f"another cluster or stack protects {record.name}: {text.record_set.values[0]}"
            return Finding(Verdict.FAIL, words)
        if guard_epoch(text.record_set) > facts.state.epoch:
            return Finding(
                Verdict.FAIL, f"the guard is newer than epoch {facts.state.epoch}: {text.record_set.values[0]}"
            )
        return Finding(Verdict.PASS, f"{guard_name(record)} is {text.record_set.values[0]}")

    return _of_each_record(facts, look, of_guards=True)


@check(
    "ttl-short",
    means={
        WARN: "clients and resolvers keep the old address for more than a minute after a failover.",
    },
    remedy=(
        "Set ROUTE53_TTL to 60 or less; 10 is usual. Clients then follow a failover sooner, and ask more often. The "
        "TTL of a record that exists changes with the next move."
    ),
    command=RECORDS,
)
def ttl_short(facts: Facts) -> Finding:
    """Clients that have cached the old address ask again within a minute."""
    tuned_s = facts.definition.tuning.ROUTE53_TTL
    is_long = tuned_s > TTL_LIMIT_S
    tuned = Finding(Verdict.WARN if is_long else Verdict.PASS, f"ROUTE53_TTL is {tuned_s} s")

    def look(record: Record, found: tuple[FoundRecord, ...]) -> Finding:
        standing = next((each.record_set for each in found if each.type == record.type and each.record_set), None)
        if standing is None or standing.ttl <= TTL_LIMIT_S:
            return Finding(Verdict.PASS, tuned.found)
        return Finding(Verdict.WARN, f"{record.name} {record.type} stands with a TTL of {standing.ttl} s")

    return together([tuned, _of_each_record(facts, look)])


@check(
    "zone-associated",
    means={
        FAIL: "clients in that VPC cannot resolve the name.",
    },
    remedy=(
        "aws route53 associate-vpc-with-hosted-zone --hosted-zone-id ZONE_ID --vpc VPCRegion=REGION,VPCId=VPC_ID (a "
        "VPC of another account is authorised first: create-vpc-association-authorization). This check does not see "
        "an association by a Route 53 Profile."
    ),
    command=ZONE,
)
def zone_associated(facts: Facts) -> Finding:
    """A private zone is associated with the VPCs of the nodes and with every VPC of `client_vpcs`."""
    if isinstance(facts.instances, Unread):
        return Finding(Verdict.UNKNOWN, facts.instances.why)
    of_nodes = sorted({each.vpc_id for each in facts.instances.values()})

    def look(record: Record, zone: HostedZone | None) -> Finding:
        if zone is None or not zone.is_private:
            return _not_private(record, zone)
        missing = [f"{vpc_id} (nodes)" for vpc_id in of_nodes if vpc_id not in zone.vpcs]
        missing += [
            f"{vpc.vpc_id} in {vpc.region} (clients)"
            for vpc in facts.definition.client_vpcs
            if zone.vpcs.get(vpc.vpc_id) != vpc.region
        ]
        if missing:
            return Finding(Verdict.FAIL, f"{record.hosted_zone_id} is not associated with {', '.join(missing)}")
        return Finding(Verdict.PASS, f"{record.hosted_zone_id} is associated with {', '.join(sorted(zone.vpcs))}")

    return _of_each_zone(facts, look)


@check(
    "name-not-shadowed",
    means={
        FAIL: (
            "clients in that VPC never see the record: Route 53 Resolver looks only in the most specific private zone "
            "of the VPC. If the name is not there, it says that it does not exist."
        ),
        WARN: "so do clients in that VPC, if there are any; the record is in a public zone.",
    },
    remedy=(
        "Submit the definition with the id of that zone, or protect the same record there, too; or aws route53 "
        "disassociate-vpc-from-hosted-zone, if nobody in the VPC needs it. A VPC of another account can only be "
        "checked from there. This check does not see zones that a Route 53 Profile brings."
    ),
    command="aws route53 list-hosted-zones-by-vpc --vpc-id VPC_ID --vpc-region REGION",
)
def name_not_shadowed(facts: Facts) -> Finding:
    """No more specific private zone answers for the name in the VPCs of the nodes, or of `client_vpcs`."""
    if isinstance(facts.instances, Unread):
        return Finding(Verdict.UNKNOWN, facts.instances.why)

    def look(record: Record, zone: HostedZone | None) -> Finding:
        if zone is None:
            return Finding(Verdict.UNKNOWN, f"there is no hosted zone {record.hosted_zone_id}")
        if not facts.private_zones:
            return Finding(Verdict.UNKNOWN, "the VPC of the nodes is not known")
        return together(_shadow(facts, record, zone, vpc_id) for vpc_id in sorted(facts.private_zones))

    return _of_each_zone(facts, look)


def _shadow(facts: Facts, record: Record, zone: HostedZone, vpc_id: str) -> Finding:
    """Clients of a public zone may all be elsewhere, unless the definition says that some are in this VPC."""
    seen = facts.private_zones[vpc_id]
    if isinstance(seen, Unread):
        return Finding(Verdict.UNKNOWN, seen.why)
    shadow = shadowing(record, zone, seen)
    if shadow is None or _is_protected(facts, record, shadow.zone_id):
        return Finding(Verdict.PASS, f"{vpc_id} is answered from {record.hosted_zone_id}")
    concerns_clients = zone.is_private or vpc_id in {each.vpc_id for each in facts.definition.client_vpcs}
    return Finding(
        Verdict.FAIL if concerns_clients else Verdict.WARN,
        f"in {vpc_id}, {record.name} is looked for in {shadow.zone_id} ({shadow.name}), not in {record.hosted_zone_id}",
    )


def _is_protected(facts: Facts, record: Record, zone_id: str) -> bool:
    """Whether the same record in this zone is protected as well: then both move together."""
    kin = {(each.hosted_zone_id, each.name, each.type) for each in facts.definition.records}
    return (zone_id, record.name, record.type) in kin


@check(
    "vpc-dns-on",
    means={
        FAIL: "Route 53 Resolver answers from no private zone in that VPC.",
    },
    remedy="aws ec2 modify-vpc-attribute --vpc-id VPC_ID --enable-dns-support, then --enable-dns-hostnames",
    command="aws ec2 describe-vpc-attribute --vpc-id VPC_ID --attribute enableDnsSupport (and enableDnsHostnames)",
)
def vpc_dns_on(facts: Facts) -> Finding:
    """The VPCs of the nodes have DNS support and DNS host names on, which a private zone needs to be answered."""

    def look(record: Record, zone: HostedZone | None) -> Finding:
        if zone is None or not zone.is_private:
            return _not_private(record, zone)
        if not facts.vpcs:
            return Finding(Verdict.UNKNOWN, "the VPC of the nodes is not known")
        return together(_vpc_dns(facts, vpc_id) for vpc_id in sorted(facts.vpcs))

    return _of_each_zone(facts, look)


def _vpc_dns(facts: Facts, vpc_id: str) -> Finding:
    reading = facts.vpcs[vpc_id]
    if isinstance(reading, Unread):
        return Finding(Verdict.UNKNOWN, f"{vpc_id}: {reading.why}")
    attributes = (("enableDnsSupport", reading.support), ("enableDnsHostnames", reading.hostnames))
    off = [name for name, is_on in attributes if not is_on]
    if off:
        return Finding(Verdict.FAIL, f"{vpc_id} has {' and '.join(off)} off")
    return Finding(Verdict.PASS, f"{vpc_id} answers from private zones")


@check(
    "premises-resolve",
    means={
        WARN: "clients on-premises (Direct Connect, VPN) cannot resolve the name, as far as can be seen here.",
    },
    remedy=(
        "Make an inbound Resolver endpoint with two addresses in a VPC of the zone, and forward to it from "
        "on-premises. If clients resolve the name in another way, or none are on-premises, set dns_forwarder: true in "
        "the definition."
    ),
    command="aws route53resolver list-resolver-endpoints --filters Name=Direction,Values=INBOUND",
)
def premises_resolve(facts: Facts) -> Finding:
    """A private zone can be asked from on-premises: an inbound Resolver endpoint, or a stated forwarder."""

    def look(record: Record, zone: HostedZone | None) -> Finding:
        if zone is None or not zone.is_private:
            return _not_private(record, zone)
        if facts.definition.dns_forwarder:
            return Finding(Verdict.PASS, "the definition states a DNS forwarder (dns_forwarder)")
        if isinstance(facts.endpoints, Unread):
            return Finding(Verdict.UNKNOWN, facts.endpoints.why)
        near = [each for each in facts.endpoints if each.vpc_id in zone.vpcs]
        if not near:
            return Finding(Verdict.WARN, f"no inbound endpoint in a VPC of {record.hosted_zone_id}, no dns_forwarder")
        findings = [_endpoint(each) for each in near]
        return next((each for each in findings if each.verdict is Verdict.PASS), together(findings))

    return _of_each_zone(facts, look)


def _endpoint(endpoint: InboundEndpoint) -> Finding:
    found = f"{endpoint.endpoint_id} in {endpoint.vpc_id} is {endpoint.status} with {endpoint.address_count} addresses"
    works = endpoint.status == ENDPOINT_WORKS and endpoint.address_count >= ENDPOINT_ADDRESSES
    return Finding(Verdict.PASS if works else Verdict.WARN, found)


@check(
    "rights-suffice",
    means={
        FAIL: "IAM would deny the move; zone, name or role is not among the stack's parameters, or there is a deny.",
    },
    remedy=(
        "Update the stack with this zone in HostedZoneIds, this name in ProtectedNames, this role in ZoneRoleArns; "
        "look for a deny in a permissions boundary or an organisation's policy."
    ),
    command=(
        "aws iam simulate-principal-policy --policy-source-arn ROLE_OF_MOVE_ADDRESS --action-names "
        "route53:ChangeResourceRecordSets --resource-arns arn:aws:route53:::hostedzone/ZONE_ID"
    ),
)
def rights_suffice(facts: Facts) -> Finding:
    """IAM would let the mover write each record and guard, assume each role, move each route and Elastic IP."""
    if isinstance(facts.rights, Unread):
        return Finding(Verdict.UNKNOWN, facts.rights.why)
    return together(
        Finding(Verdict.PASS, f"{right.action} is allowed on {right.resource}")
        if is_granted
        else Finding(Verdict.FAIL, f"{right.action} is denied on {right.resource}{_in_context(right.context)}")
        for right, is_granted in facts.rights.items()
    )


def _in_context(context: tuple[tuple[str, tuple[str, ...]], ...]) -> str:
    names = next((values for key, values in context if key.endswith("RecordNames")), ())
    return f" for {', '.join(names)}" if names else ""


def _not_private(record: Record, zone: HostedZone | None) -> Finding:
    """A zone that is missing has a check of its own."""
    if zone is None:
        return Finding(Verdict.UNKNOWN, f"there is no hosted zone {record.hosted_zone_id}")
    return Finding(Verdict.PASS, f"{record.hosted_zone_id} is public")


def _of_each_zone(facts: Facts, look: Callable[[Record, HostedZone | None], Finding]) -> Finding:
    findings = []
    for record in facts.definition.records:
        reading = facts.zones.get(record.hosted_zone_id, NOT_ASKED)
        findings.append(Finding(Verdict.UNKNOWN, reading.why) if isinstance(reading, Unread) else look(record, reading))
    return together(findings or [NO_RECORD])


def _of_each_record(
    facts: Facts, look: Callable[[Record, tuple[FoundRecord, ...]], Finding], *, of_guards: bool = False
) -> Finding:
    findings = []
    for record in facts.definition.records:
        name = guard_name(record) if of_guards else record.name
        reading = facts.records.get((record.hosted_zone_id, name), NOT_ASKED)
        findings.append(Finding(Verdict.UNKNOWN, reading.why) if isinstance(reading, Unread) else look(record, reading))
    return together(findings or [NO_RECORD])
