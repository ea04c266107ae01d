"""The example's stack of two nodes: safe by the usual checks, right for the controller, and its user data runs."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.template import cfn
from tests.template.test_security_rules import RULES
from understudy.definition import parse_document
from understudy.domain.cluster.request import CLUSTER_NAME
from understudy.domain.cluster.tags import MEMBER_TAG
from understudy_agent.config import parse

TEMPLATE = cfn.EXAMPLE
OBJECT = "a-bucket/understudy-agent-0.1.0.tar.gz"
GIVEN = {
    "Subnets": ["subnet-0a", "subnet-0b"],
    "SecurityGroups": ["sg-0a"],
    "HostedZoneId": "Z0123EXAMPLE",
    "RecordName": "app.corp.example.com",
    "AgentBundle": f"s3://{OBJECT}",
    "Image": "ami-0a1b2c3d4e5f60718",
}
NODES = {"GroupA": "node-a", "GroupB": "node-b"}
"""The names of the nodes by their groups, in the order of Subnets."""
UNTOUCHED = {"HostedZoneId", "RecordName", "LoadBalancerGroup", "TargetGroupArn"}
"""Parameters that another value of which replaces no node. README.md says so."""
IMPORTS = {
    "understudy-TableName": "understudy-ClusterTable-1",
    "understudy-BusName": "understudy",
    "understudy-NodePolicyArn": "arn:aws:iam::123456789012:policy/understudy-NodePolicy-1",
}


def template() -> dict[str, Any]:
    return cfn.source(TEMPLATE)


def defaults() -> dict[str, Any]:
    return {name: each["Default"] for name, each in template()["Parameters"].items() if "Default" in each}


def resources(**changed: Any) -> dict[str, dict[str, Any]]:
    """As a user's six parameters, and the controller's stack, make them. `changed`: parameters with other values."""
    known = {**defaults(), **GIVEN, **IMPORTS, **changed}
    return {name: cfn.resolve(resource, known) for name, resource in template()["Resources"].items()}


def groups() -> dict[str, dict[str, Any]]:
    """The resources that hold the nodes, by their logical ids, node-a's first."""
    return {name: resources()[name] for name in NODES}


def launch() -> dict[str, Any]:
    return dict(resources()["NodeTemplate"]["Properties"]["LaunchTemplateData"])


def test_a_user_gives_six_parameters():
    assert {name for name, each in template()["Parameters"].items() if "Default" not in each} == set(GIVEN)


def test_what_is_imported_is_what_the_controllers_stack_exports():
    exports = {
        cfn.resolve(output["Export"]["Name"], {}) for output in cfn.source()["Outputs"].values() if "Export" in output
    }
    assert exports == set(IMPORTS)


@pytest.mark.parametrize("rule", RULES)
def test_it_keeps_the_rules_of_the_controllers_template(rule):
    assert list(RULES[rule](resources())) == []


def test_nodes_have_no_public_address_no_old_metadata_service_and_no_plain_disk():
    assert launch()["MetadataOptions"] == {
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 1,
        "HttpEndpoint": "enabled",
    }
    assert [disk["Ebs"]["Encrypted"] for disk in launch()["BlockDeviceMappings"]] == [True]
    (interface,) = launch()["NetworkInterfaces"]
    assert interface["AssociatePublicIpAddress"] is False
    assert interface["Groups"] == GIVEN["SecurityGroups"]
    assert "SubnetId" not in interface, "the groups say where"


def test_the_nodes_are_in_different_subnets_and_carry_what_the_controller_asks_for():  # S1
    for (name, group), subnet in zip(groups().items(), GIVEN["Subnets"], strict=True):
        assert group["Properties"]["VPCZoneIdentifier"] == [subnet]
        assert all(tag["PropagateAtLaunch"] for tag in group["Properties"]["Tags"]), "the group's and the instance's"
        tags = {tag["Key"]: tag["Value"] for tag in group["Properties"]["Tags"]}
        assert (tags["understudy:stack"], tags["understudy:cluster"]) == ("understudy", "two-node-service")
        assert tags[MEMBER_TAG] == f"two-node-service/{NODES[name]}"


def test_a_node_is_a_group_of_one_whose_launch_template_is_pinned():  # B17
    for group in groups().values():
        properties = group["Properties"]
        assert {properties[size] for size in ("MinSize", "MaxSize", "DesiredCapacity")} == {"1"}
        assert properties["HealthCheckType"] == "EC2"
    pinned = {
        "LaunchTemplateId": {"Ref": "NodeTemplate"},
        "Version": {"Fn::GetAtt": ["NodeTemplate", "LatestVersionNumber"]},
    }
    written = [template()["Resources"][name]["Properties"]["LaunchTemplate"] for name in NODES]
    assert written == [pinned, pinned], "a word like $Latest would change nodes at a time that nobody chose"


def test_a_node_that_is_to_go_waits_for_the_controller_and_goes_in_the_end_all_the_same():  # B17
    """The name is the one that the controller of that stack listens to, and acts on."""
    for group in groups().values():
        (hook,) = group["Properties"]["LifecycleHookSpecificationList"]
        assert hook["LifecycleHookName"] == "understudy-understudy"
        assert hook["LifecycleTransition"] == "autoscaling:EC2_INSTANCE_TERMINATING"
        assert hook["DefaultResult"] == "CONTINUE"
    other = resources(UnderstudyStack="ha", **{name.replace("understudy", "ha", 1): to for name, to in IMPORTS.items()})
    (hook,) = other["GroupA"]["Properties"]["LifecycleHookSpecificationList"]
    assert hook["LifecycleHookName"] == "understudy-ha"


def test_a_deployment_replaces_one_node_after_the_other_and_goes_on_when_the_agent_of_the_new_one_is_up():  # B17
    assert groups()["GroupA"]["DependsOn"] == "GroupB"
    for group in groups().values():
        rolling = group["UpdatePolicy"]["AutoScalingRollingUpdate"]
        assert (rolling["MinInstancesInService"], rolling["MaxBatchSize"]) == (0, 1), "a group of one can do no other"
        assert rolling["WaitOnResourceSignals"] is True
        assert group["CreationPolicy"]["ResourceSignal"]["Count"] == 1


def test_nothing_that_a_rolling_update_needs_is_suspended_in_it_and_everything_that_could_disturb_it_is():  # B17
    """AWS: Launch and Terminate must go on; these five can make the update fail."""
    for group in groups().values():
        suspended = group["UpdatePolicy"]["AutoScalingRollingUpdate"]["SuspendProcesses"]
        assert sorted(suspended) == [
            "AZRebalance",
            "AlarmNotification",
            "HealthCheck",
            "ReplaceUnhealthy",
            "ScheduledActions",
        ]


def test_a_new_node_may_be_late_by_the_whole_time_of_the_hook():  # B17
    """Should its group start it only when the old one is gone. CloudFormation allows for an hour at most."""
    for group in groups().values():
        (hook,) = group["Properties"]["LifecycleHookSpecificationList"]
        boot_s = seconds(group["CreationPolicy"]["ResourceSignal"]["Timeout"])
        pause_s = seconds(group["UpdatePolicy"]["AutoScalingRollingUpdate"]["PauseTime"])
        assert hook["HeartbeatTimeout"] + boot_s < pause_s <= 3600
        assert hook["HeartbeatTimeout"] > boot_s, "the other node's successor may have to boot first"


def seconds(duration: str) -> int:
    """Of PT1H or PT20M."""
    found = re.fullmatch(r"PT(\d+)([HM])", duration)
    assert found is not None, duration
    return int(found[1]) * {"H": 3600, "M": 60}[found[2]]


def test_the_definition_is_put_when_both_nodes_are_there():  # B17
    assert set(resources()["Definition"]["DependsOn"]) == set(NODES)


def test_nothing_is_looked_up_anew_when_it_is_deployed_again():  # B17
    """Else a deployment with nothing changed would replace the nodes."""
    kinds = {name: each["Type"] for name, each in template()["Parameters"].items()}
    assert {name: kind for name, kind in kinds.items() if "SSM" in kind} == {}
    text = TEMPLATE.read_text(encoding="utf-8")
    for moving in ("{{resolve:", "$Latest", "$Default", "/aws/service/"):
        assert moving not in text, moving


def test_another_image_or_agent_is_another_launch_template_and_another_record_is_not():  # B17
    """What changes the launch template replaces both nodes, with their disks."""
    other = {
        **{name: f"{value}x" for name, value in {**defaults(), **GIVEN}.items() if isinstance(value, str)},
        "Subnets": ["subnet-0c", "subnet-0d"],
        "SecurityGroups": ["sg-0b"],
    }
    assert set(other) == set(template()["Parameters"])
    imports = {name.replace("understudy", "understudyx", 1): f"{value}x" for name, value in IMPORTS.items()}
    unmoved = {
        name
        for name, value in other.items()
        if resources(**{name: value}, **imports)["NodeTemplate"] == resources()["NodeTemplate"]
    }
    assert unmoved == UNTOUCHED
    readme = " ".join(TEMPLATE.with_name("README.md").read_text(encoding="utf-8").split())
    *others, last = (f"`{name}`" for name in sorted(UNTOUCHED))
    assert f"{', '.join(others)} and {last} replace no node" in readme


def test_the_name_of_a_cluster_is_allowed_here_when_the_controller_allows_it():
    assert template()["Parameters"]["ClusterName"]["AllowedPattern"] == CLUSTER_NAME.pattern


def test_the_role_has_the_policy_and_the_tag_and_may_fetch_one_object():
    role = resources()["NodeRole"]["Properties"]
    assert role["ManagedPolicyArns"] == [IMPORTS["understudy-NodePolicyArn"]]
    assert role["Tags"] == [{"Key": "understudy:cluster", "Value": "two-node-service"}]
    statements = [s for policy in role["Policies"] for s in policy["PolicyDocument"]["Statement"]]
    wanted = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{OBJECT}"}
    assert statements == [wanted]


def test_the_definition_is_accepted_and_stands_where_the_controller_looks():
    definition = resources()["Definition"]["Properties"]
    assert definition["Name"] == "/understudy/understudy/clusters/two-node-service"
    document = parse_document(definition["Value"])
    assert [node.name for node in document.nodes] == list(NODES.values())
    assert [node.tag for node in document.nodes] == [f"two-node-service/{name}" for name in NODES.values()]


def test_a_service_of_the_definition_is_one_of_the_agents():
    document = parse_document(resources()["Definition"]["Properties"]["Value"])
    config = parse(agents_file(launch()["UserData"]))
    assert [service.name for service in document.services] == [spec.name for spec in config.specs] == ["app"]
    assert (config.cluster, config.table, config.bus) == ("two-node-service", "understudy-ClusterTable-1", "understudy")


def agents_file(user_data: str) -> str:
    return user_data.partition("<<'END'\n")[2].partition("END\n")[0]


def test_the_user_data_leaves_a_node_whose_agent_starts_its_service(tmp_path: Path):
    """It runs whole, below a directory, with a stub for each program that changes a machine or calls AWS."""
    ran = run_user_data(tmp_path, fails="none")
    assert ran.returncode == 0, ran.stderr
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls == [
        "dnf install -y aws-cfn-bootstrap",
        "dnf install -y python3.11 python3.11-pip nftables nginx",
        "systemctl disable --now nginx.service",
        "systemctl daemon-reload",
        "systemctl enable --now understudy-metadata.service",
        f"aws s3 cp --only-show-errors {GIVEN['AgentBundle']} agent.tar.gz",
        "install.sh for python3.11",
        "systemctl daemon-reload",
        "systemctl enable --now understudy-agent.service",
        "cfn-signal --exit-code 0 --stack understudy --resource GroupA --region eu-west-1",
    ]
    assert parse((tmp_path / "root/etc/understudy/agent.ini").read_text()).specs[0].name == "app"


def test_nobody_but_root_asks_a_nodes_metadata_service_from_before_the_service_is_there(tmp_path: Path):  # B10
    """Whoever can ask it gets the role's keys, and speaks for the node."""
    assert run_user_data(tmp_path, fails="none").returncode == 0
    rules = (tmp_path / "root/etc/understudy/metadata.nft").read_text()
    for address in ("ip daddr 169.254.169.254", "ip6 daddr fd00:ec2::254"):
        assert f"{address} meta skuid != 0 reject" in rules, "a user's"
        assert rules.count(address) == 2, "and what containers send through the node"
    unit = (tmp_path / "root/etc/systemd/system/understudy-metadata.service").read_text()
    assert "ExecStart=/usr/sbin/nft -f /etc/understudy/metadata.nft" in unit
    assert "Before=network-pre.target understudy-agent.service" in unit


def test_the_agents_manual_shows_the_same_rules(tmp_path: Path):  # B10
    run_user_data(tmp_path, fails="none")
    manual = (cfn.ROOT / "agent" / "README.md").read_text(encoding="utf-8")
    assert (tmp_path / "root/etc/understudy/metadata.nft").read_text() in manual


@pytest.mark.parametrize(
    "call",
    [
        "dnf install -y aws",
        "dnf install -y python3.11",
        "systemctl disable",
        "understudy-metadata",
        "aws s3",
        "understudy-agent.service",
    ],
)
def test_user_data_that_fails_says_so_to_cloudformation_and_leaves_no_agent(tmp_path: Path, call):  # B17
    """Also when the agent itself does not come up: systemctl waits for it, and fails."""
    ran = run_user_data(tmp_path, fails=call)
    assert ran.returncode != 0
    *before, last = (tmp_path / "calls").read_text().splitlines()
    assert last == f"cfn-signal --exit-code {ran.returncode} --stack understudy --resource GroupA --region eu-west-1"
    assert call in before[-1], "nothing was done after what failed"


@pytest.mark.parametrize(("subnet", "group"), list(zip(GIVEN["Subnets"], NODES, strict=True)))
def test_a_node_signals_for_its_own_group(tmp_path: Path, subnet, group):  # B17
    """One launch template does for both: a node knows its group by its subnet."""
    assert run_user_data(tmp_path, fails="none", subnet=subnet).returncode == 0
    assert (tmp_path / "calls").read_text().count(f"--resource {group} ") == 1


def test_a_node_in_a_subnet_of_neither_group_starts_nothing(tmp_path: Path):
    ran = run_user_data(tmp_path, fails="none", subnet="subnet-0c")
    assert (ran.returncode, ran.stderr) == (1, "this is the subnet of neither group\n")
    assert not (tmp_path / "calls").exists()


def test_a_node_that_comes_up_while_nobody_deploys_is_none_the_worse_for_it(tmp_path: Path):  # B17
    """CloudFormation takes signals for a group that it makes or updates, and refuses all others."""
    ran = run_user_data(tmp_path, fails="cfn-signal")
    assert (ran.returncode, ran.stderr) == (0, "CloudFormation has taken no signal\n")


ASKED = """case "$*" in
  *"-X PUT"*ttl-seconds*/latest/api/token) echo a-token ;;
  *"token: a-token"*/meta-data/mac) echo 0e:00 ;;
  *"token: a-token"*/meta-data/network/interfaces/macs/0e:00/subnet-id) echo SUBNET ;;
  *) exit 22 ;;
esac
"""
"""What a metadata service says that wants a token (HttpTokens: required)."""


def run_user_data(base: Path, fails: str, subnet: str = GIVEN["Subnets"][0]) -> subprocess.CompletedProcess[str]:
    """`fails`: part of the call that does."""
    programs, bundle, root = base / "bin", base / "bundle", base / "root"
    for directory in (programs, bundle, root):
        directory.mkdir()
    call = 'call="$(basename "$0") $(echo "$*" | sed "s#[^ ]*/agent.tar.gz\\$#agent.tar.gz#")"\n'
    end = f'echo "$call" >> {base}/calls\ncase "$call" in *"{fails}"*) exit 3 ;; esac\n'
    acts = {"curl": ASKED.replace("SUBNET", subnet), "aws": f'{call}{end}cp {base}/agent.tar.gz "${{@: -1}}"\n'}
    for program in ("dnf", "systemctl", "cfn-signal", "curl", "aws"):
        (programs / program).write_text(f"#!/bin/bash\n{acts.get(program, call + end)}")
        (programs / program).chmod(0o755)
    (bundle / "install.sh").write_text(f'echo "install.sh for $PYTHON" >> {base}/calls\n')
    subprocess.run(["tar", "-czf", str(base / "agent.tar.gz"), "-C", str(bundle), "."], check=True)
    script = launch()["UserData"].replace("root=\n", f"root={root}\n", 1)
    assert f"root={root}\n" in script
    env = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}", "TMPDIR": str(base)}
    return subprocess.run(["bash", "-s"], input=script, text=True, capture_output=True, env=env, check=False)


# B13
def test_the_nodes_reach_each_other_at_the_agents_port_and_nobody_else_does():
    """The policy that lets them read their key is imported: nothing has to be set up."""
    rule = resources()["PeersPort"]["Properties"]
    failsafe = parse("[agent]\ncluster = c\ntable = t\nbus = b\nrole = witness\n").failsafe
    assert failsafe is not None
    assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("udp", failsafe.port, failsafe.port)
    assert rule["GroupId"] == rule["SourceSecurityGroupId"] == GIVEN["SecurityGroups"][0]
    (interface,) = launch()["NetworkInterfaces"]
    assert rule["GroupId"] in interface["Groups"]


# B21
def test_the_nodes_answer_a_load_balancer_and_nobody_else(tmp_path):
    """There is no password: without the group of a load balancer, the rule is not made."""
    assert run_user_data(tmp_path, fails="none").returncode == 0
    http = parse((tmp_path / "root/etc/understudy/agent.ini").read_text()).http
    assert http is not None
    found = resources(LoadBalancerGroup="sg-0b1c2d3e4f")["ProbePort"]
    rule = found["Properties"]
    assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", http.address[1], http.address[1])
    assert (rule["GroupId"], rule["SourceSecurityGroupId"]) == (GIVEN["SecurityGroups"][0], "sg-0b1c2d3e4f")
    assert not {"CidrIp", "CidrIpv6", "SourcePrefixListId"} & set(rule)
    assert template()["Conditions"][found["Condition"]] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "LoadBalancerGroup"}, ""]}]
    }
    assert defaults()["LoadBalancerGroup"] == ""


TARGET_GROUP = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/app/73e2d6bc24d8a067"


# B21
def test_a_target_group_that_is_named_gets_both_nodes_and_becomes_an_address():
    found = resources(TargetGroupArn=TARGET_GROUP)
    assert [found[name]["Properties"]["TargetGroupARNs"] for name in NODES] == [[TARGET_GROUP], [TARGET_GROUP]]
    assert {found[name]["Properties"]["HealthCheckType"] for name in NODES} == {"EC2"}, "a standby answers with 503"
    record, balancer = parse_document(found["Definition"]["Properties"]["Value"]).addresses
    assert (record.kind, balancer.kind) == ("route53_record", "load_balancer")
    assert balancer.target_group_arn == TARGET_GROUP
    assert re.fullmatch(template()["Parameters"]["TargetGroupArn"]["AllowedPattern"], TARGET_GROUP)


def test_without_one_there_is_only_the_record():
    assert all("TargetGroupARNs" not in group["Properties"] for group in groups().values())
    (record,) = parse_document(resources()["Definition"]["Properties"]["Value"]).addresses
    assert record.kind == "route53_record"
