"""The readiness checks of what an instance is (B4, B10), as rows of the table."""

from understudy.domain import readiness_instances as instances
from understudy.domain.readiness_check import FAIL, PASS, UNKNOWN, WARN, Check
from understudy.domain.readiness_table_ec2 import INSTANCES

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
)
