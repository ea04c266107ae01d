"""The table of readiness checks (S1, S2, S13, S17): what each looks at, and what to do about what it finds.

A check is a pure function of gathered facts. A read that failed is UNKNOWN, never FAIL and never PASS.
`docs/readiness.md` is printed from the table.
"""

from collections.abc import Callable
from dataclasses import dataclass

from understudy.domain import readiness_names as names
from understudy.domain import readiness_nodes as nodes
from understudy.domain.readiness_facts import Facts, Finding, Verdict


@dataclass(frozen=True)
class Check:
    """One named check. Its function's docstring says what must hold.

    `meaning`: what each verdict but PASS means for the cluster. `remedy`: what to do when it does not hold.
    `command`: how to look for oneself, also when the read failed.
    `breaks_failover`: whether a FAIL would keep a failover from succeeding, so that a person must hear of it.
    """

    name: str
    look: Callable[[Facts], Finding]
    rows: str
    verdicts: tuple[Verdict, ...]
    meaning: str
    remedy: str
    command: str
    breaks_failover: bool = True


PASS, WARN, FAIL, UNKNOWN = Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.UNKNOWN
INSTANCES = "aws ec2 describe-instances --instance-ids INSTANCE_ID ..."
ZONE = "aws route53 get-hosted-zone --id ZONE_ID"
RECORDS = "aws route53 list-resource-record-sets --hosted-zone-id ZONE_ID --start-record-name NAME --max-items 10"

CHECKS = (
    Check(
        "instances-run",
        nodes.instances_run,
        "S1",
        (PASS, WARN, FAIL, UNKNOWN),
        "FAIL: a node is unknown to EC2 or does not run, so it can take nothing over. WARN: it is booting.",
        "Start the instance. If it was replaced, put the definition again with the new instance id.",
        INSTANCES,
    ),
    Check(
        "zones-differ",
        nodes.zones_differ,
        "S1",
        (PASS, FAIL, UNKNOWN),
        "FAIL: one zone's outage takes every node.",
        "Move a node to a subnet in another Availability Zone, and put the definition with its new instance id.",
        INSTANCES,
    ),
    Check(
        "standbys-apart",
        nodes.standbys_apart,
        "S1",
        (PASS, FAIL, UNKNOWN),
        "FAIL: that standby goes down with the primary's zone; another one may not.",
        "Move the standby to another zone, or give priority 1 to a node that shares its zone with no other.",
        INSTANCES,
        breaks_failover=False,  # while another standby is in another zone: zones-differ fails otherwise
    ),
    Check(
        "addresses-real",
        nodes.addresses_real,
        "S1 S3",
        (PASS, FAIL, UNKNOWN),
        "FAIL: a move would point the name at an address where the node is not.",
        "Put the definition again (any change of its text, a comment for example): addresses are read from EC2 then.",
        INSTANCES,
    ),
    Check(
        "stop-protection",
        nodes.stop_protection,
        "S12",
        (PASS, WARN, FAIL, UNKNOWN),
        "FAIL: the policy accepts stopped only, and the node cannot be stopped. WARN: a failed node cannot be fenced "
        "by stopping it; another proof that the policy accepts may still come.",
        "aws ec2 modify-instance-attribute --instance-id INSTANCE_ID --no-disable-api-stop",
        "aws ec2 describe-instance-attribute --instance-id INSTANCE_ID --attribute disableApiStop",
    ),
    Check(
        "stop-allowed",
        nodes.stop_allowed,
        "S12",
        (PASS, WARN, FAIL, UNKNOWN),
        "FAIL: the policy accepts stopped only, and IAM would deny StopInstances. WARN: it would be denied, and "
        "another proof that the policy accepts may still come.",
        "Deploy the stack with AllowStopInstances=true, and tag the instance: aws ec2 create-tags --resources "
        "INSTANCE_ID --tags Key=understudy:stack,Value=STACK",
        INSTANCES,
    ),
    Check(
        "death-provable",
        nodes.death_provable,
        "B4",
        (PASS, WARN, UNKNOWN),
        "WARN: when such a node dies, the cluster waits until a person stops its instance.",
        "Run the agent on every node; accept lease_expired, or set policy.fencing.stop_instance.",
        "aws ssm get-parameter --name /understudy/STACK/clusters/CLUSTER",
    ),
    Check(
        "no-auto-scaling",
        nodes.no_auto_scaling,
        "S1",
        (PASS, WARN, UNKNOWN),
        "WARN: the group may end the node and start another one that the definition does not know.",
        "Take the node out (aws autoscaling detach-instances), or protect it from scale-in and suspend "
        "ReplaceUnhealthy.",
        INSTANCES,
    ),
    Check(
        "auto-recovery",
        nodes.auto_recovery,
        "B4",
        (PASS, WARN, UNKNOWN),
        "WARN: the node comes back serving, beside the node that took over.",
        "Run the agent on the node, or aws ec2 modify-instance-maintenance-options --instance-id INSTANCE_ID "
        "--auto-recovery disabled: without a lease, the recovered node serves again beside the new one.",
        INSTANCES,
    ),
    Check(
        "agents-alike",
        nodes.agents_alike,
        "S17",
        (PASS, WARN, FAIL, UNKNOWN),
        "WARN: the versions differ. FAIL: they differ in the first number, or a node beats without an agent.",
        "Install the same version of the agent on every node, the standby first.",
        'aws dynamodb get-item --table-name TABLE --key \'{"pk":{"S":"CLUSTER"},"sk":{"S":"state"}}\'',
    ),
    Check(
        "source-dest-check",
        nodes.forwarding,
        "S14",
        (PASS, FAIL, UNKNOWN),
        "FAIL: EC2 drops the packets for the moved address on this node.",
        "aws ec2 modify-instance-attribute --instance-id INSTANCE_ID --no-source-dest-check",
        INSTANCES,
    ),
    Check(
        "route53-answers",
        names.route53_answers,
        "S1",
        (PASS, UNKNOWN),
        "UNKNOWN: no answer, or none that this function may read; other checks are then UNKNOWN too.",
        "Look whether the zone is among the stack's HostedZoneIds, and at https://health.aws.amazon.com.",
        ZONE,
    ),
    Check(
        "zone-owns-name",
        names.zone_owns_name,
        "S1",
        (PASS, FAIL, UNKNOWN),
        "FAIL: no record of this name can be written in this zone.",
        "Put the definition with the id of the zone that owns the name.",
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
        "Find out which stack writes the record; one cluster can own it. If the other one is gone, or this table was "
        "restored from a backup, delete the TXT record _understudy.NAME: the next move makes it anew.",
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
        "S1 B1",
        (PASS, FAIL, UNKNOWN),
        "FAIL: IAM would deny the move; the zone or the name is not among the stack's parameters, or a policy "
        "denies it.",
        "Update the stack with this zone in HostedZoneIds and this name in ProtectedNames; look for a deny in a "
        "permissions boundary or an organisation's policy.",
        "aws iam simulate-principal-policy --policy-source-arn ROLE_OF_MOVE_ADDRESS "
        "--action-names route53:ChangeResourceRecordSets --resource-arns arn:aws:route53:::hostedzone/ZONE_ID",
    ),
)
