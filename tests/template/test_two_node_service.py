"""The example's stack of two nodes: safe by the usual checks, right for the controller, and its user data runs."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.template import cfn
from tests.template.test_security_rules import RULES
from understudy.definition import parse_document
from understudy_agent.config import parse

TEMPLATE = cfn.ROOT / "examples" / "two-node-service" / "template.yaml"
GIVEN = {
    "Subnets": ["subnet-0a", "subnet-0b"],
    "SecurityGroups": ["sg-0a"],
    "HostedZoneId": "Z0123EXAMPLE",
    "RecordName": "app.corp.example.com",
    "AgentBundle": "s3://a-bucket/understudy-agent.tar.gz",
}
NODES = {"NodeA": "i-0a1b2c3d4e5f60718", "NodeB": "i-0c2d3e4f5a6b70819"}
IMPORTS = {
    "understudy-TableName": "understudy-ClusterTable-1",
    "understudy-BusName": "understudy",
    "understudy-NodePolicyArn": "arn:aws:iam::123456789012:policy/understudy-NodePolicy-1",
}


def template() -> dict[str, Any]:
    return cfn.source(TEMPLATE)


def resources() -> dict[str, dict[str, Any]]:
    """As a user's five parameters, and the controller's stack, make them."""
    defaults = {name: each["Default"] for name, each in template()["Parameters"].items() if "Default" in each}
    known = {**defaults, **GIVEN, **NODES, **IMPORTS}
    return {name: cfn.resolve(resource, known) for name, resource in template()["Resources"].items()}


def launch() -> dict[str, Any]:
    return dict(resources()["NodeTemplate"]["Properties"]["LaunchTemplateData"])


def test_a_user_gives_five_parameters():
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
    for name in NODES:
        (interface,) = resources()[name]["Properties"]["NetworkInterfaces"]
        assert interface["AssociatePublicIpAddress"] is False
        assert interface["GroupSet"] == GIVEN["SecurityGroups"]


def test_the_nodes_are_in_different_subnets_and_carry_what_the_controller_asks_for():  # S1
    nodes = [resources()[name]["Properties"] for name in NODES]
    assert [node["NetworkInterfaces"][0]["SubnetId"] for node in nodes] == GIVEN["Subnets"]
    for node in nodes:
        tags = {tag["Key"]: tag["Value"] for tag in node["Tags"]}
        assert (tags["understudy:stack"], tags["understudy:cluster"]) == ("understudy", "two-node-service")


def test_the_role_has_the_policy_and_the_tag_and_may_fetch_one_object():
    role = resources()["NodeRole"]["Properties"]
    assert role["ManagedPolicyArns"] == [IMPORTS["understudy-NodePolicyArn"]]
    assert role["Tags"] == [{"Key": "understudy:cluster", "Value": "two-node-service"}]
    statements = [s for policy in role["Policies"] for s in policy["PolicyDocument"]["Statement"]]
    wanted = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::a-bucket/understudy-agent.tar.gz"}
    assert statements == [wanted]


def test_the_definition_is_accepted_and_stands_where_the_controller_looks():
    definition = resources()["Definition"]["Properties"]
    assert definition["Name"] == "/understudy/understudy/clusters/two-node-service"
    document = parse_document(definition["Value"])
    assert [node.instance_id for node in document.nodes] == list(NODES.values())


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
        "dnf install -y python3.11 python3.11-pip nftables nginx",
        "systemctl disable --now nginx.service",
        "systemctl daemon-reload",
        "systemctl enable --now understudy-metadata.service",
        f"aws s3 cp --only-show-errors {GIVEN['AgentBundle']} agent.tar.gz",
        "install.sh for python3.11",
        "systemctl daemon-reload",
        "systemctl enable --now understudy-agent.service",
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


@pytest.mark.parametrize("program", ["dnf", "aws"])
def test_user_data_that_fails_starts_no_agent(tmp_path: Path, program):
    assert run_user_data(tmp_path, fails=program).returncode != 0
    assert "understudy-agent.service" not in (tmp_path / "calls").read_text()


def run_user_data(base: Path, fails: str) -> subprocess.CompletedProcess[str]:
    programs, bundle, root = base / "bin", base / "bundle", base / "root"
    for directory in (programs, bundle, root):
        directory.mkdir()
    note = f'echo "$(basename "$0") $(echo "$*" | sed "s#[^ ]*/agent.tar.gz\\$#agent.tar.gz#")" >> {base}/calls\n'
    for program in ("dnf", "systemctl", "aws"):
        act = f'cp {base}/agent.tar.gz "${{@: -1}}"\n' if program == "aws" else ""
        end = "exit 1\n" if program == fails else act
        (programs / program).write_text(f"#!/bin/bash\n{note}{end}")
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
    for node in NODES:
        assert rule["GroupId"] in resources()[node]["Properties"]["NetworkInterfaces"][0]["GroupSet"]
