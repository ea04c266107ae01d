"""The readiness checks of what an instance is, and of what replaces it (B4, B10, B17), as rows of the table."""

from understudy.domain.readiness import instances, replacing
from understudy.domain.readiness.check import FAIL, PASS, UNKNOWN, WARN, Check
from understudy.domain.readiness.rows_nodes import INSTANCES

INSTANCE_CHECKS = (
    Check(
        "no-hibernation",
        instances.no_hibernation,
        "B4",
        (PASS, FAIL, UNKNOWN),
        "FAIL: a node that somebody hibernates is `stopped` by EC2's word, and when it is started again, its services "
        "run on where they were, beside the node that took over, until its agent has looked at the clock.",
        "Launch the instance anew without hibernation (it cannot be switched off later), and put the definition with "
        "its instance id. Until then nobody hibernates it, and a node that was hibernated is terminated, not started.",
        INSTANCES,
    ),
    Check(
        "metadata-closed",
        instances.metadata_closed,
        "B10",
        (PASS, WARN, UNKNOWN),
        "WARN: a program on the node that can be made to fetch a URL, or a container on it, can get the role's keys, "
        "and so beat in the node's name and read the key of promises.",
        "aws ec2 modify-instance-metadata-options --instance-id INSTANCE_ID --http-tokens required "
        "--http-put-response-hop-limit 1. And on the node, close it to everybody but root: see agent/README.md.",
        INSTANCES,
    ),
    Check(
        "groups-wait",
        replacing.groups_wait,
        "B17",
        (PASS, WARN, UNKNOWN),
        "WARN: the group cuts the service off when it ends the node, or starts another one that the definition does "
        "not know.",
        "Give the group the lifecycle hook and the tag, and name the member by a tag: Instances that AWS takes away, "
        "in docs/planned-work.md. Else take the node out of the group (aws autoscaling detach-instances).",
        "aws autoscaling describe-lifecycle-hooks --auto-scaling-group-name GROUP",
    ),
    Check(
        "tags-unique",
        replacing.tags_unique,
        "B17",
        (PASS, WARN, FAIL, UNKNOWN),
        "FAIL: when the member is terminated, it is not known which of them takes its place, and none does; a "
        "definition that names the tag is refused. WARN: the member has lost its tag, so nobody takes its place.",
        "Take the tag understudy:member off all but the member (aws ec2 delete-tags).",
        "aws ec2 describe-instances --filters Name=tag:understudy:member,Values=TAG",
    ),
    Check(
        "nodes-name-no-members",
        replacing.nodes_name_no_members,
        "B17",
        (PASS, WARN, UNKNOWN),
        "WARN: whoever has taken over the node can put the tag on an instance of theirs, which becomes the member when "
        "the old one is terminated. UNKNOWN: IAM was not to be asked.",
        "Take ec2:CreateTags out of the nodes' role, or forbid it the key understudy:member.",
        "aws iam simulate-principal-policy --policy-source-arn ROLE_ARN --action-names ec2:CreateTags",
    ),
)
