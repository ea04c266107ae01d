"""The readiness checks of failsafe (B13), as rows of the table."""

from understudy.domain.readiness import peers
from understudy.domain.readiness.check import PASS, UNKNOWN, WARN, Check
from understudy.domain.readiness.rows_nodes import AGAIN, STATE

PEER_CHECKS = (
    Check(
        "keys-alike",
        peers.keys_alike,
        "B13",
        (PASS, WARN, UNKNOWN),
        "WARN: these nodes give each other no promises, so an outage of AWS's APIs stops the service.",
        "No key: the log of that agent says failsafe_key_failed and why; attach NodePolicy to its role, with the "
        "tag of the cluster. Different keys: docs/failsafe.md, Changing the key. All nodes read one again within "
        "30 minutes.",
        STATE,
        breaks_failover=False,
    ),
    Check(
        "peers-addressed",
        peers.peers_addressed,
        "B13",
        (PASS, WARN, UNKNOWN),
        "WARN: nobody can ask that node for a promise, so an outage of AWS's APIs stops the service.",
        AGAIN,
        STATE,
        breaks_failover=False,
    ),
    Check(
        "peers-answer",
        peers.peers_answer,
        "B13",
        (PASS, WARN, UNKNOWN),
        "WARN: the first node named could get no promise from the second: an outage of AWS's APIs stops the service.",
        "Open UDP port 7411 (failsafe_port) of the second node for the first: security group, network ACLs both ways, "
        "host firewall. All agents of the cluster need the same failsafe_port, and those of one node different ones.",
        "aws ec2 describe-security-groups --group-ids SECURITY_GROUP_ID",
        breaks_failover=False,
    ),
    Check(
        "outage-bridged",
        peers.outage_bridged,
        "B13",
        (PASS, WARN, UNKNOWN),
        "WARN: the lease alone bridges one lost beat and no more, and the service stops when the second is lost.",
        "See to the three checks of keys and peers. Where they cannot hold, give lease_s and silence_limit_s more: a "
        "failover then takes longer by as much.",
        STATE,
        breaks_failover=False,
    ),
)
