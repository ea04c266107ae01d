"""The readiness checks of nodes, routes and Elastic IPs (S1, S3, S11, S12, S14, S15, S17), as rows of the table."""

from understudy.domain.readiness import fencing, network, nodes
from understudy.domain.readiness.check import FAIL, PASS, UNKNOWN, WARN, Check

INSTANCES = "aws ec2 describe-instances --instance-ids INSTANCE_ID ..."
STATE = 'aws dynamodb get-item --table-name TABLE --key \'{"pk":{"S":"CLUSTER"},"sk":{"S":"state"}}\''
TABLES = "aws ec2 describe-route-tables --route-table-ids ROUTE_TABLE_ID ..."
ELASTIC_IPS = "aws ec2 describe-addresses --allocation-ids ALLOCATION_ID ..."
AGAIN = "Put the definition again (any change of its text, a comment for example): addresses are read from EC2 then."
WATCHED = (
    "The watch puts it right within a minute. When it stays, look at address in the state, and for who else writes."
)

EC2_CHECKS = (
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
        AGAIN,
        INSTANCES,
    ),
    Check(
        "no-fault-noted",
        nodes.no_fault_noted,
        "S3",
        (PASS, FAIL, UNKNOWN),
        "FAIL: that node is no candidate until EC2 says otherwise.",
        AGAIN,
        STATE,
    ),
    Check(
        "starts-known",
        nodes.starts_known,
        "B20",
        (PASS, FAIL),
        "FAIL: the service did not start on that node when it was to last. It is the last choice; with no other left, "
        "the next failover may end without a service.",
        "Find out why it did not start there: the agent's journal on the node, why in the history of that epoch. When "
        'it will, start an execution with {"cluster": "CLUSTER", "action": "clear", "node": "NODE"}. A reboot of the '
        "node, or another configuration of its agent, clears it as well.",
        STATE,
    ),
    Check(
        "services-named-alike",
        nodes.services_named_alike,
        "B4",
        (PASS, FAIL, UNKNOWN),
        "FAIL: that node is no candidate, and that it is down is not believed: a service of the definition may run on "
        "it unseen, or not at all.",
        "Give the [service NAME] sections of its agent.ini the names of the definition; role = witness belongs to a "
        "witness of the definition. A node without an agent names its services in its beats.",
        STATE,
    ),
    Check(
        "one-serves",
        nodes.one_serves,
        "B4",
        (PASS, FAIL),
        "FAIL: two nodes may be serving. Nothing moves before one of them is down.",
        "Decide which node has the good data. Stop the service on the other one, and disable its unit there "
        "(systemctl disable): only the agent starts it.",
        STATE,
    ),
    Check(
        "nodes-heard",
        nodes.nodes_heard,
        "S11",
        (PASS, FAIL, UNKNOWN),
        "FAIL: a standby that is silent cannot take over.",
        "Look at the agent on that node: systemctl status understudy-agent, understudy-agent check. A beat needs the "
        "policy NodePolicy, the name of the stack's bus, and a way to EventBridge.",
        STATE,
    ),
    Check(
        "stop-protection",
        fencing.stop_protection,
        "S12",
        (PASS, WARN, FAIL, UNKNOWN),
        "FAIL: the policy accepts stopped only, and the node cannot be stopped. WARN: a failed node cannot be fenced "
        "by stopping it; another proof that the policy accepts may still come.",
        "aws ec2 modify-instance-attribute --instance-id INSTANCE_ID --no-disable-api-stop",
        "aws ec2 describe-instance-attribute --instance-id INSTANCE_ID --attribute disableApiStop",
    ),
    Check(
        "stop-possible",
        fencing.stop_possible,
        "S12",
        (PASS, WARN, FAIL, UNKNOWN),
        "FAIL: the policy accepts stopped only, and EC2 answers UnsupportedOperation to StopInstances. WARN: a failed "
        "node cannot be fenced by stopping it; another proof that the policy accepts may still come.",
        "Use an instance with an EBS root device that is On-Demand, or of a persistent Spot request; or accept "
        "lease_expired (policy.fencing.accept).",
        "aws ec2 describe-instances --instance-ids INSTANCE_ID --query "
        "'Reservations[].Instances[].[InstanceLifecycle,RootDeviceType]'; aws ec2 describe-spot-instance-requests",
    ),
    Check(
        "stop-allowed",
        fencing.stop_allowed,
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
        fencing.death_provable,
        "B4",
        (PASS, WARN, UNKNOWN),
        "WARN: when such a node dies, the cluster waits until a person stops its instance.",
        "Run the agent on every node; accept lease_expired, or set policy.fencing.stop_instance.",
        "aws ssm get-parameter --name /understudy/STACK/clusters/CLUSTER",
    ),
    Check(
        "failover-unattended",
        fencing.failover_unattended,
        "B4",
        (PASS, WARN),
        "WARN: an outage lasts longer by the time that a person takes to approve, up to policy.approval.wait_s; with "
        "on_timeout hold, until somebody does.",
        "Meant so: see that somebody is told at any hour. Else take failover out of policy.approval.for.",
        "aws ssm get-parameter --name /understudy/STACK/clusters/CLUSTER",
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
        STATE,
    ),
    Check(
        "quorum-reachable",
        nodes.quorum_reachable,
        "S12",
        (PASS, WARN, FAIL, UNKNOWN),
        "FAIL: a node reaches no majority of the quorum hosts: it takes nothing over, and gives up what it serves. "
        "WARN: it reaches a majority, and not all. UNKNOWN: it has not said yet, or beats without an agent.",
        "Let each node's security group and network lead to every host and port of the list; name hosts that run. "
        "On the node: journalctl -u understudy-agent (quorum_changed), and nc -vz HOST PORT for each host.",
        STATE,
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
        "tables-ours",
        network.tables_ours,
        "S14",
        (PASS, FAIL, UNKNOWN),
        "FAIL: the route in that table cannot be moved, or leads to no node from there.",
        "aws ec2 create-tags --resources ROUTE_TABLE_ID --tags Key=understudy:stack,Value=STACK. A table that is gone, "
        "or in another VPC: put the definition without it.",
        TABLES,
    ),
    Check(
        "address-outside",
        network.address_outside,
        "S14",
        (PASS, FAIL, UNKNOWN),
        "FAIL: EC2 refuses the route, or delivers within the VPC what is sent to the address.",
        "Put the definition with an address outside the VPC, or take the new CIDR block from the VPC.",
        TABLES,
    ),
    Check(
        "tables-used",
        network.tables_used,
        "S14",
        (PASS, WARN, UNKNOWN),
        "WARN: a route in that table is moved, and no client's packets follow it.",
        "aws ec2 associate-route-table --route-table-id ROUTE_TABLE_ID --subnet-id SUBNET_ID, or put the definition "
        "without the table.",
        TABLES,
    ),
    Check(
        "routes-lead",
        network.routes_lead,
        "S14",
        (PASS, WARN, UNKNOWN),
        "WARN: clients do not reach the node in service by that route.",
        WATCHED,
        TABLES,
    ),
    Check(
        "routes-whole",
        network.routes_whole,
        "S14",
        (PASS, WARN, UNKNOWN),
        "WARN: what is sent to that part of the address block does not reach this cluster.",
        "Nothing, when it is meant so: another cluster may have a part of the block. Else delete the narrower route.",
        TABLES,
    ),
    Check(
        "elastic-ips-ours",
        network.elastic_ips_ours,
        "S15",
        (PASS, FAIL, UNKNOWN),
        "FAIL: that address cannot be moved.",
        "aws ec2 create-tags --resources ALLOCATION_ID --tags Key=understudy:stack,Value=STACK. An address that was "
        "released does not come back: put the definition with another one.",
        ELASTIC_IPS,
    ),
    Check(
        "elastic-ips-lead",
        network.elastic_ips_lead,
        "S15",
        (PASS, WARN, UNKNOWN),
        "WARN: clients do not reach the node in service by that address.",
        WATCHED,
        ELASTIC_IPS,
    ),
    Check(
        "internet-gateway",
        network.internet_gateway,
        "S15",
        (PASS, FAIL, UNKNOWN),
        "FAIL: EC2 refuses to associate an Elastic IP with that node.",
        "aws ec2 attach-internet-gateway --internet-gateway-id GATEWAY_ID --vpc-id VPC_ID",
        "aws ec2 describe-internet-gateways --filters Name=attachment.vpc-id,Values=VPC_ID",
    ),
)
