"""The readiness checks of the protected name, of its clients and of rights (S1, S2, S13), as rows of the table."""

from understudy.domain.readiness import names
from understudy.domain.readiness.check import FAIL, PASS, UNKNOWN, WARN, Check

ZONE = "aws route53 get-hosted-zone --id ZONE_ID"
RECORDS = "aws route53 list-resource-record-sets --hosted-zone-id ZONE_ID --start-record-name NAME --max-items 10"

DNS_CHECKS = (
    Check(
        "route53-answers",
        names.route53_answers,
        "S1",
        (PASS, UNKNOWN),
        "UNKNOWN: no answer, or none that this function may read; other checks are then UNKNOWN too.",
        "Look whether the zone is among the stack's HostedZoneIds, its role (where it is another account's) among "
        "ZoneRoleArns and allowed to read it, and at https://health.aws.amazon.com.",
        ZONE,
    ),
    Check(
        "zone-owns-name",
        names.zone_owns_name,
        "S1",
        (PASS, FAIL, UNKNOWN),
        "FAIL: no record of this name can be written in this zone, or resolvers ask another zone for it.",
        "Put the definition with the id of the zone that owns the name: that to which it is delegated, if it is.",
        ZONE,
    ),
    Check(
        "record-movable",
        names.record_movable,
        "S1 S4",
        (PASS, WARN, FAIL, UNKNOWN),
        "FAIL: an alias, a routing policy or a CNAME is in the way. WARN: several values, which the first move "
        "makes one; or an address record beside the protected one, which never follows.",
        "Replace what stands there by one simple A record with one value, and delete what stands beside it.",
        RECORDS,
    ),
    Check(
        "guard-ours",
        names.guard_ours,
        "B1",
        (PASS, FAIL, UNKNOWN),
        "FAIL: every move would be refused, because somebody else, or a newer epoch, writes the record.",
        "Find out which stack writes the record; one cluster can own it. If the other one is gone for good, delete the "
        "TXT record _understudy.NAME: the next move makes it anew. If this table was restored from a backup, do not "
        "delete it but rebuild the cluster (docs/disasters.md): the guard may be the only memory of the newest epoch.",
        RECORDS,
    ),
    Check(
        "ttl-short",
        names.ttl_short,
        "S13",
        (PASS, WARN, UNKNOWN),
        "WARN: clients and resolvers keep the old address for more than a minute after a failover.",
        "Set ROUTE53_TTL to 60 or less; 10 is usual. Clients follow a failover that much sooner, and ask that much "
        "more often. A TTL that stands already changes with the next move.",
        RECORDS,
    ),
    Check(
        "zone-associated",
        names.zone_associated,
        "S2",
        (PASS, FAIL, UNKNOWN),
        "FAIL: clients in that VPC cannot resolve the name.",
        "aws route53 associate-vpc-with-hosted-zone --hosted-zone-id ZONE_ID --vpc VPCRegion=REGION,VPCId=VPC_ID "
        "(a VPC of another account is authorised first: create-vpc-association-authorization). "
        "Association by a Route 53 Profile is not seen here.",
        ZONE,
    ),
    Check(
        "name-not-shadowed",
        names.name_not_shadowed,
        "S2",
        (PASS, WARN, FAIL, UNKNOWN),
        "FAIL: clients in that VPC never see the record: Route 53 Resolver looks in the most specific private zone of "
        "the VPC alone, and says that the name does not exist when it is not there. WARN: so do clients in that VPC, "
        "if there are any; the record is in a public zone.",
        "Put the definition with the id of that zone, or protect the same record there as well; or "
        "aws route53 disassociate-vpc-from-hosted-zone, if nobody in the VPC needs it. A VPC of another account can "
        "only be looked at from there. Zones that a Route 53 Profile brings are not seen here.",
        "aws route53 list-hosted-zones-by-vpc --vpc-id VPC_ID --vpc-region REGION",
    ),
    Check(
        "vpc-dns-on",
        names.vpc_dns_on,
        "S2",
        (PASS, FAIL, UNKNOWN),
        "FAIL: Route 53 Resolver answers from no private zone in that VPC.",
        "aws ec2 modify-vpc-attribute --vpc-id VPC_ID --enable-dns-support, then --enable-dns-hostnames",
        "aws ec2 describe-vpc-attribute --vpc-id VPC_ID --attribute enableDnsSupport (and enableDnsHostnames)",
    ),
    Check(
        "premises-resolve",
        names.premises_resolve,
        "S2",
        (PASS, WARN, UNKNOWN),
        "WARN: clients on-premises (Direct Connect, VPN) cannot resolve the name, as far as can be seen here.",
        "Make an inbound Resolver endpoint with two addresses in a VPC of the zone and forward to it from on-premises, "
        "or say dns_forwarder: true in the definition when clients get there another way, or none is on-premises.",
        "aws route53resolver list-resolver-endpoints --filters Name=Direction,Values=INBOUND",
    ),
    Check(
        "rights-suffice",
        names.rights_suffice,
        "S1 S14 S15 B1",
        (PASS, FAIL, UNKNOWN),
        "FAIL: IAM would deny the move; zone, name or role is not among the stack's parameters, or there is a deny.",
        "Update the stack with this zone in HostedZoneIds, this name in ProtectedNames, this role in ZoneRoleArns; "
        "look for a deny in a permissions boundary or an organisation's policy.",
        "aws iam simulate-principal-policy --policy-source-arn ROLE_OF_MOVE_ADDRESS "
        "--action-names route53:ChangeResourceRecordSets --resource-arns arn:aws:route53:::hostedzone/ZONE_ID",
    ),
)
